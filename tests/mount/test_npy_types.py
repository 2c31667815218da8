# SPDX-License-Identifier: MIT
"""What numpy.save writes comes back byte for byte; nothing else goes in."""

import io
import itertools
import json
import os
import struct
import warnings

import numpy as np

import harness
import spec
from harness import npy_bytes, read_bytes, write_bytes

PLAIN = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4",
         "f8", "g", "F", "D", "G", "S1", "S5", "U1", "U3", "M8[ns]", "M8[D]",
         "M8[25us]", "M8", "m8[s]", "m8[25us]", "m8", "V5"]
BIG_ENDIAN = [">i2", ">i4", ">u8", ">f2", ">f4", ">f8", ">g", ">F", ">D",
              ">G", ">U3", ">M8[ms]", ">m8[h]"]
STRUCTURED = [
    np.dtype([("a", "<i4"), ("b", ">f8", (2, 3))]),
    np.dtype([("outer", [("inner", "f4"), ("flag", "?")]), ("s", "S3")]),
    np.dtype([("a", "i1"), ("b", "f8")], align=True),
    np.dtype({"names": ["x", "y"], "formats": ["i4", "i2"],
              "offsets": [4, 12], "itemsize": 16}),
    np.dtype([(("a title", "name"), "<u2"), ("when", "M8[s]")]),
    np.dtype([("only", "U2")]),
]
SHAPES = [(), (0,), (3, 0, 2), (7,), (2, 3), (1,) * 31 + (2,)]
PLACES = {"redis": "wm/{}.npy", "sqlite": "concepts/{}.npy",
          "episode": "episodes/{}.npy",
          "hdf5": "network_states/{}/weights.npy"}
DTYPES = [np.dtype(text) for text in PLAIN + BIG_ENDIAN] + STRUCTURED


def fill(dtype, shape):
    """An array with bytes of every kind, valid for DTYPE."""
    count = int(np.prod(shape, dtype=int))
    raw = np.random.default_rng(7).integers(
        1, 100, max(count, 1) * dtype.itemsize, dtype="u1")
    if dtype.kind == "U":
        flat = np.array(["aé漢"[:max(1, dtype.itemsize // 4)]] * max(count, 1),
                        dtype)
    elif dtype.kind == "b":
        flat = (raw % 2).astype("?")
    elif dtype.char in "gG":
        flat = raw[:max(count, 1)].astype(dtype)
    elif dtype.names:
        flat = np.zeros(max(count, 1), dtype)
        for name in dtype.names:
            flat[name] = fill(dtype[name].base,
                              (max(count, 1),) + dtype[name].shape)
    else:
        flat = raw.view(dtype)
    return flat[:count].reshape(shape)


def cases():
    for dtype, shape in itertools.product(DTYPES, SHAPES):
        array = fill(dtype, shape)
        yield array
        if array.ndim > 1:
            yield np.asfortranarray(array)


class Types(harness.MountCase):
    def place(self, backend, key):
        path = self.path(PLACES[backend].format(key))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def check(self, backend):
        path = self.place(backend, 4711)
        for array in cases():
            with self.subTest(dtype=array.dtype, shape=array.shape,
                              fortran=array.flags.fnc):
                content = npy_bytes(array)
                write_bytes(path, content)
                self.assertEqual(os.stat(path).st_size, len(content))
                self.assertEqual(read_bytes(path), content)

    def test_redis_keeps_every_type_byte_for_byte(self):
        self.check("redis")

    def test_sqlite_keeps_every_type_byte_for_byte(self):
        self.check("sqlite")

    def test_an_episode_keeps_every_type_byte_for_byte(self):
        self.check("episode")

    def test_hdf5_keeps_every_type_byte_for_byte(self):
        self.check("hdf5")

    def test_types_survive_a_remount(self):
        mount = harness.Mount()
        expected = {}
        for number, dtype in enumerate(DTYPES):
            for backend in PLACES:
                path = PLACES[backend].format(number + 1)
                os.makedirs(os.path.dirname(mount(path)), exist_ok=True)
                array = np.asfortranarray(fill(dtype, (2, 3)))
                np.save(mount(path), array)
                expected[path] = npy_bytes(array)
        mount.remount()
        for path, content in expected.items():
            self.assertEqual(read_bytes(mount(path)), content, path)
        mount.unmount()

    def test_h5py_reads_the_same_values(self):
        arrays = [array for array in cases() if self.h5py_reads(array.dtype)
                  and array.ndim + self.inner_ndim(array.dtype) <= 32]
        for number, array in enumerate(arrays):
            np.save(self.place("hdf5", f"values_{number}"), array)
        with spec.open_file(self.mount.hdf5, "r") as file:
            for number, array in enumerate(arrays):
                with self.subTest(dtype=array.dtype, shape=array.shape,
                                  fortran=array.flags.fnc):
                    dataset = file[f"network_states/weights/values_{number}"
                                   "/weights"]
                    self.assertEqual(dataset.dtype, array.dtype)
                    self.assert_same_values(np.asarray(dataset[()]), array)

    def assert_same_values(self, left, right):
        self.assertEqual(left.shape, right.shape)
        if right.dtype.names:
            for name in right.dtype.names:
                self.assert_same_values(left[name], right[name])
        else:
            self.assertTrue(np.array_equal(
                left, right, equal_nan=right.dtype.kind in "fc"))

    @classmethod
    def h5py_reads(cls, dtype):
        """h5py has a type for it, and reads it right: its own big-endian
        complex long doubles come back as other numbers."""
        if dtype.names:
            return all(cls.h5py_reads(dtype[name].base)
                       for name in dtype.names)
        return dtype.kind in "biufcS" and dtype.str != ">c32"

    @staticmethod
    def inner_ndim(dtype):
        return max((dtype[name].ndim for name in dtype.names or ()), default=0)

    def test_long_headers_and_unicode_names_are_kept(self):
        warnings.simplefilter("ignore", UserWarning)  # format 3.0
        wide = np.zeros(2, [(f"field_{i:05}_" + "x" * 20, "f4")
                            for i in range(200)])
        unicode = np.ones(3, [("größe", "f8"), ("漢字", "i4")])
        for backend in PLACES:
            for array in (wide, unicode):
                path = self.place(backend, 4712)
                content = npy_bytes(array)
                write_bytes(path, content)
                self.assertEqual(read_bytes(path), content, backend)

    def test_later_format_versions_are_read(self):
        array = np.arange(6.0).reshape(2, 3)
        for version in ((2, 0), (3, 0)):
            for backend in PLACES:
                buffer = io.BytesIO()
                np.lib.format.write_array(buffer, array, version)
                path = self.place(backend, 4713)
                write_bytes(path, buffer.getvalue())
                self.assert_same_array(np.load(path), array)

    def test_special_values_keep_their_bits(self):
        array = np.array([0.0, -0.0, np.inf, -np.inf, np.nan,
                          np.uint64(0x7ff8000000000123).view("f8"),
                          np.uint64(0xfff0000000000001).view("f8"), 5e-324])
        for backend in PLACES:
            path = self.place(backend, 4714)
            np.save(path, array)
            self.assertEqual(read_bytes(path), npy_bytes(array), backend)


def header(text, version=(1, 0)):
    body = text.encode()
    body += b" " * (-(len(body) + 11) % 64) + b"\n"
    return b"\x93NUMPY" + bytes(version) + struct.pack("<H", len(body)) + body


def described(descr, shape, data=b"", order="False"):
    return header("{'descr': %s, 'fortran_order': %s, 'shape': %s, }"
                  % (descr, order, shape)) + data


def refused_files():
    good = npy_bytes(np.arange(100.0))
    pickled = io.BytesIO()
    np.save(pickled, np.array([{}, None], object), allow_pickle=True)
    nested = io.BytesIO()
    np.save(nested, np.zeros(2, [("a", "i4"), ("o", "O")]), allow_pickle=True)
    return {
        "object array": pickled.getvalue(),
        "object in a structure": nested.getvalue(),
        "truncated data": good[:-1],
        "truncated header": good[:50],
        "truncated magic": good[:4],
        "trailing byte": good + b"\0",
        "not npy": b"hello\n" * 40,
        "unknown version": good[:6] + b"\x09\x00" + good[8:],
        "too many elements": described("'<f8'", "(1000, 1000)", bytes(80)),
        "negative size": described("'<f8'", "(-1,)", bytes(8)),
        "overflow": described("'<f8'", "(4294967296, 4294967296)", bytes(8)),
        "overflow to zero": described("'<f8'", "(2305843009213693952, 8)"),
        "33 dimensions": described("'<f8'", "(" + "1," * 33 + ")", bytes(8)),
        "no tuple": described("'<f8'", "[1]", bytes(8)),
        "unknown type": described("'<x9'", "(1,)", bytes(9)),
        "absurd item size": described("'|S99999999999'", "(1,)", bytes(8)),
        "no order": described("'<f8'", "(1,)", bytes(8), "'maybe'"),
        "no dict": header("[1, 2, 3]"),
        "missing key": header("{'descr': '<f8', 'shape': (1,), }") + bytes(8),
        "additional key": header(
            "{'descr': '<f8', 'fortran_order': False, 'shape': (1,),"
            " 'more': 1, }") + bytes(8),
        "a call": header(
            "{'descr': __import__('os').system('true'),"
            " 'fortran_order': False, 'shape': (1,), }") + bytes(8),
        "deep nesting": described("[('a', " * 500 + "'<f8'" + ")]" * 500,
                                  "(1,)", bytes(8)),
        "zip": b"PK\x03\x04" + bytes(100),
    }


class Refusals(harness.MountCase):
    KEPT = np.arange(5.0)

    def check(self, backend):
        path = self.path(PLACES[backend].format(1))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        for what, content in refused_files().items():
            with self.subTest(what):
                np.save(path, self.KEPT)
                self.assert_refused(path, content, 22)
                self.assertEqual(read_bytes(path), npy_bytes(self.KEPT))
                self.assert_kept_with_reason(path, content)

    def assert_kept_with_reason(self, path, content):
        error = self.mount.errors()[-1]
        self.assertIn(os.path.relpath(path, self.mount.path), error["path"])
        self.assertEqual(error["errno"], 22)
        self.assertTrue(error["reason"].strip())
        self.assertGreater(error["time"], 0)
        kept = self.mount.rejected()
        reasons = [json.loads(kept[name + ".reason.json"])["reason"]
                   for name, other in kept.items() if other == content]
        self.assertIn(error["reason"], reasons)

    def test_redis_refuses_what_numpy_cannot_load(self):
        self.check("redis")

    def test_sqlite_refuses_what_numpy_cannot_load(self):
        self.check("sqlite")

    def test_an_episode_refuses_what_numpy_cannot_load(self):
        self.check("episode")

    def test_hdf5_refuses_what_numpy_cannot_load(self):
        self.check("hdf5")

    def test_a_refused_new_file_makes_no_record(self):
        self.assert_refused(self.path("wm/never.npy"), b"hello", 22)
        self.assertFalse(os.path.exists(self.path("wm/never.npy")))
        self.assertEqual(self.mount.redis().keys("wm:never*"), [])

    def test_a_refused_file_has_no_name_while_it_is_open(self):
        path = self.path("wm/never_there.npy")
        fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        other = os.dup(fd)
        os.write(fd, b"hello")
        for each in (fd, other):
            with self.assertRaises(OSError) as refusal:
                os.close(each)
            self.assertEqual(refusal.exception.errno, 22)
            self.assertFalse(os.path.exists(path))

    def test_cp_says_so(self):
        with harness.tempfile.NamedTemporaryFile(suffix=".npy") as source:
            source.write(b"hello")
            source.flush()
            done = harness.subprocess.run(
                ["cp", source.name, self.path("wm/cp.npy")], text=True,
                stderr=harness.subprocess.PIPE)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("Invalid argument", done.stderr)

    def test_broken_json_is_refused_and_kept(self):
        np.save(self.path("wm/json.npy"), self.KEPT)
        text = read_bytes(self.path("wm/json.json"))
        for content in (b"{", b"[1]", b'{"metadata": {}} x', b"\xff\xfe",
                        b'{"metadata": ' + b"[" * 5000 + b"]" * 5000 + b"}"):
            self.assert_refused(self.path("wm/json.json"), content, 22)
            self.assertEqual(read_bytes(self.path("wm/json.json")), text)
            self.assert_kept_with_reason(self.path("wm/json.json"), content)


if __name__ == "__main__":
    harness.main()
