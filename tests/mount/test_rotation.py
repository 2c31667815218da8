# SPDX-License-Identifier: MIT
"""Rotated HDF5 files on a real mount: one store of several files."""

import ctypes
import glob
import json
import os
import shutil
import tempfile
import unittest

import h5py
import numpy as np

import harness
from harness import Mount, ctl, eventually, read_json
from test_control import contents, ended, command, open_hdf5, run, \
    save_snapshot

TRACES = ("learning_traces", "plasticity")
AT_FDCWD = -100
RENAME_EXCHANGE = 2


def save(mount, key, array):
    np.save(mount(*TRACES, key + ".npy"), array)


def load(mount, key):
    return np.load(mount(*TRACES, key + ".npy"))


def rotated(mount):
    """The rotated files, oldest first."""
    return sorted(glob.glob(os.path.join(mount.store, "godly_ai_data_*.h5")))


def keys_in(path):
    with open_hdf5(path) as file:
        return sorted(file["/".join(TRACES)])


def exchange(one, other):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(AT_FDCWD, one.encode(), AT_FDCWD, other.encode(),
                      RENAME_EXCHANGE) != 0:
        raise OSError(ctypes.get_errno(), "renameat2")


def names(mount, *place):
    return sorted(name for name in os.listdir(mount(*place))
                  if name.endswith(".npy"))


class Rotation(unittest.TestCase):
    options = ()

    def setUp(self):
        self.mount = Mount(*self.options)
        self.addCleanup(self.unmount)

    def unmount(self):
        if self.mount:
            self.mount.unmount()

    def three_files(self):
        """Records in two rotated files and the current one."""
        for number, key in enumerate(("a", "b", "c")):
            save(self.mount, key, np.full(8, number, "f8"))
            if key != "c":
                run(self.mount, "rotate")
        return (*rotated(self.mount), self.mount.hdf5)

    def test_rotate_keeps_the_old_file_and_begins_a_new_one(self):
        save_snapshot(self.mount, "s", seed=1)
        before = contents(self.mount.hdf5)
        size = os.path.getsize(self.mount.hdf5)
        result = run(self.mount, "rotate")["hdf5"]
        old, = rotated(self.mount)
        self.assertEqual(result["rotated_path"], old)
        self.assertEqual(result["file_size"], size)
        self.assertEqual(result["max_file_size"], 10 << 30)
        self.assertEqual(contents(old), before)
        with open_hdf5(self.mount.hdf5) as file:
            self.assertEqual(len(file["network_states/weights"]), 0)
            self.assertGreater(file.attrs["created_at"], 0)
        self.assertEqual(os.listdir(self.mount("network_states")), ["s"])

    def test_rotation_depends_on_the_size_where_it_is_asked_to(self):
        for line in ("check-size", "rotate if_larger=1000000000"):
            self.assertIsNone(run(self.mount, line)["hdf5"]["rotated_path"])
        self.assertEqual(rotated(self.mount), [])
        run(self.mount, "rotate if_larger=10")
        self.assertEqual(len(rotated(self.mount)), 1)

        done = ctl(self.mount.store, "rotate")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(rotated(self.mount)[-1], done.stdout)

    def test_rotations_of_one_second_overwrite_nothing(self):
        jobs = []
        for key in "abcde":
            save(self.mount, key, np.ones(3))
            jobs.append(command(self.mount, "rotate"))
            ended(self.mount, jobs[-1])
        self.assertEqual(len(rotated(self.mount)), 5)
        self.assertEqual(names(self.mount, *TRACES),
                         [key + ".npy" for key in "abcde"])

    def test_records_of_all_files_are_listed_once_and_read(self):
        files = self.three_files()
        self.assertEqual([keys_in(path) for path in files],
                         [["a"], ["b"], ["c"]])
        listed = os.listdir(self.mount(*TRACES))
        self.assertEqual(sorted(listed), ["a.json", "a.npy", "b.json",
                                          "b.npy", "c.json", "c.npy"])
        for number, key in enumerate("abc"):
            self.assertTrue((load(self.mount, key) == number).all())
        found = os.listdir(self.mount("views", *TRACES, "between", ","))
        self.assertEqual(len(found), 3)
        info = run(self.mount, "stats")["hdf5"]
        self.assertEqual([file["total_datasets"]
                          for file in info["rotated_files"]], [1, 1])
        self.mount.remount()
        self.assertEqual(names(self.mount, *TRACES),
                         ["a.npy", "b.npy", "c.npy"])

    def test_the_origin_names_the_file(self):
        files = self.three_files()
        origin = os.getxattr(self.mount(*TRACES, "a.npy"), "user.origin")
        self.assertEqual(origin.decode(), "hdf5:" +
                         os.path.basename(files[0]) +
                         ":/learning_traces/plasticity/a")
        origin = os.getxattr(self.mount(*TRACES, "c.npy"), "user.origin")
        self.assertEqual(origin, b"hdf5:/learning_traces/plasticity/c")

    def test_of_two_records_of_one_key_the_newer_one_counts(self):
        old, *_ = self.three_files()
        with open_hdf5(self.mount.hdf5, "a") as file:
            data = file["/".join(TRACES)].create_dataset("a", data=[7.0] * 4)
            data.attrs["timestamp"] = 1.0
        eventually(lambda: load(self.mount, "a").shape == (4,))
        self.assertEqual(names(self.mount, *TRACES),
                         ["a.npy", "b.npy", "c.npy"])
        os.unlink(self.mount(*TRACES, "a.npy"))
        os.unlink(self.mount(*TRACES, "a.json"))
        self.assertEqual(names(self.mount, *TRACES), ["b.npy", "c.npy"])
        self.assertEqual(keys_in(old), [])
        self.assertEqual(keys_in(self.mount.hdf5), ["c"])

    def test_a_new_array_of_an_old_record_keeps_the_others(self):
        save_snapshot(self.mount, "s", seed=3)
        before = {name: np.load(self.mount("network_states", "s",
                                           name + ".npy"))
                  for name in ("adjacency", "states")}
        run(self.mount, "rotate")
        np.save(self.mount("network_states", "s", "weights.npy"),
                np.arange(5.0))
        self.assertEqual(os.listdir(self.mount("network_states")), ["s"])
        self.assertEqual(np.load(self.mount(
            "network_states", "s", "weights.npy")).tolist(),
            [0, 1, 2, 3, 4])
        for name, array in before.items():
            path = self.mount("network_states", "s", name + ".npy")
            np.testing.assert_array_equal(np.load(path), array)
        harness.edit_json(self.mount("network_states", "s", "metadata.json"),
                          metadata={"note": "later"})
        self.assertEqual(read_json(self.mount(
            "network_states", "s", "metadata.json"))["metadata"],
            {"note": "later"})

    def test_a_record_is_removed_where_it_is(self):
        old, older, current = self.three_files()
        os.unlink(self.mount(*TRACES, "a.npy"))
        os.unlink(self.mount(*TRACES, "a.json"))
        self.assertEqual(names(self.mount, *TRACES), ["b.npy", "c.npy"])
        self.assertEqual([keys_in(path) for path in (old, older, current)],
                         [[], ["b"], ["c"]])

    def test_records_are_renamed_within_and_across_files(self):
        def move(one, other):
            os.rename(self.mount(*TRACES, one + ".npy"),
                      self.mount(*TRACES, other + ".npy"))
        files = self.three_files()
        move("a", "z")
        self.assertEqual(keys_in(files[0]), ["z"])
        move("z", "c")  # over a newer one
        self.assertTrue((load(self.mount, "c") == 0).all())
        move("c", "b")  # over an older one
        self.assertTrue((load(self.mount, "b") == 0).all())
        self.assertEqual(names(self.mount, *TRACES), ["b.npy"])
        self.mount.remount()
        self.assertEqual(names(self.mount, *TRACES), ["b.npy"])

    def test_records_of_two_files_trade_names(self):
        self.three_files()
        exchange(self.mount(*TRACES, "a.npy"), self.mount(*TRACES, "b.npy"))
        self.assertTrue((load(self.mount, "a") == 1).all())
        self.assertTrue((load(self.mount, "b") == 0).all())
        self.assertEqual(names(self.mount, *TRACES),
                         ["a.npy", "b.npy", "c.npy"])

    def test_an_open_array_is_read_on_while_the_file_is_rotated(self):
        array = np.random.default_rng(5).random((1500, 500))  # 6 MB
        save(self.mount, "big", array)
        with open(self.mount(*TRACES, "big.npy"), "rb") as file:
            start = file.read(1 << 20)
            run(self.mount, "rotate")
            save(self.mount, "other", np.ones(3))
            content = start + file.read()
        self.assertEqual(content[-array.nbytes:], array.tobytes())
        np.testing.assert_array_equal(load(self.mount, "big"), array)

    def test_rotation_by_another_program_is_noticed(self):
        array = np.random.default_rng(6).random((1500, 500))
        save(self.mount, "big", array)
        with open(self.mount(*TRACES, "big.npy"), "rb") as file:
            start = file.read(1 << 20)
            open_hdf5(self.mount.hdf5).close()
            os.rename(self.mount.hdf5, os.path.join(
                self.mount.store, "godly_ai_data_1700000000.h5"))
            with h5py.File(self.mount.hdf5, "w") as made:
                made.create_dataset("/".join(TRACES) + "/new", data=[1.0])
            self.assertEqual((start + file.read())[-array.nbytes:],
                             array.tobytes())
        eventually(lambda: names(self.mount, *TRACES) ==
                   ["big.npy", "new.npy"])
        np.testing.assert_array_equal(load(self.mount, "big"), array)
        save(self.mount, "ours", np.ones(2))
        self.assertEqual(keys_in(self.mount.hdf5), ["new", "ours"])

    def test_rotated_files_come_and_go(self):
        save(self.mount, "here", np.ones(2))
        path = os.path.join(self.mount.store, "godly_ai_data_5.h5")
        made = path + ".made"
        with h5py.File(made, "w") as file:
            file.create_dataset("/".join(TRACES) + "/there", data=[1.0, 2.0])
        os.rename(made, path)
        eventually(lambda: names(self.mount, *TRACES) ==
                   ["here.npy", "there.npy"])
        self.assertEqual(load(self.mount, "there").tolist(), [1, 2])
        os.unlink(path)
        eventually(lambda: names(self.mount, *TRACES) == ["here.npy"])

    def test_a_rotated_file_that_is_damaged_hides_no_other(self):
        files = self.three_files()
        open_hdf5(files[0], "a").close()
        with open(files[0], "r+b") as file:
            file.write(b"\0" * 512)
        eventually(lambda: names(self.mount, *TRACES) == ["b.npy", "c.npy"])
        save(self.mount, "d", np.ones(2))
        job = ended(self.mount, command(self.mount, "verify"))
        self.assertEqual(job["state"], "failed")
        self.assertIn(os.path.basename(files[0]),
                      " ".join(job["result"]["problems"]))

    def test_a_crash_between_the_two_renames_loses_nothing(self):
        save(self.mount, "a", np.ones(2))
        store = self.mount.store
        kept = tempfile.mkdtemp(prefix="engramfs-test-")
        self.addCleanup(shutil.rmtree, kept, True)
        other = os.path.join(kept, "store")
        run(self.mount, "rotate")
        self.mount.remount()
        shutil.copytree(store, other, ignore=shutil.ignore_patterns(
            "*.sock", "lock"))
        os.rename(os.path.join(other, "godly_ai_data.h5"),
                  os.path.join(other, "godly_ai_data.h5.next"))
        self.mount.unmount()
        self.mount = Mount(store=other)
        self.assertEqual(names(self.mount, *TRACES), ["a.npy"])
        save(self.mount, "b", np.ones(2))
        run(self.mount, "rotate")
        self.assertEqual(names(self.mount, *TRACES), ["a.npy", "b.npy"])

    def test_a_write_between_the_two_renames_makes_the_new_file(self):
        save(self.mount, "a", np.ones(2))
        open_hdf5(self.mount.hdf5).close()
        os.rename(self.mount.hdf5, os.path.join(
            self.mount.store, "godly_ai_data_17.h5"))
        save(self.mount, "b", np.ones(3))
        self.assertEqual(keys_in(self.mount.hdf5), ["b"])
        self.assertEqual(names(self.mount, *TRACES), ["a.npy", "b.npy"])

    def test_old_records_are_cleaned_up_in_all_files(self):
        for age, key in ((40, "old"), (1, "young")):
            save_snapshot(self.mount, key, age=age * 86400.0)
            run(self.mount, "rotate")
        result = run(self.mount, "cleanup retention_days=30")
        self.assertEqual(result["network_states"], 1)
        self.assertEqual(os.listdir(self.mount("network_states")), ["young"])

    def test_all_files_are_verified_and_compacted(self):
        files = self.three_files()
        save_snapshot(self.mount, "s", size=300)
        run(self.mount, "rotate")
        shutil.rmtree(self.mount("network_states", "s"))
        result = run(self.mount, "compact")["hdf5"]
        self.assertLess(result["bytes_after"], result["bytes_before"] - 10000)
        self.assertEqual(run(self.mount, "verify")["hdf5"]["datasets"], 3)
        self.assertEqual(names(self.mount, *TRACES),
                         ["a.npy", "b.npy", "c.npy"])
        with open_hdf5(files[0]) as file:
            self.assertEqual(file["/".join(TRACES)]["a"][()].tolist(), [0] * 8)

    def test_a_backup_has_all_files_and_is_restored_as_it_was(self):
        files = self.three_files()
        backup = run(self.mount, "backup")["backup"]
        run(self.mount, "rotate")
        save(self.mount, "later", np.ones(2))
        run(self.mount, "rotate")
        keep = tempfile.mkdtemp(prefix="engramfs-test-")
        self.addCleanup(shutil.rmtree, keep, True)
        other = os.path.join(keep, "store")
        self.mount.remount()
        shutil.copytree(self.mount.store, other, ignore=shutil.ignore_patterns(
            "*.sock", "lock"))
        self.mount.unmount()
        done = ctl(other, "restore", backup)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.mount = Mount(store=other)
        self.assertEqual(names(self.mount, *TRACES),
                         ["a.npy", "b.npy", "c.npy"])
        self.assertEqual([os.path.basename(path)
                          for path in rotated(self.mount)],
                         [os.path.basename(path) for path in files[:2]])


class Limit(unittest.TestCase):
    def test_a_file_that_passes_its_limit_is_rotated(self):
        mount = Mount("hdf5.max_file_size=1000000",
                      "hdf5.compression=none")
        try:
            for number in range(4):
                save(mount, f"r{number}", np.random.default_rng(number).random(
                    70000))
                eventually(lambda: len(rotated(mount)) == (number + 1) // 2)
            for path in rotated(mount):
                self.assertGreater(os.path.getsize(path), 1000000)
            self.assertEqual(names(mount, *TRACES),
                             [f"r{number}.npy" for number in range(4)])
        finally:
            mount.unmount()


if __name__ == "__main__":
    harness.main()
