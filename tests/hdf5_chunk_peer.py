# SPDX-License-Identifier: MIT
"""Arrays that are stored in every way that a chunk can be, by h5py.

    hdf5_chunk_peer.py make FILE DIRECTORY    DIRECTORY/<key>.bin: the elements
    hdf5_chunk_peer.py damage FILE HOW        one chunk of the array "damaged"
    hdf5_chunk_peer.py written FILE DIRECTORY NAME FILTERS

Exit status 0: done.
"""
import itertools
import os
import sys
import zlib

import h5py
import numpy as np

RANDOM = np.random.default_rng(11)
FILTERS = {
    "none": {},
    "shuffle": {"shuffle": True},
    "sum": {"fletcher32": True},
    "gzip": {"compression": "gzip", "compression_opts": 4},
    "usual": {"compression": "gzip", "compression_opts": 6, "shuffle": True,
              "fletcher32": True},
    "lzf": {"compression": "lzf", "shuffle": True, "fletcher32": True},
    "scaled": {"scaleoffset": 0},
}
DTYPES = ["i1", "<i2", ">i2", "<f4", "<f8", ">f8", "<c16", "S3", "S7",
          "V11", "?", "<i8"]
# The first axis is as long as SIZE bytes need.
SHAPES = [((), (1024,)), ((), (65536,)), ((501,), (100, 64)),
          ((501,), (1, 501)), ((1400,), (60, 1024)),
          ((30, 290), (7, 30, 50)), ((9, 11, 701), (2, 9, 1, 128))]
SIZE = 1200000


def elements(dtype, shape):
    dtype = np.dtype(dtype)
    count = int(np.prod(shape))
    if dtype.kind in "fc":
        flat = RANDOM.normal(size=count).astype(dtype)
    elif dtype.kind == "b":
        flat = RANDOM.integers(0, 2, count).astype(dtype)
    elif dtype.kind == "i":
        flat = RANDOM.integers(0, 100, count).astype(dtype)
    else:
        data = RANDOM.integers(65, 90, count * dtype.itemsize, "u1")
        flat = np.frombuffer(data.tobytes(), dtype)
    return flat.reshape(shape)


class Maker:
    def __init__(self, path, directory):
        self.file = h5py.File(path, "r+")
        self.directory = directory

    def group(self, key):
        group = self.file.create_group("network_states/topology/" + key)
        group.attrs["timestamp"] = 1.0
        return group

    def note(self, key):
        """What the library's own pipeline reads, in the order of the file."""
        data = self.file[f"network_states/topology/{key}/adjacency"]
        array = data[()]
        order = "F" if "engramfs_fortran" in data.attrs else "C"
        with open(f"{self.directory}/{key}.bin", "wb") as f:
            f.write(array.tobytes(order=order))

    def add(self, key, array, **how):
        fortran = how.pop("fortran", False)
        data = self.group(key).create_dataset("adjacency", data=array, **how)
        if fortran:
            data.attrs["engramfs_fortran"] = [1]
        self.note(key)

    def add_plist(self, key, array, plist, **attributes):
        data = h5py.h5d.create(self.group(key).id, b"adjacency",
                               h5py.h5t.py_create(array.dtype),
                               h5py.h5s.create_simple(array.shape), plist)
        data.write(h5py.h5s.ALL, h5py.h5s.ALL, np.ascontiguousarray(array))
        self.note(key)


def plist_of(chunks, *filters):
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk(chunks)
    for name, *arguments in filters:
        getattr(plist, name)(*arguments)
    return plist


def make_matrix(maker):
    number = itertools.count()
    names = list(FILTERS)
    for i, (rest, chunks) in enumerate(SHAPES):
        for j, dtype in enumerate(DTYPES):
            row = int(np.prod(rest)) * np.dtype(dtype).itemsize
            array = elements(dtype, (SIZE // row + 1,) + rest)
            name = names[(i * 5 + j) % len(names)]
            if name == "scaled" and array.dtype.kind != "i":
                name = "usual"
            maker.add(f"m{next(number)}", array, chunks=chunks,
                      maxshape=(None,) + rest, **FILTERS[name])


def make_odd(maker):
    array = elements("f8", (700, 300))
    usual = FILTERS["usual"]
    maker.add("contiguous", array)
    maker.add("fortran", array, chunks=(100, 64), fortran=True, **usual)
    record = np.zeros(70001, [("a", "<i4"), ("b", ">f8", (2,)), ("c", "S3")])
    record["a"] = np.arange(70001)
    maker.add("record", record, chunks=(1000,), **usual)
    # The sum first, the packer twice, the shuffle last.
    maker.add_plist("sum_first", array, plist_of(
        (100, 64), ("set_fletcher32",), ("set_shuffle",), ("set_deflate", 5)))
    maker.add_plist("odd_sum", elements("i1", (1300001,)), plist_of(
        (1001,), ("set_fletcher32",)))
    maker.add_plist("packed_twice", array, plist_of(
        (100, 64), ("set_deflate", 1),
        ("set_filter", 32000, h5py.h5z.FLAG_OPTIONAL)))
    maker.add_plist("shuffled_twice", array, plist_of(
        (100, 64), ("set_shuffle",), ("set_deflate", 1), ("set_shuffle",)))
    maker.add_plist("sums_of_sums", array, plist_of(
        (100, 64), ("set_fletcher32",), ("set_shuffle",),
        ("set_fletcher32",)))


def make_wide(maker):
    """A band of chunks is 4 MiB."""
    maker.add("wide", elements("f8", (1000, 2000)), chunks=(256, 256),
              **FILTERS["usual"])


def make_sparse(maker):
    """Chunks that are not stored, with and without a value for them."""
    for key, fill in (("hollow", None), ("filled", 2.5)):
        data = maker.group(key).create_dataset(
            "adjacency", (1000, 700), "f8", chunks=(64, 100), fillvalue=fill,
            **FILTERS["usual"])
        data[70:300, 110:400] = RANDOM.normal(size=(230, 290))
        data[999, 699] = 7
        maker.note(key)


def make_masked(maker):
    """Each chunk leaves out other filters."""
    array = elements("<f8", (256, 1000))
    data = maker.group("masked").create_dataset(
        "adjacency", array.shape, "<f8", chunks=(64, 100), **FILTERS["usual"])
    mask = 0
    for row in range(0, 256, 64):
        for column in range(0, 1000, 100):
            block = array[row:row + 64, column:column + 100].tobytes()
            if not mask & 1:
                block = np.frombuffer(block, "u1").reshape(-1, 8).T.tobytes()
            if not mask & 2:
                block = zlib.compress(block)
            if not mask & 4:
                block += np.uint32(fletcher32(block)).tobytes()
            data.id.write_direct_chunk((row, column), block, mask)
            mask = (mask + 1) % 8
    maker.note("masked")


def fletcher32(data):
    if len(data) % 2:
        data += b"\0"
    first = second = 0
    words = np.frombuffer(data, ">u2").astype(np.uint64)
    for start in range(0, len(words), 4096):
        part = words[start:start + 4096]
        sums = np.cumsum(part) + np.uint64(first)
        second = int((second + int(sums.sum())) % 65535)
        first = int(sums[-1] % 65535)
    return (second or 65535 * bool(words.any())) << 16 | \
        (first or 65535 * bool(words.any()))


def make(path, directory):
    maker = Maker(path, directory)
    make_matrix(maker)
    make_odd(maker)
    make_wide(maker)
    make_sparse(maker)
    make_masked(maker)
    for key in ("damaged", "changed"):
        maker.add(key, elements("f8", (1000, 700)), chunks=(64, 100),
                  **FILTERS["usual"])
    maker.group("huge").create_dataset(
        "adjacency", (1 << 20, 1 << 9), "f8", chunks=(1 << 20, 1 << 8),
        compression="gzip")


def with_sum(data):
    return data + np.uint32(fletcher32(data)).tobytes()


def damage(path, how):
    """The chunk at (128, 200) becomes another one."""
    size = 64 * 100 * 8
    with h5py.File(path, "r+") as f:
        data = f["network_states/topology/damaged/adjacency"].id
        mask, stored = data.read_direct_chunk((128, 200))
        if os.path.exists(path + ".chunk"):
            with open(path + ".chunk", "rb") as saved:
                stored = saved.read()
        else:
            with open(path + ".chunk", "wb") as saved:
                saved.write(stored)
        flipped = bytearray(stored)
        flipped[len(stored) // 2] ^= 1
        chunk = {
            "flip": bytes(flipped),
            "flip_sum": stored[:-1] + bytes([stored[-1] ^ 1]),
            "short": stored[:len(stored) // 2],
            "cut": with_sum(stored[:-40]),
            "less": with_sum(zlib.compress(bytes(size - 8))),
            "more": with_sum(zlib.compress(bytes(size + 8))),
            "bomb": with_sum(zlib.compress(bytes(size * 1000))),
            "nothing": with_sum(b""),
            "tiny": b"abc",
            "restore": stored,
        }[how]
        data.write_direct_chunk((128, 200), chunk, mask)


def written(path, directory, name, filters):
    """The array NAME that was written is in DIRECTORY/written.raw."""
    with h5py.File(path, "r") as f:
        data = f["network_states/weights"][name]["weights"]
        plist = data.id.get_create_plist()
        found = [str(plist.get_filter(i)[0])
                 for i in range(plist.get_nfilters())]
        assert (",".join(found) or "none") == filters, found
        with open(f"{directory}/written.raw", "rb") as file:
            assert data[()].tobytes() == file.read()


COMMANDS = [make, damage, written]

if __name__ == "__main__":
    {command.__name__: command for command in COMMANDS}[sys.argv[1]](
        *sys.argv[2:])
