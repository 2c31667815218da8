# SPDX-License-Identifier: MIT
"""/network_states: snapshots of three matrices in HDF5."""

import json
import os
import shutil
import tempfile
import time

import h5py
import numpy as np

import harness
import spec
from harness import edit_json, npy_bytes, read_bytes, read_json, write_json

RNG = np.random.default_rng(4)
ARRAYS = {"adjacency": RNG.integers(0, 2, (60, 60)),
          "weights": RNG.normal(size=(60, 60)),
          "states": RNG.random((60, 5)).astype("f4")}
METADATA = {"network_type": "liquid_state_machine", "num_neurons": 60,
            "connectivity": 0.1, "trained": True}


class Snapshots(harness.MountCase):
    def make(self, key, arrays=None):
        directory = self.path("network_states", key)
        os.makedirs(directory, exist_ok=True)
        for name, array in (arrays or ARRAYS).items():
            np.save(os.path.join(directory, name + ".npy"), array)
        return directory

    def assert_stored(self, key, arrays, metadata, timestamp=None):
        stamp, stored, meta = spec.retrieve_network_snapshot(self.mount.hdf5,
                                                             key)
        for name, array in arrays.items():
            self.assert_same_array(stored[name], array)
        self.assertEqual(meta, metadata)
        if timestamp is not None:
            self.assertEqual(stamp, timestamp)

    def test_mkdir_and_three_cp_make_a_snapshot(self):
        with tempfile.TemporaryDirectory() as source:
            os.mkdir(self.path("network_states/before_lesion"))
            for name, array in ARRAYS.items():
                np.save(os.path.join(source, name + ".npy"), array)
                harness.subprocess.run(
                    ["cp", os.path.join(source, name + ".npy"),
                     self.path("network_states/before_lesion")], check=True)
        self.assertEqual(
            sorted(os.listdir(self.path("network_states/before_lesion"))),
            ["adjacency.npy", "metadata.json", "states.npy", "weights.npy"])
        self.assert_stored("before_lesion", ARRAYS, {})

    def test_groups_carry_the_attributes_of_the_spec(self):
        self.make("attributes")
        with spec.open_file(self.mount.hdf5, "r") as file:
            stamps = set()
            for place, name in (("topology", "adjacency"),
                                ("weights", "weights"),
                                ("neuron_states", "states")):
                group = file[f"network_states/{place}/attributes"]
                stamps.add(group.attrs["timestamp"])
                self.assertEqual(tuple(group.attrs["shape"]),
                                 ARRAYS[name].shape)
                dataset = group[name]
                self.assertEqual(dataset.compression, "gzip")
                self.assertEqual(dataset.compression_opts, 6)
                self.assertTrue(dataset.shuffle)
                self.assertTrue(dataset.fletcher32)
            self.assertEqual(len(stamps), 1)

    def test_the_file_has_the_groups_of_the_spec(self):
        with spec.open_file(self.mount.hdf5, "r") as file:
            for group in ("network_states/topology", "network_states/weights",
                          "network_states/neuron_states",
                          "spike_trains/raw_data", "spike_trains/compressed",
                          "spike_trains/metadata",
                          "activations/reservoir_states",
                          "activations/layer_outputs",
                          "activations/attention_maps",
                          "learning_traces/plasticity",
                          "learning_traces/homeostatic",
                          "learning_traces/performance"):
                self.assertIn(group, file)

    def test_what_h5py_stores_is_a_directory_of_files(self):
        spec.store_network_snapshot(self.mount.hdf5, "snapshot_1730000000250",
                                    1730000000.25, ARRAYS, METADATA)
        directory = self.path("network_states/snapshot_1730000000250")
        harness.eventually(lambda: os.path.isdir(directory), 2)
        for name, array in ARRAYS.items():
            self.assert_same_array(
                np.load(os.path.join(directory, name + ".npy")), array)
        fields = read_json(os.path.join(directory, "metadata.json"))
        self.assertEqual(fields["timestamp"], 1730000000.25)
        self.assertEqual(fields["metadata"], METADATA)

    def test_changes_of_others_are_seen_within_a_second(self):
        directory = self.make("shared")
        np.load(os.path.join(directory, "states.npy"))
        with spec.open_file(self.mount.hdf5, "a") as file:
            group = file["network_states/neuron_states/shared"]
            del group["states"]
            spec.store_array(group, "states", np.zeros((2, 2)))
        harness.eventually(
            lambda: np.load(os.path.join(directory, "states.npy")).shape
            == (2, 2), 2)

    def test_an_idle_mount_holds_no_lock(self):
        self.make("unlocked")
        time.sleep(1)
        for mode in ("r", "a"):
            with h5py.File(self.mount.hdf5, mode) as file:
                self.assertIn("network_states/topology/unlocked", file)

    def test_any_range_can_be_read_and_mapped(self):
        directory = self.make("range")
        path = os.path.join(directory, "weights.npy")
        whole = npy_bytes(ARRAYS["weights"])
        self.assertEqual(os.stat(path).st_size, len(whole))
        with open(path, "rb", buffering=0) as file:
            for offset, size in ((0, 200), (129, 1), (9999, 10000),
                                 (len(whole) - 3, 50)):
                file.seek(offset)
                self.assertEqual(file.read(size), whole[offset:offset + size])
        mapped = np.load(path, mmap_mode="r")
        self.assertEqual(mapped[59, 58], ARRAYS["weights"][59, 58])

    def test_a_write_replaces_one_array(self):
        directory = self.make("replace")
        np.save(os.path.join(directory, "weights.npy"), np.eye(7))
        self.assert_stored("replace", {**ARRAYS, "weights": np.eye(7)}, {})
        with spec.open_file(self.mount.hdf5, "r") as file:
            self.assertEqual(
                tuple(file["network_states/weights/replace"].attrs["shape"]),
                (7, 7))

    def test_the_json_can_be_edited(self):
        directory = self.make("edit")
        edit_json(os.path.join(directory, "metadata.json"), timestamp=12.5,
                  metadata=METADATA)
        self.assert_stored("edit", ARRAYS, METADATA, 12.5)
        fields = read_json(os.path.join(directory, "metadata.json"))
        edit_json(os.path.join(directory, "metadata.json"),
                  metadata={"only": "this", "list": [1, 2], "none": None,
                            "nested": {"a": [True]}})
        again = read_json(os.path.join(directory, "metadata.json"))
        self.assertEqual(again["metadata"],
                         {"only": "this", "list": [1, 2], "none": None,
                          "nested": {"a": [True]}})
        self.assertEqual(again["timestamp"], fields["timestamp"])

    def test_metadata_may_come_before_the_arrays(self):
        directory = self.path("network_states/json_first")
        os.mkdir(directory)
        write_json(os.path.join(directory, "metadata.json"),
                   {"timestamp": 3.5, "metadata": {"k": "v"}})
        for name, array in reversed(list(ARRAYS.items())):
            np.save(os.path.join(directory, name + ".npy"), array)
        self.assert_stored("json_first", ARRAYS, {"k": "v"}, 3.5)

    def test_unknown_fields_and_arrays_are_refused(self):
        directory = self.make("strict")
        text = read_bytes(os.path.join(directory, "metadata.json"))
        self.assert_refused(
            os.path.join(directory, "metadata.json"),
            json.dumps({**json.loads(text), "colour": 1}).encode(), 22)
        self.assertEqual(
            read_bytes(os.path.join(directory, "metadata.json")), text)

    def test_files_and_directories_can_be_removed(self):
        directory = self.make("gone")
        os.unlink(os.path.join(directory, "states.npy"))
        with spec.open_file(self.mount.hdf5, "r") as file:
            self.assertNotIn("network_states/neuron_states/gone/states", file)
            self.assertIn("network_states/weights/gone/weights", file)
        shutil.rmtree(directory)
        self.assertFalse(os.path.exists(directory))
        with spec.open_file(self.mount.hdf5, "r") as file:
            for place in ("topology", "weights", "neuron_states"):
                self.assertNotIn("gone", file[f"network_states/{place}"])

    def test_a_directory_can_be_renamed(self):
        directory = self.make("old")
        edit_json(os.path.join(directory, "metadata.json"),
                  metadata={"kept": 1})
        os.rename(directory, self.path("network_states/new"))
        self.assertFalse(os.path.exists(directory))
        self.assert_stored("new", ARRAYS, {"kept": 1})

    def test_a_full_directory_is_not_removed_by_rmdir(self):
        directory = self.make("full")
        with self.assertRaises(OSError) as caught:
            os.rmdir(directory)
        self.assertEqual(caught.exception.errno, 39)

    def test_an_update_in_place_starts_from_what_is_there(self):
        directory = self.make("update")
        mapped = np.load(os.path.join(directory, "weights.npy"),
                         mmap_mode="r+")
        mapped[3, 4] = 1e6
        mapped.flush()
        del mapped
        expected = ARRAYS["weights"].copy()
        expected[3, 4] = 1e6
        harness.eventually(
            lambda: spec.retrieve_network_snapshot(self.mount.hdf5, "update")
            [1]["weights"].tobytes() == expected.tobytes(), 2)

    def test_a_large_matrix_spans_many_chunks(self):
        array = np.random.default_rng(5).normal(size=(1500, 1100))
        directory = self.path("network_states/large")
        os.mkdir(directory)
        np.save(os.path.join(directory, "weights.npy"), array)
        with spec.open_file(self.mount.hdf5, "r") as file:
            self.assert_same_array(
                file["network_states/weights/large/weights"][()], array)
        self.assert_same_array(
            np.load(os.path.join(directory, "weights.npy")), array)

    def test_snapshots_survive_a_remount(self):
        mount = harness.Mount()
        os.mkdir(mount("network_states/kept"))
        np.save(mount("network_states/kept/weights.npy"), np.eye(3))
        mount.remount()
        self.assert_same_array(
            np.load(mount("network_states/kept/weights.npy")), np.eye(3))
        mount.unmount()


class Chunks(harness.MountCase):
    options = ("hdf5.chunk_size=16,hdf5.compression=none",)

    def test_settings_decide_how_arrays_are_stored(self):
        os.mkdir(self.path("network_states/set"))
        np.save(self.path("network_states/set/weights.npy"),
                ARRAYS["weights"])
        with spec.open_file(self.mount.hdf5, "r") as file:
            dataset = file["network_states/weights/set/weights"]
            self.assertEqual(dataset.chunks, (16, 16))
            self.assertIsNone(dataset.compression)
            self.assert_same_array(dataset[()], ARRAYS["weights"])


if __name__ == "__main__":
    harness.main()
