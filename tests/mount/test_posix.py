# SPDX-License-Identifier: MIT
"""POSIX behaviour of scratch files, directories and errors."""

import fcntl
import mmap
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

import numpy as np

import calls
import harness
from calls import error_of, opened
from harness import npy_bytes, read_bytes, write_bytes

# Where scratch files live: Redis pairs, SQLite pairs, inside an HDF5 record.
PLACES = ("wm", "concepts", "episodes", "network_states/s")


def everywhere(test):
    """A test of one scratch name, done at each place."""
    def run(self):
        for path in self.scratch:
            with self.subTest(path):
                test(self, path)
    run.__name__ = test.__name__
    return run


class PosixCase(harness.MountCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        os.mkdir(cls.mount("network_states/s"))
        cls.scratch = [cls.mount(place, "file.tmp") for place in PLACES]

    def tearDown(self):
        for path in self.scratch:
            for name in (path, path + ".new"):
                if os.path.lexists(name):
                    os.unlink(name)



class ScratchFiles(PosixCase):
    @everywhere
    def test_o_excl_makes_a_file_only_once(self, path):
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        os.close(os.open(path, flags))
        self.assertEqual(error_of(os.open, path, flags), "EEXIST")

    @everywhere
    def test_what_was_written_at_any_place_is_read_there(self, path):
        with opened(path, os.O_RDWR | os.O_CREAT) as file:
            self.assertEqual(os.pwrite(file, b"end", 10000), 3)
            self.assertEqual(os.pwrite(file, b"begin", 0), 5)
            self.assertEqual(os.pread(file, 8, 0), b"begin\0\0\0")
            self.assertEqual(os.pread(file, 10, 9998), b"\0\0end")
            self.assertEqual(os.pread(file, 10, 10003), b"")
            self.assertEqual(os.fstat(file).st_size, 10003)
        self.assertEqual(len(read_bytes(path)), 10003)

    @everywhere
    def test_o_trunc_empties_and_ftruncate_cuts_and_extends(self, path):
        write_bytes(path, b"0123456789")
        with opened(path, os.O_RDWR) as file:
            os.ftruncate(file, 4)
            self.assertEqual(os.pread(file, 99, 0), b"0123")
            os.ftruncate(file, 6)
            self.assertEqual(os.pread(file, 99, 0), b"0123\0\0")
        os.truncate(path, 1)
        self.assertEqual(read_bytes(path), b"0")
        os.close(os.open(path, os.O_WRONLY | os.O_TRUNC))
        self.assertEqual(os.stat(path).st_size, 0)

    @everywhere
    def test_appends_of_two_writers_follow_one_another(self, path):
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        with opened(path, flags) as one, opened(path, flags) as two:
            for number in range(5):
                os.write(one, b"a%d" % number)
                os.write(two, b"b%d" % number)
        self.assertEqual(read_bytes(path),
                         b"a0b0a1b1a2b2a3b3a4b4")

    @everywhere
    def test_modes_and_times_are_kept(self, path):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o640))
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode),
                         0o640 & ~harness_umask())
        os.chmod(path, 0o604)
        os.utime(path, ns=(10 ** 18 + 1, 10 ** 18 + 123456789))
        status = os.stat(path)
        self.assertEqual(stat.S_IMODE(status.st_mode), 0o604)
        self.assertEqual(status.st_mtime_ns, 10 ** 18 + 123456789)
        self.assertEqual(status.st_atime_ns, 10 ** 18 + 1)

    @everywhere
    def test_an_unlinked_file_is_usable_until_it_is_closed(self, path):
        with opened(path, os.O_RDWR | os.O_CREAT) as file:
            os.write(file, b"before")
            os.unlink(path)
            os.pwrite(file, b"after!", 0)
            self.assertEqual(os.pread(file, 9, 0), b"after!")
            os.ftruncate(file, 2)
            self.assertEqual(os.fstat(file).st_size, 2)
            self.assertEqual(os.fstat(file).st_nlink, 0)
            write_bytes(path, b"another")
            self.assertEqual(os.pread(file, 9, 0), b"af")
        self.assertEqual(read_bytes(path), b"another")

    @everywhere
    def test_a_replaced_file_is_usable_until_it_is_closed(self, path):
        write_bytes(path, b"old")
        write_bytes(path + ".new", b"new")
        with opened(path, os.O_RDWR) as file:
            os.rename(path + ".new", path)
            self.assertEqual(os.pread(file, 9, 0), b"old")
            os.pwrite(file, b"x", 0)
            self.assertEqual(os.fstat(file).st_size, 3)
        self.assertEqual(read_bytes(path), b"new")

    @everywhere
    def test_an_open_file_is_renamed_with_its_writers(self, path):
        with opened(path, os.O_RDWR | os.O_CREAT) as file:
            os.write(file, b"one")
            os.rename(path, path + ".new")
            os.write(file, b"two")
            self.assertEqual(os.fstat(file).st_size, 6)
        self.assertEqual(read_bytes(path + ".new"), b"onetwo")
        self.assertFalse(os.path.exists(path))

    @everywhere
    def test_rename_flags_do_what_they_say(self, path):
        write_bytes(path, b"1")
        write_bytes(path + ".new", b"2")
        self.assertEqual(
            error_of(calls.rename, path, path + ".new",
                     calls.RENAME_NOREPLACE), "EEXIST")
        calls.rename(path, path + ".new", calls.RENAME_EXCHANGE)
        self.assertEqual((read_bytes(path), read_bytes(path + ".new")),
                         (b"2", b"1"))
        os.unlink(path)
        self.assertEqual(
            error_of(calls.rename, path + ".new", path,
                     calls.RENAME_EXCHANGE), "ENOENT")
        calls.rename(path + ".new", path, calls.RENAME_NOREPLACE)
        self.assertEqual(read_bytes(path), b"1")

    @everywhere
    def test_shared_mappings_are_the_file(self, path):
        write_bytes(path, bytes(10000))
        with opened(path, os.O_RDWR) as file:
            shared = mmap.mmap(file, 10000)
        shared[9000:9005] = b"hello"  # the descriptor is closed
        shared.flush()
        self.assertEqual(read_bytes(path)[9000:9005], b"hello")
        with opened(path, os.O_RDWR) as file:
            os.pwrite(file, b"J", 9000)
        self.assertEqual(shared[9000:9005], b"Jello")
        shared[0:1] = b"!"
        shared.close()
        self.assertEqual(read_bytes(path)[:2], b"!\0")

    @everywhere
    def test_private_mappings_change_nothing(self, path):
        write_bytes(path, b"x" * 5000)
        with opened(path, os.O_RDONLY) as file:
            private = mmap.mmap(file, 5000, access=mmap.ACCESS_COPY)
        private[:5] = b"hello"
        private.close()
        self.assertEqual(read_bytes(path), b"x" * 5000)

    @everywhere
    def test_fallocate_extends_reserves_and_punches(self, path):
        write_bytes(path, b"x" * 9000)
        with opened(path, os.O_RDWR) as file:
            os.posix_fallocate(file, 0, 12000)
            self.assertEqual(os.fstat(file).st_size, 12000)
            calls.fallocate(file, calls.FALLOC_KEEP_SIZE, 0, 20000)
            self.assertEqual(os.fstat(file).st_size, 12000)
            calls.fallocate(
                file, calls.FALLOC_PUNCH_HOLE | calls.FALLOC_KEEP_SIZE,
                4096, 4096)
            self.assertEqual(os.pread(file, 3, 4095), b"x\0\0")
            self.assertEqual(os.pread(file, 2, 8191), b"\0x")

    @everywhere
    def test_copy_file_range_copies(self, path):
        write_bytes(path, b"0123456789" * 2000)
        with opened(path, os.O_RDONLY) as source, \
                opened(path + ".new", os.O_WRONLY | os.O_CREAT) as target:
            left = 20000
            while left:
                count = os.copy_file_range(source, target, left)
                self.assertGreater(count, 0)
                left -= count
        self.assertEqual(read_bytes(path + ".new"), read_bytes(path))

    @everywhere
    def test_holes_are_found_or_taken_for_data(self, path):
        with opened(path, os.O_RDWR | os.O_CREAT) as file:
            os.pwrite(file, b"end", 1 << 20)
            self.assertLessEqual(os.lseek(file, 0, os.SEEK_DATA), 1 << 20)
            self.assertEqual(os.lseek(file, 1 << 20, os.SEEK_DATA),
                             1 << 20)
            self.assertEqual(os.lseek(file, 1 << 20, os.SEEK_HOLE),
                             (1 << 20) + 3)
            self.assertEqual(
                error_of(os.lseek, file, 1 << 21, os.SEEK_DATA), "ENXIO")

    @everywhere
    def test_locks_keep_others_out(self, path):
        other = ("import fcntl, os, sys\n"
                 "file = os.open(sys.argv[1], os.O_RDWR)\n"
                 "lock = getattr(fcntl, sys.argv[2])\n"
                 "try:\n"
                 "    lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
                 "except BlockingIOError:\n"
                 "    print('kept out')\n")
        write_bytes(path, b"x")
        for lock in ("flock", "lockf"):
            with opened(path, os.O_RDWR) as file:
                getattr(fcntl, lock)(file, fcntl.LOCK_EX)
                result = subprocess.run(
                    [sys.executable, "-c", other, path, lock], text=True,
                    stdout=subprocess.PIPE, check=True)
            self.assertEqual(result.stdout, "kept out\n")

    @everywhere
    def test_fsync_and_friends_succeed(self, path):
        with opened(path, os.O_RDWR | os.O_CREAT) as file:
            os.write(file, b"x")
            os.fsync(file)
            os.fdatasync(file)
        with opened(os.path.dirname(path), os.O_DIRECTORY) as file:
            os.fsync(file)

    @everywhere
    def test_symlinks_lead_where_they_say(self, path):
        os.symlink("file.tmp.new", path)
        self.assertEqual(os.readlink(path), "file.tmp.new")
        self.assertEqual(error_of(os.stat, path), "ENOENT")
        self.assertEqual(error_of(os.symlink, "x", path), "EEXIST")
        write_bytes(path, b"through")
        self.assertEqual(read_bytes(path + ".new"), b"through")
        self.assertEqual(
            error_of(os.open, path, os.O_RDONLY | os.O_NOFOLLOW), "ELOOP")
        os.unlink(path)
        self.assertEqual(read_bytes(path + ".new"), b"through")
        os.symlink("file.tmp", path)
        self.assertEqual(error_of(os.open, path, os.O_RDONLY), "ELOOP")

    @everywhere
    def test_only_files_directories_and_symlinks_can_be_made(self, path):
        write_bytes(path, b"x")
        self.assertEqual(error_of(os.link, path, path + ".new"), "EPERM")
        self.assertEqual(error_of(os.mkfifo, path + ".new"), "EPERM")
        self.assertEqual(
            error_of(os.mknod, path + ".new", stat.S_IFSOCK | 0o600),
            "EPERM")


def harness_umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


class Directories(PosixCase):
    def test_scratch_directories_are_made_moved_and_removed(self):
        for place in ("episodes/new", "activations/layer_outputs/l/sub"):
            with self.subTest(place):
                path = self.path(place)
                os.makedirs(path)
                self.assertEqual(error_of(os.mkdir, path), "EEXIST")
                write_bytes(os.path.join(path, "x.tmp"), b"x")
                self.assertEqual(error_of(os.rmdir, path), "ENOTEMPTY")
                os.rename(path, path + "2")
                self.assertEqual(os.listdir(path + "2"), ["x.tmp"])
                self.assertEqual(read_bytes(path + "2/x.tmp"), b"x")
                self.assertEqual(error_of(os.rmdir, path), "ENOENT")
                os.unlink(path + "2/x.tmp")
                os.rmdir(path + "2")
                self.assertFalse(os.path.exists(path + "2"))

    def test_a_directory_is_no_file_and_a_file_no_directory(self):
        directory = self.path("network_states/s")
        file = self.scratch[0]
        record = self.path("wm/record.npy")
        write_bytes(file, b"x")
        np.save(record, np.ones(3))
        for path in (directory, self.path("wm"), self.path()):
            self.assertEqual(error_of(os.open, path, os.O_WRONLY), "EISDIR")
            self.assertEqual(error_of(os.unlink, path), "EISDIR")
            self.assertEqual(error_of(os.truncate, path, 0), "EISDIR")
            self.assertEqual(error_of(os.rename, file, path),
                             {directory: "EISDIR", self.path(): "EXDEV"}.get(
                                 path, "ENOTEMPTY"))
        for path in (file, record):
            self.assertEqual(error_of(os.rmdir, path), "ENOTDIR")
            self.assertEqual(error_of(os.listdir, path), "ENOTDIR")
            self.assertEqual(error_of(os.open, path, os.O_DIRECTORY),
                             "ENOTDIR")
            self.assertEqual(error_of(os.stat, path + "/x"), "ENOTDIR")
            self.assertEqual(error_of(os.mkdir, path), "EEXIST")
            self.assertEqual(error_of(os.mkdir, path + "/x"), "ENOTDIR")
            self.assertEqual(error_of(os.rename, directory, path), "ENOTDIR")
        os.unlink(record)

    def test_every_name_is_listed_once_with_its_type(self):
        for number in range(300):
            write_bytes(self.path(f"wm/{number}.tmp"), b"")
        listed = list(os.scandir(self.path("wm")))
        names = [entry.name for entry in listed]
        self.assertEqual(len(names), len(set(names)))
        self.assertLessEqual({f"{n}.tmp" for n in range(300)}, set(names))
        self.assertTrue(all(entry.is_file() for entry in listed))
        for number in range(300):
            os.unlink(self.path(f"wm/{number}.tmp"))

    def test_an_open_directory_that_was_removed_still_answers(self):
        path = self.path("network_states/removed")
        os.mkdir(path)
        directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.rmdir(path)
            status = os.fstat(directory)
            self.assertTrue(stat.S_ISDIR(status.st_mode))
            self.assertEqual(status.st_nlink, 0)
            self.assertEqual(os.listdir(directory), [])
            self.assertFalse(os.path.exists(path))
            os.mkdir(path)
            os.rmdir(path)
        finally:
            os.close(directory)

    def test_a_listing_survives_the_removal_of_what_it_lists(self):
        for number in range(300):
            write_bytes(self.path(f"wm/{number}.tmp"), b"")
        with os.scandir(self.path("wm")) as listing:
            for entry in listing:
                os.unlink(entry.path)
        self.assertEqual(os.listdir(self.path("wm")), [])


class Errors(PosixCase):
    def test_names_may_be_255_bytes_long(self):
        for place in PLACES:
            with self.subTest(place):
                path = self.path(place, "n" * 255)
                write_bytes(path, b"x")
                self.assertEqual(read_bytes(path), b"x")
                os.unlink(path)
                for call in (lambda p: os.open(p, os.O_RDONLY), os.mkdir,
                             os.stat, os.unlink, os.rmdir):
                    self.assertEqual(error_of(call, path + "n"),
                                     "ENAMETOOLONG")

    def test_the_fixed_directories_stay(self):
        for path in ("wm", "activations", "activations/reservoir_states",
                     "episodes"):
            self.assertEqual(error_of(os.rmdir, self.path(path)), "EPERM")
            self.assertEqual(error_of(os.rename, self.path(path),
                                      self.path(path + "2")), "EPERM")
        for path in ("new", ".Trash-0", "wm/new", "activations/new"):
            self.assertEqual(error_of(os.mkdir, self.path(path)), "EPERM")
        for path in ("new.npy", "new.tmp", "activations/new.tmp"):
            self.assertEqual(error_of(write_bytes, self.path(path), b""),
                             "EPERM")
            self.assertEqual(error_of(os.symlink, "x", self.path(path)),
                             "EPERM")

    def test_records_do_not_move_between_collections_by_rename(self):
        np.save(self.path("wm/a.npy"), np.ones(2))
        for target in ("concepts/a.npy", "concepts/a.tmp", "attention/a.npy",
                       "network_states/s/a.tmp",
                       "network_states/s/weights.npy"):
            self.assertEqual(
                error_of(os.rename, self.path("wm/a.npy"), self.path(target)),
                "EXDEV", target)
        os.unlink(self.path("wm/a.npy"))

    def test_scratch_files_become_records_of_any_collection(self):
        for target in ("concepts/a.npy", "attention/a.npy",
                       "network_states/s/weights.npy"):
            write_bytes(self.path("wm/file.tmp"), npy_bytes(np.ones((2, 2))))
            os.rename(self.path("wm/file.tmp"), self.path(target))
            self.assertEqual(np.load(self.path(target)).sum(), 4)
            os.unlink(self.path(target))

    def test_what_is_not_there_is_enoent(self):
        for place in PLACES:
            path = self.path(place, "nothing.npy")
            for call in (os.stat, os.unlink, os.rmdir, os.listdir,
                         os.readlink, lambda p: os.open(p, os.O_RDWR),
                         lambda p: os.truncate(p, 0),
                         lambda p: os.rename(p, p + ".tmp"),
                         lambda p: os.chmod(p, 0o600),
                         lambda p: os.utime(p)):
                self.assertEqual(error_of(call, path), "ENOENT")

    def test_views_and_control_files_are_not_written(self):
        for call in (lambda p: write_bytes(p, b""), os.mkdir):
            self.assertIn(error_of(call, self.path("views/new")),
                          ("EROFS", "EPERM"))
            self.assertIn(error_of(call, self.path("views/episodes/new")),
                          ("EROFS", "EPERM"))
        self.assertEqual(
            error_of(write_bytes, self.path(".engram/status.json"), b"x"),
            "EACCES")

    def test_records_take_no_new_owner_and_no_holes(self):
        np.save(self.path("wm/own.npy"), np.ones(3))
        status = os.stat(self.path("wm/own.npy"))
        os.chown(self.path("wm/own.npy"), status.st_uid, status.st_gid)
        self.assertEqual(
            error_of(os.chown, self.path("wm/own.npy"), status.st_uid + 1, -1),
            "EPERM")
        with opened(self.path("wm/own.npy"), os.O_RDWR) as file:
            self.assertEqual(
                error_of(calls.fallocate, file,
                         calls.FALLOC_PUNCH_HOLE | calls.FALLOC_KEEP_SIZE,
                         0, 100), "ENOTSUP")
        os.unlink(self.path("wm/own.npy"))


class ReadOnlyMounts(unittest.TestCase):
    def test_every_change_is_erofs(self):
        store = tempfile.mkdtemp(prefix="engramfs-store-")
        self.addCleanup(shutil.rmtree, store)
        mount = harness.Mount(store=store)
        np.save(mount("concepts/a.npy"), np.ones(3))
        write_bytes(mount("concepts/file.tmp"), b"x")
        mount.unmount()
        mount = harness.Mount("ro", store=store)
        for name in ("a.npy", "file.tmp"):
            path = mount("concepts", name)
            for call in (lambda: os.open(path, os.O_RDWR),
                         lambda: os.open(path, os.O_RDONLY | os.O_TRUNC),
                         lambda: os.truncate(path, 0),
                         lambda: os.unlink(path), lambda: os.utime(path),
                         lambda: os.chmod(path, 0o600),
                         lambda: os.rename(path, path + "2"),
                         lambda: os.symlink("x", path + "2"),
                         lambda: os.mkdir(path + "2"),
                         lambda: os.setxattr(path, "user.ttl", b"5"),
                         lambda: write_bytes(path + "2", b"")):
                self.assertEqual(error_of(call), "EROFS")
        self.assertEqual(read_bytes(mount("concepts/file.tmp")), b"x")
        mount.unmount()


NOBODY = 65534


@unittest.skipUnless(os.geteuid() == 0, "only root can be somebody else")
class SecondUsers(unittest.TestCase):
    def make_mount(self, *options):
        mount = harness.Mount("allow_other", *options)
        os.chmod(mount.directory, 0o755)
        self.addCleanup(mount.unmount)
        np.save(mount("wm/a.npy"), np.ones(3))
        write_bytes(mount("wm/file.tmp"), b"x")
        return mount

    def as_nobody(self, path, *calls_):
        """The errno names of calls on PATH that another user makes."""
        program = ("import errno, os, sys\n"
                   "for call in sys.argv[2:]:\n"
                   "    try:\n"
                   "        eval(call, {'os': os, 'p': sys.argv[1]})\n"
                   "        print('done')\n"
                   "    except OSError as error:\n"
                   "        print(errno.errorcode[error.errno])\n")
        return subprocess.run(
            [sys.executable, "-c", program, path, *calls_], text=True,
            stdout=subprocess.PIPE, check=True, user=NOBODY, group=NOBODY,
            extra_groups=[], cwd="/").stdout.split()

    def test_by_default_only_the_owner_gets_in(self):
        mount = self.make_mount()
        self.assertEqual(
            self.as_nobody(mount("wm/a.npy"), "os.stat(p)",
                           "os.open(p, os.O_RDONLY)", "os.unlink(p)"),
            ["EACCES"] * 3)

    def test_umask_022_lets_others_read(self):
        mount = self.make_mount("umask=022")
        self.assertEqual(
            self.as_nobody(mount("wm/a.npy"), "os.stat(p)",
                           "os.open(p, os.O_RDONLY)", "os.open(p, os.O_RDWR)",
                           "os.truncate(p, 0)", "os.unlink(p)",
                           "os.rename(p, p + '2')", "os.symlink('x', p + '2')",
                           "os.mkdir(p + '2')", "os.open(p + '2', os.O_CREAT)",
                           "os.utime(p)", "os.chmod(p, 0o666)",
                           "os.listdir(os.path.dirname(p))"),
            ["done", "done"] + ["EACCES"] * 8 + ["EPERM", "done"])
        self.assertEqual(np.load(mount("wm/a.npy")).sum(), 3)

    def test_umask_0_lets_others_write_and_use_what_they_made(self):
        mount = self.make_mount("umask=0")
        self.assertEqual(
            self.as_nobody(mount("wm/new.tmp"),
                           "os.close(os.open(p, os.O_CREAT | os.O_RDWR, 0o600))",
                           "os.write(os.open(p, os.O_RDWR), b'y')",
                           "os.rename(p, p + '2')",
                           "os.unlink(os.path.dirname(p) + '/a.npy')"),
            ["done"] * 4)
        self.assertEqual(read_bytes(mount("wm/new.tmp2")), b"y")
        self.assertFalse(os.path.exists(mount("wm/a.npy")))


class Attributes(unittest.TestCase):
    """What ls -l asks of every file, and no file has."""

    def requests(self, mount, name):
        return mount.log().count(f"opcode: {name} ")

    def test_ls_l_asks_for_labels_and_access_lists_once(self):
        mount = harness.Mount(arguments=("-d",))
        for number in range(50):
            np.save(mount(f"wm/{number}.npy"), np.ones(3))
        before = self.requests(mount, "GETXATTR")
        for _ in range(2):
            subprocess.run(["ls", "-l", mount("wm")], check=True,
                           stdout=subprocess.DEVNULL)
        asked = self.requests(mount, "GETXATTR") - before
        mount.unmount()
        self.assertLessEqual(asked, 8)

    def test_what_no_file_has_is_answered_without_a_backend(self):
        mount = harness.Mount()
        np.save(mount("wm/a.npy"), np.ones(3))
        redis = mount.redis()

        def commands():
            return {name: stats["calls"]
                    for name, stats in redis.info("commandstats").items()
                    if name not in ("cmdstat_info", "cmdstat_ping")}

        os.stat(mount("wm/a.npy"))
        before = commands()
        for _ in range(20):
            for name in ("security.selinux", "security.capability",
                         "system.posix_acl_access",
                         "system.posix_acl_default", "trusted.overlay"):
                self.assertIn(
                    error_of(os.getxattr, mount("wm/a.npy"), name),
                    ("ENOTSUP", "ENODATA"))
        after = commands()
        mount.unmount()
        self.assertLess(sum(after.values()) - sum(before.values()), 20)


if __name__ == "__main__":
    harness.main()
