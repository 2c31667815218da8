# SPDX-License-Identifier: MIT
"""Watchers of directories, and what the kernel keeps: names, attributes and
pages."""

import ctypes
import errno
import os
import select
import signal
import struct
import subprocess
import time
import unittest

import numpy as np

import harness
from harness import PATIENCE, eventually, npy_bytes, read_bytes

PATTERN = np.arange(6.0)
LARGE = np.arange(300000.0)

IN_MODIFY = 0x2
IN_CLOSE_WRITE = 0x8
IN_MOVED_FROM = 0x40
IN_MOVED_TO = 0x80
IN_CREATE = 0x100
IN_DELETE = 0x200
IN_DELETE_SELF = 0x400
WATCHED = (IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO |
           IN_CREATE | IN_DELETE | IN_DELETE_SELF)


class Watcher:
    """inotify(7) on one path: pairs of mask and name."""

    def __init__(self, path):
        libc = ctypes.CDLL(None, use_errno=True)
        self.file = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self.events = []
        if libc.inotify_add_watch(self.file, os.fsencode(path), WATCHED) < 0:
            raise OSError(ctypes.get_errno(), path)

    def close(self):
        os.close(self.file)

    def poll(self, seconds=0):
        """What has come so far."""
        while select.select([self.file], [], [], seconds)[0]:
            content = os.read(self.file, 1 << 16)
            while content:
                _, mask, _, size = struct.unpack_from("iIII", content)
                name = content[16:16 + size].rstrip(b"\0").decode()
                self.events.append((mask, name))
                content = content[16 + size:]
            seconds = 0
        return self.events

    def wait(self, mask, name):
        eventually(lambda: (mask, name) in self.poll(0.05),
                   what=f"event {mask:#x} {name}, not in {self.events}")

    def count(self, mask, name):
        return self.poll().count((mask, name))


class ServerCase(unittest.TestCase):
    """A server that does not delete expired keys by itself."""

    options = ()
    arguments = ()

    @classmethod
    def setUpClass(cls):
        cls.server = harness.RedisServer("--enable-debug-command", "yes")
        cls.addClassCleanup(cls.server.close)
        cls.redis = cls.server.client
        cls.redis.execute_command("DEBUG", "SET-ACTIVE-EXPIRE", "0")

    @classmethod
    def make_mount(cls):
        return harness.Mount(f"redis.host={cls.server.socket}", *cls.options,
                             arguments=cls.arguments)

    def store(self, key, milliseconds):
        """As another client does."""
        pipeline = self.redis.pipeline()
        pipeline.hset(f"wm:{key}", mapping={
            "pattern": npy_bytes(PATTERN), "timestamp": "1.5",
            "shape": "(6,)", "dtype": "float64", "metadata": "{}"})
        pipeline.pexpire(f"wm:{key}", milliseconds)
        pipeline.execute()


class WatchCase(ServerCase, harness.MountCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.mount = cls.make_mount()

    def watch(self, *parts):
        watcher = Watcher(self.path(*parts))
        self.addCleanup(watcher.close)
        return watcher

    def keep(self, key):
        """Have a record of which the kernel knows both files."""
        self.store(key, 60000)
        for end in ("npy", "json"):
            path = self.path(f"wm/{key}.{end}")
            eventually(lambda: os.path.exists(path))


class Watching(WatchCase):
    def test_what_users_of_the_mount_do_is_told(self):
        watcher = self.watch("wm")
        np.save(self.path("wm/own.npy"), PATTERN)
        os.rename(self.path("wm/own.npy"), self.path("wm/moved.npy"))
        os.remove(self.path("wm/moved.npy"))
        for mask, name in ((IN_CREATE, "own.npy"), (IN_MODIFY, "own.npy"),
                           (IN_CLOSE_WRITE, "own.npy"),
                           (IN_MOVED_FROM, "own.npy"),
                           (IN_MOVED_TO, "moved.npy"),
                           (IN_DELETE, "moved.npy")):
            watcher.wait(mask, name)

    def test_an_expired_record_is_told(self):
        self.keep("brief")
        watcher = self.watch("wm")
        self.redis.pexpire("wm:brief", 500)
        for name in ("brief.npy", "brief.json"):
            watcher.wait(IN_DELETE, name)
            self.assertFalse(os.path.exists(self.path("wm", name)))

    def test_a_record_that_nobody_listed_is_told(self):
        """If it was there for long enough to be noticed."""
        watcher = self.watch("wm")
        for turn in range(1, 9):
            self.store(f"unlisted{turn}", 300 * turn)
            end = time.monotonic() + 0.6 * turn
            while time.monotonic() < end:
                watcher.poll(0.05)
                if all(watcher.count(IN_DELETE, f"unlisted{turn}.{kind}")
                       for kind in ("npy", "json")):
                    return
        self.fail(watcher.events)

    def test_watchers_of_the_file_are_told(self):
        np.save(self.path("wm/self.npy"), PATTERN)
        watcher = self.watch("wm/self.npy")
        self.redis.pexpire("wm:self", 300)
        watcher.wait(IN_DELETE_SELF, "")

    def test_a_record_that_lives_longer_is_told_later(self):
        self.keep("longer")
        watcher = self.watch("wm")
        self.redis.pexpire("wm:longer", 300)
        self.redis.pexpire("wm:longer", 1500)
        end = self.redis.execute_command("PEXPIRETIME", "wm:longer") / 1000
        watcher.wait(IN_DELETE, "longer.npy")
        self.assertGreater(time.time(), end)

    def test_what_another_client_removes_is_told(self):
        self.keep("theirs")
        watcher = self.watch("wm")
        self.redis.delete("wm:theirs")
        for name in ("theirs.npy", "theirs.json"):
            watcher.wait(IN_DELETE, name)

    def test_a_removed_part_is_told_alone(self):
        np.save(self.path("wm/part.npy"), PATTERN)
        os.stat(self.path("wm/part.json"))
        watcher = self.watch("wm")
        self.redis.hdel("wm:part", "pattern")
        watcher.wait(IN_DELETE, "part.npy")
        self.assertTrue(os.path.exists(self.path("wm/part.json")))
        self.assertEqual(watcher.count(IN_DELETE, "part.json"), 0)

    def test_each_removal_is_told_once(self):
        """Also where the mount's own users remove, whose removals the server
        tells of as of everybody's."""
        watcher = self.watch("wm")
        names = []
        for turn in range(30):
            np.save(self.path(f"wm/once{turn}.npy"), PATTERN)
            for end in ("npy", "json"):
                names.append(f"once{turn}.{end}")
                os.remove(self.path("wm", names[-1]))
        self.keep("last")
        self.redis.delete("wm:last")
        for name in ("last.npy", "last.json"):
            watcher.wait(IN_DELETE, name)
        counts = {name: watcher.count(IN_DELETE, name) for name in names}
        self.assertEqual(counts, dict.fromkeys(names, 1))

    def test_a_rename_is_no_removal(self):
        np.save(self.path("wm/here.npy"), PATTERN)
        os.stat(self.path("wm/here.json"))
        watcher = self.watch("wm")
        for end in ("npy", "json"):
            os.rename(self.path(f"wm/here.{end}"),
                      self.path(f"wm/there.{end}"))
        os.listdir(self.path("wm"))
        self.redis.delete("wm:there")
        for name in ("there.npy", "there.json"):
            watcher.wait(IN_DELETE, name)
        for name in ("here.npy", "here.json"):
            self.assertEqual(watcher.count(IN_DELETE, name), 0)

    def test_an_open_file_stays_readable(self):
        np.save(self.path("wm/open.npy"), LARGE)
        watcher = self.watch("wm")
        with open(self.path("wm/open.npy"), "rb") as file:
            mapped = np.load(self.path("wm/open.npy"), mmap_mode="r")
            self.redis.pexpire("wm:open", 300)
            watcher.wait(IN_DELETE, "open.npy")
            self.assertEqual(file.read(), npy_bytes(LARGE))
            self.assertEqual(mapped.tobytes(), LARGE.tobytes())
            np.save(self.path("wm/open.npy"), PATTERN)
            self.assert_same_array(np.load(self.path("wm/open.npy")), PATTERN)
            self.assertEqual(mapped.tobytes(), LARGE.tobytes())

    def test_a_name_is_not_taken_from_who_writes_it_anew(self):
        for _ in range(20):
            self.store("contested", 30)
            os.path.exists(self.path("wm/contested.npy"))
            with open(self.path("wm/contested.npy"), "wb") as file:
                time.sleep(0.03)
                file.write(npy_bytes(LARGE))
            self.assert_same_array(np.load(self.path("wm/contested.npy")),
                                   LARGE)

    def test_many_at_once_are_all_told(self):
        watcher = self.watch("wm")
        for turn in range(150):
            self.store(f"many{turn}", 60000)
        eventually(lambda: "many149.npy" in os.listdir(self.path("wm")))
        for turn in range(150):
            self.redis.pexpire(f"wm:many{turn}", 300)
        for turn in range(150):
            for end in ("npy", "json"):
                watcher.wait(IN_DELETE, f"many{turn}.{end}")


class WatchingAlone(WatchCase):
    """A single thread serves the mount."""

    arguments = ("-s",)

    test_expired = Watching.test_an_expired_record_is_told
    test_removed = Watching.test_what_another_client_removes_is_told
    test_many = Watching.test_many_at_once_are_all_told


class ReadOnly(WatchCase):
    """Nothing can be unlinked there: the names vanish all the same."""

    options = ("ro",)

    def test_an_expired_record_vanishes(self):
        self.keep("brief")
        path = self.path("wm/brief.npy")
        self.redis.pexpire("wm:brief", 300)
        eventually(lambda: not os.path.exists(path))
        self.assertNotIn("brief.npy", os.listdir(self.path("wm")))


class Ends(ServerCase):
    """Mounts that end while records expire."""

    def setUp(self):
        self.mounted = self.make_mount()
        self.addCleanup(self.mounted._discard)
        for turn in range(300):
            self.store(f"ends{turn}", 200 + turn)
        os.listdir(self.mounted("wm"))

    def children(self):
        return [int(pid) for pid in subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self.mounted.pid())],
            stdout=subprocess.PIPE, text=True, check=True).stdout.split()]

    def test_by_a_signal(self):
        self.mounted.end_by(signal.SIGTERM)

    def test_by_a_lazy_unmount_with_an_open_file(self):
        self.store("held", 60000)
        with open(self.mounted("wm/held.npy"), "rb") as file:
            subprocess.run(["fusermount3", "-u", "-z", self.mounted.path],
                           check=True, timeout=PATIENCE)
            self.assertEqual(file.read(), npy_bytes(PATTERN))
        self.mounted._ended_well()

    def test_by_being_killed(self):
        children = self.children()
        os.kill(self.mounted.pid(), signal.SIGKILL)
        self.mounted.process.wait(PATIENCE)
        eventually(lambda: not any(map(harness.is_running, children)))

    def test_names_vanish_without_the_helper(self):
        for pid in self.children():
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: not [name for name in
                                os.listdir(self.mounted("wm"))
                                if name.startswith("ends")])
        self.mounted.unmount()


class Underneath(ServerCase):
    """What is not the mount is left alone, whatever it is called."""

    def test_a_file_below_a_mount_that_is_gone_stays(self):
        mounted = self.make_mount()
        self.addCleanup(mounted._discard)
        self.store("below", 60000)
        eventually(lambda: os.path.exists(mounted("wm/below.npy")))
        with open(mounted("wm/below.npy"), "rb"):
            subprocess.run(["fusermount3", "-u", "-z", mounted.path],
                           check=True, timeout=PATIENCE)
            os.mkdir(mounted("wm"))
            harness.write_bytes(mounted("wm/below.npy"), b"mine")
            self.redis.delete("wm:below")
            time.sleep(0.3)
            self.assertEqual(read_bytes(mounted("wm/below.npy")), b"mine")


class Kept(WatchCase):
    """Pages, attributes and numbers in the kernel."""

    arguments = ("-d",)

    def requests(self, opcode):
        return self.mount.log().count(f"opcode: {opcode} (")

    def reads_of(self, path):
        """READ requests that reading the file makes."""
        before = self.requests("READ")
        read_bytes(path)
        return self.requests("READ") - before

    def stay(self, path, change):
        """Pages stay while the record is the same, and go when it is not."""
        self.assertGreater(self.reads_of(path), 0)
        eventually(lambda: self.reads_of(path) == 0)
        change()
        eventually(lambda: np.load(path)[0] == 7)
        eventually(lambda: self.reads_of(path) == 0)

    def test_pages_of_a_pattern_stay_while_it_is_the_same(self):
        path = self.path("wm/pages.npy")
        np.save(path, LARGE)
        changed = LARGE.copy()
        changed[0] = 7
        self.stay(path, lambda: self.redis.hset("wm:pages", "pattern",
                                                npy_bytes(changed)))

    def test_pages_of_an_embedding_stay(self):
        path = self.path("concepts/pages.npy")
        np.save(path, LARGE)
        changed = LARGE.copy()
        changed[0] = 7
        self.stay(path, lambda: np.save(path, changed))

    def test_pages_of_a_data_set_stay(self):
        path = self.path("activations/reservoir_states/pages.npy")
        np.save(path, LARGE)
        changed = LARGE.copy()
        changed[0] = 7
        self.stay(path, lambda: np.save(path, changed))

    def test_pages_that_were_refused_do_not_stay(self):
        path = self.path("wm/refused.npy")
        np.save(path, LARGE)
        read_bytes(path)
        file = os.open(path, os.O_RDWR)
        os.pwrite(file, b"nonsense", 0)
        self.assertEqual(os.pread(file, 8, 0), b"nonsense")
        with self.assertRaises(OSError) as caught:
            os.close(file)
        self.assertEqual(caught.exception.errno, errno.EINVAL)
        eventually(lambda: read_bytes(path) == npy_bytes(LARGE))

    def test_inode_numbers_are_the_same_after_a_remount(self):
        np.save(self.path("wm/number.npy"), PATTERN)
        np.save(self.path("concepts/number.npy"), PATTERN)
        names = ["wm", "wm/number.npy", "wm/number.json",
                 "concepts/number.npy", "concepts/number.json"]
        before = [os.stat(self.path(name)).st_ino for name in names]
        listed = {entry.name: entry.inode()
                  for entry in os.scandir(self.path("wm"))}
        self.assertEqual(listed["number.npy"], before[1])
        self.mount.remount()
        self.assertEqual([os.stat(self.path(name)).st_ino for name in names],
                         before)


if __name__ == "__main__":
    harness.main()
