# SPDX-License-Identifier: MIT
"""/concepts: names and embeddings in SQLite."""

import json
import os
import sqlite3
import time

import numpy as np

import harness
from harness import decode, edit_json, npy_bytes, read_json, write_json

SMALL = np.linspace(0, 1, 16)
LARGE = np.random.default_rng(2).random(512)


class Concepts(harness.MountCase):
    def rows(self, name):
        database = sqlite3.connect(self.mount.database)
        try:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(
                "SELECT * FROM concepts WHERE name = ?", (name,))]
        finally:
            database.close()

    def row(self, name):
        rows = self.rows(name)
        self.assertEqual(len(rows), 1, name)
        return rows[0]

    def execute(self, statement, *values):
        database = sqlite3.connect(self.mount.database, timeout=10)
        try:
            with database:
                database.execute(statement, values)
        finally:
            database.close()

    def test_the_schema_is_the_spec_s(self):
        database = sqlite3.connect(self.mount.database)
        legacy = sqlite3.connect(
            f"file:{harness.LEGACY}/godly_ai.db?mode=ro&immutable=1", uri=True)
        question = ("SELECT type, name, sql FROM sqlite_master"
                    " WHERE name NOT LIKE 'sqlite_%' ORDER BY name")

        def schema(connection):
            return [(kind, name, " ".join(sql.split()))
                    for kind, name, sql in connection.execute(question)]

        try:
            ours = [row for row in schema(database)]
            self.assertLessEqual(set(schema(legacy)), set(ours))
        finally:
            database.close()
            legacy.close()

    def test_what_numpy_saves_sqlite_holds(self):
        before = time.time()
        for name, array in (("small", SMALL), ("large one", LARGE)):
            np.save(self.path("concepts", name + ".npy"), array)
            row = self.row(name)
            self.assert_same_array(decode(row["embedding"]), array)
            self.assertEqual(json.loads(row["metadata"]), {})
            self.assertAlmostEqual(row["creation_time"], before,
                                   delta=harness.PATIENCE)

    def test_what_sqlite_holds_is_a_pair_of_files(self):
        self.execute("INSERT INTO concepts (name, embedding, creation_time,"
                     " metadata) VALUES (?, ?, ?, ?)", "theirs",
                     npy_bytes(SMALL), 1730000000.25, '{"category": "x"}')
        harness.eventually(
            lambda: "theirs.npy" in os.listdir(self.path("concepts")), 2)
        self.assert_same_array(np.load(self.path("concepts/theirs.npy")),
                               SMALL)
        fields = read_json(self.path("concepts/theirs.json"))
        self.assertEqual(fields["creation_time"], 1730000000.25)
        self.assertEqual(fields["metadata"], {"category": "x"})
        self.assertEqual(fields["id"], self.row("theirs")["id"])

    def test_changes_of_others_are_seen_within_a_second(self):
        np.save(self.path("concepts/shared.npy"), SMALL)
        self.assert_same_array(np.load(self.path("concepts/shared.npy")),
                               SMALL)
        self.execute("UPDATE concepts SET embedding = ? WHERE name = 'shared'",
                     npy_bytes(LARGE))
        harness.eventually(
            lambda: np.load(self.path("concepts/shared.npy")).shape
            == LARGE.shape, 2)

    def test_a_write_replaces_the_embedding_and_keeps_the_row(self):
        np.save(self.path("concepts/again.npy"), LARGE)
        edit_json(self.path("concepts/again.json"), metadata={"kept": 1})
        number = self.row("again")["id"]
        np.save(self.path("concepts/again.npy"), SMALL)
        row = self.row("again")
        self.assertEqual(row["id"], number)
        self.assertEqual(json.loads(row["metadata"]), {"kept": 1})
        self.assert_same_array(decode(row["embedding"]), SMALL)

    def test_the_json_can_be_edited(self):
        np.save(self.path("concepts/edit.npy"), SMALL)
        edit_json(self.path("concepts/edit.json"), creation_time=5.5,
                  access_count=7, last_accessed=6.25,
                  metadata={"category": "ml"})
        row = self.row("edit")
        self.assertEqual((row["creation_time"], row["access_count"],
                          row["last_accessed"]), (5.5, 7, 6.25))
        self.assertEqual(json.loads(row["metadata"]), {"category": "ml"})

    def test_an_id_that_nobody_asked_for_can_be_set_once(self):
        np.save(self.path("concepts/numbered.npy"), SMALL)
        edit_json(self.path("concepts/numbered.json"), id=90001)
        self.assertEqual(self.row("numbered")["id"], 90001)
        fields = read_json(self.path("concepts/numbered.json"))
        fields["id"] = 90002
        self.assert_refused(self.path("concepts/numbered.json"),
                            json.dumps(fields).encode(), 22)
        self.assertEqual(self.row("numbered")["id"], 90001)

    def test_either_file_may_come_first(self):
        fields = {"creation_time": 1.5, "metadata": {"a": 1}}
        write_json(self.path("concepts/json_first.json"), fields)
        np.save(self.path("concepts/json_first.npy"), SMALL)
        np.save(self.path("concepts/array_first.npy"), SMALL)
        write_json(self.path("concepts/array_first.json"), fields)
        for name in ("json_first", "array_first"):
            row = self.row(name)
            self.assertEqual(row["creation_time"], 1.5)
            self.assertEqual(json.loads(row["metadata"]), {"a": 1})
            self.assert_same_array(decode(row["embedding"]), SMALL)

    def test_a_record_goes_with_its_last_file(self):
        for first, second in ((".npy", ".json"), (".json", ".npy")):
            np.save(self.path("concepts/gone.npy"), SMALL)
            os.unlink(self.path("concepts/gone" + first))
            self.assertTrue(os.path.exists(self.path("concepts/gone" + second)))
            os.unlink(self.path("concepts/gone" + second))
            self.assertEqual(self.rows("gone"), [])

    def test_a_rename_renames_the_concept_in_either_file_order(self):
        for first, second in ((".npy", ".json"), (".json", ".npy")):
            np.save(self.path("concepts/old.npy"), SMALL)
            number = self.row("old")["id"]
            for suffix in (first, second):
                if os.path.exists(self.path("concepts/old" + suffix)):
                    os.rename(self.path("concepts/old" + suffix),
                              self.path("concepts/new" + suffix))
            self.assertEqual(self.rows("old"), [])
            self.assertEqual(self.row("new")["id"], number)
            os.unlink(self.path("concepts/new.npy"))
            os.unlink(self.path("concepts/new.json"))

    def test_concepts_survive_a_remount(self):
        mount = harness.Mount()
        np.save(mount("concepts/kept.npy"), LARGE)
        mount.remount()
        self.assert_same_array(np.load(mount("concepts/kept.npy")), LARGE)
        mount.unmount()


if __name__ == "__main__":
    harness.main()
