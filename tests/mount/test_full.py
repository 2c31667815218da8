# SPDX-License-Identifier: MIT
"""No room left where the store is: nothing is half there, and all goes on."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import h5py
import numpy as np

import harness
from harness import write_bytes

SMALL = np.arange(100.0)
LARGE = np.random.default_rng(1).random(100_000)
PLACES = ("wm/a", "concepts/a", "episodes/5",
          "activations/reservoir_states/a")
MANY = "network_states/n/weights"


class Disk:
    """A small file system in memory."""

    def __init__(self, megabytes):
        self.path = tempfile.mkdtemp(prefix="engramfs-full-")
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m",
                        "tmpfs", self.path], check=True,
                       stderr=subprocess.PIPE)
        self.filler = os.path.join(self.path, "filler")

    def store(self):
        path = os.path.join(self.path, "store")
        os.makedirs(path, exist_ok=True)
        return path

    def fill(self):
        fd = os.open(self.filler, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            while True:
                os.write(fd, bytes(4096))
        except OSError:
            pass
        finally:
            os.close(fd)

    def make_room(self):
        os.unlink(self.filler)

    def close(self):
        subprocess.run(["umount", self.path], check=True)
        os.rmdir(self.path)


class FullDisk(unittest.TestCase):
    def setUp(self):
        try:
            self.disk = Disk(24)
        except (subprocess.CalledProcessError, OSError):
            self.skipTest("no tmpfs can be mounted here")
        self.addCleanup(self.disk.close)

    def mount(self, *options):
        mount = harness.Mount(*options, store=self.disk.store())
        self.addCleanup(mount.unmount)
        return mount

    def assert_no_room(self, call):
        with self.assertRaises(OSError) as caught:
            call()
        self.assertEqual(caught.exception.errno, 28)

    def assert_all(self, mount, places, array):
        for place in places:
            self.assertTrue(np.array_equal(
                np.load(mount(place + ".npy")), array), place)

    def test_old_records_stay_and_all_works_again_with_room(self):
        mount = self.mount()
        os.mkdir(mount("network_states/n"))
        places = PLACES + (MANY,)
        for place in places:
            np.save(mount(place + ".npy"), SMALL)
        self.disk.fill()
        for place in places:
            self.assert_no_room(
                lambda: np.save(mount(place + ".npy"), LARGE))
        self.assert_no_room(
            lambda: write_bytes(mount("wm/scratch.tmp"), bytes(100_000)))
        self.assert_all(mount, places, SMALL)
        os.listdir(mount("wm"))
        mount.control("status.json")
        os.statvfs(mount.path)
        self.disk.make_room()
        for place in places:
            harness.eventually(lambda: self.try_save(mount, place, LARGE))
        self.assert_all(mount, places, LARGE)
        mount.remount()
        self.assert_all(mount, places, LARGE)
        harness.eventually(lambda: self.reads(mount))

    def try_save(self, mount, place, array):
        """The embedded Redis looks for room once a second."""
        try:
            np.save(mount(place + ".npy"), array)
            return True
        except OSError:
            return False

    def reads(self, mount):
        try:
            with h5py.File(mount.hdf5, "r") as file:
                return np.array_equal(
                    file["activations/reservoir_states/a"][:], LARGE)
        except BlockingIOError:  # the mount has it open just now
            return False

    def test_the_spool_refuses_what_it_cannot_keep(self):
        mount = self.mount("redis.host=/nowhere/redis.sock")
        np.save(mount("wm/a.npy"), SMALL)
        self.disk.fill()
        self.assert_no_room(lambda: np.save(mount("wm/a.npy"), LARGE))
        self.assert_no_room(lambda: np.save(mount("wm/b.npy"), LARGE))
        self.assert_all(mount, ("wm/a",), SMALL)
        self.disk.make_room()
        np.save(mount("wm/b.npy"), LARGE)
        self.assert_all(mount, ("wm/b",), LARGE)
        mount.remount()
        self.assert_all(mount, ("wm/a",), SMALL)
        self.assert_all(mount, ("wm/b",), LARGE)


if __name__ == "__main__":
    if os.geteuid() != 0 or not shutil.which("mount"):
        print("only root can mount a small file system")
        sys.exit(harness.SKIPPED)
    harness.main()
