# SPDX-License-Identifier: MIT
"""The store that the Python classes wrote, mounted from a copy."""

import os
import shutil
import subprocess

import harness


def mount(*options):
    mounted = harness.Mount(*options, fill=copy_files)
    try:
        load_redis(os.path.join(mounted.store, "redis", "redis.sock"))
    except BaseException:
        mounted.unmount()
        raise
    return mounted


def copy_files(store):
    for name in ("godly_ai.db", "godly_ai_data.h5"):
        shutil.copy(os.path.join(harness.LEGACY, name), store)


def load_redis(socket):
    with open(os.path.join(harness.LEGACY, "redis_commands.resp"),
              "rb") as commands:
        subprocess.run(["redis-cli", "-s", socket, "--pipe"], check=True,
                       stdin=commands, stdout=subprocess.DEVNULL)
