# SPDX-License-Identifier: MIT
"""/episodes: experiences of any shape in SQLite, numbered by the database."""

import json
import os
import pickle
import shutil
import sqlite3

import numpy as np

import harness
from harness import edit_json, npy_bytes, read_json, unpack
from harness import write_bytes, write_json

FRAME = np.random.default_rng(3).random((8, 8))
LABELS = np.arange(5, dtype="i4")


class Episodes(harness.MountCase):
    def execute(self, statement, *values):
        database = sqlite3.connect(self.mount.database, timeout=10)
        try:
            with database:
                return database.execute(statement, values).lastrowid
        finally:
            database.close()

    def row(self, number):
        database = sqlite3.connect(self.mount.database)
        try:
            database.row_factory = sqlite3.Row
            row = database.execute("SELECT * FROM episodes WHERE id = ?",
                                   (number,)).fetchone()
            return dict(row) if row else None
        finally:
            database.close()

    def insert(self, experience, **fields):
        row = {"timestamp": 1730000000.25, "performance_score": 0.5,
               "context_hash": "c", "metadata": "{}", **fields}
        number = self.execute(
            "INSERT INTO episodes (timestamp, experience_data,"
            " performance_score, context_hash, metadata)"
            " VALUES (?, ?, ?, ?, ?)", row["timestamp"], experience,
            row["performance_score"], row["context_hash"], row["metadata"])
        harness.eventually(
            lambda: os.path.exists(self.path(f"episodes/{number}.json")), 2)
        return number

    def make(self, name="fresh", array=FRAME):
        """One episode by its array; its number."""
        np.save(self.path("episodes", name + ".npy"), array)
        number = os.readlink(self.path("episodes", name + ".npy"))
        return int(number.split(".")[0])

    # What the database has, as files.

    def test_one_array_is_a_pair(self):
        number = self.insert(npy_bytes(FRAME), performance_score=0.85,
                             context_hash="maze", metadata='{"n": 1}')
        self.assert_same_array(np.load(self.path(f"episodes/{number}.npy")),
                               FRAME)
        fields = read_json(self.path(f"episodes/{number}.json"))
        self.assertEqual(fields["id"], number)
        self.assertEqual(fields["timestamp"], 1730000000.25)
        self.assertEqual(fields["performance_score"], 0.85)
        self.assertEqual(fields["context_hash"], "maze")
        self.assertEqual(fields["metadata"], {"n": 1})

    def test_a_structure_without_arrays_is_json_alone(self):
        experience = {"observation": [1, 2, 3], "action": "stop",
                      "nested": {"deep": [None, True, 1.5]}}
        number = self.insert(json.dumps(experience).encode())
        fields = read_json(self.path(f"episodes/{number}.json"))
        self.assertEqual(fields["experience_data"], experience)
        self.assertFalse(os.path.exists(self.path(f"episodes/{number}.npy")))

    def test_arrays_in_a_structure_are_files_of_a_directory(self):
        experience = {"observation": FRAME, "action": "left",
                      "steps": [{"labels": LABELS}, 2]}
        number = self.insert(pickle.dumps(experience))
        fields = read_json(self.path(f"episodes/{number}.json"))
        self.assertEqual(fields["experience_data"], {
            "observation": {"$npy": f"{number}/observation.npy"},
            "action": "left",
            "steps": [{"labels": {"$npy": f"{number}/steps/0/labels.npy"}},
                      2]})
        for reference, array in (("observation", FRAME),
                                 ("steps/0/labels", LABELS)):
            self.assert_same_array(
                np.load(self.path(f"episodes/{number}/{reference}.npy")),
                array)
        self.assertIn("observation.npy",
                      os.listdir(self.path(f"episodes/{number}")))

    def test_what_is_no_data_is_offered_whole(self):
        stored = pickle.dumps(os.PathLike)  # a class, by name
        number = self.insert(stored)
        with open(self.path(f"episodes/{number}.pickle"), "rb") as file:
            self.assertEqual(file.read(), stored)

    # What is copied in.

    def test_a_name_that_was_seen_before_it_had_bytes_is_a_symlink(self):
        path = self.path("episodes/begun.npy")
        for look in (os.stat, lambda path: os.listdir(os.path.dirname(path)),
                     lambda path: [entry.stat() for entry in
                                   os.scandir(os.path.dirname(path))]):
            write_bytes(path, b"")
            look(path)
            np.save(path, FRAME)
            self.assert_same_array(np.load(self.path(
                "episodes", os.readlink(path))), FRAME)
            os.unlink(path)

    def test_another_name_makes_one_record_and_stays_as_a_link(self):
        np.save(self.path("episodes/run7.npy"), FRAME)
        target = os.readlink(self.path("episodes/run7.npy"))
        number = int(target.split(".")[0])
        self.assertEqual(target, f"{number}.npy")
        self.assert_same_array(np.load(self.path("episodes/run7.npy")), FRAME)
        write_json(self.path("episodes/run7.json"),
                   {"performance_score": 0.75, "context_hash": "maze"})
        self.assertEqual(os.readlink(self.path("episodes/run7.json")),
                         f"{number}.json")
        row = self.row(number)
        self.assertEqual(row["performance_score"], 0.75)
        self.assertEqual(row["context_hash"], "maze")
        self.assertEqual(unpack(row["experience_data"]), npy_bytes(FRAME))

    def test_json_first_makes_the_same_one_record(self):
        write_json(self.path("episodes/run8.json"),
                   {"performance_score": 0.25, "context_hash": "field"})
        np.save(self.path("episodes/run8.npy"), FRAME)
        targets = {os.readlink(self.path("episodes", name)).split(".")[0]
                   for name in ("run8.json", "run8.npy")}
        self.assertEqual(len(targets), 1)
        row = self.row(int(targets.pop()))
        self.assertEqual(row["performance_score"], 0.25)
        self.assertEqual(unpack(row["experience_data"]), npy_bytes(FRAME))

    def test_a_free_number_is_used_as_the_id(self):
        np.save(self.path("episodes/70001.npy"), FRAME)
        self.assertFalse(os.path.islink(self.path("episodes/70001.npy")))
        self.assertEqual(unpack(self.row(70001)["experience_data"]),
                         npy_bytes(FRAME))
        self.assertEqual(
            read_json(self.path("episodes/70001.json"))["id"], 70001)

    def test_json_alone_is_a_record_without_arrays(self):
        write_json(self.path("episodes/70002.json"), {
            "performance_score": 1, "context_hash": "x",
            "experience_data": {"observation": [1, 2], "action": "go"}})
        stored = unpack(self.row(70002)["experience_data"])
        self.assertEqual(json.loads(stored),
                         {"observation": [1, 2], "action": "go"})

    def test_a_directory_of_arrays_and_its_json_are_one_record(self):
        for name, json_first in (("70003", True), ("70004", False)):
            steps = [
                lambda: write_json(self.path(f"episodes/{name}.json"), {
                    "experience_data": {
                        "observation": {"$npy": f"{name}/observation.npy"},
                        "action": "left"}}),
                lambda: (os.makedirs(self.path(f"episodes/{name}"),
                                     exist_ok=True),
                         np.save(self.path(f"episodes/{name}/observation.npy"),
                                 FRAME)),
            ]
            for step in steps if json_first else reversed(steps):
                step()
            self.assert_same_array(
                np.load(self.path(f"episodes/{name}/observation.npy")), FRAME)
            self.assertEqual(
                read_json(self.path(f"episodes/{name}.json"))
                ["experience_data"],
                {"observation": {"$npy": f"{name}/observation.npy"},
                 "action": "left"})

    # Changes.

    def test_a_write_replaces_the_array(self):
        number = self.make("replace")
        np.save(self.path(f"episodes/{number}.npy"), LABELS)
        self.assertEqual(unpack(self.row(number)["experience_data"]),
                         npy_bytes(LABELS))

    def test_the_json_can_be_edited(self):
        number = self.make("edit")
        edit_json(self.path(f"episodes/{number}.json"), timestamp=2.5,
                  performance_score=-1, context_hash="nowhere",
                  metadata={"k": [1]})
        row = self.row(number)
        self.assertEqual((row["timestamp"], row["performance_score"],
                          row["context_hash"]), (2.5, -1, "nowhere"))
        self.assertEqual(json.loads(row["metadata"]), {"k": [1]})
        self.assertEqual(unpack(row["experience_data"]), npy_bytes(FRAME))

    def test_an_array_in_a_structure_can_be_replaced(self):
        number = self.insert(pickle.dumps({"a": FRAME, "b": 1}))
        np.save(self.path(f"episodes/{number}/a.npy"), LABELS)
        self.assert_same_array(np.load(self.path(f"episodes/{number}/a.npy")),
                               LABELS)
        self.assertEqual(
            read_json(self.path(f"episodes/{number}.json"))
            ["experience_data"]["b"], 1)

    def test_a_record_goes_with_its_last_file(self):
        for first, second in ((".npy", ".json"), (".json", ".npy")):
            number = self.make("gone" + first)
            os.unlink(self.path(f"episodes/{number}{first}"))
            self.assertIsNotNone(self.row(number))
            os.unlink(self.path(f"episodes/{number}{second}"))
            self.assertIsNone(self.row(number))

    def test_a_rename_to_a_free_number_renumbers(self):
        number = self.make("renumber")
        os.rename(self.path(f"episodes/{number}.npy"),
                  self.path("episodes/70010.npy"))
        self.assertIsNone(self.row(number))
        self.assertEqual(unpack(self.row(70010)["experience_data"]),
                         npy_bytes(FRAME))

    def test_a_copied_file_is_a_new_record(self):
        number = self.make("copy")
        shutil.copyfile(self.path(f"episodes/{number}.npy"),
                        self.path("episodes/70020.npy"))
        self.assertEqual(unpack(self.row(70020)["experience_data"]),
                         npy_bytes(FRAME))
        self.assertIsNotNone(self.row(number))

    def test_episodes_survive_a_remount(self):
        mount = harness.Mount()
        np.save(mount("episodes/9.npy"), FRAME)
        np.save(mount("episodes/named.npy"), LABELS)
        mount.remount()
        self.assert_same_array(np.load(mount("episodes/9.npy")), FRAME)
        self.assert_same_array(np.load(mount("episodes/10.npy")), LABELS)
        mount.unmount()


if __name__ == "__main__":
    harness.main()
