# SPDX-License-Identifier: MIT
"""docs/examples: each runs, and leaves in the stores what it says."""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time

import numpy as np

import harness
import spec
from harness import decode

DIRECTORY = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                         "..", "..", "docs", "examples")


def run(name, *arguments, status=0, **variables):
    """What the example prints."""
    programs = os.path.dirname(harness.ENGRAMFS)
    done = subprocess.run(
        [os.path.join(DIRECTORY, name), *arguments], text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, timeout=4 * harness.PATIENCE,
        env=harness.clean_environment({
            "PATH": f"{programs}:/usr/bin:/bin:/usr/sbin:/sbin",
            **variables}))
    if done.returncode != status or (done.stderr and status == 0):
        raise AssertionError(f"{name} ended with {done.returncode}: "
                             f"{done.stdout}{done.stderr}")
    return done.stdout


class Examples(harness.MountCase):
    def rows(self, question, *values):
        database = sqlite3.connect(self.mount.database, timeout=10)
        try:
            return database.execute(question, values).fetchall()
        finally:
            database.close()

    def test_each_is_in_the_readme_and_says_how_it_is_called(self):
        examples = sorted(name for name in os.listdir(DIRECTORY)
                          if name.endswith((".py", ".sh")))
        with open(os.path.join(DIRECTORY, "README.md")) as file:
            listed = re.findall(r"^\| \[([a-z_]+\.(?:py|sh))\]\(\1\) (\S+)",
                                file.read(), re.MULTILINE)
        self.assertEqual(sorted(name for name, _ in listed), examples)
        for name, argument in listed:
            done = subprocess.run([os.path.join(DIRECTORY, name)],
                                  capture_output=True, text=True)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(f"{name} {argument}", done.stdout + done.stderr)

    def test_training_leaves_snapshots_metrics_and_events(self):
        text = run("training_loop.py", self.mount.path)
        self.assertIn("saved 5 snapshots", text)
        self.assertIn("restored step 500: the same", text)
        stamps = []
        for step in range(100, 501, 100):
            timestamp, arrays, metadata = spec.retrieve_network_snapshot(
                self.mount.hdf5, f"snapshot_{step:06}")
            stamps.append(timestamp)
            self.assertEqual(metadata["step_count"], step)
            self.assertEqual(arrays["weights"].shape, (60, 60))
            self.assertTrue(arrays["states"].any())
        self.assertEqual(stamps, [stamps[0] + 100 * i for i in range(5)])
        metrics, _, task = spec.retrieve_performance_metrics(
            self.mount.hdf5, "training_000500")
        self.assertEqual((metrics["step"], task), (500.0, "training"))
        deltas = self.rows("SELECT performance_delta FROM learning_events"
                           " WHERE strategy_used = 'hebbian' ORDER BY id")
        self.assertEqual(len(deltas), 5)
        self.assertAlmostEqual(sum(delta for delta, in deltas),
                               metrics["score"])

    def test_spikes_are_cached_stored_analysed_and_packed(self):
        text = run("spike_pipeline.py", self.mount.path, "3")
        self.assertIn(": 3000 spikes", text)
        self.assertIn("3 batches in the cache", text)
        client = self.mount.redis()
        keys = sorted(client.keys("spikes:*"))
        self.assertEqual(len(keys), 3)
        stored = []
        for number, key in enumerate(keys):
            _, arrays, metadata = spec.retrieve_spike_train(
                self.mount.hdf5, f"train_{number:04}")
            self.assertEqual(metadata["batch_size"], 1000)
            self.assertEqual(float(key[7:]), arrays["spike_times"][0])
            self.assertEqual(decode(client.hget(key, "spikes")).sum(), 1000)
            stored.append(arrays)
        name = re.search(r"packed as (\S+):", text)[1]
        packed, attributes, _ = spec.retrieve_compressed_spike_train(
            self.mount.hdf5, name)
        self.assertEqual(attributes["compression_ratio"], 3.0)
        self.assertTrue(np.array_equal(packed[:, 1], np.concatenate(
            [arrays["neuron_ids"] for arrays in stored])))
        metrics, _, task = spec.retrieve_performance_metrics(
            self.mount.hdf5, "spikes_0002")
        self.assertEqual(set(metrics), {"pattern_count", "synchrony_index",
                                        "burst_rate"})
        self.assertEqual(task, "spike_analysis")

    def test_concepts_are_linked_within_their_families(self):
        text = run("concept_graph.py", self.mount.path)
        self.assertIn("18 links between 9 concepts", text)
        links = self.rows(
            "SELECT a.name, b.name, a.embedding, b.embedding, strength,"
            " json_extract(a.metadata, '$.category'),"
            " json_extract(b.metadata, '$.category')"
            " FROM concept_relationships JOIN concepts AS a"
            " ON source_concept_id = a.id JOIN concepts AS b"
            " ON target_concept_id = b.id"
            " WHERE relationship_type = 'similar_to'")
        self.assertEqual(len({(a, b) for a, b, *_ in links}), 18)
        for a, b, left, right, strength, family, other in links:
            self.assertEqual(family, other, f"{a} -> {b}")
            left, right = decode(left), decode(right)
            self.assertAlmostEqual(strength, left @ right / np.linalg.norm(
                left) / np.linalg.norm(right))
        self.assertEqual(run("concept_graph.py", self.mount.path), text)

    def test_a_pattern_moves_through_the_tiers(self):
        text = run("tiers.sh", self.mount.path)
        self.assertIn("the same bytes in both", text)
        name = re.search(r"wm: (\S+),", text)[1]
        number = int(re.search(r"episodes: (\d+),", text)[1])
        expected = np.random.default_rng(2).random((200, 80))
        (score, context, metadata, experience), = self.rows(
            "SELECT performance_score, context_hash, metadata,"
            " experience_data FROM episodes WHERE id = ?", number)
        self.assertEqual((score, context), (0.85, "navigation_task"))
        self.assertEqual(json.loads(metadata), {"source": name})
        self.assert_same_array(decode(experience), expected)
        array, attributes = spec.retrieve_one(
            self.mount.hdf5, "reservoir_states", name)
        self.assert_same_array(array, expected)
        self.assertEqual(attributes["reservoir_id"], "main")
        self.assertFalse(self.mount.redis().exists("wm:" + name))


class Upkeep(harness.MountCase):
    def test_daily_maintenance_cleans_up_and_makes_a_backup(self):
        for key, age in (("old", 40), ("new", 2)):
            path = self.path("network_states", key)
            os.mkdir(path)
            np.save(os.path.join(path, "weights.npy"), np.eye(40))
            harness.edit_json(os.path.join(path, "metadata.json"),
                              timestamp=time.time() - age * 86400)
        text = run("daily_maintenance.sh", self.mount.path, FORCE="1")
        self.assertIn("older than 30 days: 1 removed", text)
        self.assertIn("1 backups, 0 problems", text)
        self.assertRegex(text, r"vacuum: \d+ -> \d+\ncompact: \d+ -> \d+\n")
        with spec.open_file(self.mount.hdf5, "r") as file:
            self.assertEqual(list(file["network_states/topology"]), ["new"])
        name = re.search(r"backup: (\S+)", text)[1]
        with sqlite3.connect(os.path.join(self.mount.store, "backups", name,
                                          "godly_ai.db")) as database:
            self.assertEqual(database.execute(
                "PRAGMA integrity_check").fetchone(), ("ok",))
        database.close()

    def test_maintenance_of_what_is_not_mounted_fails(self):
        with tempfile.TemporaryDirectory() as directory:
            run("daily_maintenance.sh", directory, status=1)


class Recovery(harness.unittest.TestCase):
    def test_a_damaged_store_gets_its_backup_back(self):
        self.directory = tempfile.mkdtemp(prefix="engramfs-test-")
        self.addCleanup(self.clean_up)
        store = os.path.join(self.directory, "store")
        mount = os.path.join(self.directory, "mnt")
        os.mkdir(store)
        os.mkdir(mount)
        self.assertEqual(harness.run_engramfs(store, mount).returncode, 0)
        weights = np.random.default_rng(1).random((64, 64))
        os.mkdir(os.path.join(mount, "network_states", "s"))
        path = os.path.join(mount, "network_states", "s", "weights.npy")
        np.save(path, weights)
        self.assertEqual(run("recover.sh", store, mount), "sound\n")
        subprocess.run([harness.ENGRAMCTL, mount, "backup"], check=True,
                       stdout=subprocess.DEVNULL)
        self.damage(os.path.join(store, "godly_ai_data.h5"))
        text = run("recover.sh", store, mount)
        self.assertIn("network_states/weights/s/weights", text)
        self.assertRegex(text, r"restored \d{8}T\d{6}Z\n$")
        self.assertTrue(np.array_equal(np.load(path), weights))

    def damage(self, path):
        """Flip a bit in the middle of the weights' chunk."""
        with spec.open_file(path, "r") as file:
            chunk = file["network_states/weights/s/weights"] \
                .id.get_chunk_info(0)
        with open(path, "r+b") as file:
            file.seek(chunk.byte_offset + chunk.size // 2)
            byte, = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte ^ 1]))

    def clean_up(self):
        mount = os.path.join(self.directory, "mnt")
        if harness.is_mounted(mount):
            subprocess.run(["fusermount3", "-u", mount], check=True)
        left = harness.eventually_none(
            lambda: harness.processes_of(self.directory))
        for pid, _ in left:
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.directory)
        self.assertFalse(left)


if __name__ == "__main__":
    harness.main()
