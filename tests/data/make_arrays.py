#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Write one .npy file for each kind of array that numpy can save.

usage: make_arrays.py DIRECTORY
"""
import io
import struct
import sys
import warnings

import numpy as np
from numpy.lib import format as npy

DIRECTORY = sys.argv[1]
RANDOM = np.random.default_rng(7)
warnings.simplefilter("ignore")  # names beyond latin1 need version 3.0


def write(name, data):
    with open(f"{DIRECTORY}/{name}.npy", "wb") as file:
        file.write(data)


def save(name, array):
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    write(name, file.getvalue())


def bits(dtype, shape):
    """Elements of DTYPE from random bytes: odd NaNs and all."""
    dtype = np.dtype(dtype)
    count = int(np.prod(shape))
    data = RANDOM.bytes(count * dtype.itemsize)
    return np.frombuffer(data, dtype, count).reshape(shape)


def raw(header, data, version=(1, 0)):
    """A file with a header as other programs write it."""
    text = header.encode("utf-8" if version == (3, 0) else "latin1")
    length = struct.pack("<H" if version == (1, 0) else "<I", len(text))
    return npy.magic(*version) + length + text + data


for letter in "bhilqBHILQefdFD":
    name = np.dtype(letter).name
    save(f"plain_{letter}_{name}", bits(letter, (5, 3)))
    save(f"big_endian_{letter}_{name}", bits(np.dtype(letter).newbyteorder(">"), (7,)))
save("bool", RANDOM.integers(0, 2, (4, 5)).astype(bool))
for letter in "gG":
    save(f"long_double_{letter}", np.arange(6).astype(letter) / 3)

save("zero_dim", np.array(2.5))
save("zero_dim_int16", np.array(-3, "<i2"))
save("zero_dim_text", np.array("text"))
save("zero_dim_structured", np.array((1, 2.0), "<i4,<f8"))
save("empty", np.zeros(0))
save("empty_middle", np.zeros((3, 0, 2), ">i4"))
save("empty_fortran", np.zeros((0, 4), order="F"))
save("one", np.zeros(1, "u1"))
save("fortran", np.asfortranarray(bits("f8", (3, 5))))
save("fortran_3d", np.asfortranarray(bits("<i2", (2, 3, 4))))
save("fortran_big_endian", np.asfortranarray(bits(">f4", (4, 3))))
save("fortran_structured", np.asfortranarray(bits("<i4,<u2", (3, 2))))
save("dims_32", bits("u1", (1,) * 15 + (2,) + (1,) * 15 + (3,)))
save("dims_32_fortran", np.asfortranarray(bits("<i2", (2, 1) * 4 + (1,) * 22 + (3, 1))))
save("long_rows", bits("f4", (3, 50000)))
save("many_rows", bits("u2", (50000, 3)))
save("compressible", np.zeros((300, 400)))

save("bytes", np.array([b"a", b"", b"abc\0d", b"\xff\xfe"], "S6"))
save("bytes_none", np.zeros(3, "S"))
save("unicode", np.array(["naïve", "中文", "", "\U0001f600"]))
save("unicode_big_endian", np.array(["naïve", "x"]).astype(">U7"))
save("void", bits("V7", (4,)))
save("void_large", bits("V300", (2, 2)))

for unit in ["Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "25us", "ps", "fs", "as"]:
    save(f"datetime_{unit}", np.array([0, 1, -5, 2**40], "<i8").view(f"<M8[{unit}]"))
    save(f"timedelta_{unit}", np.array([0, 1, -5, -(2**63)], "<i8").view(f"<m8[{unit}]"))
save("datetime_generic", np.array([0, -(2**63)], "<i8").view("<M8"))
save("datetime_big_endian", np.array([0, 1, 2], ">i8").view(">M8[s]"))

save("structured", bits([("a", "<i4"), ("b", ">f8"), ("c", "S3")], (4,)))
save("structured_aligned", np.zeros(3, np.dtype([("a", "u1"), ("b", "<f8")], align=True)))
save("structured_sub_array", bits([("m", "<f4", (2, 3)), ("n", ">u2")], (3,)))
save("structured_nested",
     bits([("p", [("x", "<f8"), ("y", "<f8")]), ("t", "<M8[ns]"), ("s", "<U4", (2,))], (2,)))
save("structured_titles", np.zeros(2, [(("the title", "a"), "<i4"), ("b", "<i2")]))
save("structured_unicode", np.ones(2, [("naïve", "<i4"), ("中", "<f8")]))
save("structured_long_double", np.ones(2, [("a", "u1"), ("g", "g"), ("e", ">f2")]))
save("structured_bool", np.array([(True, 1 + 2j)], [("flag", "?"), ("z", "<c16")]))

# What other writers make of the same format: kept to the byte.
data = np.arange(3, dtype="<f8").tobytes()
plain = "{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }"
write("header_old_padding", raw(plain + " " * (80 - 10 - len(plain) - 1) + "\n", data))
write("header_not_padded", raw(plain, data))
write("header_other_order", raw("{'shape':(3,),'fortran_order':False,'descr':'<f8'}\n", data))
write("header_version_2", raw(plain + " " * 60 + "\n", data, (2, 0)))
write("header_version_3", raw(plain + " " * 60 + "\n", data, (3, 0)))
write("header_fortran_1d", raw("{'descr': '<f8', 'fortran_order': True, 'shape': (3,), }\n", data))
write("header_equals_order", raw("{'descr': '=f8', 'fortran_order': False, 'shape': (3,), }\n", data))
