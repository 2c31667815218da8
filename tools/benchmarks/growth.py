# SPDX-License-Identifier: MIT
"""How cost grows with the number of records and the size of arrays."""

import math
import os
import random
import sys
import time

import h5py
import numpy as np

import directories
import measure
from stand import Stand, plain

SAMPLE = 200  # records that are read or written at each size
QUESTIONS = 20  # that are asked, each with 50 answers
LONGEST = 330  # seconds; a size that would take longer is left out


class Series:
    """Seconds of one operation at each size, on logarithmic axes."""

    def __init__(self, name, unit):
        self.name = name
        self.unit = unit  # of the sizes
        self.points = []  # (size, seconds)

    def time(self, size, work):
        start = time.perf_counter()
        work()
        self.points.append((size, time.perf_counter() - start))

    @property
    def slope(self):
        """Of the line through the points: 0 constant, 1 linear."""
        x, y = zip(*((math.log10(size), math.log10(seconds))
                     for size, seconds in self.points))
        return float(np.polyfit(x, y, 1)[0]) if len(x) > 1 else 0.0

    def as_json(self):
        return {"name": self.name, "unit": self.unit, "points": self.points,
                "slope": self.slope}


def affordable(sizes):
    """SIZES, as long as the cost of the last one promises an end."""
    for size, larger in zip(sizes, sizes[1:] + [0]):
        start = time.monotonic()
        yield size
        expected = (time.monotonic() - start) * larger / size
        if expected > LONGEST:
            print(f"left out {larger:.0e}: about {expected:.0f} s",
                  file=sys.stderr)
            return


def fill_traces(stand, count):
    """HDF5 records, as h5py writes them to the file that the mount has made;
    the mount has let go of it."""
    os.listdir(stand.path("learning_traces/plasticity"))
    time.sleep(measure.SETTLE)
    with h5py.File(stand.mount.hdf5, "r+") as file:
        group = file["learning_traces/plasticity"]
        for number in range(count):
            trace = group.create_dataset(f"trace{number}", data=np.zeros(8))
            trace.attrs["timestamp"] = 1.7e9 + number


def asking(stand):
    for number in range(QUESTIONS):
        question = f"min_score=0.{number + 1:02}&limit=50&order=score"
        found = os.listdir(stand.path("views/episodes/where", question))
        if len(found) != 50:
            raise AssertionError(f"{question}: {len(found)} answers")


def records(what, collection, fill, name, sizes, ask=None):
    """List; read and write SAMPLE records among SIZE; ask questions."""
    listing = Series(f"list all {what}", "records")
    reading = Series(f"read {SAMPLE} {what}", "records")
    writing = Series(f"write {SAMPLE} {what}", "records")
    questions = Series(f"ask for 50 {what}, {QUESTIONS} times", "records")
    for size in affordable(sizes):
        with Stand() as stand:
            fill(stand, size)
            stand.drop()
            time.sleep(measure.SETTLE)
            listing.time(size, lambda: plain("list", stand.path(collection)))
            chosen = random.Random(1).sample(range(1, size), SAMPLE)

            def read():
                for number in chosen:
                    with open(stand.path(collection, name(number)),
                              "rb") as file:
                        file.read()

            def write():
                for number in range(SAMPLE):
                    np.save(stand.path(collection,
                                       f"{10**8 + number}.npy"), np.zeros(8))

            reading.time(size, read)
            writing.time(size, write)
            if ask:
                questions.time(size, lambda: ask(stand))
    return [listing, reading, writing] + ([questions] if ask else [])


def arrays(sizes):
    """Save and load, cold, an array of SIZE bytes in HDF5."""
    saving = Series("numpy.save an array", "bytes")
    loading = Series("numpy.load it, cold", "bytes")
    row = np.random.default_rng(5).integers(0, 100, 2**17)  # 1 MiB
    for size in affordable(sizes):
        with Stand() as stand:
            directory = stand.path("network_states", "grown")
            path = os.path.join(directory, "weights.npy")
            array = np.tile(row, (size // row.nbytes, 1))
            os.mkdir(directory)
            saving.time(size, lambda: np.save(path, array))
            del array
            stand.cold()
            loading.time(size, lambda: np.load(path))
    return [saving, loading]


def series(quick):
    counts = [10**3, 10**4] if quick else [10**3, 10**4, 10**5, 10**6]
    sizes = [2**20, 2**24] if quick else [2**20, 2**24, 2**28, 2**32]
    yield from records("episodes", "episodes", directories.fill_episodes,
                       lambda number: f"{number}.json", counts, asking)
    yield from records("patterns", "wm", directories.fill_patterns,
                       lambda number: f"pattern{number}.npy", counts)
    # h5py takes minutes to make a million groups' worth.
    yield from records("traces", "learning_traces/plasticity", fill_traces,
                       lambda number: f"trace{number}.npy", counts[:3])
    yield from arrays(sizes)
