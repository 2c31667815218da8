# SPDX-License-Identifier: MIT
"""A store of the Python classes: all of it is shown as Python reads it, and
what is written into it Python reads."""

import base64
import json
import math
import os
import pickle
import sqlite3
import zlib

import numpy as np

import harness
import legacy
import spec
from harness import edit_json, npy_bytes, read_bytes, read_json, unpack

NAMES = {"we/ird: näme %2F": "we%2Fird: näme %252F",
         "a/b: slash & space": "a%2Fb: slash & space",
         ".hidden": "%2Ehidden"}


def file_name(key):
    return NAMES.get(key, key)


def plain(value):
    """VALUE of h5py as Python has it."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    return value


def as_json(value, path, arrays):
    """VALUE of pickle as JSON shows it; its arrays are put into ARRAYS."""
    if isinstance(value, np.ndarray):
        arrays[path] = value
        return {"$npy": path + ".npy"}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, float) and not math.isfinite(value):
        return {"$float": {math.inf: "Infinity",
                           -math.inf: "-Infinity"}.get(value, "NaN")}
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: as_json(item, f"{path}/{key}", arrays)
                for key, item in value.items()}
    if isinstance(value, dict):
        return {"$dict": [[key, as_json(item, f"{path}/{key}", arrays)]
                          for key, item in value.items()]}
    if isinstance(value, (list, tuple)):
        return [as_json(item, f"{path}/{index}", arrays)
                for index, item in enumerate(value)]
    if isinstance(value, (set, frozenset)):
        return {"$" + type(value).__name__: list(value)}
    return value


class Legacy(harness.MountCase):
    @classmethod
    def make_mount(cls):
        return legacy.mount()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.redis = cls.mount.redis()

    def rows(self, question, *values):
        database = sqlite3.connect(self.mount.database, timeout=10)
        try:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(question, values)]
        finally:
            database.close()


class Shown(Legacy):
    def test_every_pattern_of_redis(self):
        keys = [key for key in self.redis.keys("wm:*")]
        self.assertEqual(len(keys), 9)
        names = set()
        for key in keys:
            stored = self.redis.hgetall(key)
            name = file_name(key[3:].decode())
            names |= {name + ".npy", name + ".json"}
            array = pickle.loads(unpack(stored[b"pattern"])).astype(
                stored[b"dtype"].decode())  # it reads >i4 as <i4
            path = self.path("wm", name)
            self.assertEqual(read_bytes(path + ".npy"), npy_bytes(array))
            fields = read_json(path + ".json")
            self.assertEqual(fields["timestamp"],
                             float(stored[b"timestamp"]))
            self.assertEqual(fields["metadata"],
                             json.loads(stored[b"metadata"]))
            self.assertEqual(str(tuple(fields["shape"])),
                             stored[b"shape"].decode())
            self.assertEqual(fields["dtype"], stored[b"dtype"].decode())
            self.assertEqual(os.stat(path + ".npy").st_mtime,
                             float(stored[b"timestamp"]))
        self.assertEqual(set(os.listdir(self.path("wm"))), names)

    def test_every_concept_of_sqlite(self):
        rows = self.rows("SELECT * FROM concepts")
        self.assertEqual(len(rows), 7)
        names = set()
        for row in rows:
            name = file_name(row["name"])
            names |= {name + ".npy", name + ".json"}
            path = self.path("concepts", name)
            fields = read_json(path + ".json")
            for field in ("id", "creation_time", "access_count",
                          "last_accessed"):
                self.assertEqual(fields[field], row[field])
            self.assertEqual(fields["metadata"], json.loads(row["metadata"]))
        related = self.rows("SELECT DISTINCT name FROM concepts JOIN"
                            " concept_relationships"
                            " ON source_concept_id = concepts.id")
        self.assertEqual(set(os.listdir(self.path("concepts"))),
                         names | {file_name(row["name"]) for row in related})
        for row in rows:
            self.assertEqual(
                read_bytes(self.path("concepts",
                                     file_name(row["name"]) + ".npy")),
                npy_bytes(pickle.loads(row["embedding"])))

    def test_every_episode_of_sqlite(self):
        rows = self.rows("SELECT * FROM episodes")
        self.assertEqual(len(rows), 6)
        expected = set()
        for row in rows:
            number = str(row["id"])
            expected |= self.check_episode(number, row)
        self.assertEqual(set(os.listdir(self.path("episodes"))), expected)

    def check_episode(self, number, row):
        """Compare one; the names in /episodes that it has."""
        experience = pickle.loads(row["experience_data"])
        fields = read_json(self.path(f"episodes/{number}.json"))
        for field in ("id", "timestamp", "performance_score", "context_hash",
                      "created_at"):
            self.assertEqual(fields[field], row[field], number)
        self.assertEqual(fields["metadata"], json.loads(row["metadata"]))
        if isinstance(experience, np.ndarray):
            self.assertEqual(read_bytes(self.path(f"episodes/{number}.npy")),
                             npy_bytes(experience))
            return {number + ".json", number + ".npy"}
        arrays = {}
        self.assertEqual(fields["experience_data"],
                         as_json(experience, number, arrays))
        for path, array in arrays.items():
            self.assertEqual(read_bytes(self.path("episodes", path + ".npy")),
                             npy_bytes(array))
        return {number + ".json"} | ({number} if arrays else set())

    def test_every_snapshot_of_hdf5(self):
        with spec.open_file(self.mount.hdf5, "r") as file:
            keys = sorted(file["network_states/topology"])
        self.assertEqual(sorted(os.listdir(self.path("network_states"))), keys)
        for key in keys:
            timestamp, arrays, metadata = spec.retrieve_network_snapshot(
                self.mount.hdf5, key)
            directory = self.path("network_states", key)
            self.assertEqual(sorted(os.listdir(directory)),
                             ["adjacency.npy", "metadata.json", "states.npy",
                              "weights.npy"])
            for name, array in arrays.items():
                self.assertEqual(
                    read_bytes(os.path.join(directory, name + ".npy")),
                    npy_bytes(array))
            fields = read_json(os.path.join(directory, "metadata.json"))
            self.assertEqual(fields["timestamp"], timestamp)
            self.assertEqual(fields["metadata"],
                             {name: plain(value)
                              for name, value in metadata.items()})

    def test_every_spike_train_of_hdf5(self):
        with spec.open_file(self.mount.hdf5, "r") as file:
            keys = sorted(file["spike_trains/raw_data"])
        self.assertEqual(len(keys), 2)
        for key in keys:
            attributes, arrays, metadata = spec.retrieve_spike_train(
                self.mount.hdf5, key)
            directory = self.path("spike_trains", key)
            self.assertEqual(set(os.listdir(directory)),
                             {name + ".npy" for name in arrays}
                             | {"metadata.json"})
            for name, array in arrays.items():
                self.assertEqual(
                    read_bytes(os.path.join(directory, name + ".npy")),
                    npy_bytes(array))
            fields = read_json(os.path.join(directory, "metadata.json"))
            for name, value in attributes.items():
                self.assertEqual(fields[name], value)
            self.assertEqual(fields["metadata"],
                             {name: plain(value)
                              for name, value in metadata.items()})

    def test_every_compressed_train_of_hdf5(self):
        key = "compressed_1730000000250"
        data, attributes, parameters = spec.retrieve_compressed_spike_train(
            self.mount.hdf5, key)
        path = self.path("spike_trains", key)
        self.assertEqual(read_bytes(path + ".npy"), npy_bytes(data))
        fields = read_json(path + ".json")
        for name in ("timestamp", "original_shape", "compression_ratio"):
            self.assertEqual(fields[name], plain(attributes[name]))
        self.assertEqual(fields["compression_params"],
                         {name: plain(value)
                          for name, value in parameters.items()})

    def stored_hashes(self, prefix):
        """File name, key and fields of each hash."""
        for key in self.redis.keys(prefix + "*"):
            yield (file_name(key[len(prefix):].decode()), key,
                   {name.decode(): value for name, value
                    in self.redis.hgetall(key).items()})

    def check_hashes(self, collection, prefix, array_name, others):
        names = set()
        for name, key, stored in self.stored_hashes(prefix):
            path = self.path(collection, name)
            names |= {name + ".npy", name + ".json"}
            array = pickle.loads(unpack(stored.pop(array_name)))
            self.assertEqual(read_bytes(path + ".npy"), npy_bytes(array))
            fields = read_json(path + ".json")
            self.assertEqual(str(tuple(fields.pop("shape"))),
                             stored.pop("shape").decode())
            self.assertEqual(fields.pop("dtype"), str(array.dtype))
            stored.pop("dtype", None)
            self.assertEqual(
                round(fields.pop("expires_at") * 1000),
                int(self.redis.execute_command("PEXPIRETIME", key)))
            self.assertEqual(fields, {field: json.loads(value) for
                                      field, value in stored.items()})
            self.assertEqual(set(fields), others)
        self.assertEqual(set(os.listdir(self.path(collection))), names)
        return len(names) // 2

    def test_every_hash_of_attention(self):
        self.assertEqual(self.check_hashes(
            "attention", "attention:", "weights", {"timestamp", "sum"}), 1)

    def test_every_cached_train(self):
        self.assertEqual(self.check_hashes(
            "spike_cache", "spikes:", "spikes",
            {"cached_at", "neuron_ids"}), 3)

    def test_every_learning_event_of_sqlite(self):
        rows = self.rows("SELECT * FROM learning_events")
        self.assertEqual(len(rows), 6)
        for row in rows:
            row["parameters"] = json.loads(row["parameters"])
            self.assertEqual(
                read_json(self.path(f"learning_events/{row['id']}.json")),
                row)
        self.assertEqual(set(os.listdir(self.path("learning_events"))),
                         {f"{row['id']}.json" for row in rows})

    def keys_of(self, place):
        with spec.open_file(self.mount.hdf5, "r") as file:
            return sorted(file[place])

    def test_every_data_set_with_fields_of_hdf5(self):
        counts = {}
        for collection, place in spec.PLACES.items():
            keys = self.keys_of(place)
            counts[collection] = len(keys)
            self.assertEqual(
                sorted(os.listdir(self.path(place))),
                sorted(key + suffix for key in keys
                       for suffix in (".npy", ".json")))
            for key in keys:
                array, attributes = spec.retrieve_one(self.mount.hdf5,
                                                      collection, key)
                path = self.path(place, key)
                self.assertEqual(read_bytes(path + ".npy"), npy_bytes(array))
                fields = read_json(path + ".json")
                self.assertEqual(fields, {
                    **{name: plain(value)
                       for name, value in attributes.items()},
                    "shape": list(array.shape), "dtype": str(array.dtype)})
        self.assertEqual(counts, {"reservoir_states": 1, "attention_maps": 0,
                                  "plasticity": 1, "homeostatic": 1})

    def test_every_set_of_layer_outputs_of_hdf5(self):
        keys = self.keys_of("activations/layer_outputs")
        self.assertEqual(len(keys), 1)
        for key in keys:
            outputs, timestamp, count = spec.retrieve_layer_outputs(
                self.mount.hdf5, key)
            path = self.path("activations/layer_outputs", key)
            self.assertEqual(set(os.listdir(path)),
                             {name + ".npy" for name in outputs}
                             | {"metadata.json"})
            for name, array in outputs.items():
                self.assertEqual(
                    read_bytes(os.path.join(path, name + ".npy")),
                    npy_bytes(array))
            fields = read_json(os.path.join(path, "metadata.json"))
            self.assertEqual(fields.pop("arrays"), {
                name: {"shape": list(array.shape), "dtype": str(array.dtype)}
                for name, array in outputs.items()})
            self.assertEqual(fields, {"timestamp": timestamp,
                                      "num_layers": count})

    def test_every_set_of_metrics_of_hdf5(self):
        keys = self.keys_of("learning_traces/performance")
        self.assertEqual(len(keys), 1)
        self.assertEqual(os.listdir(self.path("learning_traces/performance")),
                         [key + ".json" for key in keys])
        for key in keys:
            metrics, timestamp, task_type = spec.retrieve_performance_metrics(
                self.mount.hdf5, key)
            fields = read_json(self.path("learning_traces/performance",
                                         key + ".json"))
            self.assertEqual(fields, {"timestamp": timestamp,
                                      "task_type": task_type,
                                      "metrics": metrics})

    def test_looking_changes_nothing_but_what_was_accessed(self):
        before = self.rows("SELECT id, experience_data, metadata"
                           " FROM episodes")
        for directory, _, files in os.walk(self.path("episodes")):
            for name in files:
                read_bytes(os.path.join(directory, name))
        self.assertEqual(self.rows("SELECT id, experience_data, metadata"
                                   " FROM episodes"), before)


class Written(Legacy):
    LARGE = np.random.default_rng(9).random((40, 50))
    SMALL = np.arange(6, dtype=">i4").reshape(2, 3)

    def assert_python_reads(self, stored, array):
        loaded = pickle.loads(stored)
        self.assertIsInstance(loaded, np.ndarray)
        self.assert_same_values(loaded, array)

    def assert_same_values(self, loaded, array):
        """But for the order of bytes, which pickle.loads makes its own."""
        self.assertEqual(loaded.dtype, array.dtype.newbyteorder("="))
        self.assert_same_array(loaded, array.astype(loaded.dtype))

    def test_patterns_are_pickles_packed_over_the_threshold(self):
        np.save(self.path("wm/new_large.npy"), self.LARGE)
        np.save(self.path("wm/new_small.npy"), self.SMALL)
        self.assert_python_reads(
            zlib.decompress(self.redis.hget("wm:new_large", "pattern")),
            self.LARGE)
        self.assert_python_reads(self.redis.hget("wm:new_small", "pattern"),
                                 self.SMALL)
        stored = self.redis.hgetall("wm:new_large")
        self.assertEqual(stored[b"shape"], b"(40, 50)")
        self.assertEqual(stored[b"dtype"], b"float64")
        self.assertEqual(json.loads(stored[b"metadata"]), {})

    def test_a_pattern_can_be_replaced(self):
        np.save(self.path("wm/small_i8.npy"), self.SMALL)
        self.assert_python_reads(self.redis.hget("wm:small_i8", "pattern"),
                                 self.SMALL)

    def test_concepts_are_pickles(self):
        for name, array in (("new", self.LARGE), ("f32_concept", self.SMALL)):
            np.save(self.path("concepts", name + ".npy"), array)
            row, = self.rows("SELECT * FROM concepts WHERE name = ?", name)
            self.assert_python_reads(row["embedding"], array)

    def test_episodes_are_pickles(self):
        np.save(self.path("episodes/100.npy"), self.LARGE)
        row, = self.rows("SELECT * FROM episodes WHERE id = 100")
        self.assert_python_reads(row["experience_data"], self.LARGE)
        harness.write_json(self.path("episodes/101.json"), {
            "experience_data": {"observation": [1, 2.5, None, True, "ü"]}})
        row, = self.rows("SELECT * FROM episodes WHERE id = 101")
        self.assertEqual(pickle.loads(row["experience_data"]),
                         {"observation": [1, 2.5, None, True, "ü"]})

    def test_an_array_in_an_episode_can_be_replaced(self):
        np.save(self.path("episodes/1/observation.npy"), self.SMALL)
        row, = self.rows("SELECT * FROM episodes WHERE id = 1")
        experience = pickle.loads(row["experience_data"])
        self.assert_same_values(experience["observation"], self.SMALL)
        original = sqlite3.connect(
            f"file:{harness.LEGACY}/godly_ai.db?mode=ro&immutable=1", uri=True)
        before = pickle.loads(original.execute(
            "SELECT experience_data FROM episodes WHERE id = 1").fetchone()[0])
        original.close()
        self.assertEqual(list(experience), list(before))
        for key in set(before) - {"observation"}:
            self.assertTrue(np.array_equal(experience[key], before[key]), key)

    def test_editing_fields_keeps_the_experience_to_the_byte(self):
        for number in range(2, 7):
            question = "SELECT * FROM episodes WHERE id = ?"
            before, = self.rows(question, number)
            edit_json(self.path(f"episodes/{number}.json"),
                      performance_score=0.125, metadata={"edited": True})
            after, = self.rows(question, number)
            self.assertEqual(after["experience_data"],
                             before["experience_data"])
            self.assertEqual(after["performance_score"], 0.125)
            self.assertEqual(json.loads(after["metadata"]), {"edited": True})

    def test_snapshots_are_retrieved_by_the_spec(self):
        os.mkdir(self.path("network_states/snapshot_new"))
        for name in ("adjacency", "weights", "states"):
            np.save(self.path(f"network_states/snapshot_new/{name}.npy"),
                    self.LARGE)
        edit_json(self.path("network_states/snapshot_new/metadata.json"),
                  timestamp=7.5, metadata={"kind": "copy", "n": 3})
        timestamp, arrays, metadata = spec.retrieve_network_snapshot(
            self.mount.hdf5, "snapshot_new")
        self.assertEqual(timestamp, 7.5)
        self.assertEqual(metadata, {"kind": "copy", "n": 3})
        for array in arrays.values():
            self.assert_same_array(array, self.LARGE)

    def test_spike_trains_are_retrieved_by_the_spec(self):
        os.mkdir(self.path("spike_trains/train_new"))
        np.save(self.path("spike_trains/train_new/spike_times.npy"),
                self.LARGE.ravel())
        np.save(self.path("spike_trains/train_new/neuron_ids.npy"),
                np.arange(2000) % 7)
        attributes, arrays, _ = spec.retrieve_spike_train(self.mount.hdf5,
                                                          "train_new")
        self.assertEqual(attributes["num_spikes"], 2000)
        self.assertEqual(attributes["num_neurons"], 7)
        self.assert_same_array(arrays["spike_times"], self.LARGE.ravel())

    def test_old_snapshots_can_be_edited(self):
        key = "snapshot_1730000060250"
        np.save(self.path("network_states", key, "states.npy"), self.SMALL)
        _, arrays, metadata = spec.retrieve_network_snapshot(self.mount.hdf5,
                                                             key)
        self.assert_same_array(arrays["states"], self.SMALL)
        self.assertEqual(plain(metadata["num_neurons"]), 120)
        self.assertEqual(arrays["weights"].shape, (120, 120))


class Hostile(Legacy):
    def test_a_pickle_that_calls_is_shown_as_bytes_and_not_run(self):
        trap = os.path.join(self.mount.directory, "trap")

        class Trap:
            def __reduce__(self):
                return os.mkdir, (trap,)

        stored = pickle.dumps({"innocent": 1, "trap": Trap()})
        self.redis.hset("wm:hostile", mapping={
            "pattern": stored, "timestamp": "1.5", "metadata": "{}"})
        database = sqlite3.connect(self.mount.database, timeout=10)
        with database:
            database.execute(
                "INSERT INTO episodes (id, timestamp, experience_data,"
                " performance_score, context_hash) VALUES (900, 1.5, ?, 0, '')",
                (stored,))
        database.close()
        harness.eventually(
            lambda: os.path.exists(self.path("episodes/900.pickle")), 2)
        self.assertEqual(read_bytes(self.path("episodes/900.pickle")), stored)
        harness.eventually(
            lambda: "hostile.pickle" in os.listdir(self.path("wm")), 2)
        self.assertEqual(read_bytes(self.path("wm/hostile.pickle")), stored)
        for directory in ("wm", "episodes"):
            for name in os.listdir(self.path(directory)):
                path = self.path(directory, name)
                if os.path.isfile(path):
                    read_bytes(path)
        self.assertFalse(os.path.exists(trap))

    def test_mutilated_pickles_do_no_harm(self):
        whole = self.redis.hget("wm:visual_pattern_001", "pattern")
        for length in range(0, len(whole), 37):
            self.redis.hset("wm:cut", "pattern", whole[:length])
            try:
                read_bytes(self.path("wm/cut.npy"))
            except OSError:
                pass
        self.assertTrue(np.load(
            self.path("wm/visual_pattern_001.npy")).shape, (10, 10))


if __name__ == "__main__":
    harness.main()
