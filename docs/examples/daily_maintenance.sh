#!/bin/bash
# SPDX-License-Identifier: MIT
# What a lab's store needs once a day: from cron, at night.
#
#     daily_maintenance.sh MOUNT [RETENTION_DAYS]
#
# All of it goes on while others read and write.  The exit status says whether
# everything went well.
set -euo pipefail

[ $# = 1 ] || [ $# = 2 ] || { sed -n 's/^# \{0,1\}//; 3,8p' "$0"; exit 2; }
mount=$1
days=${2-30}

ctl() {
    engramctl "$mount" "$@"
}

# Health first: a backup of half a store helps nobody.
ctl status | jq -r '.backends | to_entries[] | "\(.key): \(.value.state)"'
ctl status | jq -e 'all(.backends[]; .state == "healthy")' >/dev/null

echo "expired: $(ctl clear-expired | jq .removed) removed"
echo "backup: $(ctl backup | jq -r .backup)"
echo "older than $days days: $(ctl cleanup "retention_days=$days" |
    jq 'add') removed"

# On Mondays, as the rebuilding takes a while.
if [ "${FORCE-}" ] || [ "$(date +%u)" = 1 ]; then
    ctl vacuum | jq -r '.sqlite | "vacuum: \(.bytes_before) -> \(.bytes_after)"'
    ctl compact | jq -r '.hdf5 | "compact: \(.bytes_before) -> \(.bytes_after)"'
fi

# What nobody wants to find out later.
ctl verify | jq -r '"verify: \(.hdf5.chunks) chunks, \(.backups) backups,
    \(.problems | length) problems" | gsub("\\s+"; " ")'
ctl stats | jq -r '"database: \(.sqlite.db_size_mb) MB, archive: " +
    "\(.hdf5.file_size_mb) MB"'
ctl stats | jq -r 'select(.sqlite.db_size_mb > 1000)
    | "warning: the database has passed 1 GB"'
