# SPDX-License-Identifier: MIT
"""A lookup brings small files along: opens need not ask, and are right."""

import json
import os
import pickle
import re
import sqlite3
import time
import unittest
import zlib

import numpy as np
import redis

import harness
from harness import MountCase, read_json

ROUNDS = 60


def plain(number):
    """Each number's array has as many bytes as any other's."""
    return np.arange(64.0) + number


def opened(mount, backend):
    """How often the backend was asked for an array alone."""
    with open(mount(".engram", "metrics.prom")) as file:
        text = file.read()
    counts = re.findall(r"^engramfs_backend\w*_count\{([^}]*)\} (\d+)$", text,
                        re.MULTILINE)
    return sum(int(count) for labels, count in counts
               if f'"{backend}"' in labels and '"open"' in labels)


class Redis(MountCase):
    def setUp(self):
        super().setUp()
        self.client = redis.Redis(unix_socket_path=os.path.join(
            self.mount.store, "redis", "redis.sock"))
        self.addCleanup(self.client.close)

    def store(self, key, array, metadata=None):
        self.client.hset(f"wm:{key}", mapping={
            "pattern": zlib.compress(pickle.dumps(array)),
            "timestamp": "1700000000.0", "shape": str(array.shape),
            "dtype": str(array.dtype),
            "metadata": json.dumps(metadata or {})})

    def test_each_change_of_another_program_is_seen_by_the_next_open(self):
        path = self.mount("wm", "a.npy")
        for number in range(ROUNDS):
            self.store("a", plain(number))
            np.testing.assert_array_equal(np.load(path), plain(number))
            np.testing.assert_array_equal(np.load(path), plain(number))

    def test_each_change_of_the_fields_is_seen_by_the_next_open(self):
        path = self.mount("wm", "a.json")
        for number in range(10, 10 + ROUNDS):
            self.store("a", plain(0), {"n": number})
            self.assertEqual(read_json(path)["metadata"], {"n": number})

    def test_what_another_program_removes_is_gone_for_the_next_open(self):
        path = self.mount("wm", "a.npy")
        for number in range(ROUNDS):
            self.store("a", plain(number))
            np.load(path)
            self.client.delete("wm:a")
            with self.assertRaises(FileNotFoundError):
                open(path)

    def test_what_expires_cannot_be_opened(self):
        path = self.mount("wm", "a.npy")
        self.store("a", plain(0))
        expires = time.time() + 0.5
        self.client.pexpireat("wm:a", int(expires * 1000))
        seen = False
        while True:
            before = time.time()
            try:
                np.load(path)
            except FileNotFoundError:
                break
            self.assertLess(before, expires + 0.01)
            seen = True
        self.assertTrue(seen or time.time() > expires)

    def test_a_reader_keeps_what_it_opened(self):
        path = self.mount("wm", "a.npy")
        self.store("a", plain(1))
        np.load(path)
        with open(path, "rb") as old:
            self.store("a", plain(2))
            np.testing.assert_array_equal(np.load(path), plain(2))
            np.testing.assert_array_equal(np.load(old), plain(1))

    def test_a_file_that_was_written_here_reads_as_it_was_written(self):
        path = self.mount("wm", "a.npy")
        for number in range(ROUNDS):
            np.save(path, plain(number))
            np.testing.assert_array_equal(np.load(path), plain(number))

    def test_most_loads_ask_once(self):
        for number in range(ROUNDS):
            np.save(self.mount("wm", f"{number}.npy"), plain(number))
        self.mount.remount()

        def asks_once():  # once Redis tells of changes
            before = opened(self.mount, "redis")
            np.load(self.mount("wm", "0.npy"))
            return opened(self.mount, "redis") == before
        harness.eventually(asks_once, what="a load that asks once")
        before = opened(self.mount, "redis")
        for number in range(ROUNDS):
            np.testing.assert_array_equal(
                np.load(self.mount("wm", f"{number}.npy")), plain(number))
        self.assertLess(opened(self.mount, "redis") - before, ROUNDS / 2)

    def test_small_and_large_arrays_side_by_side(self):
        noise = np.random.default_rng(1).normal(size=40000)
        for number in range(12):
            self.store(f"small{number}", plain(number))
            self.store(f"large{number}", noise + number)
        for number in range(12):
            np.testing.assert_array_equal(
                np.load(self.mount("wm", f"large{number}.npy")),
                noise + number)
            np.testing.assert_array_equal(
                np.load(self.mount("wm", f"small{number}.npy")),
                plain(number))

    def test_what_is_no_array_is_not_shown_as_one(self):
        self.store("none", plain(0))
        np.load(self.mount("wm", "none.npy"))
        self.client.hdel("wm:none", "shape", "dtype")
        self.client.hset("wm:none", "pattern", pickle.dumps({1: 2}))
        with self.assertRaises(FileNotFoundError):
            open(self.mount("wm", "none.npy"))
        with open(self.mount("wm", "none.pickle"), "rb") as file:
            self.assertEqual(pickle.load(file), {1: 2})


class Sqlite(MountCase):
    def setUp(self):
        super().setUp()
        self.database = sqlite3.connect(self.mount.database, timeout=30,
                                        isolation_level=None)
        self.addCleanup(self.database.close)
        self.database.execute(
            "INSERT OR REPLACE INTO concepts (name, embedding, creation_time)"
            " VALUES ('a', ?, 1.0)", (pickle.dumps(plain(0)),))

    def test_each_change_of_another_program_is_seen_by_the_next_open(self):
        path = self.mount("concepts", "a.npy")
        for number in range(ROUNDS):
            self.database.execute(
                "UPDATE concepts SET embedding = ? WHERE name = 'a'",
                (pickle.dumps(plain(number)),))
            np.testing.assert_array_equal(np.load(path), plain(number))
            np.testing.assert_array_equal(np.load(path), plain(number))

    def test_what_another_program_removes_is_gone_for_the_next_open(self):
        path = self.mount("concepts", "a.npy")
        np.load(path)
        self.database.execute("DELETE FROM concepts WHERE name = 'a'")
        with self.assertRaises(FileNotFoundError):
            open(path)

    def test_a_reader_keeps_what_it_opened(self):
        path = self.mount("concepts", "a.npy")
        np.load(path)
        with open(path, "rb") as old:
            self.database.execute(
                "UPDATE concepts SET embedding = ? WHERE name = 'a'",
                (pickle.dumps(plain(2)),))
            np.testing.assert_array_equal(np.load(path), plain(2))
            np.testing.assert_array_equal(np.load(old), plain(0))

    def test_loads_do_not_wait_for_a_writer(self):
        path = self.mount("concepts", "a.npy")
        np.load(path)
        self.database.execute("BEGIN IMMEDIATE")
        self.database.execute(
            "UPDATE concepts SET embedding = ? WHERE name = 'a'",
            (pickle.dumps(plain(3)),))
        np.testing.assert_array_equal(np.load(path), plain(0))
        self.database.execute("COMMIT")
        np.testing.assert_array_equal(np.load(path), plain(3))


if __name__ == "__main__":
    harness.main()
