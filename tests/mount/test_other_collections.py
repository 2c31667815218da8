# SPDX-License-Identifier: MIT
"""The collections beside the first five: attention, spike_cache,
learning_events, activations and learning_traces."""

import errno
import json
import os
import shutil
import sqlite3
import subprocess
import time

import numpy as np

import harness
import spec
from harness import decode, edit_json, npy_bytes, read_bytes, read_json
from harness import write_bytes, write_json

RNG = np.random.default_rng(12)
ARRAY = RNG.normal(size=(40, 25))
SINGLE = RNG.normal(size=300).astype("f4")


class InRedis(harness.MountCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.redis = cls.mount.redis()

    def store_theirs(self, key, seconds, mapping):
        self.redis.hset(key, mapping=mapping)
        self.redis.expire(key, seconds)

    def wait_for(self, path):
        harness.eventually(lambda: os.path.exists(path), 2, path)

    def test_attention_is_stored_as_the_spec_says(self):
        before = time.time()
        for name, array in (("visual", ARRAY), ("single", SINGLE)):
            np.save(self.path("attention", name + ".npy"), array)
            stored = self.redis.hgetall(f"attention:{name}")
            self.assert_same_array(decode(stored[b"weights"]), array)
            self.assertEqual(float(stored[b"sum"]), float(array.sum()))
            self.assertEqual(stored[b"shape"].decode(), str(array.shape))
            self.assertAlmostEqual(float(stored[b"timestamp"]), before,
                                   delta=harness.PATIENCE)
            self.assertAlmostEqual(self.redis.ttl(f"attention:{name}"), 600,
                                   delta=harness.PATIENCE)

    def test_attention_of_others_is_shown(self):
        self.store_theirs("attention:theirs", 100, {
            "weights": npy_bytes(ARRAY), "timestamp": "1730000000.25",
            "shape": str(ARRAY.shape), "sum": repr(float(ARRAY.sum()))})
        self.wait_for(self.path("attention/theirs.npy"))
        self.assert_same_array(np.load(self.path("attention/theirs.npy")),
                               ARRAY)
        fields = read_json(self.path("attention/theirs.json"))
        self.assertEqual(list(fields), ["timestamp", "sum", "shape", "dtype",
                                        "expires_at"])
        self.assertEqual(fields["timestamp"], 1730000000.25)
        self.assertEqual(fields["sum"], float(ARRAY.sum()))

    def test_the_sum_follows_the_weights_and_cannot_be_set(self):
        path = self.path("attention/sum")
        np.save(path + ".npy", np.full(10, 0.5))
        self.assertEqual(read_json(path + ".json")["sum"], 5.0)
        np.save(path + ".npy", np.full(12, 0.5))
        self.assertEqual(read_json(path + ".json")["sum"], 6.0)
        fields = read_json(path + ".json")
        self.assert_refused(path + ".json",
                            json.dumps({**fields, "sum": 7.0}).encode(),
                            errno.EINVAL)
        self.assertIn("sum", self.mount.errors()[-1]["reason"])

    def test_spikes_are_cached_as_the_spec_says(self):
        before = time.time()
        spikes = RNG.integers(0, 2, (100, 30))
        path = self.path("spike_cache/1730000000.25")
        np.save(path + ".npy", spikes)
        edit_json(path + ".json", neuron_ids=list(range(30)))
        stored = self.redis.hgetall("spikes:1730000000.25")
        self.assert_same_array(decode(stored[b"spikes"]), spikes)
        self.assertEqual(json.loads(stored[b"neuron_ids"]), list(range(30)))
        self.assertEqual(stored[b"dtype"], b"int64")
        self.assertEqual(stored[b"shape"], b"(100, 30)")
        self.assertAlmostEqual(float(stored[b"cached_at"]), before,
                               delta=harness.PATIENCE)
        self.assertAlmostEqual(self.redis.ttl("spikes:1730000000.25"), 300,
                               delta=harness.PATIENCE)

    def test_spikes_without_neurons_have_an_empty_list_of_them(self):
        np.save(self.path("spike_cache/1.5.npy"), SINGLE)
        self.assertEqual(self.redis.hget("spikes:1.5", "neuron_ids"), b"[]")
        self.assertEqual(read_json(self.path("spike_cache/1.5.json"))
                         ["neuron_ids"], [])

    def test_spikes_of_others_are_shown(self):
        self.store_theirs("spikes:7.25", 50, {
            "spikes": npy_bytes(SINGLE), "neuron_ids": "[4, 5]",
            "dtype": "float32", "shape": "(300,)", "cached_at": "9.5"})
        self.wait_for(self.path("spike_cache/7.25.npy"))
        self.assert_same_array(np.load(self.path("spike_cache/7.25.npy")),
                               SINGLE)
        fields = read_json(self.path("spike_cache/7.25.json"))
        self.assertEqual(fields["neuron_ids"], [4, 5])
        self.assertEqual(fields["cached_at"], 9.5)
        self.assertAlmostEqual(fields["expires_at"], time.time() + 50,
                               delta=harness.PATIENCE)

    def test_they_expire(self):
        for collection in ("attention", "spike_cache"):
            path = self.path(collection, "12.5.npy")
            np.save(path, SINGLE)
            os.setxattr(path, "user.ttl", b"0.3")
            harness.eventually(lambda: not os.path.exists(path), 5, path)
            self.assertNotIn("12.5.npy", os.listdir(self.path(collection)))

    def test_they_can_be_renamed_and_removed(self):
        for collection, prefix in (("attention", "attention:"),
                                   ("spike_cache", "spikes:")):
            np.save(self.path(collection, "2.5.npy"), SINGLE)
            os.rename(self.path(collection, "2.5.npy"),
                      self.path(collection, "3.5.npy"))
            self.assertFalse(self.redis.exists(prefix + "2.5"))
            self.assertTrue(self.redis.exists(prefix + "3.5"))
            os.unlink(self.path(collection, "3.5.npy"))
            os.unlink(self.path(collection, "3.5.json"))
            self.assertFalse(self.redis.exists(prefix + "3.5"))


class Events(harness.MountCase):
    EVENT = {"task_type": "image_classification", "performance_delta": 0.15,
             "strategy_used": "adam", "timestamp": 1730000000.25,
             "parameters": {"learning_rate": 0.001, "batch_size": 32}}

    def execute(self, statement, *values):
        database = sqlite3.connect(self.mount.database, timeout=10)
        database.row_factory = sqlite3.Row
        try:
            with database:
                return [dict(row) for row in
                        database.execute(statement, values)]
        finally:
            database.close()

    def row(self, number):
        row, = self.execute("SELECT * FROM learning_events WHERE id = ?",
                            number)
        return row

    def path(self, name):
        return self.mount("learning_events", name)

    def test_a_file_is_a_row(self):
        write_json(self.path("5.json"), self.EVENT)
        row = self.row(5)
        self.assertEqual(json.loads(row.pop("parameters")),
                         self.EVENT["parameters"])
        self.assertEqual({**row, "parameters": self.EVENT["parameters"]},
                         {"id": 5, **self.EVENT})

    def test_a_row_is_a_file(self):
        self.execute("INSERT INTO learning_events VALUES"
                     " (70, 'maze', -0.5, 'sgd', 12.5, '{\"a\": [1]}')")
        harness.eventually(lambda: os.path.exists(self.path("70.json")), 2)
        self.assertEqual(list(read_json(self.path("70.json")).items()), [
            ("id", 70), ("task_type", "maze"), ("performance_delta", -0.5),
            ("strategy_used", "sgd"), ("timestamp", 12.5),
            ("parameters", {"a": [1]})])
        self.assertEqual(os.stat(self.path("70.json")).st_mtime, 12.5)

    def test_a_copy_under_a_name_gets_a_number(self):
        write_json(self.path("run7.json"), self.EVENT)
        target = os.readlink(self.path("run7.json"))
        number = int(target.removesuffix(".json"))
        self.assertEqual(self.row(number)["strategy_used"], "adam")
        self.assertEqual(read_json(self.path("run7.json"))["id"], number)

    def test_an_event_can_be_edited_renumbered_and_removed(self):
        write_json(self.path("800.json"), self.EVENT)
        edit_json(self.path("800.json"), performance_delta=0.25)
        self.assertEqual(self.row(800)["performance_delta"], 0.25)
        os.rename(self.path("800.json"), self.path("801.json"))
        self.assertEqual(self.row(801)["performance_delta"], 0.25)
        os.unlink(self.path("801.json"))
        self.assertEqual(self.execute("SELECT * FROM learning_events"
                                      " WHERE id IN (800, 801)"), [])

    def test_an_event_has_no_arrays(self):
        write_json(self.path("900.json"), self.EVENT)
        write_bytes(self.path("900.npy"), npy_bytes(ARRAY))  # scratch
        self.assertEqual(read_bytes(self.path("900.npy")), npy_bytes(ARRAY))
        os.unlink(self.path("900.npy"))
        self.assertEqual(list(self.row(900)), [
            "id", "task_type", "performance_delta", "strategy_used",
            "timestamp", "parameters"])

    def test_what_is_no_event_is_refused(self):
        for change in ({"performance_delta": "much"}, {"parameters": 1},
                       {"colour": "red"}):
            field = next(iter(change))
            self.assert_refused(self.path(field + ".json"), json.dumps(
                {**self.EVENT, **change}).encode(), errno.EINVAL)
            self.assertIn(field, self.mount.errors()[-1]["reason"])
            self.assertNotIn(field + ".json", os.listdir(self.path("")))
        self.assertEqual(self.execute("SELECT * FROM learning_events"
                                      " WHERE strategy_used != 'sgd'"
                                      " AND id > 900"), [])


class OneArray(harness.MountCase):
    """activations/reservoir_states and attention_maps, learning_traces/
    plasticity and homeostatic: a data set each."""

    GIVEN = {"reservoir_states": ("reservoir_id", "default"),
             "attention_maps": (None, None),
             "plasticity": ("plasticity_type", "stdp"),
             "homeostatic": ("mechanism", "intrinsic_plasticity")}

    def each(self):
        for collection, place in spec.PLACES.items():
            with self.subTest(collection):
                yield collection, self.path(place)

    def assert_attributes(self, attributes, expected):
        for name, value in expected.items():
            stored = attributes[name]
            self.assertTrue(np.array_equal(stored, value),
                            f"{name}: {stored} is not {value}")
            self.assertEqual(np.asarray(stored).dtype.kind,
                             np.asarray(value).dtype.kind.replace("U", "O")
                             if not isinstance(stored, str) else "U")

    def test_what_numpy_saves_the_classes_retrieve(self):
        before = time.time()
        for collection, directory in self.each():
            for key, array in (("stdp_1", ARRAY), ("single", SINGLE)):
                np.save(os.path.join(directory, key + ".npy"), array)
                stored, attributes = spec.retrieve_one(self.mount.hdf5,
                                                       collection, key)
                self.assert_same_array(stored, array)
                name, default = self.GIVEN[collection]
                expected = spec.derived_attributes(collection, array)
                if name:
                    expected[name] = default
                self.assertEqual(
                    {name for name in attributes
                     if not name.startswith("engramfs")},
                    {"timestamp", *expected})
                self.assert_attributes(attributes, expected)
                self.assertAlmostEqual(attributes["timestamp"], before,
                                       delta=harness.PATIENCE)

    def test_what_the_classes_store_is_a_pair_of_files(self):
        for collection, directory in self.each():
            name, _ = self.GIVEN[collection]
            given = {"timestamp": 1730000000.25, **({name: "x"} if name
                                                    else {})}
            spec.store_one(self.mount.hdf5, collection, "theirs", ARRAY,
                           given)
            path = os.path.join(directory, "theirs")
            harness.eventually(lambda: os.path.exists(path + ".npy"), 2)
            self.assertEqual(read_bytes(path + ".npy"), npy_bytes(ARRAY))
            fields = read_json(path + ".json")
            expected = {**given,
                        **spec.derived_attributes(collection, ARRAY),
                        "shape": list(ARRAY.shape), "dtype": "float64"}
            self.assertEqual(fields, expected)
            self.assertEqual(os.stat(path + ".npy").st_mtime, 1730000000.25)

    def test_fields_are_edited_and_derived_ones_follow(self):
        for collection, directory in self.each():
            path = os.path.join(directory, "edited")
            name, _ = self.GIVEN[collection]
            np.save(path + ".npy", ARRAY)
            changes = {"timestamp": 4.5, **({name: "naïve"} if name else {})}
            edit_json(path + ".json", **changes)
            np.save(path + ".npy", SINGLE)
            _, attributes = spec.retrieve_one(self.mount.hdf5, collection,
                                              "edited")
            self.assert_attributes(attributes, {
                **changes, **spec.derived_attributes(collection, SINGLE)})

    def test_derived_fields_cannot_be_set(self):
        for name, value in (("mean_change", 1.0), ("std_change", 1.0),
                            ("num_synapses", 3), ("shape", [3])):
            path = self.path("learning_traces/plasticity/strict")
            np.save(path + ".npy", ARRAY)
            fields = read_json(path + ".json")
            self.assert_refused(path + ".json", json.dumps(
                {**fields, name: value}).encode(), errno.EINVAL)
            self.assertIn(name, self.mount.errors()[-1]["reason"])
            self.assertEqual(read_json(path + ".json"), fields)

    def test_records_are_renamed_and_removed(self):
        for collection, directory in self.each():
            np.save(os.path.join(directory, "old.npy"), ARRAY)
            os.rename(os.path.join(directory, "old.npy"),
                      os.path.join(directory, "new.npy"))
            stored, _ = spec.retrieve_one(self.mount.hdf5, collection, "new")
            self.assert_same_array(stored, ARRAY)
            os.unlink(os.path.join(directory, "new.npy"))
            os.unlink(os.path.join(directory, "new.json"))
            with spec.open_file(self.mount.hdf5, "r") as file:
                group = file[spec.PLACES[collection]]
                self.assertNotIn("old", group)
                self.assertNotIn("new", group)

    def test_odd_arrays_come_back(self):
        for _, directory in self.each():
            for array in (np.array(2.5), np.zeros((0, 3)),
                          np.array(["a", "b"]), np.array([1 + 2j])):
                np.save(os.path.join(directory, "odd.npy"), array)
                self.assert_same_array(
                    np.load(os.path.join(directory, "odd.npy")), array)
                read_json(os.path.join(directory, "odd.json"))


class Layers(harness.MountCase):
    OUTPUTS = {"input_layer": ARRAY, "hidden_layer_1": SINGLE,
               "output layer %": np.arange(6).reshape(2, 3)}

    def directory(self, *parts):
        return self.path("activations/layer_outputs", *parts)

    def make(self, key, arrays):
        os.mkdir(self.directory(key))
        for name, array in arrays.items():
            path = self.directory(key, name + ".npy")
            os.makedirs(os.path.dirname(path), exist_ok=True)
            np.save(path, array)
        return self.directory(key)

    def fields(self, key):
        return read_json(self.directory(key, "metadata.json"))

    def retrieve(self, key):
        return spec.retrieve_layer_outputs(self.mount.hdf5, key)

    def test_what_numpy_saves_the_classes_retrieve(self):
        self.make("ours", {name.replace("%", "%25"): array
                           for name, array in self.OUTPUTS.items()})
        outputs, timestamp, count = self.retrieve("ours")
        self.assertEqual(set(outputs), set(self.OUTPUTS))
        for name, array in self.OUTPUTS.items():
            self.assert_same_array(outputs[name], array)
        self.assertEqual(count, 3)
        self.assertEqual(count.dtype, np.int64)
        self.assertAlmostEqual(timestamp, time.time(),
                               delta=harness.PATIENCE)
        self.assertEqual(self.fields("ours")["num_layers"], 3)

    def test_what_the_classes_store_is_a_directory(self):
        spec.store_layer_outputs(self.mount.hdf5, "theirs", 1730000000.25,
                                 self.OUTPUTS)
        harness.eventually(lambda: os.path.isdir(self.directory("theirs")), 2)
        self.assertEqual(
            set(os.listdir(self.directory("theirs"))),
            {"input_layer.npy", "hidden_layer_1.npy",
             "output layer %25.npy", "metadata.json"})
        for name, array in self.OUTPUTS.items():
            name = name.replace("%", "%25") + ".npy"
            self.assertEqual(read_bytes(self.directory("theirs", name)),
                             npy_bytes(array))
        fields = self.fields("theirs")
        self.assertEqual(fields["timestamp"], 1730000000.25)
        self.assertEqual(fields["num_layers"], 3)
        self.assertEqual(set(fields["arrays"]), set(self.OUTPUTS))

    def test_nested_names_are_sub_directories(self):
        self.make("nested", {"encoder/layer1": ARRAY, "encoder/layer2": SINGLE,
                             "encoder/deep/er": SINGLE, "head": ARRAY})
        with spec.open_file(self.mount.hdf5, "r") as file:
            group = file["activations/layer_outputs/nested"]
            self.assert_same_array(group["encoder/layer1"][()], ARRAY)
            self.assert_same_array(group["encoder/deep/er"][()], SINGLE)
            self.assertEqual(group.attrs["num_layers"], 4)
        self.assertEqual(sorted(os.listdir(self.directory("nested"))),
                         ["encoder", "head.npy", "metadata.json"])
        self.assertEqual(
            sorted(os.listdir(self.directory("nested/encoder"))),
            ["deep", "layer1.npy", "layer2.npy"])
        self.assertEqual(os.getxattr(
            self.directory("nested/encoder/layer1.npy"), "user.origin"),
            b"hdf5:/activations/layer_outputs/nested/encoder/layer1")
        shutil.rmtree(self.directory("nested/encoder"))
        with spec.open_file(self.mount.hdf5, "r") as file:
            group = file["activations/layer_outputs/nested"]
            self.assertEqual(list(group), ["head"])
            self.assertEqual(group.attrs["num_layers"], 1)

    def test_an_array_is_no_group_of_arrays(self):
        self.make("rivals", {"a": ARRAY, "g/b": ARRAY})
        for name, other in (("a/b", "'a'"), ("g", "'g/b'")):
            os.makedirs(os.path.dirname(
                self.directory("rivals", name)), exist_ok=True)
            self.assert_refused(self.directory("rivals", name + ".npy"),
                                npy_bytes(SINGLE), errno.EINVAL)
            self.assertIn(other, self.mount.errors()[-1]["reason"])
        self.assert_same_array(np.load(self.directory("rivals/a.npy")), ARRAY)
        self.assert_same_array(np.load(self.directory("rivals/g/b.npy")),
                               ARRAY)
        self.assertEqual(self.fields("rivals")["num_layers"], 2)

    def test_names_that_no_layer_has_are_refused(self):
        self.make("names", {})
        for name in ("50%", "a%2Fb", "%41", "%00"):
            with self.assertRaises(OSError) as caught:
                np.save(self.directory("names", name + ".npy"), ARRAY)
            self.assertEqual(caught.exception.errno, errno.EINVAL, name)

    def test_what_hdf5_cannot_hold_is_refused_with_a_reason(self):
        self.make("bytes", {})
        path = os.fsencode(self.directory("bytes")) + b"/\xff.npy"
        self.assert_refused(path, npy_bytes(ARRAY), errno.EINVAL)
        self.assertIn("UTF-8", self.mount.errors()[-1]["reason"])

    def test_a_group_of_other_data_is_not_replaced(self):
        self.make("other", {"a": ARRAY})
        with spec.open_file(self.mount.hdf5, "a") as file:
            group = file["activations/layer_outputs/other"]
            group["texts/words"] = ["not", "shown"]
        self.assert_refused(self.directory("other/texts.npy"),
                            npy_bytes(ARRAY), errno.EINVAL)
        self.assertIn("group", self.mount.errors()[-1]["reason"])
        with spec.open_file(self.mount.hdf5, "r") as file:
            group = file["activations/layer_outputs/other"]
            self.assertEqual(group["texts/words"][1], b"shown")

    def test_every_name_has_one_file(self):
        names = [".hidden", "a.npy", "x.json", "50%", "metadata", "naïve 层",
                 "~", "tab\t", "a" * 300, "b" * 230 + "%" * 20]
        spec.store_layer_outputs(self.mount.hdf5, "odd", 1.5,
                                 {name: np.array([index]) for index, name
                                  in enumerate(names)})
        harness.eventually(lambda: os.path.isdir(self.directory("odd")), 2)
        files = set(os.listdir(self.directory("odd"))) - {"metadata.json"}
        self.assertEqual(len(files), len(names))
        self.assertIn("%2Ehidden.npy", files)
        self.assertIn("a%2Enpy.npy", files)
        self.assertIn("tab%09.npy", files)
        found = sorted(int(np.load(self.directory("odd", name))[0])
                       for name in files)
        self.assertEqual(found, list(range(len(names))))
        for name in files:
            path = self.directory("odd", name)
            np.save(path, np.load(path) + 100)
        outputs, _, count = self.retrieve("odd")
        self.assertEqual({name: int(array[0]) for name, array
                          in outputs.items()},
                         {name: index + 100 for index, name
                          in enumerate(names)})
        self.assertEqual(count, len(names))

    def test_layers_come_go_and_are_renamed(self):
        directory = self.make("changing", {"one": ARRAY, "two": SINGLE})
        os.rename(os.path.join(directory, "one.npy"),
                  os.path.join(directory, "three.npy"))
        outputs, _, count = self.retrieve("changing")
        self.assertEqual((set(outputs), count), ({"two", "three"}, 2))
        os.unlink(os.path.join(directory, "two.npy"))
        outputs, _, count = self.retrieve("changing")
        self.assertEqual((set(outputs), count), ({"three"}, 1))
        os.rename(directory, self.directory("changed"))
        self.assert_same_array(self.retrieve("changed")[0]["three"], ARRAY)
        shutil.rmtree(self.directory("changed"))
        with spec.open_file(self.mount.hdf5, "r") as file:
            self.assertNotIn("changed", file["activations/layer_outputs"])

    def test_the_json_may_come_before_the_last_layers(self):
        self.make("announced", {"a": ARRAY})
        write_json(self.directory("announced/metadata.json"),
                   {"timestamp": 2.5, "num_layers": 2})
        np.save(self.directory("announced/b.npy"), ARRAY)
        self.assertEqual(self.fields("announced")["num_layers"], 2)
        self.assertEqual(self.fields("announced")["timestamp"], 2.5)
        self.assert_refused(self.directory("announced/metadata.json"),
                            b'{"num_layers": 1}', errno.EINVAL)

    def test_scratch_files_become_layers(self):
        directory = self.make("scratch", {})
        write_bytes(os.path.join(directory, ".a.npy.Xy12"), npy_bytes(ARRAY))
        os.rename(os.path.join(directory, ".a.npy.Xy12"),
                  os.path.join(directory, "a.npy"))
        self.assert_same_array(self.retrieve("scratch")[0]["a"], ARRAY)

    def test_layers_are_copied_with_rsync_and_cp(self):
        self.make("source", {"e%25/l": ARRAY, "m": SINGLE})
        subprocess.run(["cp", "-a", self.directory("source"),
                        self.directory("target")], check=True)
        subprocess.run(["diff", "-r", self.directory("source"),
                        self.directory("target")], check=True)


class Metrics(harness.MountCase):
    METRICS = {"loss": 0.23, "accuracy": 0.85, "zeta": 1e-300, "épochs": 3.0}

    def path(self, name):
        return self.mount("learning_traces/performance", name)

    def retrieve(self, key):
        return spec.retrieve_performance_metrics(self.mount.hdf5, key)

    def test_a_json_file_is_the_whole_record(self):
        write_json(self.path("ours.json"), {
            "timestamp": 7.5, "task_type": "maze", "metrics": self.METRICS})
        self.assertEqual(self.retrieve("ours"), (self.METRICS, 7.5, "maze"))
        self.assertEqual(list(self.retrieve("ours")[0]), list(self.METRICS))
        self.assertEqual(read_json(self.path("ours.json")), {
            "timestamp": 7.5, "task_type": "maze", "metrics": self.METRICS})
        with spec.open_file(self.mount.hdf5, "r") as file:
            group = file["learning_traces/performance/ours"]
            self.assertEqual(group["values"].dtype, np.float64)
            attribute = group.attrs.get_id("metric_names")
            self.assertEqual(spec.h5py.check_string_dtype(attribute.dtype),
                             ("utf-8", None))

    def test_what_the_classes_store_is_a_file(self):
        spec.store_performance_metrics(self.mount.hdf5, "theirs", 8.5,
                                       self.METRICS, "classification")
        harness.eventually(lambda: os.path.exists(self.path("theirs.json")),
                           2)
        fields = read_json(self.path("theirs.json"))
        self.assertEqual(fields, {"timestamp": 8.5,
                                  "task_type": "classification",
                                  "metrics": self.METRICS})
        self.assertEqual(list(fields["metrics"]), list(self.METRICS))

    def test_metrics_are_edited(self):
        write_json(self.path("edit.json"), {"metrics": self.METRICS})
        self.assertEqual(self.retrieve("edit")[2], "general")
        edit_json(self.path("edit.json"), metrics={"only": 1, "two": 2.5})
        self.assertEqual(self.retrieve("edit")[0], {"only": 1.0, "two": 2.5})

    def test_what_is_no_number_is_refused(self):
        write_json(self.path("strict.json"), {"metrics": self.METRICS})
        for metrics in ({"a": "b"}, {"a": [1]}, [1], {"a": None}):
            self.assert_refused(self.path("strict.json"), json.dumps(
                {"metrics": metrics}).encode(), errno.EINVAL)
            self.assertIn("metrics", self.mount.errors()[-1]["reason"])
        self.assertEqual(self.retrieve("strict")[0], self.METRICS)

    def test_records_are_renamed_and_removed(self):
        write_json(self.path("old.json"), {"metrics": self.METRICS})
        os.rename(self.path("old.json"), self.path("new.json"))
        self.assertEqual(self.retrieve("new")[0], self.METRICS)
        os.unlink(self.path("new.json"))
        with spec.open_file(self.mount.hdf5, "r") as file:
            self.assertEqual(
                {"old", "new"} & set(file["learning_traces/performance"]),
                set())


class Persistence(harness.unittest.TestCase):
    def test_all_of_them_survive_a_remount(self):
        mount = harness.Mount()
        np.save(mount("attention/kept.npy"), ARRAY)
        np.save(mount("spike_cache/1.5.npy"), ARRAY)
        write_json(mount("learning_events/3.json"), {"task_type": "kept"})
        os.mkdir(mount("activations/layer_outputs/kept"))
        np.save(mount("activations/layer_outputs/kept/any.npy"), ARRAY)
        np.save(mount("learning_traces/plasticity/kept.npy"), ARRAY)
        write_json(mount("learning_traces/performance/kept.json"),
                   {"metrics": {"a": 0.5}})
        mount.remount()
        try:
            for path in ("attention/kept.npy", "spike_cache/1.5.npy",
                         "activations/layer_outputs/kept/any.npy",
                         "learning_traces/plasticity/kept.npy"):
                self.assertEqual(read_bytes(mount(path)), npy_bytes(ARRAY))
            self.assertEqual(read_json(mount("learning_events/3.json"))
                             ["task_type"], "kept")
            self.assertEqual(
                read_json(mount("learning_traces/performance/kept.json"))
                ["metrics"], {"a": 0.5})
        finally:
            mount.unmount()


if __name__ == "__main__":
    harness.main()
