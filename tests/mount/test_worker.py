# SPDX-License-Identifier: MIT
"""The process that has the HDF5 file open: it may end, hang or be stopped, and
the file may be damaged or lead elsewhere."""

import errno
import os
import shutil
import signal
import threading
import unittest

import h5py
import numpy as np

import harness

STATES = "activations/reservoir_states"
TRACES = "learning_traces/plasticity"
HASTY = {"ENGRAMFS_WORKER_PATIENCE": "2"}
MATRIX = np.arange(400000.0).reshape(400, 1000)


def status(mount):
    return harness.read_json(mount(".engram", "status.json"))[
        "backends"]["hdf5"]


def worker(mount):
    """Its process id, or None while there is none."""
    return status(mount)["worker"]["pid"]


def is_stopped(pid):
    """All of its threads."""
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/stat") as file:
            if file.read().rsplit(")", 1)[1].split()[0] != "T":
                return False
    return True


def error_of(function, *arguments):
    """The errno of what it raises, or 0."""
    try:
        function(*arguments)
    except OSError as error:
        return error.errno
    return 0


def head_of(path):
    with open(path, "rb") as file:
        return file.read(1 << 20)


def fresh(path):
    """The array at path, past the kernel's pages."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(file)
    return np.load(path)


class Ends(unittest.TestCase):
    """The worker ends."""

    def setUp(self):
        self.mount = harness.Mount()
        self.addCleanup(self.mount.unmount)

    def test_the_next_call_starts_another(self):
        np.save(self.mount(STATES, "a.npy"), np.arange(3.0))
        first = worker(self.mount)
        os.kill(first, signal.SIGKILL)
        harness.eventually(lambda: not harness.is_running(first))
        np.save(self.mount(STATES, "b.npy"), np.arange(4.0))
        self.assertEqual(np.load(self.mount(STATES, "a.npy")).tolist(),
                         [0, 1, 2])
        self.assertEqual(np.load(self.mount(STATES, "b.npy")).shape, (4,))
        self.assertNotEqual(worker(self.mount), first)
        self.assertEqual(status(self.mount)["worker"]["ends"], 1)
        self.assertEqual(self.mount.log().count("signal 9"), 1)

    def test_after_the_eighth_end_it_rests(self):
        self.mount = harness.Mount(env={"ENGRAMFS_WORKER_PATIENCE": "100"})
        self.addCleanup(self.mount.unmount)
        for _ in range(8):
            self.assertEqual(os.listdir(self.mount(STATES)), [])
            pid = worker(self.mount)
            os.kill(pid, signal.SIGKILL)
            harness.eventually(lambda: not harness.is_running(pid))
        self.assertEqual(error_of(os.listdir, self.mount(STATES)), errno.EIO)
        self.assertIn("again and again", status(self.mount)["detail"])
        self.assertEqual(os.listdir(self.mount("concepts")), [])

    def test_an_open_array_is_read_on(self):
        path = self.mount(STATES, "m.npy")
        np.save(path, MATRIX)
        with open(path, "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
            head = os.pread(file.fileno(), 4096, 0)
            os.kill(worker(self.mount), signal.SIGKILL)
            size = os.fstat(file.fileno()).st_size
            tail = os.pread(file.fileno(), 4096, size - 4096)
        self.assertTrue(head.startswith(b"\x93NUMPY"))
        self.assertEqual(tail, MATRIX.tobytes()[-4096:])

    def test_signals_of_a_terminal_do_not_reach_it(self):
        pid = worker(self.mount)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(pid, number)
        np.save(self.mount(STATES, "a.npy"), np.arange(3.0))
        self.assertEqual(worker(self.mount), pid)

    def test_it_ends_with_the_daemon(self):
        pid = worker(self.mount)
        self.mount.process.kill()
        self.mount.process.wait()
        harness.eventually(lambda: not harness.is_running(pid))
        harness.unmount(self.mount.path)
        self.mount.start_again()

    def test_one_that_is_stopped_is_given_up(self):
        self.mount = harness.Mount(env=HASTY)
        self.addCleanup(self.mount.unmount)
        np.save(self.mount(STATES, "a.npy"), np.arange(3.0))
        pid = worker(self.mount)
        os.kill(pid, signal.SIGSTOP)
        harness.eventually(lambda: is_stopped(pid))
        np.save(self.mount("wm", "x.npy"), np.arange(2.0))
        self.assertIn("a.npy", os.listdir(self.mount(STATES)))
        self.assertFalse(harness.is_running(pid))
        self.assertIn("does not answer", self.mount.log())

    @unittest.skipIf(os.geteuid(), "only root may look into it")
    def test_it_has_no_secret_no_descriptor_and_no_rights(self):
        pid = worker(self.mount)
        with open(f"/proc/{pid}/environ", "rb") as file:
            self.assertNotIn(b"REDIS_PASSWORD", file.read())
        targets = [os.readlink(f"/proc/{pid}/fd/{number}")
                   for number in os.listdir(f"/proc/{pid}/fd")]
        with open(f"/proc/{pid}/status") as file:
            self.assertIn("NoNewPrivs:\t1\n", file.read())
        self.assertFalse([target for target in targets
                          if "fuse" in target or "redis" in target
                          or target.endswith("godly_ai.db")], targets)


class Load(unittest.TestCase):
    """The worker is killed while many write and read."""

    WRITERS = 3
    KILLS = 6

    def write(self, number, stop):
        count = 0
        while not stop.is_set():
            name = f"w{number}_{count}"
            code = error_of(np.save, self.mount(STATES, f"{name}.npy"),
                            np.full(2000, float(count)))
            if code == 0:
                self.acknowledged[name] = float(count)
            else:
                self.codes.add(code)
            count += 1

    def read(self, stop):
        while not stop.is_set():
            for name in list(self.acknowledged)[-3:]:
                code = error_of(np.load, self.mount(STATES, f"{name}.npy"))
                self.codes.add(code)

    def kill(self, ends):
        def killed():
            pid = worker(self.mount)
            if pid is None:
                os.listdir(self.mount(STATES))  # starts one
                return False
            os.kill(pid, signal.SIGKILL)
            return True
        before = len(self.acknowledged)
        harness.eventually(lambda: len(self.acknowledged) > before + 3)
        harness.eventually(killed)
        harness.eventually(lambda: status(self.mount)["worker"]["ends"] > ends)

    def test_what_was_acknowledged_is_there(self):
        self.mount = harness.Mount("hdf5.sync_commits=false")
        self.addCleanup(self.mount.discard)
        self.acknowledged, self.codes = {}, set()
        stop = threading.Event()
        threads = [threading.Thread(target=self.write, args=(i, stop))
                   for i in range(self.WRITERS)]
        threads.append(threading.Thread(target=self.read, args=(stop,)))
        for thread in threads:
            thread.start()
        try:
            for ends in range(self.KILLS):
                self.kill(ends)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertLessEqual(self.codes, {0, errno.EIO})
        for name, value in self.acknowledged.items():
            array = fresh(self.mount(STATES, f"{name}.npy"))
            self.assertTrue((array == value).all() and len(array) == 2000)
        job = self.mount.run_job("verify")
        self.assertEqual((job["state"], job["result"]["problems"]),
                         ("done", []))
        self.mount.unmount()


class Damage(unittest.TestCase):
    """What is in the file is hostile; the other storages do not notice."""

    def mount_with(self, fill):
        mount = harness.Mount(fill=fill, env=HASTY)
        self.addCleanup(mount.unmount)
        return mount

    def use_others(self, mount):
        np.save(mount("wm", "x.npy"), np.arange(2.0))
        np.save(mount("concepts", "c.npy"), np.arange(2.0))
        self.assertEqual(np.load(mount("wm", "x.npy")).tolist(), [0, 1])
        self.assertEqual(np.load(mount("concepts", "c.npy")).tolist(), [0, 1])

    def test_a_file_that_cannot_be_opened_is_eio_until_it_is_mended(self):
        path = os.path.join(harness.LEGACY, "godly_ai_data.h5")

        def fill(store):
            with open(path, "rb") as file:
                half = file.read()[:200000]
            with open(os.path.join(store, "godly_ai_data.h5"), "wb") as file:
                file.write(half)
        mount = self.mount_with(fill)
        self.assertEqual(error_of(os.listdir, mount(STATES)), errno.EIO)
        self.assertEqual(status(mount)["state"], "unavailable")
        self.assertIn("damaged", status(mount)["detail"])
        self.use_others(mount)
        os.statvfs(mount.path)
        shutil.copy(path, mount.hdf5)
        names = harness.eventually(
            lambda: error_of(os.listdir, mount(STATES)) == 0
            and os.listdir(mount(STATES)), 3 * harness.PATIENCE)
        self.assertTrue(names)
        self.assertEqual(status(mount)["state"], "healthy")

    def test_nothing_outside_of_the_file_is_read(self):
        mount = self.mount_with(None)
        secret = os.path.join(mount.directory, "secret")
        raw = os.path.join(mount.directory, "raw")
        np.save(mount(TRACES, "inside.npy"), np.arange(3.0))
        with h5py.File(secret, "w") as file:
            file["trace"] = np.full(8, 4711.0)
        np.full(8, 4711.0).tofile(raw)

        def write_hostile():
            try:
                with h5py.File(mount.hdf5, "r+") as file:
                    self.add_hostile(file[TRACES], secret, raw)
                    return True
            except BlockingIOError:
                return False
        harness.eventually(write_hostile)
        listed = harness.eventually(
            lambda: [name for name in os.listdir(mount(TRACES))
                     if name == "inside.npy"])
        self.assertEqual(listed, ["inside.npy"])
        for name in ("link", "raw", "view", "cycle"):
            self.assertIn(error_of(head_of, mount(TRACES, f"{name}.npy")),
                          (errno.ENOENT, errno.EIO), name)
        error_of(head_of, mount(TRACES, "huge.npy"))
        job = mount.run_job("verify")
        self.assertIn(job["state"], ("done", "failed"))
        self.assertEqual(np.load(mount(TRACES, "inside.npy")).tolist(),
                         [0, 1, 2])

    def add_hostile(self, group, secret, raw):
        group["link"] = h5py.ExternalLink(secret, "/trace")
        group["cycle"] = h5py.SoftLink(group.name + "/cycle")
        group.create_dataset("raw", (8,), "f8",
                             external=[(raw, 0, h5py.h5f.UNLIMITED)])
        layout = h5py.VirtualLayout((8,), "f8")
        layout[:] = h5py.VirtualSource(secret, "trace", (8,))
        group.create_virtual_dataset("view", layout)
        group.create_dataset("huge", (1 << 40,), "f8", chunks=(1 << 28,),
                             compression="gzip")


if __name__ == "__main__":
    harness.main()
