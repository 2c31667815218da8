# SPDX-License-Identifier: MIT
"""Large arrays in HDF5, as the Python classes store them, beside h5py."""

import os
import tempfile
import time

import h5py
import numpy as np

import measure
import spec
from measure import Way
from stand import Stand


class Arrays:
    """The arrays of one run; QUICK ones are 16 times smaller."""

    def __init__(self, quick):
        random = np.random.default_rng(1)
        side = 1024 if quick else 4096
        spikes = 10**6 if quick else 10**7
        self.matrix = random.normal(size=(side, side))
        self.adjacency = (random.random((side, side)) < 0.05).astype(np.int64)
        self.spikes = np.cumsum(random.exponential(0.001, spikes))
        self.rows = random.integers(0, side, 50 if quick else 1000)
        self.rounds = 5

    def fill(self, store):
        path = os.path.join(store, "godly_ai_data.h5")
        with h5py.File(path, "a") as file:
            group = file.create_group("spike_trains/raw_data/train")
            spec.store_array(group, "spike_times", self.spikes)
            group.attrs["timestamp"] = time.time()
        spec.store_network_snapshot(
            path, "net", time.time(),
            {"adjacency": self.adjacency, "weights": self.matrix,
             "states": self.matrix[:4]}, {})


PLACES = {
    "matrix": ("network_states/net/weights.npy",
               "network_states/weights/net/weights"),
    "adjacency": ("network_states/net/adjacency.npy",
                  "network_states/topology/net/adjacency"),
    "spikes": ("spike_trains/train/spike_times.npy",
               "spike_trains/raw_data/train/spike_times"),
}


def h5py_read(stand, name):
    with spec.open_file(stand.mount.hdf5, "r") as file:
        return file[PLACES[name][1]][()]


def cold_load(stand, arrays, name, work, target):
    path = stand.path(PLACES[name][0])
    return measure.compare(
        arrays.rounds, Way(lambda: np.load(path), stand.cold),
        Way(lambda: h5py_read(stand, name), stand.drop),
        work=work, peer="h5py", target=target, unit="MB",
        amount=getattr(arrays, name).nbytes / 1e6)


def warm_load(stand, arrays):
    path = stand.path(PLACES["matrix"][0])
    with tempfile.NamedTemporaryFile(dir="/dev/shm", suffix=".npy") as copy:
        np.save(copy, arrays.matrix)
        copy.flush()
        np.load(path)
        return measure.compare(
            arrays.rounds + 2, Way(lambda: np.load(path)),
            Way(lambda: np.load(copy.name)),
            ("memcpy", Way(arrays.matrix.copy)),
            work="warm numpy.load of the matrix", peer="numpy.load, tmpfs",
            target=0.8, unit="MB", amount=arrays.matrix.nbytes / 1e6)


def random_rows(stand, arrays):
    path = stand.path(PLACES["matrix"][0])

    def through_mount():
        matrix = np.load(path, mmap_mode="r")
        return [matrix[row].sum() for row in arrays.rows]

    def through_h5py():
        with spec.open_file(stand.mount.hdf5, "r") as file:
            matrix = file[PLACES["matrix"][1]]
            return [matrix[row].sum() for row in arrays.rows]

    return measure.compare(
        1, Way(through_mount, stand.cold), Way(through_h5py, stand.drop),
        work=f"{len(arrays.rows)} random rows, mmap_mode='r', cold",
        peer="h5py slicing", target=2, unit="rows", amount=len(arrays.rows))


def save(stand, arrays, how, target):
    """numpy.save to a returned close."""
    numbers = iter(range(1000))

    def through_mount():
        directory = stand.path(f"network_states/new{next(numbers)}")
        os.mkdir(directory)
        np.save(os.path.join(directory, "weights.npy"), arrays.matrix)

    def through_h5py():
        with spec.open_file(stand.mount.hdf5, "a") as file:
            group = file.create_group(f"network_states/weights/"
                                      f"h5py{next(numbers)}")
            spec.store_array(group, "weights", arrays.matrix)

    # What h5py leaves to the kernel is not the mount's to write with its own.
    return measure.compare(
        arrays.rounds, Way(through_mount, os.sync),
        Way(through_h5py, os.sync),
        work=f"numpy.save of the matrix, {how}", peer="h5py gzip 6",
        target=target, unit="MB", amount=arrays.matrix.nbytes / 1e6)


def rows(quick, peaks):
    arrays = Arrays(quick)
    size = f"{arrays.matrix.nbytes / 2**20:.0f} MiB"
    with Stand(fill=arrays.fill) as stand:
        yield cold_load(stand, arrays, "matrix",
                        f"cold numpy.load, {size} float64, gzip 6", 3.5)
        yield cold_load(stand, arrays, "adjacency",
                        f"cold numpy.load, {size} 0/1 int64 adjacency", 4)
        yield cold_load(stand, arrays, "spikes",
                        f"cold numpy.load, {len(arrays.spikes)} spike times, "
                        "chunks of 1024", 2.5)
        yield warm_load(stand, arrays)
        yield random_rows(stand, arrays)
        yield save(stand, arrays, "gzip 6", 4)
    peaks.append(stand.peak)
    with Stand("hdf5.compression=zstd") as stand:
        yield save(stand, arrays, "zstd", 20)
    peaks.append(stand.peak)
