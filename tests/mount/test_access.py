# SPDX-License-Identifier: MIT
"""Opening an array for reading is counted, beside the read."""

import os
import sqlite3
import subprocess
import time

import numpy as np

import harness
from harness import edit_json, read_json, write_json

ARRAY = np.arange(12.0).reshape(3, 4)
WITHIN = 1.0  # seconds from an open to its being stored
SETTLE = 1.5  # seconds in which what is not counted would have been


def concept(mount, name):
    """(access_count, last_accessed) of a concept, from SQLite."""
    database = sqlite3.connect(mount.database, timeout=10)
    try:
        return database.execute("SELECT access_count, last_accessed FROM"
                                " concepts WHERE name = ?",
                                (name,)).fetchone()
    finally:
        database.close()


def pattern(mount, key):
    """(access_count, last_accessed) of a pattern, from Redis; or Nones."""
    return tuple(value and float(value) for value in mount.redis().hmget(
        f"wm:{key}", "access_count", "last_accessed"))


COUNTERS = {"concepts": concept, "wm": pattern}


class Accesses(harness.MountCase):
    counting = True

    def count(self, where, name):
        return COUNTERS[where](self.mount, name)[0] or 0

    def make(self, name):
        for where in COUNTERS:
            np.save(self.path(where, name + ".npy"), ARRAY)

    def assert_count(self, where, name, count):
        harness.eventually(lambda: self.count(where, name) == count,
                           harness.PATIENCE, f"{count} in {where}")

    def test_copying_and_comparing_are_no_use_of_a_memory(self):
        self.make("copied")
        np.load(self.path("wm", "copied.npy"))  # the others come after it
        self.assert_count("wm", "copied", 1)
        with harness.tempfile.TemporaryDirectory() as directory:
            for where in COUNTERS:
                to = os.path.join(directory, where)
                subprocess.run(["cp", "-a", self.path(where), to], check=True)
                time.sleep(SETTLE)
                subprocess.run(["diff", "-r", self.path(where), to],
                               check=True)
            subprocess.run(["tar", "-cf", os.devnull, "-C",
                            self.mount.path, "concepts"], check=True)
        np.load(self.path("concepts", "copied.npy"))
        self.assert_count("concepts", "copied", 1)
        self.assertEqual(self.count("wm", "copied"), 1)

    def test_opens_for_reading_are_counted_within_a_second(self):
        self.make("read")
        for where in COUNTERS:
            before = time.time()
            for _ in range(3):
                self.assert_same_array(
                    np.load(self.path(where, "read.npy")), ARRAY)
            harness.eventually(lambda: self.count(where, "read") == 3,
                               WITHIN + 1, where)
            last = COUNTERS[where](self.mount, "read")[1]
            self.assertGreaterEqual(last, before - 0.001)
            self.assertLessEqual(last, time.time())

    def test_the_json_and_the_atime_show_it(self):
        self.make("shown")
        for where in COUNTERS:
            json = self.path(where, "shown.json")
            size = os.stat(json).st_size
            np.load(self.path(where, "shown.npy"))
            self.assert_count(where, "shown", 1)
            count, last = COUNTERS[where](self.mount, "shown")

            def shows():
                fields = read_json(json)
                return (fields.get("access_count") == count
                        and fields.get("last_accessed") == last)

            harness.eventually(shows, 2, "the JSON file")
            self.assertGreater(os.stat(json).st_size, size)
            self.assertAlmostEqual(
                os.stat(self.path(where, "shown.npy")).st_atime, last,
                places=3)

    def test_a_pattern_shows_no_counters_before_it_is_read(self):
        self.make("unread")
        fields = read_json(self.path("wm/unread.json"))
        self.assertNotIn("access_count", fields)
        self.assertNotIn("last_accessed", fields)

    def test_only_reads_of_arrays_count(self):
        self.make("other")
        for where in COUNTERS:
            array = self.path(where, "other.npy")
            os.stat(array)
            os.getxattr(array, "user.shape")
            read_json(self.path(where, "other.json"))
            edit_json(self.path(where, "other.json"), metadata={"n": 1})
            np.save(array, ARRAY)
            with open(array, "ab"):
                pass
            os.utime(array, (5, 5))
            with open(array, "r+b") as file:
                file.write(b"\x93NUMPY")
            subprocess.run(["ls", "-lR", self.path(where)], check=True,
                           stdout=subprocess.DEVNULL)
        time.sleep(SETTLE)
        for where in COUNTERS:
            self.assertEqual(self.count(where, "other"), 0, where)

    def test_times_expiry_and_notes_stay(self):
        fortran = np.asfortranarray(ARRAY)
        for where in COUNTERS:
            np.save(self.path(where, "kept.npy"), fortran)
            for suffix in (".npy", ".json"):
                os.utime(self.path(where, "kept" + suffix), (9, 1234567890.5))
        expires = read_json(self.path("wm/kept.json"))["expires_at"]
        for where in COUNTERS:
            np.load(self.path(where, "kept.npy"))
            self.assert_count(where, "kept", 1)
        time.sleep(1.1)
        for where in COUNTERS:
            for suffix in (".npy", ".json"):
                self.assertEqual(
                    os.stat(self.path(where, "kept" + suffix)).st_mtime,
                    1234567890.5)
            self.assertTrue(np.load(
                self.path(where, "kept.npy")).flags.f_contiguous)
        self.assertEqual(read_json(self.path("wm/kept.json"))["expires_at"],
                         expires)

    def test_a_pattern_that_is_gone_does_not_come_back(self):
        np.save(self.path("wm/gone.npy"), ARRAY)
        np.load(self.path("wm/gone.npy"))
        self.mount.redis().delete("wm:gone")
        time.sleep(SETTLE)
        self.assertEqual(self.mount.redis().exists("wm:gone"), 0)

    def test_counters_can_be_written(self):
        self.make("set")
        for where in COUNTERS:
            edit_json(self.path(where, "set.json"), access_count=41,
                      last_accessed=7.5)
            self.assertEqual(COUNTERS[where](self.mount, "set"), (41, 7.5))
            np.load(self.path(where, "set.npy"))
            self.assert_count(where, "set", 42)
        write_json(self.path("wm/set.json"), {})
        self.assertEqual(pattern(self.mount, "set"), (None, None))

    def test_many_readers_lose_no_count(self):
        self.make("many")
        script = ("import numpy, sys\n"
                  "for i in range(100): numpy.load(sys.argv[1])\n")
        readers = [subprocess.Popen(
            ["/usr/bin/python3", "-c", script, self.path(where, "many.npy")])
            for where in COUNTERS for _ in range(3)]
        for reader in readers:
            self.assertEqual(reader.wait(harness.PATIENCE), 0)
        for where in COUNTERS:
            self.assert_count(where, "many", 300)

    def test_a_locked_database_holds_up_no_read(self):
        self.make("locked")
        database = sqlite3.connect(self.mount.database, timeout=10,
                                   isolation_level=None)
        database.execute("BEGIN IMMEDIATE")
        try:
            end = time.monotonic() + 3
            slowest = 0
            reads = 0
            while time.monotonic() < end:
                start = time.monotonic()
                np.load(self.path("concepts/locked.npy"))
                slowest = max(slowest, time.monotonic() - start)
                reads += 1
                time.sleep(0.02)
        finally:
            database.execute("ROLLBACK")
            database.close()
        self.assertLess(slowest, 0.8)
        self.assert_count("concepts", "locked", reads)


class Mounts(harness.unittest.TestCase):
    def counts(self, mount):
        return {where: COUNTERS[where](mount, "a")[0] or 0
                for where in COUNTERS}

    def save(self, mount):
        for where in COUNTERS:
            np.save(mount(where, "a.npy"), ARRAY)

    def load(self, mount):
        for where in COUNTERS:
            np.load(mount(where, "a.npy"))

    def test_what_was_read_is_counted_at_the_latest_at_unmount(self):
        mount = harness.Mount(counting=True)
        self.save(mount)
        self.load(mount)
        mount.remount()
        try:
            self.assertEqual(self.counts(mount), {"concepts": 1, "wm": 1})
        finally:
            mount.unmount()

    def assert_nothing_counted(self, *options):
        mount = harness.Mount(counting=True)
        self.save(mount)
        mount.command += options
        mount.remount()
        try:
            self.load(mount)
            time.sleep(SETTLE)
            self.assertEqual(self.counts(mount), {"concepts": 0, "wm": 0})
        finally:
            mount.unmount()

    def test_noatime_switches_it_off(self):
        self.assert_nothing_counted("-o", "noatime")

    def test_a_read_only_mount_counts_nothing(self):
        self.assert_nothing_counted("-o", "ro")


if __name__ == "__main__":
    harness.main()
