# SPDX-License-Identifier: MIT
"""cp -a of the data directories out of one store and into an empty one."""

import os
import pickle
import sqlite3
import subprocess

import numpy as np

import harness
import legacy
from harness import edit_json, write_json

DATA = ("wm", "attention", "spike_cache", "episodes", "concepts",
        "learning_events", "network_states", "spike_trains", "activations",
        "learning_traces")
RNG = np.random.default_rng(8)


def fill(mount):
    for name, array in (("plain", RNG.random((20, 30))),
                        ("with space", np.arange(3)),
                        ("a%2Fb", np.asfortranarray(RNG.random((4, 5)))),
                        ("big", RNG.random(20000))):
        np.save(mount(f"wm/{name}.npy"), array)
        np.save(mount(f"concepts/{name}.npy"), array)
        write_json(mount(f"concepts/{name}.json"),
                   {"metadata": {"name": name, "deep": [1, {"a": None}]}})
    write_json(mount("wm/plain.json"), {"timestamp": 12.25,
                                        "metadata": {"ü": "é"}})
    np.save(mount("episodes/7.npy"), RNG.random((8, 8)))
    write_json(mount("episodes/7.json"), {"performance_score": 0.5,
                                          "context_hash": "maze"})
    write_json(mount("episodes/9.json"), {
        "experience_data": {"observation": [1, 2], "none": None}})
    np.save(mount("episodes/named.npy"), np.arange(5))
    for key in ("before_lesion", "snapshot_1730000000250"):
        os.mkdir(mount("network_states", key))
        for name in ("adjacency", "weights", "states"):
            np.save(mount("network_states", key, name + ".npy"),
                    RNG.random((30, 30)))
        write_json(mount("network_states", key, "metadata.json"),
                   {"timestamp": 5.5, "metadata": {"n": 1, "t": True}})
    os.mkdir(mount("spike_trains/train_1"))
    np.save(mount("spike_trains/train_1/spike_times.npy"), RNG.random(3000))
    np.save(mount("spike_trains/train_1/neuron_ids.npy"),
            RNG.integers(0, 9, 3000))
    np.save(mount("spike_trains/compressed_1.npy"), np.zeros(9, "u1"))
    fill_others(mount)
    insert_nested_episode(mount)


def fill_others(mount):
    np.save(mount("attention/visual.npy"), RNG.normal(size=300).astype("f4"))
    np.save(mount("spike_cache/1730000000.25.npy"), RNG.integers(0, 2, (9, 4)))
    edit_json(mount("spike_cache/1730000000.25.json"), neuron_ids=[3, 1, 2])
    for number in (4, 6):
        write_json(mount(f"learning_events/{number}.json"), {
            "task_type": "maze", "performance_delta": 0.1,
            "parameters": {"n": number}})
    for place in ("activations/reservoir_states", "activations/attention_maps",
                  "learning_traces/plasticity", "learning_traces/homeostatic"):
        np.save(mount(place, "x.npy"), RNG.normal(size=(40, 30)))
    edit_json(mount("learning_traces/plasticity/x.json"),
              plasticity_type="hebb", timestamp=3.5)
    for name in ("input", "50%25", "encoder/layer1", "encoder/z"):
        path = mount("activations/layer_outputs/outputs_1", name + ".npy")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        np.save(path, RNG.random(7))
    write_json(mount("learning_traces/performance/p.json"), {
        "task_type": "maze", "metrics": {"z": 0.1, "a": float("nan")}})


def insert_nested_episode(mount):
    database = sqlite3.connect(mount.database, timeout=10)
    with database:
        database.execute(
            "INSERT INTO episodes (id, timestamp, experience_data,"
            " performance_score, context_hash) VALUES (20, 1.5, ?, 0.1, 'n')",
            (pickle.dumps({"frame": RNG.random((3, 3)),
                           "steps": [{"x": np.arange(4)}, "end"]}),))
    database.close()
    harness.eventually(lambda: os.path.exists(mount("episodes/20.json")), 2)


def sources(mount):
    return [mount(name) for name in DATA]


def times(directory):
    """Modification times of all files, by their path."""
    found = {}
    for place, _, files in os.walk(directory):
        for name in files:
            path = os.path.join(place, name)
            found[os.path.relpath(path, directory)] = \
                os.lstat(path).st_mtime_ns
    return found


class RoundTrip(harness.unittest.TestCase):
    maxDiff = None

    def copy(self, source, target):
        done = subprocess.run(["cp", "-a", *source, target], text=True,
                              stderr=subprocess.PIPE)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def assert_equal_trees(self, left, right):
        for name in DATA:
            done = subprocess.run(
                ["diff", "-r", os.path.join(left, name),
                 os.path.join(right, name)], text=True,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            self.assertEqual((done.returncode, done.stdout[-2000:]), (0, ""))

    def check(self, source):
        with harness.tempfile.TemporaryDirectory() as plain:
            self.copy(sources(source), plain)
            self.assert_equal_trees(source.path, plain)
            target = harness.Mount()
            try:
                self.copy([os.path.join(plain, name) for name in DATA],
                          target.path)
                self.assert_equal_trees(source.path, target.path)
                for name in DATA:
                    self.assertEqual(times(source(name)), times(target(name)))
                target.remount()
                self.assert_equal_trees(plain, target.path)
            finally:
                target.unmount()

    def test_a_store_of_every_kind_of_record(self):
        source = harness.Mount()
        try:
            fill(source)
            self.check(source)
        finally:
            source.unmount()

    def test_the_store_of_the_python_classes(self):
        source = legacy.mount()
        try:
            self.check(source)
        finally:
            source.unmount()

    def test_straight_from_mount_to_mount(self):
        source = harness.Mount()
        target = harness.Mount()
        try:
            fill(source)
            self.copy(sources(source), target.path)
            self.assert_equal_trees(source.path, target.path)
        finally:
            target.unmount()
            source.unmount()


if __name__ == "__main__":
    harness.main()
