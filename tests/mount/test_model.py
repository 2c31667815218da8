# SPDX-License-Identifier: MIT
"""Random sequences of system calls do to files here what they do to plain ones.

The same calls go to a file on the mount and to a plain file beside the store;
results and contents must be equal.  The seed is printed; ENGRAMFS_SEED=N
repeats a run."""

import mmap
import os
import random
import tempfile
import unittest

import numpy as np

import calls
import harness
from harness import npy_bytes, read_bytes, write_bytes

SEED = int(os.environ.get("ENGRAMFS_SEED", random.SystemRandom().getrandbits(32)))
SCRATCH_STEPS = 1600  # in each of three places
RECORD_STEPS = 1300   # on each of four records
SIZE_MAX = 40000
HEADER = 128


class Pair:
    """One file on the mount and its plain twin, open through descriptors of
    the same flags."""

    def __init__(self, path, twin, rng):
        self.paths = (path, twin)
        self.rng = rng
        self.files = []
        self.mapped = None
        self.log = []

    def both(self, what, function):
        """Call FUNCTION for each of the two, and compare."""
        self.log.append(what)
        here, there = (self.outcome(function, which) for which in (0, 1))
        if here != there:
            raise AssertionError(
                f"seed {SEED}, {self.paths[0]}: {what}: {here!r:.200} is not "
                f"{there!r:.200}; before it: {self.log[-9:-1]}")

    @staticmethod
    def outcome(function, which):
        try:
            return function(which)
        except OSError as error:
            return error.errno

    def open(self, flags):
        self.files.append([os.open(path, flags) for path in self.paths])
        self.log.append(f"open {flags:o}")

    def close(self):
        self.unmap()
        for pair in self.files:
            for file in pair:
                os.close(file)
        self.files = []
        self.log.append("close")

    def unmap(self):
        if self.mapped:
            for mapping in self.mapped:
                mapping.close()
        self.mapped = None

    def size(self):
        return os.stat(self.paths[1]).st_size

    def place(self, low=0, high=SIZE_MAX):
        """An offset, often at an edge of a page or of the file."""
        edges = [edge + off for edge in (0, 4096, 8192, self.size())
                 for off in (-1, 0, 1)]
        place = self.rng.choice(edges) if self.rng.random() < 0.3 \
            else self.rng.randrange(low, high)
        return min(max(place, low), high - 1)

    def bytes(self, limit=SIZE_MAX):
        size = min(self.rng.choice((1, 10, 1000, 5000)), limit)
        return self.rng.randbytes(self.rng.randrange(size) + 1)

    # One step each.

    def read(self):
        pair = self.rng.choice(self.files)
        place, size = self.place(), self.rng.choice((1, 100, 4096, 20000))
        self.both(f"pread {place} {size}",
                  lambda which: os.pread(pair[which], size, place))

    def write(self, low=0, high=SIZE_MAX):
        pair = self.rng.choice(self.files)
        place = self.place(low, high)
        data = self.bytes(high - place)
        self.both(f"pwrite {place} {len(data)}",
                  lambda which: os.pwrite(pair[which], data, place))

    def sync(self):
        pair = self.rng.choice(self.files)
        self.both("fsync", lambda which: os.fsync(pair[which]))

    def seek(self):
        pair = self.rng.choice(self.files)
        self.both("lseek", lambda which: os.lseek(pair[which], 0, os.SEEK_END))

    def status(self):
        pair = self.rng.choice(self.files)
        self.both("fstat", lambda which: os.fstat(pair[which]).st_size)

    def map(self):
        """A new shared mapping of all, while the last goes."""
        self.unmap()
        if self.size():
            self.log.append("mmap")
            self.mapped = [mmap.mmap(file, 0) for file in self.files[0]]

    def through_map(self, low=0):
        if not self.mapped or len(self.mapped[1]) <= low:
            return self.map()
        place = self.place(low, len(self.mapped[1]))
        data = self.bytes(len(self.mapped[1]) - place)
        self.both(f"map[{place}:+{len(data)}]",
                  lambda which: self.mapped[which][place:place + len(data)])

        def change(which):
            self.mapped[which][place:place + len(data)] = data
        self.both(f"map[{place}:+{len(data)}] =", change)
        return None

    def compare(self):
        self.both("read all",
                  lambda which: read_bytes(self.paths[which]))


class ScratchPair(Pair):
    """Any number of descriptors, sizes as they come."""

    def reopen(self):
        if len(self.files) > 2 or self.rng.random() < 0.3:
            self.close()
            self.compare()
            self.open(os.O_RDWR)
            return
        self.open(self.rng.choice((os.O_RDWR, os.O_WRONLY, os.O_RDONLY,
                                   os.O_WRONLY | os.O_APPEND,
                                   os.O_RDWR | os.O_APPEND)))

    def empty(self):
        self.unmap()
        self.open(os.O_RDWR | os.O_TRUNC)

    def truncate(self):
        self.unmap()
        pair, size = self.rng.choice(self.files), self.place()
        self.both(f"ftruncate {size}",
                  lambda which: os.ftruncate(pair[which], size))

    def truncate_path(self):
        self.unmap()
        size = self.place()
        self.both(f"truncate {size}",
                  lambda which: os.truncate(self.paths[which], size))

    def allocate(self):
        pair, place = self.rng.choice(self.files), self.place()
        mode, size = self.rng.choice((
            (0, 3000), (calls.FALLOC_KEEP_SIZE, 3000),
            (calls.FALLOC_KEEP_SIZE | calls.FALLOC_PUNCH_HOLE, 5000)))
        self.both(f"fallocate {mode} {place} {size}",
                  lambda which: calls.fallocate(pair[which], mode, place, size))

    def rename(self):
        moved = tuple(path + ".moved" for path in self.paths)
        self.both("rename",
                  lambda which: os.rename(self.paths[which], moved[which]))
        self.both("rename back",
                  lambda which: os.rename(moved[which], self.paths[which]))

    def run(self, steps):
        weights = {self.read: 30, self.write: 30, self.through_map: 15,
                   self.reopen: 8, self.truncate: 6, self.truncate_path: 2,
                   self.status: 4, self.seek: 2, self.sync: 1, self.empty: 1,
                   self.allocate: 3, self.rename: 2}
        self.open(os.O_RDWR | os.O_CREAT)
        for step in self.rng.choices(list(weights), weights.values(), k=steps):
            step()
        self.close()
        self.compare()


class RecordPair(Pair):
    """One writer, whose bytes are an npy file again whenever they are
    committed; readers keep the version that they opened."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.old = None
        self.full = self.size()

    def reopen(self):
        self.drop_old()
        self.close()
        self.compare()
        if self.rng.random() < 0.5:
            self.old = os.open(self.paths[0], os.O_RDONLY)
            self.old_content = read_bytes(self.paths[1])
        self.open(os.O_RDWR)

    def drop_old(self):
        if self.old is None:
            return
        content = b"".join(os.pread(self.old, 5000, place)
                           for place in range(0, self.full, 5000))
        os.close(self.old)
        self.old = None
        if content != self.old_content:
            raise AssertionError(f"seed {SEED}: a reader lost its version")

    def replace(self):
        """All anew, through a descriptor that only writes."""
        data = read_bytes(self.paths[1])[:HEADER] + \
            self.rng.randbytes(self.full - HEADER)
        self.close()
        self.both("replace",
                  lambda which: write_bytes(self.paths[which], data))
        self.compare()
        self.open(os.O_RDWR)

    def cut_and_fill(self):
        """Cut somewhere, and fill up again before anybody commits."""
        self.unmap()
        size = self.place(HEADER, self.full)
        data = self.rng.randbytes(self.full - size)
        pair = self.files[0]
        self.both(f"ftruncate {size}",
                  lambda which: os.ftruncate(pair[which], size))
        self.both("fstat", lambda which: os.fstat(pair[which]).st_size)
        self.both("pread", lambda which: os.pread(pair[which], 9999, 20))
        if self.rng.random() < 0.5:
            self.both(f"ftruncate {self.full}",
                      lambda which: os.ftruncate(pair[which], self.full))
        else:
            self.both(f"pwrite {size} {len(data)}",
                      lambda which: os.pwrite(pair[which], data, size))

    def run(self, steps):
        weights = {self.read: 30, lambda: self.write(HEADER, self.full): 30,
                   lambda: self.through_map(HEADER): 20, self.reopen: 4,
                   self.replace: 2, self.cut_and_fill: 5, self.status: 4,
                   self.seek: 3, self.sync: 2}
        self.open(os.O_RDWR)
        for step in self.rng.choices(list(weights), weights.values(), k=steps):
            step()
        self.drop_old()
        self.close()
        self.compare()


class Model(harness.MountCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        print("seed", SEED, flush=True)

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="engramfs-model-")
        self.addCleanup(directory.cleanup)
        self.twin = os.path.join(directory.name, "twin")

    def check_scratch(self, place):
        rng = random.Random(f"{SEED} {place}")
        os.makedirs(os.path.dirname(self.path(place)), exist_ok=True)
        ScratchPair(self.path(place), self.twin, rng).run(SCRATCH_STEPS)

    def check_record(self, place):
        rng = random.Random(f"{SEED} {place}")
        array = np.frombuffer(rng.randbytes(20000), "u1").reshape(100, 200)
        os.makedirs(os.path.dirname(self.path(place)), exist_ok=True)
        np.save(self.path(place), array)
        write_bytes(self.twin, npy_bytes(array))
        RecordPair(self.path(place), self.twin, rng).run(RECORD_STEPS)
        self.assert_same_array(np.load(self.path(place)), np.load(self.twin))

    def test_scratch_files_beside_patterns(self):
        self.check_scratch("wm/x.tmp")

    def test_scratch_files_beside_episodes(self):
        self.check_scratch("episodes/x.tmp")

    def test_scratch_files_inside_a_snapshot(self):
        self.check_scratch("network_states/s/x.tmp")

    def test_arrays_in_redis(self):
        self.check_record("wm/x.npy")

    def test_arrays_in_sqlite(self):
        self.check_record("concepts/x.npy")

    def test_arrays_in_hdf5(self):
        self.check_record("network_states/s/weights.npy")

    def test_experiences(self):
        self.check_record("episodes/1.npy")


if __name__ == "__main__":
    harness.main()
