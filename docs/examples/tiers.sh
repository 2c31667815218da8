#!/bin/bash
# SPDX-License-Identifier: MIT
# Move what was learned through the tiers: memory, database, archive.
#
#     tiers.sh MOUNT
#
# A pattern begins in working memory (Redis, an hour), becomes an episode with
# a score (SQLite), and its activity is archived (HDF5).  cp copies, mv moves.
set -euo pipefail

[ $# = 1 ] || { sed -n 's/^# \{0,1\}//; 3,8p' "$0"; exit 2; }
cd "$1"

# edit FILE FILTER [jq options]: a scratch file that takes FILE's place.
edit() {
    jq "${@:2}" "$1" >"$1.tmp" && mv "$1.tmp" "$1"
}

name=lesson_$(date +%s%N)

# 1. Working memory: at hand, and gone in an hour.
python3 - "wm/$name.npy" <<'PYTHON'
import sys
import numpy as np
np.save(sys.argv[1], np.random.default_rng(2).random((200, 80)))
PYTHON
echo "wm: $name, $(stat -c %s "wm/$name.npy") bytes, until" \
    "$(date -d "@$(jq .expires_at "wm/$name.json")" +%H:%M)"

# 2. It was worth remembering: an episode, which the database numbers.
cp "wm/$name.npy" "episodes/$name.npy"
id=$(basename "$(readlink "episodes/$name.npy")" .npy)
# shellcheck disable=SC2016 # jq's own $name
edit "episodes/$id.json" '.performance_score = 0.85
    | .context_hash = "navigation_task" | .metadata.source = $name' \
    --arg name "$name"
echo "episodes: $id, score $(jq .performance_score "episodes/$id.json")"

# 3. The activity itself goes to the archive, out of working memory.
mv "wm/$name.npy" "activations/reservoir_states/$name.npy"
rm -f "wm/$name.json"
edit "activations/reservoir_states/$name.json" '.reservoir_id = "main"'
echo "archive: $(getfattr --only-values -n user.origin \
    "activations/reservoir_states/$name.npy")"
cmp "episodes/$id.npy" "activations/reservoir_states/$name.npy"
echo "the same bytes in both"
