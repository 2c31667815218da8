# SPDX-License-Identifier: MIT
"""What the mount tests stand on: stores, mounts and servers of their own.

A test file defines unittest cases and ends with `harness.main()`.  Stored data
are judged by numpy, h5py, redis-py, sqlite3 and pickle; nothing here knows how
engramfs works inside.
"""

import contextlib
import ctypes
import ctypes.util
import io
import errno
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import zlib

import numpy as np
import redis

BIN = os.environ.get("ENGRAMFS_BIN", os.path.join(
    os.path.dirname(__file__), "..", "..", "build", "bin"))
ENGRAMFS = os.path.join(os.path.abspath(BIN), "engramfs")
ENGRAMCTL = os.path.join(os.path.abspath(BIN), "engramctl")
LEGACY = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                      "..", "data", "legacy")
SKIPPED = 77


def is_built_with(*sanitizers):
    """What the daemon's memory and speed say depends on it."""
    try:
        with open(ENGRAMFS, "rb") as file:
            content = file.read()
    except OSError:
        return False
    return any(f"__{name}_init".encode() in content for name in sanitizers)


# Seconds; sanitizers on a busy machine are slow.
PATIENCE = 120.0 if is_built_with("tsan") else 30.0


def main():
    if not os.path.exists("/dev/fuse") or not shutil.which("fusermount3"):
        print("no FUSE here")
        sys.exit(SKIPPED)
    if not shutil.which("redis-server"):
        print("no redis-server here")
        sys.exit(SKIPPED)
    unittest.main(verbosity=2)


def eventually(condition, seconds=PATIENCE, what="condition"):
    """The first true value of condition(), asked again and again."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.01)


def eventually_none(question, seconds=PATIENCE):
    """The last answer of question(), asked until it is empty or time is up."""
    end = time.monotonic() + seconds
    while True:
        answer = question()
        if not answer or time.monotonic() > end:
            return answer
        time.sleep(0.01)


@contextlib.contextmanager
def writing(save, first=5):
    """Beside the block a thread calls save(0), save(1) and so on.  The numbers
    that are done; FIRST of them are when the block begins."""
    stop = threading.Event()
    written = []
    failures = []

    def write():
        try:
            while not stop.is_set():
                save(len(written))
                written.append(len(written))
        except BaseException as failure:
            failures.append(failure)
    writer = threading.Thread(target=write)
    writer.start()
    try:
        eventually(lambda: failures or len(written) >= first, what="writes")
        yield written
    finally:
        stop.set()
        writer.join()
        if failures:
            raise failures[0]


# Processes

def clean_environment(extra=None):
    """This environment without settings of engramfs, with sanitizers that
    write reports to files (set by Mount)."""
    prefixes = ("REDIS_", "SQLITE_", "HDF5_", "ENGRAMFS_")
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith(prefixes)}
    environment.update(extra or {})
    return environment


def processes_of(*directories):
    """Processes whose command line names one of directories, or that work in
    one."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                command = file.read().replace(b"\0", b" ").decode(
                    errors="replace").strip()
            cwd = os.readlink(f"/proc/{pid}/cwd")
        except OSError:
            continue
        if int(pid) != os.getpid() and any(
                directory in command or (cwd + "/").startswith(directory + "/")
                for directory in directories):
            found.append((int(pid), command))
    return found


def is_running(pid):
    """It is there, and no zombie that nobody has waited for."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def end_with_parent():
    """In a child: it is asked to end when this process is killed."""
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def is_mounted(path):
    with open("/proc/self/mountinfo") as file:
        return any(line.split()[4] == path for line in file)


def run_engramfs(*arguments, env=None, cwd=None, timeout=PATIENCE):
    """Run engramfs to its end (of the parent, where it goes on behind)."""
    return subprocess.run([ENGRAMFS, *arguments], text=True, timeout=timeout,
                          stdin=subprocess.DEVNULL, cwd=cwd,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env=clean_environment(env))


def ctl(*arguments, answer=""):
    """Run engramctl to its end."""
    return subprocess.run([ENGRAMCTL, *arguments], text=True, input=answer,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=PATIENCE)


def unmount(path):
    """A mount is busy for the moment in which an expired name is removed."""
    eventually(lambda: subprocess.run(["fusermount3", "-u", path],
                                      stderr=subprocess.DEVNULL,
                                      timeout=PATIENCE).returncode == 0,
               what="unmount")


def parent_of(pid):
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rsplit(")", 1)[1].split()[1])


class RedisServer:
    """A redis-server on a socket in a temporary directory."""

    def __init__(self, *arguments):
        self.directory = tempfile.mkdtemp(prefix="engramfs-redis-")
        self.socket = os.path.join(self.directory, "redis.sock")
        self.process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.socket,
             "--dir", self.directory, "--save", "", "--appendonly", "no",
             *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            preexec_fn=end_with_parent)
        self.client = redis.Redis(unix_socket_path=self.socket)
        try:
            eventually(lambda: os.path.exists(self.socket))
            eventually(self.answers, what="redis-server")
        except BaseException:
            self.close()
            raise

    def answers(self):
        try:
            return self.client.ping()
        except redis.AuthenticationError:
            return True
        except redis.ConnectionError:
            self.client.connection_pool.disconnect()
            return False

    def close(self):
        self.client.connection_pool.disconnect()
        self.process.terminate()
        self.process.wait(PATIENCE)
        shutil.rmtree(self.directory)


# Mounts

class Mount:
    """A mounted store; a store of its own unless one is given.  FILL puts
    something into the directory before it is mounted.  Unless COUNTING, what
    is read is not counted, so that tests can read without changing."""

    def __init__(self, *options, store=None, fill=None, background=False,
                 env=None, arguments=(), counting=False):
        self.directory = tempfile.mkdtemp(prefix="engramfs-test-")
        self.store = store or os.path.join(self.directory, "store")
        self.path = os.path.join(self.directory, "mnt")
        os.makedirs(self.store, exist_ok=True)
        os.mkdir(self.path)
        if fill:
            fill(self.store)
        self.background = background
        self.process = None
        self.clients = []
        self.stderr = open(os.path.join(self.directory, "stderr"), "w+")
        self.command = [ENGRAMFS, self.store, self.path, *arguments]
        for option in (() if counting else ("noatime",)) + options:
            self.command += ["-o", option]
        if not background:
            self.command.append("-f")
        reports = os.path.join(self.directory, "sanitizer")
        self.environment = clean_environment({
            "ASAN_OPTIONS": f"log_path={reports}:exitcode=99",
            "UBSAN_OPTIONS": f"log_path={reports}:print_stacktrace=1",
            "TSAN_OPTIONS": f"log_path={reports}:exitcode=99",
            **(env or {})})
        try:
            self._start()
        except BaseException:
            self._discard()
            raise

    def _start(self):
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.DEVNULL, stdout=self.stderr,
            stderr=self.stderr, env=self.environment,
            preexec_fn=None if self.background else end_with_parent)
        if self.background:
            if self.process.wait(PATIENCE) != 0:
                raise AssertionError(f"engramfs failed: {self.log()}")
            return
        eventually(self._answers, what="mount")

    def _answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"engramfs ended: {self.log()}")
        try:
            return is_mounted(self.path) and os.listdir(self.path)
        except OSError as error:  # what a killed daemon left behind
            if error.errno != errno.ENOTCONN:
                raise
            return False

    def log(self):
        self.stderr.flush()
        with open(self.stderr.name) as file:
            return file.read()

    def __call__(self, *parts):
        """A path below the mount point."""
        return os.path.join(self.path, *parts)

    def control(self, name):
        with open(self(".engram", name)) as file:
            return file.read()

    def errors(self):
        """The lines of errors.jsonl, oldest first."""
        return [json.loads(line)
                for line in self.control("errors.jsonl").splitlines()]

    def rejected(self):
        """Names and bytes below .engram/rejected."""
        directory = self(".engram", "rejected")
        contents = {}
        for name in os.listdir(directory):
            with open(os.path.join(directory, name), "rb") as file:
                contents[name] = file.read()
        return contents

    def run_job(self, line):
        """Write a command to .engram/control; its job, once that has ended."""
        file = os.open(self(".engram", "control"), os.O_RDWR)
        try:
            os.write(file, line.encode() + b"\n")
            os.fsync(file)
            number = json.loads(os.pread(file, 4096, 0))["job"]
        finally:
            os.close(file)
        path = self(".engram", "jobs", f"{number}.json")

        def look():
            job = read_json(path)
            return job["state"] not in ("queued", "running") and job
        return eventually(look, 4 * PATIENCE, what=line)

    def redis(self):
        """A client of the embedded server."""
        client = redis.Redis(unix_socket_path=os.path.join(
            self.store, "redis", "redis.sock"))
        self.clients.append(client)
        return client

    @property
    def database(self):
        return os.path.join(self.store, "godly_ai.db")

    @property
    def hdf5(self):
        return os.path.join(self.store, "godly_ai_data.h5")

    def unmount(self):
        """Unmount, and see that the daemon ends well."""
        self._end(lambda: unmount(self.path))

    def end_by(self, signal_number):
        """Send the daemon a signal, and see that it ends well."""
        self._end(lambda: os.kill(self.pid(), signal_number))

    def remount(self):
        """Unmount, see that the daemon ended well, and mount again."""
        self._end(lambda: unmount(self.path), True)
        try:
            self._start()
        except BaseException:
            self._discard()
            raise

    def start_again(self):
        """Mount the store of a daemon that was killed."""
        self._start()

    def discard(self):
        """For addCleanup: end what a failed test has left."""
        if os.path.exists(self.directory):
            self._discard()

    def _end(self, how, keep=False):
        for client in self.clients:
            client.connection_pool.disconnect()
        try:
            how()
            self._ended_well()
        except BaseException:
            self._discard()
            raise
        if not keep:
            self._discard()

    def pid(self):
        """Of the daemon."""
        if not self.background:
            return self.process.pid
        pids = [pid for pid, command in processes_of(self.directory, self.store)
                if command.startswith(ENGRAMFS)]
        return next(pid for pid in pids if parent_of(pid) not in pids)

    def _ended_well(self):
        if not self.background:
            code = self.process.wait(PATIENCE)
            if code != 0:
                raise AssertionError(
                    f"engramfs ended with {code}: {self.log()}"
                    f"{self._sanitizer_reports()}")
        left = eventually_none(
            lambda: processes_of(self.directory, self.store))
        if left:
            raise AssertionError(f"left-over processes: {left}")
        if is_mounted(self.path):
            raise AssertionError("still mounted")
        reports = self._sanitizer_reports()
        if reports or "runtime error" in self.log():
            raise AssertionError(f"{reports}{self.log()}")

    def _sanitizer_reports(self):
        text = ""
        for name in os.listdir(self.directory):
            if name.startswith("sanitizer"):
                with open(os.path.join(self.directory, name)) as file:
                    text += file.read()
        return text

    def _discard(self):
        """Whatever happened: nothing stays behind."""
        if is_mounted(self.path):
            subprocess.run(["fusermount3", "-u", "-z", self.path],
                           timeout=PATIENCE)
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for pid, _ in processes_of(self.directory, self.store):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.stderr.close()
        shutil.rmtree(self.directory, ignore_errors=True)


class MountCase(unittest.TestCase):
    """Tests that share one mount, `self.mount`."""

    options = ()
    counting = False

    @classmethod
    def make_mount(cls):
        return Mount(*cls.options, counting=cls.counting)

    @classmethod
    def setUpClass(cls):
        cls.mount = cls.make_mount()

    @classmethod
    def tearDownClass(cls):
        cls.mount.unmount()

    def path(self, *parts):
        return self.mount(*parts)

    def assert_same_array(self, left, right):
        self.assertEqual(left.dtype, right.dtype)
        self.assertEqual(left.shape, right.shape)
        self.assertEqual(left.tobytes(), right.tobytes())

    def assert_refused(self, path, content, errno_number):
        """Writing content to path fails when the file is closed."""
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            os.write(file, content)
        finally:
            with self.assertRaises(OSError) as caught:
                os.close(file)
        self.assertEqual(caught.exception.errno, errno_number)


# Files

def npy_bytes(array):
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def read_bytes(path):
    with open(path, "rb") as file:
        return file.read()


def write_bytes(path, content):
    with open(path, "wb") as file:
        file.write(content)


def read_json(path):
    def refuse(name):
        raise ValueError(f"{path}: {name} is not strict JSON")

    with open(path, encoding="utf-8") as file:
        return json.load(file, parse_constant=refuse)


def write_json(path, value):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file)


def edit_json(path, **changes):
    """Read, change and write back, as `jq . f > g && cat g > f` does."""
    value = read_json(path)
    value.update(changes)
    write_json(path, value)


# Stored bytes

def zstd_decompress(stored):
    library = ctypes.CDLL(ctypes.util.find_library("zstd") or "libzstd.so.1")
    library.ZSTD_getFrameContentSize.restype = ctypes.c_ulonglong
    library.ZSTD_decompress.restype = ctypes.c_size_t
    size = library.ZSTD_getFrameContentSize(stored,
                                            ctypes.c_size_t(len(stored)))
    assert size < 1 << 40, "a frame without its content's size"
    buffer = ctypes.create_string_buffer(size or 1)
    written = library.ZSTD_decompress(buffer, ctypes.c_size_t(size), stored,
                                      ctypes.c_size_t(len(stored)))
    assert written == size
    return buffer.raw[:size]


def unpack(stored):
    if stored[:4] == b"\x28\xb5\x2f\xfd":
        return zstd_decompress(stored)
    if stored[:1] == b"\x78":
        return zlib.decompress(stored)
    return stored


def decode(stored):
    """What Redis and SQLite hold: npy, pickle or JSON, perhaps packed."""
    content = unpack(stored)
    if content[:6] == b"\x93NUMPY":
        return np.load(io.BytesIO(content), allow_pickle=False)
    if content[:1] == b"\x80":
        return pickle.loads(content)
    return json.loads(content)
