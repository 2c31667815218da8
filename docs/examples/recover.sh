#!/bin/bash
# SPDX-License-Identifier: MIT
# Look whether a store is sound; if it is not, put its newest backup in place.
#
#     recover.sh STORE MOUNT
#
# STORE must be mounted at MOUNT.  What is replaced stays in STORE/replaced.
set -euo pipefail

[ $# = 2 ] || { sed -n 's/^# \{0,1\}//; 3,7p' "$0"; exit 2; }
store=$1
mount=$2

if engramctl "$mount" verify >/dev/null 2>&1; then
    echo "sound"
    exit 0
fi
job=$(find "$mount/.engram/jobs" -name '*.json' | sort -V | tail -n 1)
jq -r '.result.problems[]?' "$job"

tries=0
newest=$(find "$store/backups" -maxdepth 1 -name '*Z' | sort | tail -n 1)
[ "$newest" ] || { echo "no backup of $store"; exit 1; }
fusermount3 -u "$mount"
# The daemon goes on for a moment: restore refuses a store that is in use.
until engramctl "$store" restore "$newest" 2>/dev/null; do
    [ $((++tries)) -lt 100 ] || { echo "cannot restore $newest"; exit 1; }
    sleep 0.1
done
engramfs "$store" "$mount"
engramctl "$mount" verify >/dev/null
echo "restored $(basename "$newest")"
