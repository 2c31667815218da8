# SPDX-License-Identifier: MIT
"""Scratch files that the kernel reads and writes by itself, where libfuse and
the kernel can: what everybody sees is the same."""

import mmap
import os
import sys
import unittest

import numpy as np

import harness
from calls import error_of, opened
from harness import npy_bytes, read_bytes, write_bytes

CREATE = os.O_RDWR | os.O_CREAT
DATA = b"0123456789" * 1000


def requests(mount, operation):
    """How many of them have come."""
    label = f'seconds_count{{operation="{operation}"}} '
    return next(int(line.split()[-1])
                for line in mount.control("metrics.prom").splitlines()
                if label in line)


def is_offered():
    """By the library that the daemon was built with, the kernel and the
    rights that it has."""
    with open(harness.ENGRAMFS, "rb") as file:
        if b"fuse_passthrough_open" not in file.read():
            return False
    mount = harness.Mount("debug")
    try:
        return "passed through to the kernel: yes" in mount.log()
    finally:
        mount.unmount()


class Passed(harness.MountCase):
    def open(self, name, flags=CREATE):
        return opened(self.path("wm", name), flags)

    def test_reads_and_writes_are_no_requests(self):
        writes = requests(self.mount, "write")
        with self.open("a.tmp") as file:
            os.pwrite(file, DATA, 0)
            self.assertEqual(os.pread(file, len(DATA), 0), DATA)
        write_bytes(self.path("wm/a.tmp"), DATA)
        self.assertEqual(requests(self.mount, "write"), writes)

    def test_everybody_sees_what_was_written(self):
        with self.open("b.tmp") as file, \
                self.open("b.tmp", os.O_WRONLY | os.O_APPEND) as tail, \
                self.open("b.tmp", os.O_RDONLY) as reader:
            os.pwrite(file, DATA, 0)
            self.assertEqual(os.stat(self.path("wm/b.tmp")).st_size, len(DATA))
            os.write(tail, b"tail")
            self.assertEqual(os.pread(reader, 9, len(DATA)), b"tail")
            os.ftruncate(file, 100)
            self.assertEqual(os.fstat(reader).st_size, 100)
            os.posix_fallocate(file, 0, 200)
            self.assertEqual(os.pread(reader, 300, 0),
                             DATA[:100] + bytes(100))
            with mmap.mmap(file, 200) as memory:
                memory[:6] = b"mapped"
                self.assertEqual(os.pread(reader, 6, 0), b"mapped")
        self.assertEqual(
            read_bytes(os.path.join(self.mount.store,
                                    "spool/scratch/wm/b.tmp"))[:6], b"mapped")

    def test_an_open_file_may_become_a_record(self):
        array = np.arange(5.0)
        with self.open("c.tmp") as file:
            os.write(file, npy_bytes(array))
            os.fsync(file)
            os.rename(self.path("wm/c.tmp"), self.path("wm/c.npy"))
            np.testing.assert_array_equal(np.load(self.path("wm/c.npy")),
                                          array)
            self.assertEqual(os.pread(file, 6, 0), b"\x93NUMPY")
            np.save(self.path("wm/c.npy"), array + 1)
            np.testing.assert_array_equal(np.load(self.path("wm/c.npy")),
                                          array + 1)

    def test_a_name_may_lead_to_another_file_while_one_is_open(self):
        gone = (lambda name: os.unlink(self.path("wm", name)),
                lambda name: os.rename(self.path("wm", name),
                                       self.path("wm", name + "2")),
                # as cleaning does
                lambda name: os.unlink(os.path.join(
                    self.mount.store, "spool/scratch/wm", name)))
        for number, make_gone in enumerate(gone):
            name = f"d{number}.tmp"
            with self.open(name) as first:
                os.write(first, b"first")
                make_gone(name)
                with self.open(name) as second:
                    os.write(second, b"2nd")
                    self.assertEqual(os.pread(first, 9, 0), b"first")
                    self.assertEqual(os.pread(second, 9, 0), b"2nd")
                self.assertEqual(read_bytes(self.path("wm", name)), b"2nd")

    def test_who_asks_for_direct_io_shares_the_file(self):
        page = mmap.mmap(-1, 4096)  # aligned, as disks want it
        page[:6] = b"direct"
        for first, second in ((0, os.O_DIRECT), (os.O_DIRECT, 0)):
            with self.open("e.tmp", CREATE | os.O_TRUNC | first) as one, \
                    self.open("e.tmp", os.O_RDWR | second) as other:
                self.assertEqual(os.pwritev(one, [page], 0), 4096)
                got = mmap.mmap(-1, 4096)
                self.assertEqual(os.preadv(other, [got], 0), 4096)
                self.assertEqual(got[:], page[:])

    def test_many_may_open_and_close_one_file(self):
        write_bytes(self.path("wm/f.tmp"), DATA)
        program = ("import sys\n"
                   "for _ in range(300):\n"
                   "    with open(sys.argv[1], 'r+b') as file:\n"
                   "        assert len(file.read()) == 10000\n")
        children = [harness.subprocess.Popen(
            [sys.executable, "-c", program, self.path("wm/f.tmp")])
            for _ in range(4)]
        self.assertEqual([child.wait() for child in children], [0] * 4)


class NotPassed(unittest.TestCase):
    def mount(self, *options):
        mount = harness.Mount(*options)
        self.addCleanup(mount.unmount)
        return mount

    def test_it_can_be_switched_off(self):
        mount = self.mount("no_passthrough")
        write_bytes(mount("wm/a.tmp"), DATA)
        self.assertEqual(requests(mount, "write"), 1)

    def test_a_quota_counts_what_is_written(self):
        mount = self.mount("scratch_quota=1000")
        self.assertEqual(error_of(write_bytes, mount("wm/a.tmp"), DATA),
                         "ENOSPC")


if __name__ == "__main__":
    if os.path.exists("/dev/fuse") and not is_offered():
        print("no passthrough here")
        sys.exit(harness.SKIPPED)
    harness.main()
