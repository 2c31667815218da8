# SPDX-License-Identifier: MIT
"""Every key has one name, every listed name can be looked up, and back."""

import os
import sqlite3

import numpy as np

import harness
import spec
from harness import npy_bytes

TEXTS = ["plain", "with space", " leading", "trailing ", "a/b", "/", "//x",
         ".", "..", ".hidden", "...", "%", "%2F", "100%", "%41", "a%",
         "ünïcode 漢字 🧠", "new\nline", "tab\t", "bell\a", "del\x7f",
         "quote\"'`", "back\\slash", "*?[x]", "~", "tilde~", "x.npy", "x.json",
         "x.npy.json", "y.pickle", "x.NPY", "a:b", "metadata", "con", "-rf",
         "a" * 250, "a" * 251, "a" * 255, "a" * 300, "b" * 4000,
         "ü" * 130, "漢" * 90, "/" * 100, "🧠" * 70 + "1", "🧠" * 70 + "2"]
BYTES = [text.encode() for text in TEXTS] + [
    b"", b"\0", b"nul\0inside", b"\xff\xfe", b"half\xc3", b"\x01\x02"]

# Names as design says them: what stays readable, and what is encoded.
EXPECTED = {"plain": "plain", "with space": "with space", "a/b": "a%2Fb",
            ".hidden": "%2Ehidden", "..": "%2E.", "%2F": "%252F",
            "ünïcode 漢字 🧠": "ünïcode 漢字 🧠", "new\nline": "new%0Aline",
            "del\x7f": "del%7F", "x.npy": "x%2Enpy", "x.json": "x%2Ejson",
            "": "%", "\0": "%00", "tilde~": "tilde~"}


def stem(name):
    return name.rsplit(".", 1)[0]


class Names(harness.MountCase):
    def check_directory(self, directory, count):
        """Every listed name can be looked up; each record once.  Returns the
        number each array holds, by name."""
        names = os.listdir(self.path(directory))
        self.assertEqual(len(names), len(set(names)))
        self.assertEqual(len(names), 2 * count)
        held = {}
        for name in names:
            path = self.path(directory, name)
            self.assertTrue(os.path.isfile(path), name)
            self.assertLessEqual(len(os.fsencode(name)), 255)
            if name.endswith(".npy"):
                held[stem(name)] = int(np.load(path)[0])
                self.assertIn(stem(name) + ".json", names)
        self.assertEqual(sorted(held.values()), list(range(count)))
        return held

    def check_expected(self, held, keys):
        for name, number in held.items():
            key = keys[number]
            if key in EXPECTED:
                self.assertEqual(name, EXPECTED[key])

    def check_back(self, directory, held, exists):
        """Removing a listed name removes that key and no other."""
        for name, number in held.items():
            self.assertTrue(exists(number), name)
            os.unlink(self.path(directory, name + ".npy"))
            os.unlink(self.path(directory, name + ".json"))
            self.assertFalse(exists(number), name)
        self.assertEqual(os.listdir(self.path(directory)), [])

    def test_redis_keys(self):
        redis = self.mount.redis()
        for number, key in enumerate(BYTES):
            redis.hset(b"wm:" + key, mapping={
                "pattern": npy_bytes(np.array([number])), "timestamp": "1.5",
                "shape": "(1,)", "dtype": "int64", "metadata": "{}"})
        harness.eventually(
            lambda: len(os.listdir(self.path("wm"))) == 2 * len(BYTES), 5,
            "every key is listed")
        held = self.check_directory("wm", len(BYTES))
        self.check_expected(held, [key.decode(errors="surrogateescape")
                                   for key in BYTES])
        self.check_back("wm", held,
                        lambda number: redis.exists(b"wm:" + BYTES[number]))

    def test_concepts(self):
        database = sqlite3.connect(self.mount.database, timeout=10)
        for number, key in enumerate(TEXTS):
            database.execute(
                "INSERT INTO concepts (name, embedding, creation_time)"
                " VALUES (?, ?, 1.5)", (key, npy_bytes(np.array([number]))))
        database.commit()
        harness.eventually(
            lambda: len(os.listdir(self.path("concepts"))) == 2 * len(TEXTS),
            5, "every concept is listed")
        held = self.check_directory("concepts", len(TEXTS))
        self.check_expected(held, TEXTS)
        self.check_back("concepts", held, lambda number: database.execute(
            "SELECT count(*) FROM concepts WHERE name = ?",
            (TEXTS[number],)).fetchone()[0])
        database.close()

    def test_hdf5_groups(self):
        keys = [key for key in TEXTS
                if "/" not in key and key not in (".", "..")]
        with spec.open_file(self.mount.hdf5, "a") as file:
            for number, key in enumerate(keys):
                group = file["spike_trains/raw_data"].create_group(key)
                spec.store_array(group, "spike_times", np.array([number]))
                group.attrs["timestamp"] = 1.5
        directory = self.path("spike_trains")
        harness.eventually(lambda: len(os.listdir(directory)) == len(keys), 5,
                           "every group is listed")
        seen = set()
        for name in os.listdir(directory):
            number = int(np.load(
                os.path.join(directory, name, "spike_times.npy"))[0])
            seen.add(number)
            if keys[number] in EXPECTED and not keys[number].endswith(
                    (".npy", ".json")):
                self.assertEqual(name, EXPECTED[keys[number]])
        self.assertEqual(seen, set(range(len(keys))))

    def test_a_long_key_is_whole_in_the_json(self):
        redis = self.mount.redis()
        key = "k" * 300 + "/end"
        redis.hset("wm:" + key, mapping={
            "pattern": npy_bytes(np.zeros(1)), "timestamp": "1.5",
            "shape": "(1,)", "dtype": "float64", "metadata": "{}"})
        name, = harness.eventually(
            lambda: [name for name in os.listdir(self.path("wm"))
                     if name.endswith(".json") and name.startswith("kkk")], 2)
        self.assertRegex(name, r"~[0-9a-f]{16}\.json$")
        self.assertIn(key, harness.read_json(self.path("wm", name)).values())
        self.assertEqual(os.getxattr(self.path("wm", name), "user.origin"),
                         b"redis:wm:" + key.encode())
        redis.delete("wm:" + key)

    def test_names_that_are_made_are_the_keys_they_say(self):
        redis = self.mount.redis()
        for key, name in EXPECTED.items():
            np.save(self.path("wm", name + ".npy"), np.zeros(1))
            self.assertTrue(redis.exists(b"wm:" + os.fsencode(key)), name)
            os.unlink(self.path("wm", name + ".npy"))
            os.unlink(self.path("wm", name + ".json"))

    def test_control_is_found_by_name_and_not_listed(self):
        self.assertNotIn(".engram", os.listdir(self.path()))
        self.assertLessEqual(
            {"status.json", "config.json", "errors.jsonl", "rejected"},
            set(os.listdir(self.path(".engram"))))

    def test_every_name_of_the_whole_tree_can_be_looked_up(self):
        for directory, directories, files in os.walk(self.path()):
            for name in directories + files:
                os.lstat(os.path.join(directory, name))
        self.assertLessEqual(
            {"wm", "episodes", "concepts", "network_states", "spike_trains"},
            set(os.listdir(self.path())))


if __name__ == "__main__":
    harness.main()
