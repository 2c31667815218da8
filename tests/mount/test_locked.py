# SPDX-License-Identifier: MIT
"""Files of the store that another process holds, or that are damaged."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
import unittest

import h5py
import numpy as np

import harness

STATES = "activations/reservoir_states"
HOLD = """
import h5py, sys
with h5py.File(sys.argv[1], sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read(1)
"""


class Holder:
    """Another program that has the HDF5 file open."""

    def __init__(self, path, mode):
        harness.eventually(lambda: self.take(path, mode), what="the file")

    def take(self, path, mode):
        """The mount may have it open just now."""
        self.process = subprocess.Popen(
            ["/usr/bin/python3", "-c", HOLD, path, mode],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, preexec_fn=harness.end_with_parent)
        if self.process.stdout.readline() == b"held\n":
            return True
        self.process.communicate()
        return False

    def release(self):
        if self.process.poll() is None:
            self.process.communicate(b"x")


class HeldHdf5(unittest.TestCase):
    def setUp(self):
        self.mount = harness.Mount()
        self.addCleanup(self.mount.unmount)
        np.save(self.mount(STATES, "old.npy"), np.arange(3.0))

    def hold(self, mode):
        holder = Holder(self.mount.hdf5, mode)
        self.addCleanup(holder.release)
        return holder

    def spooled(self):
        return json.loads(self.mount.control("status.json"))[
            "backends"]["hdf5"]["spooled"]

    def release(self, holder):
        holder.release()
        harness.eventually(lambda: self.spooled()["changes"] == 0
                           and not self.spooled()["away"])

    def stored(self):
        """What another program finds, once the mount lets it in."""
        def read():
            try:
                with h5py.File(self.mount.hdf5, "r") as file:
                    return {name: item[()]
                            for name, item in file[STATES].items()}
            except BlockingIOError:
                return None
        return harness.eventually(read)

    def load(self, name):
        return np.load(self.mount(STATES, name))

    def test_a_writer_elsewhere_makes_it_away_and_writes_wait(self):
        holder = self.hold("r+")
        start = time.monotonic()
        with self.assertRaises(OSError) as caught:
            self.load("old.npy")
        self.assertEqual(caught.exception.errno, 5)
        self.assertLess(time.monotonic() - start, 10)
        np.save(self.mount(STATES, "new.npy"), np.arange(4.0))
        np.save(self.mount(STATES, "old.npy"), np.arange(5.0))
        os.makedirs(self.mount("network_states/n"), exist_ok=True)
        np.save(self.mount("network_states/n/weights.npy"), np.eye(2))
        self.assertEqual(len(self.load("new.npy")), 4)
        self.assertTrue(self.spooled()["away"])
        np.save(self.mount("wm/a.npy"), np.arange(3.0))
        np.save(self.mount("concepts/a.npy"), np.arange(3.0))
        self.release(holder)
        stored = self.stored()
        self.assertEqual({name: len(array) for name, array in stored.items()},
                         {"new": 4, "old": 5})
        self.assertTrue(np.array_equal(
            np.load(self.mount("network_states/n/weights.npy")), np.eye(2)))
        self.assertEqual(self.mount.rejected(), {})

    def test_a_reader_elsewhere_lets_us_read_and_writes_wait(self):
        holder = self.hold("r")
        self.assertEqual(len(self.load("old.npy")), 3)
        np.save(self.mount(STATES, "new.npy"), np.arange(4.0))
        harness.edit_json(self.mount(STATES, "old.json"), reservoir_id="x")
        self.assertEqual(len(self.load("new.npy")), 4)
        self.assertEqual(len(self.load("old.npy")), 3)
        self.assertEqual(
            set(os.listdir(self.mount(STATES))),
            {"new.npy", "new.json", "old.npy", "old.json"})
        self.assertEqual(self.spooled()["changes"], 2)
        self.release(holder)
        self.assertEqual({name: len(array)
                          for name, array in self.stored().items()},
                         {"new": 4, "old": 3})
        self.assertEqual(harness.read_json(
            self.mount(STATES, "old.json"))["reservoir_id"], "x")

    def test_what_waits_outlives_the_daemon(self):
        holder = self.hold("r+")
        np.save(self.mount(STATES, "new.npy"), np.arange(4.0))
        self.mount.process.kill()
        self.mount.process.wait()
        subprocess.run(["fusermount3", "-u", "-z", self.mount.path],
                       check=True)
        holder.release()
        self.mount._start()
        harness.eventually(lambda: self.spooled()["changes"] == 0)
        self.assertEqual(len(self.stored()["new"]), 4)


    def test_a_store_is_mounted_while_another_program_holds_it(self):
        holder = self.hold("r+")
        self.mount.process.terminate()
        self.mount.process.wait(harness.PATIENCE)
        self.mount._start()
        np.save(self.mount(STATES, "new.npy"), np.arange(4.0))
        self.release(holder)
        self.assertEqual(len(self.load("old.npy")), 3)
        self.assertEqual(len(self.stored()["new"]), 4)


class Sqlite(unittest.TestCase):
    def start(self, **arguments):
        mount = harness.Mount(**arguments)
        self.addCleanup(mount.unmount)
        return mount

    def assert_fails(self, call, number):
        start = time.monotonic()
        with self.assertRaises(OSError) as caught:
            call()
        self.assertEqual(caught.exception.errno, number)
        self.assertLess(time.monotonic() - start, 10)

    def test_a_lock_elsewhere_is_busy_and_keeps_the_bytes(self):
        mount = self.start()
        np.save(mount("concepts/c.npy"), np.arange(3.0))
        other = sqlite3.connect(mount.database, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        new = np.arange(4.0)
        self.assert_fails(lambda: np.save(mount("concepts/c.npy"), new), 16)
        self.assertEqual(len(np.load(mount("concepts/c.npy"))), 3)
        np.save(mount("wm/a.npy"), new)
        self.assertIn("locked", mount.errors()[-1]["reason"])
        self.assertIn(harness.npy_bytes(new), mount.rejected().values())
        other.execute("ROLLBACK")
        other.close()
        np.save(mount("concepts/c.npy"), new)
        self.assertEqual(len(np.load(mount("concepts/c.npy"))), 4)

    def test_a_damaged_page_is_an_error_for_its_records_alone(self):
        def damage(store):
            path = os.path.join(store, "godly_ai.db")
            mount = harness.Mount(store=store)
            for i in range(200):
                np.save(mount(f"concepts/c{i:03}.npy"), np.arange(300.0))
            mount.unmount()
            with sqlite3.connect(path) as database:
                size = database.execute("PRAGMA page_size").fetchone()[0]
                pages = database.execute("PRAGMA page_count").fetchone()[0]
            database.close()
            with open(path, "r+b") as file:
                file.seek(size * (pages // 2))
                file.write(b"\xff" * size)

        mount = self.start(fill=damage)
        wrong = 0
        for i in range(200):
            try:
                self.assertEqual(
                    len(np.load(mount(f"concepts/c{i:03}.npy"))), 300)
            except OSError as error:
                self.assertIn(error.errno, (2, 5))
                wrong += 1
        self.assertGreater(wrong, 0)
        self.assertLess(wrong, 200)
        np.save(mount("wm/a.npy"), np.arange(3.0))
        np.save(mount(STATES, "a.npy"), np.arange(3.0))


if __name__ == "__main__":
    harness.main()
