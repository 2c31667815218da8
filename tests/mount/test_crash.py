# SPDX-License-Identifier: MIT
"""The daemon is killed while everything is being written to.  What was
acknowledged before is there after the next mount, whole; what was not is as it
was, or as it was to be.

ENGRAMFS_KILLS is how often, ENGRAMFS_SEED repeats a run.
"""

import os
import random
import signal
import subprocess
import sys
import threading
import time
import unittest

import h5py
import numpy as np

import harness
from harness import Mount, PATIENCE

KILLS = int(os.environ.get("ENGRAMFS_KILLS", 50))
SEED = int(os.environ.get("ENGRAMFS_SEED", random.SystemRandom().randrange(
    1 << 32)))
KEYS = 6


def array_of(number):
    return np.full(100 + number * 37 % 5000, float(number))


def save_array(path, number):
    np.save(path, array_of(number))


def load_array(path):
    array = np.load(path)
    number = int(array[0])
    if not np.array_equal(array, array_of(number)):
        raise AssertionError(f"{path}: half of {number}")
    return number


def save_performance(path, number):
    harness.write_json(path, {"task_type": "crash",
                              "metrics": {"a": number, "b": -number}})


def load_performance(path):
    metrics = harness.read_json(path)["metrics"]
    if metrics["b"] != -metrics["a"]:
        raise AssertionError(f"{path}: {metrics}")
    return int(metrics["a"])


def save_event(path, number):
    harness.write_json(path, {
        "task_type": "crash", "performance_delta": float(number),
        "strategy_used": "s", "parameters": {"n": -number}})


def load_event(path):
    event = harness.read_json(path)
    if event["parameters"]["n"] != -event["performance_delta"]:
        raise AssertionError(f"{path}: {event}")
    return int(event["performance_delta"])


# collection, name of a key's file, how it is written and read, may be renamed
KINDS = [
    ("wm", "k{}.npy", save_array, load_array, True),
    ("concepts", "k{}.npy", save_array, load_array, True),
    ("learning_events", "{}.json", save_event, load_event, False),
    ("activations/reservoir_states", "k{}.npy", save_array, load_array, True),
    ("learning_traces/performance", "k{}.json", save_performance,
     load_performance, True),
    ("network_states/k", "{}.npy", save_array, load_array, False),
]
LAYERS = ("adjacency", "weights", "states")


class Writer:
    """One thread that changes one collection, and what it knows of it:
    STATE was acknowledged, NEXT is what is under way leads to."""

    def __init__(self, mount, kind, seed):
        self.collection, self.name, self.save, self.load, self.moves = kind
        self.mount = mount
        self.random = random.Random(seed)
        self.names = [self.name.format(i + 1) for i in range(KEYS)]
        if self.collection.startswith("network_states"):
            self.names = [self.name.format(layer) for layer in LAYERS]
            os.mkdir(mount(self.collection))
        self.state = dict.fromkeys(self.names)
        self.next = self.state
        self.number = 0
        self.acknowledged = 0
        self.failure = None

    def path(self, name):
        return self.mount(self.collection, name)

    def step(self):
        here = [name for name in self.names if self.state[name]]
        name = self.random.choice(self.names)
        dice = self.random.random()
        after = dict(self.state)
        if dice < 0.1 and name in here:
            after[name] = None
            act = lambda: os.unlink(self.path(name))  # noqa: E731
        elif dice < 0.2 and self.moves and name in here:
            to = self.random.choice(self.names)
            after[to], after[name] = after[name], None
            if to == name:
                return
            act = lambda: os.rename(self.path(name),  # noqa: E731
                                    self.path(to))
        else:
            self.number += 1
            after[name] = self.number
            act = lambda: self.save(self.path(name),  # noqa: E731
                                    after[name])
        self.next = after
        act()
        self.state = after
        self.acknowledged += 1

    def run(self, killed):
        try:
            while not killed.is_set():
                self.step()
        except Exception as error:
            if not killed.is_set():
                self.failure = error

    def found(self):
        numbers = {}
        for name in self.names:
            try:
                numbers[name] = self.load(self.path(name))
            except FileNotFoundError:
                numbers[name] = None
        return numbers

    def check(self):
        found = self.found()
        if found not in (self.state, self.next):
            raise AssertionError(
                f"{self.collection}: found {found}, acknowledged "
                f"{self.state}, under way {self.next}")
        self.state = self.next = found


def read_hdf5(path):
    """Every data set of the file, once the daemon has let go of it."""
    def look():
        try:
            return h5py.File(path, "r")
        except BlockingIOError:
            return None
    with harness.eventually(look, what="HDF5 file") as file:
        file.visititems(lambda name, item: isinstance(item, h5py.Dataset)
                        and item[()])


def make_newest_format(store):
    with h5py.File(os.path.join(store, "godly_ai_data.h5"), "w",
                   libver="latest") as file:
        file.create_group("activations/reservoir_states")


class Crash(unittest.TestCase):
    def start(self, fill=None):
        self.mount = Mount(fill=fill)
        self.addCleanup(self.mount.discard)

    def kill(self):
        os.kill(self.mount.process.pid, signal.SIGKILL)
        self.mount.process.wait(PATIENCE)
        harness.eventually(lambda: not self.workers(), what="its worker's end")

    def workers(self):
        return [pid for pid, command in
                harness.processes_of(self.mount.store)
                if command.startswith("engramfs-worker")]

    def control(self, *arguments):
        done = subprocess.run(
            [harness.ENGRAMCTL, *arguments], text=True, timeout=PATIENCE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(done.returncode, 0, done.stdout)

    def remount(self, recovered):
        """The HDF5 file is sound after the next mount, or before, once it was
        recovered by hand."""
        subprocess.run(["fusermount3", "-u", "-z", self.mount.path],
                       timeout=PATIENCE)
        if recovered:
            self.control(self.mount.store, "recover")
            read_hdf5(self.mount.hdf5)
        self.mount.start_again()
        read_hdf5(self.mount.hdf5)

    def run_until_killed(self, writers, seconds):
        """Threads that write until the daemon is gone."""
        killed = threading.Event()
        threads = [threading.Thread(target=writer.run, args=(killed,))
                   for writer in writers]
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        killed.set()
        self.kill()
        for thread in threads:
            thread.join(PATIENCE)
        for writer in writers:
            if writer.failure:
                raise AssertionError(writer.collection) from writer.failure

    def logs(self):
        path = os.path.join(self.mount.store, "redis", "redis.log")
        server = harness.read_bytes(path).decode()
        return f"{self.mount.log()[-2000:]}\n{server[-2000:]}"

    def test_nothing_acknowledged_is_lost_and_nothing_is_half_there(self):
        print(f"{KILLS} kills, ENGRAMFS_SEED={SEED}", file=sys.stderr)
        dice = random.Random(SEED)
        self.start()
        writers = [Writer(self.mount, kind, dice.random()) for kind in KINDS]
        for kill in range(KILLS):
            self.run_until_killed(writers, 0.02 + 0.3 * dice.random())
            try:
                self.remount(recovered=kill % 2 == 0)
                for writer in writers:
                    writer.check()
            except Exception as error:
                raise AssertionError(f"kill {kill}: {self.logs()}") from error
        self.control(self.mount.path, "verify")
        total = sum(writer.acknowledged for writer in writers)
        undone = self.mount.log().count("broken off")
        print(f"{total} acknowledged changes, {undone} undone",
              file=sys.stderr)
        self.mount.unmount()

    def is_left_open(self, path):
        """Save, and end all of it before the file is closed again: what is
        idle for a moment is."""
        workers = self.workers()
        save_array(path, 1)
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
        self.kill()
        try:
            read_hdf5(self.mount.hdf5)
        except OSError:
            return True
        self.remount(recovered=False)
        return False

    def test_a_file_of_the_newest_format_opens_again(self):
        self.start(make_newest_format)
        path = self.mount("activations/reservoir_states/a.npy")
        harness.eventually(lambda: self.is_left_open(path), 6 * PATIENCE)
        self.remount(recovered=False)
        self.assertEqual(load_array(path), 1)
        save_array(path, 2)
        self.mount.unmount()


if __name__ == "__main__":
    harness.main()
