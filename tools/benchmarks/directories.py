# SPDX-License-Identifier: MIT
"""`ls -l` of large directories, beside a FUSE file system that does nothing."""

import sqlite3
import subprocess

import measure
from measure import Way
from stand import NullMount, Stand

BATCH = 10000


def fill_episodes(stand, count):
    database = sqlite3.connect(stand.mount.database)
    with database:
        database.executemany(
            "INSERT INTO episodes (timestamp, context_hash, experience_data,"
            " performance_score) VALUES (?, ?, ?, ?)",
            ((1.7e9 + number, f"context{number % 1000}",
              '{"reward": 1, "steps": [1, 2, 3]}', number / count)
             for number in range(count)))
    database.close()


def fill_patterns(stand, count):
    client = stand.mount.redis()
    for first in range(0, count, BATCH):
        pipeline = client.pipeline(transaction=False)
        for number in range(first, min(first + BATCH, count)):
            key = f"wm:pattern{number}"
            pipeline.hset(key, mapping={
                "pattern": b"\x93NUMPY\x01\x00" + NPY_HEADER + bytes(8),
                "timestamp": "1700000000.0", "shape": "(1,)",
                "dtype": "float64", "metadata": "{}"})
            pipeline.expire(key, 36000)
        pipeline.execute()


NPY_TEXT = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }"
NPY_HEADER = (118).to_bytes(2, "little") + NPY_TEXT.ljust(117) + b"\n"


def long_listing(path):
    subprocess.run(["ls", "-l", path], check=True, stdout=subprocess.DEVNULL)


def listing(stand, collection, entries, what, target):
    with NullMount(entries) as null:
        return measure.compare(
            3, Way(lambda: long_listing(stand.path(collection)), stand.drop),
            Way(lambda: long_listing(null.directory), stand.drop),
            work=f"ls -l of {what}", peer="null FUSE, readdirplus",
            target=target, unit="entries", amount=entries)


def rows(quick, peaks):
    episodes = 10**4 if quick else 10**6
    patterns = 10**3 if quick else 10**5
    with Stand() as stand:
        fill_episodes(stand, episodes)
        yield listing(stand, "episodes", episodes, f"{episodes} episodes", 0.4)
        fill_patterns(stand, patterns)
        yield listing(stand, "wm", 2 * patterns,
                      f"{patterns} patterns, two files each", 0.25)
    peaks.append(stand.peak)
