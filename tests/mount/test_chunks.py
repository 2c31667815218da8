#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Arrays in chunks, as h5py stores them: read here and there, at once, and
with one chunk that is damaged."""

import errno
import os
import re
import threading

import h5py
import numpy as np

import harness

RANDOM = np.random.default_rng(5)
MATRIX = RANDOM.normal(size=(1500, 1300))
TIMES = np.sort(RANDOM.random(400000))
BAD = (1024, 0)  # the chunk that is damaged
LONG = (32768, 256)  # of float64: 64 MiB
MEBIBYTE = 1 << 20


def fill(store):
    with h5py.File(os.path.join(store, "godly_ai_data.h5"), "w") as file:
        def add(place, name, array):
            group = file.require_group(place)
            group.attrs["timestamp"] = 1.0
            return group.create_dataset(
                name, data=array, maxshape=(None,) + array.shape[1:],
                chunks=(1024,) * array.ndim, compression="gzip",
                compression_opts=6, shuffle=True, fletcher32=True)
        add("network_states/topology/m", "adjacency", MATRIX)
        add("spike_trains/raw_data/s", "spike_times", TIMES)
        add("spike_trains/raw_data/s", "neuron_ids", np.arange(400000))
        group = file.create_group("network_states/topology/long")
        group.attrs["timestamp"] = 1.0
        long = group.create_dataset("adjacency", LONG, "f8",
                                    chunks=(512, 256), compression="gzip",
                                    compression_opts=1)
        for row in range(0, LONG[0], 512):
            long[row:row + 512] = row
        data = add("network_states/topology/bad", "adjacency", MATRIX).id
        mask, stored = data.read_direct_chunk(BAD)
        flipped = bytearray(stored)
        flipped[1000] ^= 4
        data.write_direct_chunk(BAD, bytes(flipped), mask)


class Chunks(harness.MountCase):
    @classmethod
    def make_mount(cls):
        return harness.Mount(fill=fill)

    def test_whole_arrays_rows_and_elements_are_read(self):
        path = self.path("network_states/m/adjacency.npy")
        self.assert_same_array(np.load(path), MATRIX)
        mapped = np.load(path, mmap_mode="r")
        for row in RANDOM.integers(0, 1500, 100):
            self.assert_same_array(np.array(mapped[row]), MATRIX[row])
        self.assert_same_array(np.array(mapped[:, 1299]), MATRIX[:, 1299])
        self.assert_same_array(np.load(self.path("spike_trains/s/spike_times.npy")),
                               TIMES)

    def test_many_readers_at_once_read_the_same(self):
        failures = []

        def read(name, expected):
            try:
                for _ in range(3):
                    array = np.load(self.path(name))
                    assert array.tobytes() == expected.tobytes(), name
            except Exception as error:
                failures.append(error)
        readers = [threading.Thread(target=read, args=arguments)
                   for arguments in
                   [("network_states/m/adjacency.npy", MATRIX),
                    ("spike_trains/s/spike_times.npy", TIMES)] * 4]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        self.assertEqual(failures, [])

    def test_a_bad_chunk_is_an_error_that_is_named_once(self):
        path = self.path("network_states/bad/adjacency.npy")
        row = 1300 * 8
        with open(path, "rb", buffering=0) as file:
            start = len(file.read(128))
            good = os.pread(file.fileno(), row, start + 500 * row)
            self.assertEqual(good, MATRIX[500].tobytes())
            for _ in range(2):
                with self.assertRaises(OSError) as caught:
                    os.pread(file.fileno(), 8, start + 1200 * row)
                self.assertEqual(caught.exception.errno, errno.EIO)
        lines = [line for line in self.mount.errors()
                 if line["operation"] == "read"]
        self.assertEqual(len(lines), 1, lines)
        self.assertEqual(lines[0]["path"], "/network_states/bad/adjacency.npy")
        for text in ("network_states/topology/bad/adjacency",
                     "the chunk at (1024, 0)", "fletcher32"):
            self.assertIn(text, lines[0]["reason"])

    def memory(self, name):
        with open(f"/proc/{self.mount.pid()}/status") as file:
            return int(re.search(name + r":\s+(\d+) kB", file.read())[1]) * 1024

    def test_who_reads_in_order_needs_no_more_than_what_comes_next(self):
        before = self.memory("VmRSS")
        with open(f"/proc/{self.mount.pid()}/clear_refs", "w") as file:
            file.write("5")  # the peak is what it has now
        array = np.load(self.path("network_states/long/adjacency.npy"))
        self.assertTrue((array == (np.arange(LONG[0]) // 512 * 512)
                         [:, np.newaxis]).all())
        self.assertLess(self.memory("VmHWM") - before, 40 * MEBIBYTE)

    def read_ahead(self):
        """Where the kernel has it, in KiB, of a mount in which a file was
        opened."""
        path = self.path("network_states/m/adjacency.npy")
        device = os.stat(path).st_dev
        with open(path, "rb"):
            return (f"/sys/class/bdi/{os.major(device)}:{os.minor(device)}/"
                    "read_ahead_kb")

    def test_the_kernel_reads_ahead_as_far_as_it_is_told(self):
        path = self.read_ahead()
        if not os.access(path, os.W_OK):
            self.skipTest("only root may set it")
        with open(path) as file:
            self.assertEqual(int(file.read()), 1024)


if __name__ == "__main__":
    harness.main()
