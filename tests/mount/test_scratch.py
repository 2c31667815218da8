# SPDX-License-Identifier: MIT
"""Scratch files: how long they live, how much there may be of them, and what
they say when they could not become a record."""

import errno
import os
import shutil
import tempfile
import unittest

import numpy as np

import calls
import harness
from calls import error_of, opened
from harness import npy_bytes, read_bytes, write_bytes

QUOTA = 1 << 20


class Lives(unittest.TestCase):
    def test_scratch_files_survive_a_remount(self):
        store = tempfile.mkdtemp(prefix="engramfs-store-")
        self.addCleanup(shutil.rmtree, store)
        mount = harness.Mount(store=store)
        np.save(mount("episodes/run.npy"), np.ones(3))  # leaves a symlink
        os.symlink("a.npy", mount("wm/link.tmp"))
        for name in ("new.tmp", "old.tmp"):
            write_bytes(mount("wm", name), b"kept")
        mount.unmount()
        mount = harness.Mount(store=store)
        for name in ("new.tmp", "old.tmp"):
            self.assertEqual(read_bytes(mount("wm", name)), b"kept")
        self.assertEqual(os.readlink(mount("wm/link.tmp")), "a.npy")
        mount.unmount()


class Quotas(harness.MountCase):
    options = (f"scratch_quota={QUOTA}",)

    def tearDown(self):
        for name in os.listdir(self.path("wm")):
            os.unlink(self.path("wm", name))

    def test_writes_beyond_the_quota_are_enospc(self):
        with opened(self.path("wm/a.tmp"), os.O_RDWR | os.O_CREAT) as file:
            self.assertEqual(os.pwrite(file, bytes(QUOTA - 1000), 0),
                             QUOTA - 1000)
            self.assertEqual(error_of(os.pwrite, file, bytes(2000), QUOTA),
                             "ENOSPC")
            self.assertEqual(error_of(os.ftruncate, file, QUOTA + 1),
                             "ENOSPC")
            self.assertEqual(error_of(os.posix_fallocate, file, 0, QUOTA + 1),
                             "ENOSPC")
            os.pwrite(file, b"x" * 4000, 10)  # nothing more
            self.assertEqual(os.fstat(file).st_size, QUOTA - 1000)
        self.assertEqual(error_of(write_bytes, self.path("wm/b.tmp"),
                                  bytes(2000)), "ENOSPC")
        self.assertLess(os.statvfs(self.path()).f_bavail *
                        os.statvfs(self.path()).f_frsize, 4096)

    def test_what_is_removed_can_be_written_again(self):
        for _ in range(5):
            write_bytes(self.path("wm/a.tmp"), bytes(QUOTA // 2))
            os.rename(self.path("wm/a.tmp"), self.path("wm/b.tmp"))

    def test_records_do_not_count(self):
        np.save(self.path("wm/a.npy"), np.zeros(QUOTA // 4))
        self.assertEqual(np.load(self.path("wm/a.npy")).nbytes, 2 * QUOTA)

    def test_the_file_system_is_as_large_as_the_quota(self):
        figures = os.statvfs(self.path())
        self.assertEqual(figures.f_blocks * figures.f_frsize, QUOTA)
        self.assertLessEqual(figures.f_bavail, figures.f_blocks)


class Complaints(harness.MountCase):
    def assert_says(self, path):
        reason = self.mount.errors()[-1]["reason"]
        self.assertEqual(os.getxattr(path, "user.error").decode(), reason)
        self.assertIn("user.error", os.listxattr(path))

    def test_a_record_says_why_the_last_write_was_refused(self):
        path = self.path("concepts/a.npy")
        np.save(path, np.ones(3))
        self.assertEqual(error_of(os.getxattr, path, "user.error"), "ENODATA")
        self.assert_refused(path, b"no array", errno.EINVAL)
        self.assert_says(path)
        np.save(path, np.ones(4))
        self.assertEqual(error_of(os.getxattr, path, "user.error"), "ENODATA")
        self.assertNotIn("user.error", os.listxattr(path))

    def test_a_scratch_file_says_why_it_could_not_become_a_record(self):
        path = self.path("concepts/a.tmp")
        write_bytes(path, b"no array")
        self.assertEqual(
            error_of(os.rename, path, self.path("concepts/b.npy")), "EINVAL")
        self.assertEqual(read_bytes(path), b"no array")
        self.assert_says(path)
        write_bytes(path, npy_bytes(np.ones(2)))
        os.rename(path, self.path("concepts/b.npy"))
        self.assertEqual(
            error_of(os.getxattr, self.path("concepts/b.npy"), "user.error"),
            "ENODATA")

    def test_rejected_bytes_say_why_after_a_remount_too(self):
        mount = harness.Mount()
        with self.assertRaises(OSError):
            write_bytes(mount("wm/a.npy"), b"no array")
        reason = mount.errors()[-1]["reason"]
        mount.remount()
        name = next(name for name, content in mount.rejected().items()
                    if content == b"no array")
        self.assertEqual(
            os.getxattr(mount(".engram/rejected", name), "user.error"),
            reason.encode())
        mount.unmount()


if __name__ == "__main__":
    harness.main()
