#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Pickles made by Python, and what is in them, for test_pickle.c.

    cases.py make DIR           write DIR/<case>.<protocol>.pickle and the text
                                that the case's value is, DIR/<case>.txt
    cases.py legacy DB DIR      the same for what a godly_ai.db holds
    cases.py check DIR          load every DIR/*.out (written in C) and compare
"""
import collections
import math
import pickle
import re
import sqlite3
import sys
import warnings
from pathlib import Path

import numpy as np

PLAIN_TYPES = """
? i1 i2 i4 i8 u1 u2 u4 u8 >i2 >i4 >i8 >u2 >u4 >u8 f2 f4 f8 g >f2 >f4 >f8 >g
F D G >F >D >G S1 S5 U1 U3 >U3 V1 V7 M8 M8[Y] M8[M] M8[W] M8[D] M8[h] M8[m]
M8[s] M8[ms] M8[us] M8[ns] M8[25us] >M8[ns] M8[ps] M8[fs] M8[as] m8 m8[ns]
m8[7D] >m8[s]
""".split()

STRUCTURED_TYPES = {
    "simple": [("a", "<i4"), ("b", ">f8")],
    "subarray": [("a", "i4"), ("b", ">f8", (2, 3)), ("c", "S3", (4,))],
    "nested": [("p", [("x", "f4"), ("t", [("u", "U2"), ("m", "M8[s]")])]),
               ("flag", "?")],
    "nested_subarray": [("n", [("q", "i2", (2,)), ("r", "V3")], (3,))],
    "aligned": np.dtype([("a", "i1"), ("b", "f8"), ("c", "i2")], align=True),
    "padded": np.dtype({"names": ["x", "y"], "formats": ["i4", "f8"],
                        "offsets": [4, 16], "itemsize": 32}),
    "titled": [(("title of n", "n"), "i2"), ("s", [("q", "M8[us]")])],
    "unicode_names": [("größe", "f4"), ("名", "i8")],
    "time": [("t", "m8[10ms]"), ("d", ">M8[D]", (2,))],
    "no_fields": [],
    "many": [(f"field_{i}", "f4") for i in range(300)],
    "metadata": np.dtype("i4", metadata={"unit": "mV"}),
}


def filled(dtype, shape):
    """An array whose bytes are all different, but valid for its type."""
    dtype = np.dtype(dtype)
    count = math.prod(shape) * dtype.itemsize
    raw = bytes((7 * i + 1) % 251 for i in range(count))
    if dtype.kind == "U":
        return np.array(["aé中"[: 1 + i % 3] for i in range(math.prod(shape))],
                        dtype).reshape(shape)
    if dtype.kind == "b":
        raw = bytes(b & 1 for b in raw)
    if dtype.kind == "V" and dtype.names and "U" in str(dtype):
        return np.zeros(shape, dtype)
    if not count:
        return np.zeros(shape, dtype)
    return np.frombuffer(bytearray(raw), dtype).reshape(shape)


def arrays():
    for code in PLAIN_TYPES:
        name = re.sub(r"\W", "_", code)
        yield f"array_{name}", filled(code, (2, 3))
        yield f"zero_d_{name}", filled(code, ())
    for name, dtype in STRUCTURED_TYPES.items():
        yield f"struct_{name}", filled(dtype, (3,))
        yield f"struct_2d_{name}", filled(dtype, (2, 2))
    cube = np.arange(24, dtype="f4").reshape(2, 3, 4)
    yield "fortran", np.asfortranarray(cube)
    yield "fortran_2d_times", np.asfortranarray(filled("M8[s]", (3, 4)))
    yield "fortran_1d", np.asfortranarray(np.arange(5))
    yield "strided", cube[:, ::2]
    yield "transposed", cube.transpose(1, 0, 2)
    yield "empty", np.zeros((0, 4))
    yield "empty_fortran", np.zeros((3, 0), order="F")
    yield "dims_32", np.zeros((1,) * 32, "i1")
    yield "large", np.arange(100000, dtype="f8")
    yield "read_only", np.frombuffer(b"abcdefgh", "u2")
    yield "all_bytes", np.arange(256, dtype="u1")


def values():
    shared = [1, 2]
    array = np.arange(4.0)
    yield "none", None
    yield "bools", [True, False]
    yield "ints", [0, 1, -1, 127, 128, 255, 256, 65535, 65536, 2**31 - 1,
                   -2**31, 2**31, 2**63 - 1, -2**63]
    yield "bigints", [2**63, -2**63 - 1, 2**64, 2**70, -2**70, 2**2040 - 1,
                      -2**2040, 255 << 60, -(255 << 56), 10**1300, -10**9000]
    yield "floats", [0.0, -0.0, 0.1, 1e308, 5e-324, math.inf, -math.inf,
                     math.nan, 1e-5, -2.5]
    yield "texts", ["", "a", "é", "中文", "\U0001f600", "a\0b", "\ud800",
                    "\\u0041", "back\\slash", "nl\n\r\t\x1a'\"", "x" * 300,
                    "é" * 70000]
    yield "bytes", [b"", b"a", b"\xff\0\n\\", bytes(range(256)), b"x" * 70000]
    yield "bytearrays", [bytearray(), bytearray(b"\0\xff")]
    yield "lists", [[], [[]], [1, [2, [3]]], list(range(2500))]
    yield "tuples", [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), ((),)]
    yield "sets", [set(), {1, 2, "x"}, frozenset(), frozenset([(1, 2), None])]
    yield "dicts", [{}, {"a": 1}, {1: 2, (1, 2): 3, None: 4, b"k": 5,
                                   frozenset([1]): 6, 1.5: 7, True: 8},
                    {i: str(i) for i in range(2500)}]
    yield "ordered", collections.OrderedDict([("z", 1), ("a", [2])])
    yield "shared", [shared, shared, {"again": shared, "a": array}, array]
    yield "scalars", [np.float64(0.1), np.float32(0.1), np.float16(6.1e-5),
                      np.float16(65504), np.float16("inf"), np.int8(-5),
                      np.int64(-2**63), np.uint64(2**64 - 1), np.bool_(True),
                      np.str_("né\U0001f600"), np.bytes_(b"a\0b"), np.uint8(7),
                      np.str_(""), np.bytes_(b"")]
    yield "scalar_arrays", [np.longdouble("1.1"), np.complex64(1 + 2j),
                            np.datetime64("2020-02-03T04"), 3 - 4j,
                            np.timedelta64(5, "ms"), np.void(b"abc"),
                            filled([("a", "i4"), ("b", "f8")], (1,))[0]]
    yield "scalar_keys", {np.int64(3): 1, np.str_("k"): 2}
    yield "experience", {
        "observation": filled("f8", (4, 4, 3)), "reward": 1.5, "done": False,
        "action": np.int64(3), "info": {"lives": 3, "path": ("a", 1)},
        "trace": [{"obs": np.arange(5), "w": np.asfortranarray(
            filled("f4", (2, 3)))}, None, b"\x00raw"]}
    yield "tuple_of_array", (array, 5)
    yield "deep", deep(63)


def deep(levels):
    value = 1
    for _ in range(levels):
        value = [value]
    return value


def plain(value):
    """What the reader makes of VALUE, in terms of Python and numpy."""
    if isinstance(value, complex) and not isinstance(value, np.generic):
        return np.array(value)
    if isinstance(value, np.generic) and value.dtype.kind in "biu":
        return value.item()
    if isinstance(value, np.floating) and value.itemsize <= 8:
        return float(value)
    if isinstance(value, np.str_):
        return str(value)
    if isinstance(value, (np.bytes_, bytearray)):
        return bytes(value)
    if isinstance(value, np.generic):  # these very bytes, padding too
        raw = value.__reduce__()[1][1]
        return np.frombuffer(bytearray(raw), value.dtype).reshape(())
    return value


BRACKETS = {list: "[]", tuple: "()", set: "{}", frozenset: "<>"}


def describe(value):
    value = plain(value)
    if isinstance(value, np.ndarray):
        fortran = value.flags.fnc
        return "A%s %s %s %s" % (
            np.lib.format.dtype_to_descr(value.dtype).__repr__(),
            "x".join(map(str, value.shape)), "F" if fortran else "C",
            value.tobytes("F" if fortran else "C").hex())
    if isinstance(value, float):
        return "f" + np.float64(value).tobytes().hex()
    if isinstance(value, str):
        return "t" + value.encode("utf-8", "surrogatepass").hex()
    if isinstance(value, bytes):
        return "b" + value.hex()
    if isinstance(value, dict):
        return "{%s}" % "".join(f"{describe(k)}:{describe(v)};"
                                for k, v in value.items())
    for kind, (start, end) in BRACKETS.items():
        if isinstance(value, kind):
            return start + "".join(describe(v) + ";" for v in value) + end
    return str(value)


def numpy2(data):
    """DATA with the module names that numpy 2 writes."""
    if data[:1] == b"\x80" and data[1] >= 4 and data[2:3] == b"\x95":
        data = data[:2] + data[11:]
    for old in (b"numpy.core.multiarray", b"numpy.core.numeric"):
        new = old.replace(b"core", b"_core")
        data = data.replace(b"\x8c%c%s" % (len(old), old),
                            b"\x8c%c%s" % (len(new), new))
        data = data.replace(b"c" + old, b"c" + new)
    return data


class KOrder:
    """As numpy 2.3 pickles arrays that are neither in C nor Fortran order."""

    def __init__(self, array, axes):
        self.args = (pickle.PickleBuffer(bytearray(array.tobytes())),
                     array.dtype, array.shape, "K", axes)

    def __reduce_ex__(self, protocol):
        return np.core.numeric._frombuffer, self.args


def save(folder, name, value, pickles):
    (folder / f"{name}.txt").write_text(describe(value))
    for tag, data in pickles.items():
        (folder / f"{name}.{tag}.pickle").write_bytes(data)


def make(folder):
    for name, value in [*arrays(), *values()]:
        pickles = {str(p): pickle.dumps(value, p) for p in range(6)}
        if isinstance(value, np.ndarray):
            pickles.update({f"{p}n": numpy2(pickle.dumps(value, p))
                            for p in range(6)})
        save(folder, name, value, pickles)
    cube = filled("u2", (2, 3, 4))
    save(folder, "k_order", cube.transpose(1, 2, 0).copy(),
         {"5": pickle.dumps(KOrder(cube, (1, 2, 0)), 5)})
    save(folder, "python2", ["caf\xe9'\n\\", np.array([1.5, -2.0])], {
        "0": b"(lp0\nS'caf\\xe9\\'\\n\\\\'\np1\nacnumpy.core.multiarray\n"
             b"_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I2\ntcnumpy"
             b"\ndtype\n(S'f8'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\n"
             b"S'\\x00\\x00\\x00\\x00\\x00\\x00\\xf8?\\x00\\x00\\x00\\x00\\x00"
             b"\\x00\\x00\\xc0'\ntba."})


def legacy(database, folder):
    connection = sqlite3.connect(f"file:{database}?mode=ro&immutable=1",
                                 uri=True)
    for table, column in (("episodes", "experience_data"),
                          ("concepts", "embedding")):
        rows = connection.execute(f"SELECT id, {column} FROM {table}")
        for number, data in rows:
            save(folder, f"legacy_{table}_{number}", pickle.loads(data),
                 {"x": data})


def same_types(a, b):
    """Every array of A has its type in B, by numpy's own comparison."""
    a, b = plain(a), plain(b)
    if isinstance(a, np.ndarray):
        return (type(b) is np.ndarray and a.dtype == b.dtype and
                a.dtype.fields == b.dtype.fields and
                a.flags.fnc == b.flags.fnc and b.flags.aligned and
                b.flags.writeable)
    if isinstance(a, dict):
        return all(same_types(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return all(map(same_types, a, b))
    return True


def expected(folder, name):
    """What numpy's own pickle of the case gives: with protocol 4, big-endian
    numbers come back in the machine's order.  Nothing where Python cannot
    read it."""
    for tag in ("4", "x"):
        path = folder / f"{name}.{tag}.pickle"
        if path.exists():
            value = pickle.loads(path.read_bytes())
            return describe(value), [value]
    return (folder / f"{name}.txt").read_text(), []


def check(folder):
    bad = 0
    for path in sorted(folder.glob("*.out")):
        loaded = pickle.loads(path.read_bytes())
        text, wanted = expected(folder, path.name.split(".")[0])
        if describe(loaded) != text:
            print(f"{path.name}: {describe(loaded)[:100]}"
                  f" instead of {text[:100]}")
            bad += 1
        elif wanted and not same_types(wanted, [loaded]):
            print(f"{path.name}: other types")
            bad += 1
    return bad


def main():
    sys.set_int_max_str_digits(0)
    warnings.simplefilter("ignore")  # that npy drops a dtype's metadata
    command, *args = sys.argv[1:]
    run = {"make": make, "legacy": legacy, "check": check}[command]
    return run(*map(Path, args)) or 0


if __name__ == "__main__":
    sys.exit(min(main(), 100))
