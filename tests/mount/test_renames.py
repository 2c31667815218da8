#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Renames that come while a file is open, and renames that fail: what had a
name before has it afterwards."""

import os

import h5py
import numpy as np

import calls
import harness
from calls import error_of, opened
from harness import npy_bytes, read_bytes, write_bytes

MATRIX = np.random.default_rng(3).normal(size=(600, 600))  # is not read at once


def fill(store):
    """Network state "bad" has weights that cannot be read."""
    with h5py.File(os.path.join(store, "godly_ai_data.h5"), "w") as file:
        for place in ("topology", "weights"):
            group = file.create_group(f"network_states/{place}/bad")
            group.attrs["timestamp"] = 1.0
        data = group.create_dataset("weights", data=MATRIX, chunks=(300, 600),
                                    compression="gzip", fletcher32=True).id
        mask, stored = data.read_direct_chunk((300, 0))
        flipped = bytearray(stored)
        flipped[100] ^= 4
        data.write_direct_chunk((300, 0), bytes(flipped), mask)


class Renames(harness.MountCase):
    @classmethod
    def make_mount(cls):
        return harness.Mount(fill=fill)

    def tearDown(self):
        for name in os.listdir(self.path("wm")):
            os.unlink(self.path("wm", name))

    def test_a_new_file_is_made_under_the_name_it_got_while_it_was_open(self):
        old, new = self.path("wm/a.npy"), self.path("wm/b.npy")
        with opened(old, os.O_WRONLY | os.O_CREAT):
            os.rename(old, new)
        self.assertEqual(os.listdir(self.path("wm")), ["b.npy"])
        os.unlink(new)
        with opened(old, os.O_WRONLY | os.O_CREAT) as file:
            os.close(os.dup(file))  # the empty file waits
            os.rename(old, new)
        self.assertEqual(os.listdir(self.path("wm")), ["b.npy"])

    def test_what_is_written_goes_to_a_scratch_name_too(self):
        record, scratch = self.path("wm/a.npy"), self.path("wm/a.tmp")
        np.save(record, np.ones(3))
        with opened(record, os.O_WRONLY | os.O_TRUNC) as file:
            os.write(file, b"any")
            os.rename(record, scratch)
            self.assertEqual(read_bytes(scratch), npy_bytes(np.ones(3)))
            os.write(file, b"thing")
        self.assertEqual(read_bytes(scratch), b"anything")
        self.assertFalse(os.path.exists(record))
        self.assertEqual(self.mount.rejected(), {})

    def test_records_and_scratch_files_do_not_trade_places(self):
        record, scratch = self.path("wm/a.npy"), self.path("wm/a.tmp")
        np.save(record, np.ones(3))
        write_bytes(scratch, npy_bytes(np.zeros(3)))
        for pair in ((record, scratch), (scratch, record)):
            self.assertEqual(
                error_of(calls.rename, *pair, calls.RENAME_EXCHANGE), "EINVAL")
        self.assert_same_array(np.load(record), np.ones(3))
        self.assertEqual(read_bytes(scratch), npy_bytes(np.zeros(3)))

    def test_a_name_leaves_no_whiteout(self):
        np.save(self.path("wm/a.npy"), np.ones(3))
        self.assertEqual(
            error_of(calls.rename, self.path("wm/a.npy"),
                     self.path("wm/b.npy"), calls.RENAME_WHITEOUT), "EINVAL")
        self.assertEqual(sorted(os.listdir(self.path("wm"))),
                         ["a.json", "a.npy"])

    def test_links_do_not_trade_places(self):
        for name in "abc":
            np.save(self.path("concepts", name + ".npy"), np.ones(3))
        os.mkdir(self.path("concepts/a/like"))
        paths = [self.path("concepts/a/like", name) for name in "bc"]
        for path, name in zip(paths, "bc"):
            os.symlink("../../" + name, path)
        os.symlink("../../b", paths[0] + ".tmp")
        for pair in (paths, (paths[0] + ".tmp", paths[0])):
            self.assertEqual(
                error_of(calls.rename, *pair, calls.RENAME_EXCHANGE), "EINVAL")
        self.assertEqual(os.readlink(paths[0]), "../../b.json")
        self.assertEqual(os.readlink(paths[1]), "../../c.json")

    def test_an_empty_directory_stays_where_nothing_takes_its_place(self):
        source = self.path("network_states/full")
        target = self.path("spike_trains/empty")
        os.mkdir(source)
        np.save(source + "/weights.npy", MATRIX)
        os.mkdir(target)
        self.assertEqual(error_of(os.rename, source, target), "EXDEV")
        self.assertIn("empty", os.listdir(self.path("spike_trains")))
        os.mkdir(self.path("network_states/empty"))
        os.rename(source, self.path("network_states/empty"))
        self.assert_same_array(
            np.load(self.path("network_states/empty/weights.npy")), MATRIX)

    def test_a_scratch_file_stays_where_a_record_cannot_take_its_name(self):
        array = self.path("network_states/bad/weights.npy")
        scratch = self.path("network_states/bad/old.tmp")
        write_bytes(scratch, b"old")
        self.assertEqual(error_of(os.rename, array, scratch), "EIO")
        self.assertEqual(read_bytes(scratch), b"old")
        self.assertTrue(os.path.exists(array))

    def test_a_record_takes_the_name_of_a_scratch_file(self):
        record, scratch = self.path("wm/a.npy"), self.path("wm/a.tmp")
        np.save(record, np.ones(3))
        write_bytes(scratch, b"old")
        os.rename(record, scratch)
        self.assertEqual(read_bytes(scratch), npy_bytes(np.ones(3)))
        self.assertFalse(os.path.exists(record))


if __name__ == "__main__":
    harness.main()
