# SPDX-License-Identifier: MIT
"""Sizes come from metadata alone, and reading a range takes no more memory
than the range."""

import os
import subprocess
import time
import zlib

import numpy as np

import harness
import spec
from harness import npy_bytes

SHAPE = (16384, 16384)  # of float64: 2 GiB
CHUNK = 1024
SIZE = 128 + 16384 * 16384 * 8
MEGABYTE = 1 << 20


class Sizes(harness.MountCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with spec.open_file(cls.mount.hdf5, "a") as file:
            group = file.create_group("network_states/topology/big")
            group.attrs["timestamp"] = 1.5
            group = file.create_group("network_states/weights/big")
            group.attrs["timestamp"] = 1.5
            group.attrs["shape"] = SHAPE
            data = group.create_dataset(
                "weights", SHAPE, "f8", chunks=(CHUNK, CHUNK),
                compression="gzip")
            for row in range(0, SHAPE[0], CHUNK):
                packed = zlib.compress(
                    np.full((CHUNK, CHUNK), row, "f8").tobytes(), 1)
                for column in range(0, SHAPE[1], CHUNK):
                    data.id.write_direct_chunk((row, column), packed)
        harness.eventually(
            lambda: os.path.exists(cls.mount("network_states/big")), 2)
        cls.big = cls.mount("network_states/big/weights.npy")

    def cpu_seconds(self):
        with open(f"/proc/{self.mount.pid()}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_memory(self):
        with open(f"/proc/{self.mount.pid()}/status") as file:
            return next(int(line.split()[1]) * 1024 for line in file
                        if line.startswith("VmHWM"))

    def forget_peak(self):
        with open(f"/proc/{self.mount.pid()}/clear_refs", "w") as file:
            file.write("5")

    def test_ls_of_a_two_gigabyte_array_reads_no_array(self):
        os.stat(self.big)
        before = self.cpu_seconds()
        self.forget_peak()
        base = self.peak_memory()
        start = time.monotonic()
        listing = subprocess.run(
            ["ls", "-l", os.path.dirname(self.big)], check=True, text=True,
            stdout=subprocess.PIPE).stdout
        self.assertIn(str(SIZE), listing)
        self.assertLess(time.monotonic() - start, 2)
        self.assertLess(self.cpu_seconds() - before, 0.5)
        self.assertLess(self.peak_memory() - base, 32 * MEGABYTE)

    def test_sizes_and_blocks_are_exact(self):
        status = os.stat(self.big)
        self.assertEqual(status.st_size, SIZE)
        self.assertEqual(status.st_blocks, (SIZE + 511) // 512)

    def test_reading_ranges_takes_bounded_memory(self):
        with open(self.big, "rb", buffering=0) as file:
            self.assertEqual(np.lib.format.read_magic(file), (1, 0))
            file.seek(0)
            file.read(4096)
            self.forget_peak()
            base = self.peak_memory()
            for row in (0, 5000, 9999, SHAPE[0] - 1):
                file.seek(128 + row * SHAPE[1] * 8)
                values = np.frombuffer(file.read(SHAPE[1] * 8))
                self.assertTrue((values == row // CHUNK * CHUNK).all(), row)
        self.assertLess(self.peak_memory() - base, 512 * MEGABYTE)

    def test_a_scan_takes_neither_memory_nor_ages(self):
        with open(self.big, "rb", buffering=0) as file:
            file.read(4096)
            self.forget_peak()
            base = self.peak_memory()
            start = time.monotonic()
            for _ in range(32):
                self.assertEqual(len(file.read(MEGABYTE)), MEGABYTE)
        self.assertLess(time.monotonic() - start, harness.PATIENCE)
        self.assertLess(self.peak_memory() - base, 512 * MEGABYTE)

    def test_every_file_has_the_size_of_its_bytes(self):
        for shape in ((), (0,), (1,), (513,), (100, 50)):
            for path in ("wm/size.npy", "concepts/size.npy",
                         "episodes/1.npy", "network_states/size/weights.npy"):
                os.makedirs(os.path.dirname(self.path(path)), exist_ok=True)
                np.save(self.path(path), np.zeros(shape))
                content = npy_bytes(np.zeros(shape))
                self.check(self.path(path), len(content))
        for directory, _, files in os.walk(self.path()):
            for name in files:
                path = os.path.join(directory, name)
                if name != "weights.npy":
                    self.check(path, len(harness.read_bytes(path)))

    def check(self, path, size):
        status = os.stat(path)
        self.assertEqual(status.st_size, size, path)
        self.assertEqual(status.st_blocks, (size + 511) // 512, path)


if __name__ == "__main__":
    harness.main()
