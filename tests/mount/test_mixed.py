# SPDX-License-Identifier: MIT
"""An hour of mixed use in miniature: everybody writes and reads, and all of
the upkeep runs meanwhile.  ENGRAMFS_MIXED_SECONDS makes it longer."""

import errno
import glob
import os
import random
import shutil
import sqlite3
import subprocess
import threading
import time
import unittest

import h5py
import numpy as np

import harness

SECONDS = float(os.environ.get("ENGRAMFS_MIXED_SECONDS", "15"))
KEYS = 12  # names that a writer has

PAIRS = ("wm", "attention", "spike_cache", "concepts", "spike_trains",
         "activations/reservoir_states", "activations/attention_maps",
         "learning_traces/plasticity", "learning_traces/homeostatic")
DIRECTORIES = {"network_states": ("adjacency", "weights", "states"),
               "spike_trains": ("spike_times", "neuron_ids"),
               "activations/layer_outputs": ("input", "deep/output")}
EXPIRING = ("wm", "attention", "spike_cache")
FIELDS = {
    "learning_events": lambda value: {"performance_delta": float(value)},
    "learning_traces/performance": lambda value: {
        "metrics": {"value": float(value)}},
}


def array_of(value):
    """Whole or not at all: its length says what must be in it."""
    return np.full(50 + value % 300, value, dtype="f4")


def value_of(path):
    """What a writer put there; None: nothing, or a new file with a part of
    its bytes."""
    try:
        if path.endswith(".npy"):
            array = np.load(path)
            value = int(array[0])
            whole = np.array_equal(array, array_of(value))
        else:
            fields = harness.read_json(path)
            value = int(fields["metrics"]["value"] if "metrics" in fields
                        else fields["performance_delta"])
            whole = True
    except (FileNotFoundError, EOFError, ValueError):
        return None
    if not whole:
        raise AssertionError(f"{path}: is not whole")
    return value


def has_value(path):
    return path.endswith(".npy") or os.path.dirname(path) in FIELDS


class History:
    """What was written, and when: of each file (begin, end, value)."""

    def __init__(self):
        self.lock = threading.Lock()
        self.files = {}
        self.count = 0

    def note(self, path, begin, value):
        with self.lock:
            self.files.setdefault(path, []).append(
                (begin, time.monotonic(), value))
            self.count += 1

    def last(self, path):
        with self.lock:
            entries = self.files.get(path)
            return entries[-1][2] if entries else None

    def between(self, path, begin, end):
        """What it may have been at a moment between BEGIN and END."""
        values = {None}
        for started, ended, value in self.files.get(path, ()):
            if ended <= begin:
                values = {value}
            elif started < end:
                values.add(value)
        return values


class Worker(threading.Thread):
    """Does its work again and again until the time is up."""

    def __init__(self, stop, seed):
        super().__init__()
        self.stop = stop
        self.random = random.Random(seed)
        self.failure = None

    def run(self):
        try:
            while not self.stop.is_set():
                self.work()
        except BaseException as failure:
            self.failure = failure
            self.stop.set()


class Writer(Worker):
    """Of one collection, whose names it has for itself."""

    def __init__(self, stop, seed, root, history, collection):
        super().__init__(stop, seed)
        self.root = root
        self.history = history
        self.collection = collection
        self.value = seed * 100000

    def next_value(self):
        self.value += 1
        return self.value

    def key(self):
        return f"{self.random.randrange(KEYS)}.5"

    def path(self, name):
        return os.path.join(self.root, self.collection, name)

    def note(self, name, begin, value):
        self.history.note(os.path.join(self.collection, name), begin, value)

    def last(self, name):
        return self.history.last(os.path.join(self.collection, name))

    def save(self, name):
        begin = time.monotonic()
        value = self.next_value()
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        np.save(path, array_of(value))
        self.note(name, begin, value)


class PairWriter(Writer):
    def work(self):
        key = self.key()
        dice = self.random.random()
        if dice < 0.7:
            self.save(key + ".npy")
            if self.collection in EXPIRING:
                os.setxattr(self.path(key + ".npy"), "user.ttl", b"86400")
        elif self.last(key + ".npy") is None:
            return
        elif dice < 0.85:
            self.remove(key)
        else:
            self.rename(key, self.key())

    def remove(self, key):
        begin = time.monotonic()
        os.unlink(self.path(key + ".npy"))
        os.unlink(self.path(key + ".json"))
        self.note(key + ".npy", begin, None)

    def rename(self, old, new):
        begin = time.monotonic()
        value = self.last(old + ".npy")
        if old == new:
            return
        os.rename(self.path(old + ".npy"), self.path(new + ".npy"))
        self.note(old + ".npy", begin, None)
        self.note(new + ".npy", begin, value)


class DirectoryWriter(Writer):
    def work(self):
        key = "d" + self.key()
        arrays = [f"{key}/{name}.npy" for name in
                  DIRECTORIES[self.collection]]
        if self.random.random() < 0.8:
            self.save(self.random.choice(arrays))
        elif os.path.exists(self.path(key)):
            begin = time.monotonic()
            shutil.rmtree(self.path(key))
            for name in arrays:
                self.note(name, begin, None)


class FieldsWriter(Writer):
    def work(self):
        name = f"{self.random.randrange(1, KEYS)}.json"
        begin = time.monotonic()
        value = self.next_value()
        if self.random.random() < 0.8:
            harness.write_json(self.path(name),
                               FIELDS[self.collection](value))
            self.note(name, begin, value)
        elif self.last(name) is not None:
            os.unlink(self.path(name))
            self.note(name, begin, None)


class EpisodeWriter(Writer):
    """New numbers all the time; some are written again."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.numbers = []

    def work(self):
        if self.numbers and self.random.random() < 0.5:
            self.save(self.random.choice(self.numbers))
            return
        begin = time.monotonic()
        value = self.next_value()
        np.save(self.path(f"run{value}.npy"), array_of(value))
        name = os.readlink(self.path(f"run{value}.npy"))
        self.note(name, begin, value)
        self.numbers.append(name)


class Reader(Worker):
    """Whatever it finds is whole.  What it found, and when, is kept in SEEN:
    the writers have not noted everything at that moment."""

    def __init__(self, stop, seed, root):
        super().__init__(stop, seed)
        self.root = root
        self.seen = []  # path, begin, end, value

    def choose(self):
        """A file, or nothing where somebody was faster."""
        path = os.path.join(self.root, self.random.choice(
            [*PAIRS, *DIRECTORIES, *FIELDS, "episodes"]))
        try:
            while os.path.isdir(path):
                path = os.path.join(path, self.random.choice(os.listdir(path)))
            return os.path.realpath(path)
        except (IndexError, FileNotFoundError):
            return None

    def work(self):
        path = self.choose()
        if not path or not has_value(os.path.relpath(path, self.root)):
            return
        # What is gone now may be back the next moment: a name is looked up,
        # and what it led to is opened.
        for _ in range(10):
            begin = time.monotonic()
            value = value_of(path)
            if value is not None or self.stop.wait(0.05):
                break
        if value is not None or not self.stop.is_set():
            self.seen.append((os.path.relpath(path, self.root), begin,
                              time.monotonic(), value))


def run(mount, line):
    """What the command found.  Nothing is forked for it: a child that closes
    what it has inherited commits what a writer has only begun."""
    job = mount.run_job(line)
    if job["state"] != "done":
        raise AssertionError(f"{line}: {job}")
    return job["result"]


class Upkeep(Worker):
    """Everything that looks after a store, round after round."""

    def __init__(self, stop, seed, mount):
        super().__init__(stop, seed)
        self.mount = mount
        self.commands = [name for name in (
            "stats", "backup", "compact", "vacuum", "rotate", "verify",
            "clear-expired") if name in mount.control("control")]
        self.rounds = 0
        self.backups = []  # name, begin, end

    def work(self):
        for name in self.commands:
            begin = time.monotonic()
            result = run(self.mount, name)
            if name == "backup":
                self.backups.append((result["backup"], begin,
                                     time.monotonic()))
        self.rounds += 1


class MixedUse(unittest.TestCase):
    def setUp(self):
        self.server = self.serve()
        self.mount = harness.Mount(f"redis.host={self.server.socket}")
        self.addCleanup(self.mount.unmount)
        self.history = History()

    def serve(self):
        """Redis in memory alone: one that writes to a busy disk does not
        answer for seconds, and then EIO is right."""
        server = harness.RedisServer()
        self.addCleanup(server.close)
        return server

    def workers(self, stop):
        kinds = [*((PairWriter, collection) for collection in PAIRS),
                 *((DirectoryWriter, collection)
                   for collection in DIRECTORIES),
                 *((FieldsWriter, collection) for collection in FIELDS),
                 (EpisodeWriter, "episodes")]
        self.readers = [Reader(stop, seed, self.mount.path)
                        for seed in range(100, 103)]
        self.upkeep = Upkeep(stop, 200, self.mount)
        return [*(kind(stop, seed, self.mount.path, self.history, collection)
                  for seed, (kind, collection) in enumerate(kinds, 1)),
                *self.readers, self.upkeep]

    def mix(self):
        stop = threading.Event()
        workers = self.workers(stop)
        for worker in workers:
            worker.start()
        stop.wait(SECONDS)
        # A slow machine gets as long as one round of the upkeep takes.
        while not stop.is_set() and not self.upkeep.rounds:
            stop.wait(0.1)
        stop.set()
        for worker in workers:
            worker.join()
        for worker in workers:
            if worker.failure:
                raise AssertionError(
                    f"{self.mount.errors()} {self.mount.log()}"
                ) from worker.failure

    def test_nothing_is_lost_and_everything_is_sound(self):
        self.mix()
        self.assertGreater(self.history.count, 100)
        self.check_reads()
        self.assertEqual(run(self.mount, "verify")["problems"], [])
        self.assertEqual(self.mount.errors(), [])
        self.check_files()
        self.check_stores()
        self.check_backup()

    def check_reads(self):
        """Each file was read as it was at some moment of the reading."""
        count = 0
        for reader in self.readers:
            for path, begin, end, value in reader.seen:
                self.assertIn(value, self.history.between(path, begin, end),
                              path)
                count += value is not None
        self.assertGreater(count, 10)

    def expected(self, prefix=""):
        return {path: self.history.last(path) for path in self.history.files
                if path.startswith(prefix)}

    def check_files(self):
        """Each file is what was written last, and there are no others."""
        for path, value in self.expected().items():
            self.assertEqual(value_of(self.mount(path)), value, path)
        found = set()
        for directory, names, files in os.walk(self.mount.path):
            if directory == self.mount.path:
                names.remove("views")
            for name in files:
                path = os.path.join(directory, name)
                if name.endswith(".npy") and not os.path.islink(path):
                    found.add(os.path.relpath(path, self.mount.path))
        self.assertEqual(found, {
            path for path, value in self.expected().items()
            if value is not None and path.endswith(".npy")})

    def check_stores(self):
        """The databases hold as many, as their own libraries count them."""
        def count(prefix):
            return sum(value is not None
                       for value in self.expected(prefix).values())
        client = self.server.client
        for collection, prefix in (("wm/", "wm:*"),
                                   ("attention/", "attention:*"),
                                   ("spike_cache/", "spikes:*")):
            self.assertEqual(len(client.keys(prefix)), count(collection))
        with sqlite3.connect(self.mount.database, timeout=10) as database:
            for table in ("episodes", "concepts", "learning_events"):
                rows, = database.execute(
                    f"SELECT COUNT(*) FROM {table}").fetchone()
                self.assertEqual(rows, count(table + "/"), table)
        database.close()
        self.assertEqual(self.hdf5_keys("learning_traces/plasticity"),
                         count("learning_traces/plasticity/"))
        self.assertEqual(self.hdf5_keys("learning_traces/performance"),
                         count("learning_traces/performance/"))

    def hdf5_keys(self, place):
        """In the file and those that were rotated."""
        keys = set()
        for path in glob.glob(os.path.join(self.mount.store, "*.h5")):
            def look():
                try:
                    return h5py.File(path, "r")
                except BlockingIOError:
                    return None
            with harness.eventually(look, what=path) as file:
                keys.update(file[place])
        return len(keys)

    def check_backup(self):
        """The last one restores, is sound, and holds each file as it was at
        some moment while the backup was made."""
        name, begin, end = self.upkeep.backups[-1]
        backup = os.path.join(self.mount.store, "backups", name)
        store = os.path.join(self.mount.directory, "restored")
        os.mkdir(store)
        subprocess.run([harness.ENGRAMCTL, store, "restore", backup],
                       check=True, stdout=subprocess.DEVNULL)
        restored = harness.Mount(f"redis.host={self.serve().socket}",
                                 store=store)
        try:
            self.assertEqual(run(restored, "verify")["problems"], [])
            for path in self.history.files:
                self.assertIn(value_of(restored(path)),
                              self.history.between(path, begin, end), path)
        finally:
            restored.unmount()


if __name__ == "__main__":
    harness.main()
