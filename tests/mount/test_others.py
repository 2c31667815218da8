# SPDX-License-Identifier: MIT
"""What other programs and other mounts change is seen without remounting."""

import json
import mmap
import os
import pickle
import sqlite3
import time

import h5py
import numpy as np

import harness
import spec
from harness import eventually, npy_bytes, read_json

FIRST = np.arange(12.0)
SECOND = FIRST * 2  # as many bytes
LARGER = np.arange(40.0).reshape(5, 8)
SOON = 15  # seconds: half of what a kernel believes that is told of changes


def shown(path):
    """The array in a file, or None."""
    try:
        return np.load(path)
    except FileNotFoundError:
        return None


def shows(path, array):
    """Size and data of the file are ARRAY's: the size first, for it is not
    asked for anew by an open."""
    try:
        size = os.stat(path).st_size
    except FileNotFoundError:
        return False
    if size != len(npy_bytes(array)):
        return False
    got = shown(path)
    return (got is not None and got.shape == array.shape and
            got.tobytes() == array.tobytes())


class Others:
    """New, changed and removed records, whatever the backend.

    A collection says how the Python classes store, replace and remove one:
    write(key, array) and remove(key); file(key) is the array's, beside(key)
    the JSON file's path."""

    def keep_looking(self, path):
        """As other processes do: names, attributes and pages are in the
        kernel's caches."""
        os.listdir(os.path.dirname(path))
        os.path.exists(path)
        shown(path)

    def see(self, key, array):
        path = self.path(self.file(key))
        eventually(lambda: shows(path, array), what=f"{key}: new data")
        listed = os.path.relpath(path, self.path(self.directory)).split("/")[0]
        eventually(lambda: listed in os.listdir(self.path(self.directory)))

    def test_a_new_record_appears(self):
        path = self.path(self.file("201"))
        self.keep_looking(self.path(self.directory, "x"))
        self.assertFalse(os.path.exists(path))
        self.write("201", FIRST)
        self.see("201", FIRST)

    def test_a_record_of_the_same_size_is_read_anew(self):
        self.write("202", FIRST)
        self.see("202", FIRST)
        self.keep_looking(self.path(self.file("202")))
        self.write("202", SECOND)
        self.see("202", SECOND)

    def test_data_change_even_where_no_time_does(self):
        self.write("203", FIRST, timestamp=1730000000.5)
        self.see("203", FIRST)
        self.keep_looking(self.path(self.file("203")))
        self.write("203", SECOND, timestamp=1730000000.5)
        self.see("203", SECOND)

    def test_a_larger_record_has_its_new_size(self):
        self.write("204", FIRST)
        self.see("204", FIRST)
        self.write("204", LARGER)
        self.see("204", LARGER)
        self.assertEqual(read_json(self.path(self.beside("204")))["timestamp"],
                         self.stamp)

    def test_a_removed_record_is_gone(self):
        path = self.path(self.file("205"))
        self.write("205", FIRST)
        self.see("205", FIRST)
        self.remove("205")
        eventually(lambda: not os.path.exists(path), what="removal")
        self.assertRaises(FileNotFoundError, open, path, "rb")
        listed = os.path.relpath(path, self.path(self.directory)).split("/")[0]
        self.assertNotIn(listed, os.listdir(self.path(self.directory)))

    def test_an_open_file_keeps_what_it_opened(self):
        self.write("206", FIRST)
        self.see("206", FIRST)
        with open(self.path(self.file("206")), "rb") as file:
            self.write("206", LARGER)
            self.see("206", LARGER)
            self.assertEqual(file.read(), npy_bytes(FIRST))

    def test_an_open_file_is_not_cut_to_what_replaces_it(self):
        path = self.path(self.file("209"))
        self.write("209", LARGER)
        self.see("209", LARGER)
        with open(path, "rb") as file:
            mapping = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
            self.write("209", FIRST)
            self.see("209", FIRST)
            self.assertEqual(os.fstat(file.fileno()).st_size,
                             len(npy_bytes(LARGER)))
            self.assertEqual(file.read(), npy_bytes(LARGER))
            self.assertEqual(mapping[:], npy_bytes(LARGER))


class Patterns(Others, harness.MountCase):
    directory = "wm"

    def setUp(self):
        self.redis = self.mount.redis()

    def file(self, key):
        return f"wm/{key}.npy"

    def beside(self, key):
        return f"wm/{key}.json"

    def write(self, key, array, timestamp=None):
        self.stamp = timestamp or time.time()
        pipeline = self.redis.pipeline()
        pipeline.hset(f"wm:{key}", mapping={
            "pattern": pickle.dumps(array), "timestamp": str(self.stamp),
            "shape": str(array.shape), "dtype": str(array.dtype),
            "metadata": "{}"})
        pipeline.expire(f"wm:{key}", 3600)
        pipeline.execute()

    def remove(self, key):
        self.redis.delete(f"wm:{key}")


class Concepts(Others, harness.MountCase):
    directory = "concepts"

    def file(self, key):
        return f"concepts/{key}.npy"

    def beside(self, key):
        return f"concepts/{key}.json"

    def execute(self, sql, *values):
        connection = sqlite3.connect(self.mount.database, timeout=30)
        with connection:
            connection.execute(sql, values)
        connection.close()

    def write(self, key, array, timestamp=None):
        self.execute("INSERT INTO concepts (name, embedding, creation_time, "
                     "last_accessed, metadata) VALUES (?, ?, 1.5, 1.5, '{}') "
                     "ON CONFLICT (name) DO UPDATE SET "
                     "embedding = excluded.embedding", key,
                     pickle.dumps(array))

    def remove(self, key):
        self.execute("DELETE FROM concepts WHERE name = ?", key)

    def test_a_larger_record_has_its_new_size(self):
        self.write("204", FIRST)
        self.see("204", FIRST)
        self.write("204", LARGER)
        self.see("204", LARGER)

    def test_a_changed_row_changes_the_json(self):
        self.write("207", FIRST)
        self.see("207", FIRST)
        self.execute("UPDATE concepts SET metadata = ? WHERE name = '207'",
                     json.dumps({"a": [1, 2]}))
        path = self.path("concepts/207.json")
        eventually(lambda: read_json(path)["metadata"] == {"a": [1, 2]})


class Snapshots(Others, harness.MountCase):
    """h5py writes beside an idle mount, which holds no lock."""

    directory = "activations/reservoir_states"

    def file(self, key):
        return f"{self.directory}/{key}.npy"

    def beside(self, key):
        return f"{self.directory}/{key}.json"

    def write(self, key, array, timestamp=None):
        self.stamp = timestamp or time.time()
        place = f"{spec.PLACES['reservoir_states']}/{key}"
        with spec.open_file(self.mount.hdf5, "r+") as file:
            if place in file:
                del file[place]
        spec.store_one(self.mount.hdf5, "reservoir_states", key, array,
                       {"timestamp": self.stamp})

    def remove(self, key):
        with spec.open_file(self.mount.hdf5, "r+") as file:
            del file[f"{spec.PLACES['reservoir_states']}/{key}"]

    def test_an_idle_mount_lets_h5py_write(self):
        self.write("208", FIRST)
        self.see("208", FIRST)
        with spec.open_file(self.mount.hdf5, "r+") as file:
            self.assertIsInstance(file, h5py.File)

    def test_an_open_file_keeps_what_it_opened(self):
        self.write("206", FIRST)
        self.see("206", FIRST)
        with open(self.path(self.file("206")), "rb") as file:
            self.write("206", LARGER)
            self.see("206", LARGER)
            self.assertEqual(file.read(), npy_bytes(FIRST))


class TwoMounts(harness.MountCase):
    """Two stores on one Redis: what one writes the other shows, although its
    kernel believes for long what it was told."""

    arguments = ()

    @classmethod
    def setUpClass(cls):
        cls.server = harness.RedisServer(*cls.arguments)
        try:
            cls.prepare()
            super().setUpClass()
            cls.other = cls.make_mount()
        except BaseException:
            cls.server.close()
            raise

    @classmethod
    def prepare(cls):
        pass

    @classmethod
    def make_mount(cls):
        return harness.Mount(f"redis.host={cls.server.socket}")

    @classmethod
    def tearDownClass(cls):
        try:
            cls.other.unmount()
            super().tearDownClass()
        finally:
            cls.server.close()

    def save(self, key, array):
        np.save(self.path(f"wm/{key}.npy"), array)

    def see(self, key, array):
        path = self.other(f"wm/{key}.npy")
        eventually(lambda: shows(path, array), SOON, f"{key}: new data")

    def test_a_new_name_appears(self):
        path = self.other("wm/new.npy")
        self.assertFalse(os.path.exists(path))
        self.assertNotIn("new.npy", os.listdir(self.other("wm")))
        self.save("new", FIRST)
        self.see("new", FIRST)
        self.assertIn("new.npy", os.listdir(self.other("wm")))

    def test_new_data_replace_what_was_read(self):
        self.save("data", FIRST)
        self.see("data", FIRST)
        self.save("data", SECOND)
        self.see("data", SECOND)
        self.save("data", LARGER)
        self.see("data", LARGER)

    def test_a_removed_name_goes(self):
        path = self.other("wm/removed.npy")
        self.save("removed", FIRST)
        self.see("removed", FIRST)
        os.remove(self.path("wm/removed.npy"))
        eventually(lambda: not os.path.exists(path), SOON)
        self.assertTrue(os.path.exists(self.other("wm/removed.json")))
        os.remove(self.path("wm/removed.json"))
        eventually(lambda: not os.path.exists(self.other("wm/removed.json")),
                   SOON)

    def test_a_renamed_record_has_its_new_name(self):
        self.save("before", FIRST)
        self.see("before", FIRST)
        os.rename(self.path("wm/before.npy"), self.path("wm/after.npy"))
        self.see("after", FIRST)
        eventually(lambda: not os.path.exists(self.other("wm/before.npy")),
                   SOON)

    def test_both_may_write_in_turn(self):
        for turn in range(10):
            self.save("turn", FIRST + turn)
            self.see("turn", FIRST + turn)
            np.save(self.other("wm/turn.npy"), FIRST - turn)
            path = self.path("wm/turn.npy")
            eventually(lambda: shows(path, FIRST - turn), SOON)

    def test_a_flushed_database_is_empty_in_both(self):
        self.save("flushed", FIRST)
        self.see("flushed", FIRST)
        self.server.client.flushdb()
        for mount in (self.mount, self.other):
            path = mount("wm/flushed.npy")
            eventually(lambda: not os.path.exists(path), SOON)


class TwoMountsWithoutTracking(TwoMounts):
    """The same where the server refuses to track but publishes events."""

    arguments = ("--notify-keyspace-events", "KA")

    @classmethod
    def prepare(cls):
        cls.server.client.execute_command("ACL", "SETUSER", "default",
                                          "-client|tracking")


class LostConnection(TwoMounts):
    """The connection that tells of changes is cut."""

    def cut(self):
        self.server.client.execute_command("CLIENT", "KILL", "TYPE", "PUBSUB")

    def test_a_removed_name_goes(self):
        self.cut()
        super().test_a_removed_name_goes()

    def test_new_data_replace_what_was_read(self):
        self.save("cut", FIRST)
        self.see("cut", FIRST)
        for turn in range(5):
            self.cut()
            self.save("cut", FIRST + turn)
            self.see("cut", FIRST + turn)


class NobodyTells(TwoMounts):
    """A server that neither tracks nor publishes: a second later."""

    @classmethod
    def prepare(cls):
        cls.server.client.execute_command("ACL", "SETUSER", "default",
                                          "-client|tracking")


if __name__ == "__main__":
    harness.main()
