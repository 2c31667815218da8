# SPDX-License-Identifier: MIT
"""Python's libraries on a mount: a row of docs/tools.md each."""

import json
import os
import pathlib
import shutil
import tempfile

import numpy as np

import calls
import harness
import matrix
from harness import npy_bytes, read_bytes
from matrix import ARRAYS, DIRECTORIES, FIELDS, NEW, OLD, SCRATCH, row


class Numpy(matrix.ToolCase):
    @row("`numpy.save`, `numpy.load`", "over a record, and back", ARRAYS)
    def test_save_and_load(self, path):
        np.save(path, NEW)
        self.assert_holds(path, NEW)

    @row("`numpy.load`", "`mmap_mode='r'`", ARRAYS)
    def test_mapped_for_reading(self, path):
        mapped = np.load(path, mmap_mode="r")
        self.assertIsInstance(mapped, np.memmap)
        self.assert_same_array(np.array(mapped), OLD)

    @row("`numpy.load`", "`mmap_mode='r+'`, change, `flush`", ARRAYS)
    def test_mapped_for_update(self, path):
        mapped = np.load(path, mmap_mode="r+")
        mapped[2, 3] = -1
        mapped.flush()
        expected = OLD.copy()
        expected[2, 3] = -1
        self.assert_holds(path, expected)

    @row("`numpy.load`", "`mmap_mode='c'`, change", ARRAYS,
         "works; the record stays")
    def test_mapped_copy_on_write(self, path):
        mapped = np.load(path, mmap_mode="c")
        mapped[:] = 0
        self.assertEqual(mapped.sum(), 0)
        self.assert_holds(path, OLD)

    @row("`numpy.lib.format.open_memmap`", "`mode='w+'`, fill, `flush`",
         ARRAYS)
    def test_open_memmap(self, path):
        mapped = np.lib.format.open_memmap(path, "w+", "<f4", (30, 5))
        mapped[:] = np.arange(150).reshape(30, 5)
        mapped.flush()
        del mapped
        self.assert_holds(path, np.arange(150, dtype="<f4").reshape(30, 5))

    @row("`numpy.savez`", "an archive of arrays", DIRECTORIES,
         "`EINVAL`; `errors.jsonl` says to save each array as `.npy`")
    def test_savez(self, path):
        before = sorted(os.listdir(path))
        self.assertEqual(
            calls.error_of(np.savez, path + "/arrays.npz", a=OLD, b=NEW),
            "EINVAL")
        self.assertIn(".npy", self.mount.errors()[-1]["reason"])
        self.assertEqual(sorted(os.listdir(path)), before)

    @row("`numpy.ndarray.tofile`", "bytes that are no npy file", ARRAYS,
         "`EINVAL` at close; the record stays")
    def test_tofile(self, path):
        with self.assertRaises(OSError):
            with open(path, "wb", buffering=0) as file:
                OLD.tofile(file)
        self.assert_holds(path, OLD)


class StandardLibrary(matrix.ToolCase):
    @row("`json`", "load, change, dump", FIELDS)
    def test_json(self, path):
        with open(path, encoding="utf-8") as file:
            fields = json.load(file)
        fields["metadata"] = {"seen": True}
        with open(path, "w", encoding="utf-8") as file:
            json.dump(fields, file)
        with open(path, encoding="utf-8") as file:
            self.assertEqual(json.load(file), fields)

    @row("`pathlib`", "`read_text`, `write_text`, `stat`, `glob`", FIELDS)
    def test_pathlib(self, path):
        path = pathlib.Path(path)
        text = path.read_text("utf-8")
        path.write_text(text, "utf-8")
        self.assertEqual(path.read_text("utf-8"), text)
        self.assertEqual(path.stat().st_size, len(text.encode()))
        self.assertIn(path, list(path.parent.glob("*.json")))

    @row("`pathlib`", "`rename`, `unlink`", ARRAYS)
    def test_pathlib_names(self, path):
        path = pathlib.Path(path)
        name = {"1.npy": "77.npy", "weights.npy": "adjacency.npy",
                "x.npy": "y.npy"}.get(path.name, "b.npy")
        path.rename(path.with_name(name))
        self.assertFalse(path.exists())
        self.assert_holds(path.with_name(name), OLD)
        path.with_name(name).unlink()

    @row("`shutil.copyfile`, `copy2`", "in and out", ARRAYS)
    def test_copies(self, path):
        shutil.copyfile(self.source, path)
        self.assert_holds(path, NEW)
        os.utime(self.source, (1700000000, 1700000000))
        shutil.copy2(self.source, path)
        self.assertEqual(os.stat(path).st_mtime, 1700000000)
        copy = shutil.copy2(path, self.out("copy.npy"))
        self.assertEqual(read_bytes(copy), npy_bytes(NEW))
        self.assertEqual(os.stat(copy).st_mtime, 1700000000)

    @row("`shutil.move`", "into the mount and out again", ARRAYS)
    def test_moves(self, path):
        moved = shutil.copyfile(self.source, self.out("moved.npy"))
        shutil.move(moved, path)
        self.assert_holds(path, NEW)
        shutil.move(path, moved)
        self.assertFalse(os.path.exists(path))
        self.assertEqual(read_bytes(moved), npy_bytes(NEW))

    @row("`shutil.copytree`", "out, and in as new records", DIRECTORIES)
    def test_copytree(self, path):
        copy = self.out("tree")
        shutil.copytree(path, copy)
        here = sorted(os.listdir(path))
        self.assertEqual(sorted(os.listdir(copy)), here)
        if path.endswith("/s"):
            again = path + "2"
            shutil.copytree(copy, again)
            self.assert_holds(again + "/weights.npy", OLD)
            shutil.rmtree(again)
        else:
            shutil.rmtree(path, ignore_errors=True)  # EPERM: it stays
            self.assertEqual(os.listdir(path), [])
            shutil.copytree(copy, path, dirs_exist_ok=True)
        self.assertEqual(sorted(os.listdir(path)), here)

    @row("`tempfile`, `os.replace`", "the record is replaced at once",
         {**ARRAYS, **FIELDS})
    def test_atomic_replace(self, path):
        content = read_bytes(path)
        if path.endswith(".npy"):
            content = npy_bytes(NEW)
        with tempfile.NamedTemporaryFile(dir=os.path.dirname(path),
                                         delete=False) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(file.name, path)
        self.assertEqual(read_bytes(path), content)
        self.assertFalse(os.path.exists(file.name))

    @row("`open`", "append lines, as `DataFrame.to_csv(mode='a')` does",
         SCRATCH)
    def test_append(self, path):
        for line in ("a,1\n", "b,2\n"):
            with open(path, "a", encoding="utf-8") as file:
                file.write(line)
        self.assertEqual(read_bytes(path), b"one\ntwo\na,1\nb,2\n")


def tearDownModule():
    matrix.check("Python")


if __name__ == "__main__":
    harness.main()
