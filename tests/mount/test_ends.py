# SPDX-License-Identifier: MIT
"""How a mount ends: with files open, under load, lazily, and by a crash.
Nobody hangs, nothing that was acknowledged is lost, no process stays, and the
next mount works."""

import errno
import os
import signal
import subprocess
import threading
import time
import unittest

import numpy as np

import harness
from harness import Mount, PATIENCE, npy_bytes

ARRAY = np.arange(1000.0)
WHOLE = npy_bytes(ARRAY)
COLLECTIONS = ("wm", "concepts", "activations/reservoir_states")
# A segmentation fault is to end the daemon, not to be reported.
CRASHES = {name: "handle_segv=0:handle_abort=0"
           for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS")}


def state_of(pid):
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rsplit(")", 1)[1].split()[0]


def name_of(pid):
    with open(f"/proc/{pid}/comm") as file:
        return file.read().strip()


def write_some(file):
    os.write(file, WHOLE[:len(WHOLE) // 2])


class Writer(threading.Thread):
    """Writes records until the mount is gone, and knows which are stored."""

    def __init__(self, mount, collection):
        super().__init__(daemon=True)
        self.mount = mount
        self.collection = collection
        self.stored = 0
        self.under_way = 0
        self.failure = None

    def path(self, number):
        return self.mount(self.collection, f"k{number}.npy")

    def run(self):
        try:
            while True:
                self.under_way = self.stored + 1
                np.save(self.path(self.under_way), ARRAY + self.under_way)
                self.stored = self.under_way
        except OSError as failure:
            self.failure = failure

    def check(self):
        """The first ones are there, whole."""
        for number in range(1, self.stored + 1):
            found = np.load(self.path(number))
            if not np.array_equal(found, ARRAY + number):
                raise AssertionError(self.path(number))


class Reader(threading.Thread):
    """Reads and lists until the mount is gone."""

    def __init__(self, mount):
        super().__init__(daemon=True)
        self.mount = mount
        self.failure = None

    def run(self):
        try:
            while True:
                for collection in COLLECTIONS:
                    for name in os.listdir(self.mount(collection)):
                        path = self.mount(collection, name)
                        try:
                            harness.read_bytes(path)
                        except FileNotFoundError:
                            pass
        except OSError as failure:
            self.failure = failure


class Ends(unittest.TestCase):
    def start(self, **keywords):
        self.mount = Mount(**keywords)
        self.addCleanup(self.mount.discard)
        return self.mount

    def helpers(self):
        """Whatever the mount has started: the herald, Redis."""
        return [pid for pid, _ in harness.processes_of(
            self.mount.directory, self.mount.store)
            if pid != self.mount.process.pid]

    def daemon_ends(self, code=0):
        self.assertEqual(self.mount.process.wait(4 * PATIENCE), code)
        left = harness.eventually_none(self.helpers)
        self.assertEqual(left, [], harness.processes_of(
            self.mount.directory, self.mount.store))

    def load(self, name):
        return np.load(self.mount(name))

    def assert_gone(self, call, *arguments):
        with self.assertRaises(OSError) as caught:
            call(*arguments)
        self.assertIn(caught.exception.errno,
                      (errno.ENOTCONN, errno.ECONNABORTED))

    def detach(self, program=("fusermount3", "-u", "-z")):
        subprocess.run([*program, self.mount.path], check=True,
                       timeout=PATIENCE)

    # Unmounting with open files

    def test_a_mount_that_is_in_use_stays(self):
        self.start()
        file = os.open(self.mount("wm/a.npy"), os.O_RDWR | os.O_CREAT)
        write_some(file)
        done = subprocess.run(["fusermount3", "-u", self.mount.path],
                              stderr=subprocess.PIPE, text=True)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("busy", done.stderr.lower())
        os.write(file, WHOLE[len(WHOLE) // 2:])
        os.close(file)
        self.assertTrue(np.array_equal(self.load("wm/a.npy"), ARRAY))
        self.mount.unmount()

    def end_lazily(self, *program):
        self.start()
        for collection in COLLECTIONS:
            np.save(self.mount(collection, "old.npy"), ARRAY)
        old = [os.open(self.mount(collection, "old.npy"), os.O_RDONLY)
               for collection in COLLECTIONS]
        new = [os.open(self.mount(collection, "new.npy"),
                       os.O_WRONLY | os.O_CREAT)
               for collection in COLLECTIONS]
        for file in new:
            write_some(file)
        self.detach(program)
        self.assertFalse(harness.is_mounted(self.mount.path))
        self.assertEqual(os.listdir(self.mount.path), [])
        for file in old:
            self.assertEqual(os.pread(file, len(WHOLE) + 1, 0), WHOLE)
        for file in new:
            os.write(file, WHOLE[len(WHOLE) // 2:])
        self.assertIsNone(self.mount.process.poll())
        for file in old + new:
            os.close(file)
        self.daemon_ends()
        self.mount.start_again()
        for collection in COLLECTIONS:
            for name in ("old.npy", "new.npy"):
                self.assertTrue(np.array_equal(
                    self.load(f"{collection}/{name}"), ARRAY))
        self.mount.unmount()

    def test_fusermount_z_lets_open_files_finish(self):
        self.end_lazily("fusermount3", "-u", "-z")

    @unittest.skipIf(os.geteuid(), "umount is root's")
    def test_umount_l_lets_open_files_finish(self):
        self.end_lazily("umount", "-l")

    def test_what_open_files_hold_at_a_signal_is_stored_or_kept(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number):
                self.signal_with_open_files(number)

    def signal_with_open_files(self, number):
        self.start()
        whole = os.open(self.mount("concepts/whole.npy"),
                        os.O_WRONLY | os.O_CREAT)
        os.write(whole, WHOLE)
        half = os.open(self.mount("concepts/half.npy"),
                       os.O_WRONLY | os.O_CREAT)
        write_some(half)
        os.kill(self.mount.process.pid, number)
        self.daemon_ends()
        for file in (whole, half):
            self.assert_gone(os.close, file)
        self.assertFalse(harness.is_mounted(self.mount.path))
        self.mount.start_again()
        self.assertTrue(np.array_equal(self.load("concepts/whole.npy"),
                                       ARRAY))
        self.assertFalse(os.path.exists(self.mount("concepts/half.npy")))
        self.assertIn(WHOLE[:len(WHOLE) // 2],
                      self.mount.rejected().values())
        self.assertEqual([event["path"] for event in self.mount.errors()],
                         ["/concepts/half.npy"])
        self.mount.unmount()

    # Ends under load

    def under_load(self):
        writers = [Writer(self.mount, collection)
                   for collection in COLLECTIONS]
        users = writers + [Reader(self.mount) for _ in range(3)]
        for user in users:
            user.start()
        harness.eventually(lambda: all(writer.stored > 5 for writer in
                                       writers), 4 * PATIENCE, "records")
        return writers, users

    def all_end(self, users):
        for user in users:
            user.join(4 * PATIENCE)
            self.assertFalse(user.is_alive(), "a client hangs")
            self.assertIn(user.failure.errno, (
                errno.ENOTCONN, errno.ECONNABORTED, errno.EIO,
                errno.ENOENT, errno.EINTR), user.failure)

    def end_under_load(self, number, code=0):
        writers, users = self.under_load()
        os.kill(self.mount.process.pid, number)
        self.daemon_ends(code)
        self.all_end(users)
        self.mount.start_again()
        for writer in writers:
            writer.check()
        self.mount.unmount()

    def test_sigterm_under_load_loses_nothing(self):
        self.start()
        self.end_under_load(signal.SIGTERM)

    def test_sigint_under_load_loses_nothing(self):
        self.start()
        self.end_under_load(signal.SIGINT)

    def test_a_crash_under_load_loses_nothing(self):
        self.start(env=CRASHES)
        self.end_under_load(signal.SIGSEGV, -signal.SIGSEGV)

    # Crashes

    def clients(self):
        """Programs that wait, each for another kind of request.  They are
        there before this one has files open: a child that is made later closes
        them, and that is a request, too."""
        mount = self.mount
        clients = [subprocess.Popen(
            ["sh", "-c", 'read go; exec "$@"', "sh", *command],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL) for command in (
                ["cat", mount("wm/a.npy")],
                ["cat", mount("concepts/a.npy")],
                ["cp", "/etc/passwd", mount("wm/new.tmp")],
                ["dd", "if=/dev/zero", "of=" + mount("concepts/b.npy")],
                ["ls", "-l", mount("episodes")],
                ["stat", mount("episodes/1.json")],
                ["mv", mount("wm/a.npy"), mount("wm/b.npy")],
                ["rm", "-f", mount("concepts/old.npy")],
                ["sync", "-f", mount("wm/a.npy")])]
        for client in clients:
            self.addCleanup(client.kill)
        return clients

    def block(self, clients):
        """In the middle of their requests."""
        os.kill(self.mount.process.pid, signal.SIGSTOP)
        for client in clients:
            client.stdin.write(b"go\n")
            client.stdin.flush()
        for client in clients:
            harness.eventually(lambda: name_of(client.pid) != "sh" and
                               state_of(client.pid) in "SDZ")

    def crash(self, number):
        mount = self.start(env=CRASHES)
        for name in ("wm/a.npy", "concepts/a.npy", "concepts/old.npy"):
            np.save(mount(name), ARRAY)
        clients = self.clients()
        reader = os.open(mount("concepts/a.npy"), os.O_RDONLY)
        writer = os.open(mount("concepts/c.npy"), os.O_WRONLY | os.O_CREAT)
        write_some(writer)
        self.block(clients)
        os.kill(mount.process.pid, number)
        os.kill(mount.process.pid, signal.SIGCONT)
        self.daemon_ends(-number)
        for client in clients:
            client.communicate(timeout=4 * PATIENCE)  # it does not hang
        self.assert_gone(os.listdir, mount.path)
        self.assert_gone(os.stat, mount("concepts/other.npy"))
        self.assert_gone(os.pread, reader, 10, 0)
        self.assert_gone(os.write, writer, b"more")
        self.assert_gone(os.close, writer)
        self.check_advice()
        mount.start_again()  # over the dead one
        self.assertTrue(np.array_equal(self.load("concepts/a.npy"), ARRAY))
        os.close(reader)
        mount.unmount()

    def check_advice(self):
        """Where fusermount3 is not found."""
        done = harness.run_engramfs(self.mount.store, self.mount.path,
                                    env={"PATH": "/nowhere"})
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"fusermount3 -uz '{self.mount.path}'", done.stderr)

    def test_after_sigkill_nobody_hangs_and_a_new_mount_works(self):
        self.crash(signal.SIGKILL)

    def test_after_a_crash_nobody_hangs_and_a_new_mount_works(self):
        for number in (signal.SIGSEGV, signal.SIGABRT):
            with self.subTest(number):
                self.crash(number)

    def test_in_the_background_helpers_end_with_the_daemon(self):
        mount = self.start(background=True)
        np.save(mount("wm/a.npy"), ARRAY)
        pid = mount.pid()
        self.assertGreaterEqual(len(self.helpers()), 2)
        os.kill(pid, signal.SIGKILL)
        self.assertEqual(harness.eventually_none(self.helpers), [])
        self.assert_gone(os.listdir, mount.path)
        self.mount.start_again()
        self.assertTrue(np.array_equal(self.load("wm/a.npy"), ARRAY))
        mount.unmount()

    def test_an_unmount_waits_for_nobody_when_redis_hangs(self):
        mount = self.start()
        np.save(mount("wm/a.npy"), ARRAY)
        server = mount.redis().info()["process_id"]
        os.kill(server, signal.SIGSTOP)
        try:
            start = time.monotonic()
            os.kill(mount.process.pid, signal.SIGTERM)
            self.assertEqual(mount.process.wait(4 * PATIENCE), 0)
            print(f"ended after {time.monotonic() - start:.1f} s")
        finally:
            try:
                os.kill(server, signal.SIGCONT)
            except ProcessLookupError:
                pass
        self.assertEqual(harness.eventually_none(self.helpers), [])


if __name__ == "__main__":
    harness.main()
