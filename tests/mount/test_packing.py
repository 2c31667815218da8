#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Arrays that are packed while they are written: whatever way the bytes come,
h5py reads what was written."""

import io
import os

import numpy as np

import harness
import spec

RANDOM = np.random.default_rng(11)
MEBIBYTE = 1 << 20


def file_of(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def big(dtype="f8", shape=(700, 1111)):
    return (RANDOM.normal(size=shape) * 100).astype(dtype)


def write(mount, name, steps):
    path = os.path.join(mount.path, "network_states", name, "adjacency.npy")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    try:
        for offset, data in steps:
            if data is None:
                os.ftruncate(fd, offset)
            while data:
                written = os.pwrite(fd, data, offset)
                offset += written
                data = data[written:]
    finally:
        os.close(fd)
    return path


class Packing(harness.MountCase):
    @classmethod
    def make_mount(cls):
        return harness.Mount()

    def write(self, name, steps):
        return write(self.mount, name, steps)

    def check(self, name, path, array):
        self.assert_same_array(np.load(path), array)
        with spec.open_file(self.mount.hdf5, "r") as file:
            data = file[f"network_states/topology/{name}/adjacency"]
            self.assertTrue(data.fletcher32 and data.shuffle)
            self.assert_same_array(data[()], array)

    def test_bytes_that_come_in_order(self):
        for i, (dtype, shape) in enumerate([
                ("f8", (700, 1111)), ("i2", (3_000_001,)), ("f4", (3, 500, 401)),
                (">f8", (600, 999)), ("u1", (5_000_000,)), ("f8", (2, 400_000)),
                ("c16", (300, 999)), ("f8", (0, 7))]):
            array = big(dtype, shape)
            name = f"order{i}"
            raw = file_of(array)
            path = self.write(name, [(0, raw[:50]), (50, raw[50:MEBIBYTE - 3]),
                                     (MEBIBYTE - 3, raw[MEBIBYTE - 3:])])
            self.check(name, path, array)

    def test_columns_first(self):
        array = np.asfortranarray(big())
        self.check("fortran", self.write("fortran", [(0, file_of(array))]), array)

    def test_bytes_that_are_written_again(self):
        first, second = file_of(big()), file_of(big())
        middle = 3 * MEBIBYTE
        mixed = first[:middle] + second[middle:middle + 999] + first[middle + 999:]
        path = self.write("again", [(0, first), (middle, second[middle:middle + 999])])
        self.check("again", path, np.load(io.BytesIO(mixed)))

        path = self.write("anew", [(0, first), (0, second)])
        self.check("anew", path, np.load(io.BytesIO(second)))

        path = self.write("cut", [(0, first), (0, None), (0, second)])
        self.check("cut", path, np.load(io.BytesIO(second)))

        path = self.write("shorter", [(0, first), (middle, None),
                                      (middle, second[middle:])])
        self.check("shorter", path, np.load(
            io.BytesIO(first[:middle] + second[middle:])))

    def test_bytes_from_the_end(self):
        array = big()
        raw = file_of(array)
        cuts = [0, 128, MEBIBYTE, 2 * MEBIBYTE + 17, len(raw)]
        parts = [(a, raw[a:b]) for a, b in zip(cuts, cuts[1:])]
        self.check("back", self.write("back", parts[::-1]), array)

    def test_another_array_through_the_same_file(self):
        path = self.write("same", [(0, file_of(big()))])
        array = big("i8", (900, 1001))
        with open(path, "r+b") as file:
            file.truncate(0)
            file.write(file_of(array))
            file.flush()
            os.close(os.dup(file.fileno()))  # a commit in between
        self.check("same", path, array)


class Compressions(harness.unittest.TestCase):
    def test_every_compression_is_read_back(self):
        array = big()
        for compression in ("zstd", "lzf", "szip", "auto", "none"):
            mount = harness.Mount("hdf5.compression=" + compression)
            self.addCleanup(mount.discard)
            path = write(mount, "a", [(0, file_of(array))])
            mount.remount()
            np.testing.assert_array_equal(np.load(path), array)
            mount.unmount()


if __name__ == "__main__":
    harness.main()
