# SPDX-License-Identifier: MIT
"""How cost grows with the number of records and the size of arrays."""

import math
import os
import random
import time

import numpy as np

import directories
import measure
from stand import Stand, plain

SAMPLE = 200  # records that are read or written at each size


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


def records(what, collection, fill, name, sizes):
    """List; read and write SAMPLE records among SIZE."""
    listing = Series(f"list all {what}", "records")
    reading = Series(f"read {SAMPLE} {what}", "records")
    writing = Series(f"write {SAMPLE} {what}", "records")
    for size in sizes:
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
    return [listing, reading, writing]


def arrays(sizes):
    """Save and load, cold, an array of SIZE bytes in HDF5."""
    saving = Series("numpy.save an array", "bytes")
    loading = Series("numpy.load it, cold", "bytes")
    row = np.random.default_rng(5).integers(0, 100, 2**17)  # 1 MiB
    for size in sizes:
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
                       lambda number: f"{number}.json", counts)
    yield from records("patterns", "wm", directories.fill_patterns,
                       lambda number: f"pattern{number}.npy", counts)
    yield from arrays(sizes)
