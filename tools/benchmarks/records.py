# SPDX-License-Identifier: MIT
"""Many small records in Redis and SQLite, beside what the Python classes do
with redis-py and sqlite3."""

import os
import pickle
import sqlite3
import time
import zlib

import numpy as np
import redis

import measure
from measure import Way
from stand import NullMount, Stand, plain

THRESHOLD = 1024  # bytes; the classes compress what is longer


class Patterns:
    """Working memory through the mount and as the classes do it."""

    def __init__(self, stand, count):
        self.stand = stand
        self.count = count
        self.keys = [f"p{number}" for number in range(count)]
        self.pattern = np.random.default_rng(2).normal(size=(100, 50))
        self.generation = 0

    def path(self, key):
        return self.stand.path("wm", f"{key}.npy")

    def connect(self):
        return redis.Redis(unix_socket_path=os.path.join(
            self.stand.mount.store, "redis", "redis.sock"))

    def load(self, keys):
        for key in keys:
            np.load(self.path(key))

    def save(self, keys):
        for key in keys:
            np.save(self.path(key), self.pattern)

    def redis_load(self, keys):
        with self.connect() as client:
            for key in keys:
                stored = client.hgetall(f"wm:peer_{key}")[b"pattern"]
                pickle.loads(zlib.decompress(stored))

    def redis_save(self, keys):
        with self.connect() as client:
            for key in keys:
                content = pickle.dumps(self.pattern)
                if len(content) > THRESHOLD:
                    content = zlib.compress(content)
                client.hset(f"wm:peer_{key}", mapping={
                    "pattern": content, "timestamp": str(time.time()),
                    "shape": str(self.pattern.shape),
                    "dtype": str(self.pattern.dtype), "metadata": "{}"})
                client.expire(f"wm:peer_{key}", 3600)

    def forget(self):
        """New names: nothing is overwritten."""
        self.generation += 1
        self.keys = [f"p{self.generation}_{number}"
                     for number in range(self.count)]

    def write(self, threads, target):
        return measure.compare(
            3, Way(lambda: measure.in_threads(threads, self.save, self.keys),
                   self.forget),
            Way(lambda: measure.in_threads(threads, self.redis_save,
                                           self.keys)),
            work=f"write {self.count} patterns of 100x50 float64, "
            f"{threads} thread{'s' * (threads > 1)}",
            peer="redis-py, zlib, pickle", target=target, unit="records",
            amount=self.count)

    def read(self, threads, target):
        return measure.compare(
            3, Way(lambda: measure.in_threads(threads, self.load, self.keys),
                   self.stand.drop),
            Way(lambda: measure.in_threads(threads, self.redis_load,
                                           self.keys)),
            work=f"read {self.count} patterns of 100x50 float64, "
            f"{threads} thread{'s' * (threads > 1)}",
            peer="redis-py, zlib, pickle", target=target, unit="records",
            amount=self.count)


def connect(stand):
    database = sqlite3.connect(stand.mount.database, timeout=30,
                               isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    return database


def read_concepts(stand, count):
    embedding = np.random.default_rng(3).normal(size=512).astype(np.float32)
    database = connect(stand)
    with database:
        database.execute("BEGIN")
        database.executemany(
            "INSERT INTO concepts (name, embedding, creation_time)"
            " VALUES (?, ?, ?)",
            ((f"c{number}", pickle.dumps(embedding), time.time())
             for number in range(count)))

    def through_mount():
        for number in range(count):
            np.load(stand.path("concepts", f"c{number}.npy"))

    def through_sqlite3():
        for number in range(count):
            row = database.execute(
                "SELECT embedding FROM concepts WHERE name = ?",
                (f"c{number}",)).fetchone()
            pickle.loads(row[0])

    row = measure.compare(
        3, Way(through_mount, stand.drop), Way(through_sqlite3),
        work=f"read {count} concepts of 512 float32",
        peer="sqlite3, pickle, a SELECT each", target=0.5, unit="records",
        amount=count)
    database.close()
    return row


def write_episodes(stand, count, writers):
    experience = np.random.default_rng(4).normal(size=512)
    generation = iter(range(1, 1000))

    def through_mount(numbers, base):
        for number in numbers:
            np.save(stand.path("episodes", f"{base + number}.npy"), experience)

    def through_sqlite3(numbers, _):
        database = connect(stand)
        for number in numbers:
            database.execute(
                "INSERT INTO episodes (timestamp, context_hash,"
                " experience_data, performance_score) VALUES (?, ?, ?, ?)",
                (time.time(), f"context{number}", pickle.dumps(experience), 0))
        database.close()

    def of(writer):
        base = next(generation) * 10**7
        measure.in_threads(writers, lambda part: writer(part, base),
                           range(count))

    return measure.compare(
        3, Way(lambda: of(through_mount)), Way(lambda: of(through_sqlite3)),
        work=f"write {count} episodes of 4 KB, {writers} writers",
        peer="sqlite3, a transaction each, WAL, NORMAL", target=1.0,
        unit="records", amount=count)


def open_read_close(stand, count):
    """The same record again and again: what the kernel cannot keep."""
    path = stand.path("wm", "small.npy")
    np.save(path, np.zeros(496))  # 4 KiB with its header
    with NullMount(1) as null:
        return measure.compare(
            5, Way(lambda: plain("read", path, count)),
            Way(lambda: plain("read",
                              os.path.join(null.directory, "0.json"), count)),
            work=f"open, read, close a 4 KB record, {count} times",
            peer="null FUSE", target=0.7, unit="opens", amount=count)


def rows(quick, peaks):
    count = 500 if quick else 10000
    with Stand() as stand:
        patterns = Patterns(stand, count)
        yield patterns.write(1, 1.0)
        yield patterns.read(1, 1.0)
        yield patterns.write(4, 2.0)
        yield patterns.read(4, 2.0)
        yield read_concepts(stand, count)
        yield write_episodes(stand, count, 4)
        yield open_read_close(stand, count)
    peaks.append(stand.peak)
