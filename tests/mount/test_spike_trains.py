# SPDX-License-Identifier: MIT
"""/spike_trains: trains of spikes, and compressed ones, in HDF5."""

import os
import shutil

import numpy as np

import harness
import spec
from harness import edit_json, read_json, write_json

RNG = np.random.default_rng(6)
TRAIN = {"spike_times": np.sort(RNG.random(5000) * 10),
         "neuron_ids": RNG.integers(0, 80, 5000),
         "spike_amplitudes": RNG.random(5000).astype("f4")}
METADATA = {"recording_duration": 10.0, "sampling_rate": 10000}
PACKED = RNG.integers(0, 256, 300).astype("u1")
PARAMETERS = {"original_shape": (100, 10), "compression_ratio": 10.0,
              "algorithm": "sparse_encoding"}


class Trains(harness.MountCase):
    def make(self, key, names=tuple(TRAIN)):
        directory = self.path("spike_trains", key)
        os.makedirs(directory, exist_ok=True)
        for name in names:
            np.save(os.path.join(directory, name + ".npy"), TRAIN[name])
        return directory

    def stored(self, key):
        return spec.retrieve_spike_train(self.mount.hdf5, key)

    def test_what_numpy_saves_the_spec_retrieves(self):
        self.make("train_1")
        attributes, arrays, metadata = self.stored("train_1")
        for name, array in TRAIN.items():
            self.assert_same_array(arrays[name], array)
        self.assertEqual(attributes["num_spikes"], 5000)
        self.assertEqual(attributes["num_neurons"],
                         len(np.unique(TRAIN["neuron_ids"])))
        self.assertEqual(metadata, {})

    def test_amplitudes_are_optional(self):
        directory = self.make("bare", ("spike_times", "neuron_ids"))
        self.assertEqual(set(self.stored("bare")[1]),
                         {"spike_times", "neuron_ids"})
        self.assertEqual(sorted(os.listdir(directory)),
                         ["metadata.json", "neuron_ids.npy",
                          "spike_times.npy"])

    def test_what_the_spec_stores_is_a_directory_of_files(self):
        spec.store_spike_train(self.mount.hdf5, "train_1730000000250",
                               1730000000.25, TRAIN, METADATA)
        directory = self.path("spike_trains/train_1730000000250")
        harness.eventually(lambda: os.path.isdir(directory), 2)
        for name, array in TRAIN.items():
            self.assert_same_array(
                np.load(os.path.join(directory, name + ".npy")), array)
        fields = read_json(os.path.join(directory, "metadata.json"))
        self.assertEqual(fields["timestamp"], 1730000000.25)
        self.assertEqual(fields["num_spikes"], 5000)
        self.assertEqual(fields["metadata"], METADATA)

    def test_a_write_replaces_and_counts_anew(self):
        directory = self.make("count")
        np.save(os.path.join(directory, "spike_times.npy"), np.zeros(3))
        np.save(os.path.join(directory, "neuron_ids.npy"),
                np.array([1, 2, 1]))
        attributes, arrays, _ = self.stored("count")
        self.assertEqual(attributes["num_spikes"], 3)
        self.assertEqual(attributes["num_neurons"], 2)
        self.assert_same_array(arrays["spike_times"], np.zeros(3))
        fields = read_json(os.path.join(directory, "metadata.json"))
        self.assertEqual((fields["num_spikes"], fields["num_neurons"]), (3, 2))

    def test_counts_cannot_be_made_up(self):
        directory = self.make("counted")
        fields = read_json(os.path.join(directory, "metadata.json"))
        fields["num_spikes"] = 1
        self.assert_refused(os.path.join(directory, "metadata.json"),
                            harness.json.dumps(fields).encode(), 22)

    def test_the_json_can_be_edited(self):
        directory = self.make("edit")
        edit_json(os.path.join(directory, "metadata.json"), timestamp=4.5,
                  metadata=METADATA)
        attributes, _, metadata = self.stored("edit")
        self.assertEqual(attributes["timestamp"], 4.5)
        self.assertEqual(metadata, METADATA)

    def test_metadata_may_come_first(self):
        directory = self.path("spike_trains/json_first")
        os.mkdir(directory)
        write_json(os.path.join(directory, "metadata.json"),
                   {"timestamp": 8.5, "metadata": METADATA})
        self.make("json_first")
        attributes, arrays, metadata = self.stored("json_first")
        self.assertEqual(attributes["timestamp"], 8.5)
        self.assertEqual(metadata, METADATA)
        self.assertEqual(set(arrays), set(TRAIN))

    def test_files_and_directories_can_be_removed_and_renamed(self):
        directory = self.make("old")
        os.unlink(os.path.join(directory, "spike_amplitudes.npy"))
        self.assertEqual(set(self.stored("old")[1]),
                         {"spike_times", "neuron_ids"})
        os.rename(directory, self.path("spike_trains/new"))
        self.assertEqual(set(self.stored("new")[1]),
                         {"spike_times", "neuron_ids"})
        shutil.rmtree(self.path("spike_trains/new"))
        with spec.open_file(self.mount.hdf5, "r") as file:
            self.assertNotIn("new", file["spike_trains/raw_data"])
            self.assertNotIn("old", file["spike_trains/raw_data"])


class CompressedTrains(harness.MountCase):
    def stored(self, key):
        return spec.retrieve_compressed_spike_train(self.mount.hdf5, key)

    def make(self, key):
        np.save(self.path(f"spike_trains/{key}.npy"), PACKED)
        write_json(self.path(f"spike_trains/{key}.json"), {
            "timestamp": 1.5, "original_shape": [100, 10],
            "compression_ratio": 10.0,
            "compression_params": {"algorithm": "sparse_encoding"}})

    def test_what_numpy_saves_the_spec_retrieves(self):
        self.make("compressed_1500")
        data, attributes, parameters = self.stored("compressed_1500")
        self.assert_same_array(data, PACKED)
        self.assertEqual(attributes["timestamp"], 1.5)
        self.assertEqual(list(attributes["original_shape"]), [100, 10])
        self.assertEqual(attributes["compression_ratio"], 10.0)
        self.assertEqual(parameters, {"algorithm": "sparse_encoding"})

    def test_what_the_spec_stores_is_a_pair_of_files(self):
        spec.store_compressed_spike_train(
            self.mount.hdf5, "compressed_1730000000250", 1730000000.25,
            PACKED, PARAMETERS)
        path = self.path("spike_trains/compressed_1730000000250")
        harness.eventually(lambda: os.path.exists(path + ".npy"), 2)
        self.assert_same_array(np.load(path + ".npy"), PACKED)
        fields = read_json(path + ".json")
        self.assertEqual(fields["timestamp"], 1730000000.25)
        self.assertEqual(fields["original_shape"], [100, 10])
        self.assertEqual(fields["compression_ratio"], 10.0)
        self.assertEqual(fields["compression_params"],
                         {"compression_ratio": 10.0,
                          "algorithm": "sparse_encoding"})

    def test_a_write_replaces_the_whole_and_keeps_the_fields(self):
        self.make("compressed_2")
        np.save(self.path("spike_trains/compressed_2.npy"), np.zeros(4, "u1"))
        data, attributes, _ = self.stored("compressed_2")
        self.assert_same_array(data, np.zeros(4, "u1"))
        self.assertEqual(attributes["compression_ratio"], 10.0)

    def test_pairs_can_be_renamed_and_removed(self):
        self.make("compressed_3")
        os.rename(self.path("spike_trains/compressed_3.npy"),
                  self.path("spike_trains/compressed_4.npy"))
        self.assert_same_array(self.stored("compressed_4")[0], PACKED)
        os.unlink(self.path("spike_trains/compressed_4.npy"))
        os.unlink(self.path("spike_trains/compressed_4.json"))
        with spec.open_file(self.mount.hdf5, "r") as file:
            self.assertNotIn("compressed_3", file["spike_trains/compressed"])
            self.assertNotIn("compressed_4", file["spike_trains/compressed"])


if __name__ == "__main__":
    harness.main()
