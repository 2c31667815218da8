# SPDX-License-Identifier: MIT
"""/views: questions as directories, judged by sqlite3, numpy and h5py."""

import errno
import json
import os
import sqlite3
import time
import urllib.parse

import numpy as np

import harness
import legacy
import spec
from harness import npy_bytes, read_json

NOW = time.time()


def fill_episodes(database):
    contexts = ["maze", "maze/2", ".hidden", "50%", "naïve & = x", "a.npy", ""]
    random = np.random.default_rng(1)
    for i in range(300):
        database.execute(
            "INSERT INTO episodes (timestamp, experience_data,"
            " performance_score, context_hash) VALUES (?, ?, ?, ?)",
            (NOW - 10 * int(random.integers(0, 200)), npy_bytes(np.arange(3.0)),
             round(float(random.random()), 2),
             contexts[int(random.integers(0, len(contexts)))]))


def fill_concepts(database):
    random = np.random.default_rng(2)
    vectors = {}
    for i in range(400):
        kind = ["f4", "f8", ">f4", "f4"][i % 4]
        length = 16 if i % 5 else 8
        vectors[f"concept_{i}"] = random.normal(size=length).astype(kind)
    vectors["neural network"] = np.ones(16, "f4")
    vectors["Neural/Tree"] = -np.ones(16, "f4")
    vectors["zero"] = np.zeros(16, "f4")
    vectors["text"] = np.array(["a"] * 16)
    for name, vector in vectors.items():
        database.execute(
            "INSERT INTO concepts (name, embedding, creation_time,"
            " access_count) VALUES (?, ?, ?, ?)",
            (name, npy_bytes(vector), NOW, int(random.integers(0, 20))))
    return vectors


def fill_events(database):
    random = np.random.default_rng(3)
    for i in range(200):
        database.execute(
            "INSERT INTO learning_events (task_type, performance_delta,"
            " strategy_used, timestamp) VALUES (?, ?, ?, ?)",
            (["vision", "speech"][i % 2], round(float(random.normal()), 3),
             f"strategy {int(random.integers(0, 6))}", NOW - i))


def encode(text):
    """A text as it is written in the name of a question."""
    return urllib.parse.quote(text, safe=" ~()").replace(".", "%2E")


class Views(harness.MountCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with sqlite3.connect(cls.mount.database, timeout=10) as database:
            fill_episodes(database)
            cls.vectors = fill_concepts(database)
            fill_events(database)
        database.close()

    def ask(self, statement, *values):
        database = sqlite3.connect(self.mount.database)
        try:
            return database.execute(statement, values).fetchall()
        finally:
            database.close()

    def names(self, *parts):
        """In the order of readdir."""
        with os.scandir(self.path("views", *parts)) as entries:
            return [entry.name for entry in entries]

    def assert_episodes(self, question, condition, *values,
                        order="timestamp DESC, id DESC", most=-1):
        rows = self.ask(f"SELECT id FROM episodes WHERE {condition}"
                        f" ORDER BY {order} LIMIT {most}", *values)
        self.assertEqual(self.names("episodes", question),
                         [f"{number}.json" for number, in rows])
        return len(rows)

    def assert_malformed(self, *parts, why):
        with self.assertRaises(OSError) as caught:
            os.listdir(self.path("views", *parts))
        self.assertEqual(caught.exception.errno, errno.EINVAL)
        path = "/" + os.path.join("views", *parts)
        # The kernel believes the file's size for a second.
        lines = harness.eventually(
            lambda: [line for line in self.mount.errors()
                     if line["path"] == path], what=path)
        self.assertIn(why, lines[-1]["reason"])

    # Directories.

    def test_views_are_listed_level_by_level(self):
        self.assertIn("views", os.listdir(self.path()))
        self.assertLessEqual({"episodes", "concepts", "network_states",
                              "spike_trains"}, set(self.names()))
        self.assertEqual(set(self.names("episodes")),
                         {"by_context", "recent", "where"})
        self.assertEqual(set(self.names("concepts")), {"search", "near"})
        self.assertEqual(self.names("episodes", "recent"), [])

    def test_unknown_names_are_not_there(self):
        for path in ("nothing", "episodes/nothing", "concepts/near/nobody",
                     "episodes/recent/60/99999.json"):
            self.assertFalse(os.path.lexists(self.path("views", path)), path)

    def test_contexts_are_listed_under_names_that_lead_to_them(self):
        names = self.names("episodes", "by_context")
        contexts = self.ask("SELECT DISTINCT context_hash FROM episodes")
        self.assertEqual(len(names), len(contexts))
        listed = sum(len(self.names("episodes", "by_context", name))
                     for name in names)
        self.assertEqual(listed, 300)

    # Episodes.

    def test_episodes_of_a_context_come_newest_first(self):
        for context, in self.ask("SELECT DISTINCT context_hash FROM episodes"):
            name = encode(context) or "%"
            count = self.assert_episodes(f"by_context/{name}",
                                         "context_hash = ?", context)
            self.assertGreater(count, 0)
        self.assertEqual(self.names("episodes", "by_context", "none"), [])

    def test_recent_episodes_are_those_of_the_last_seconds(self):
        age = time.time() - NOW
        for seconds in (1005 + age, 1e9):
            self.assert_episodes(f"recent/{seconds}", "timestamp >= ?",
                                 time.time() - seconds)

    def test_where_filters_orders_and_limits(self):
        maze = "context_hash = 'maze'"
        score = "performance_score DESC, id DESC"
        self.assert_episodes("where/context_hash=maze", maze)
        self.assert_episodes("where/context_hash=maze&min_score=0.7",
                             f"{maze} AND performance_score >= 0.7")
        self.assert_episodes(
            "where/context_hash=maze&min_score=0.2&max_score=0.9"
            "&limit=7&order=score",
            f"{maze} AND performance_score BETWEEN 0.2 AND 0.9",
            order=score, most=7)
        self.assert_episodes("where/order=score&limit=50", "1", order=score,
                             most=50)
        self.assert_episodes("where/order=id&max_score=0.5",
                             "performance_score <= 0.5", order="id DESC")
        self.assert_episodes(f"where/since={NOW - 900}&until={NOW - 300}",
                             "timestamp BETWEEN ? AND ?", NOW - 900, NOW - 300)
        self.assert_episodes(
            f"where/context_hash={encode('naïve & = x')}&order=time",
            "context_hash = ?", "naïve & = x")

    def test_links_lead_to_the_records(self):
        directory = self.path("views", "episodes", "by_context", "maze%2F2")
        for name in os.listdir(directory):
            link = os.path.join(directory, name)
            self.assertEqual(os.readlink(link),
                             f"../../../../episodes/{name}")
            self.assertEqual(os.lstat(link).st_size, len(os.readlink(link)))
            self.assertEqual(read_json(link)["context_hash"], "maze/2")

    def test_a_new_record_is_in_the_next_answer(self):
        before = set(self.names("episodes", "recent", "3600"))
        name = "views-new.npy"
        np.save(self.path("episodes", name), np.zeros(2))
        number = os.readlink(self.path("episodes", name)).split(".")[0]
        self.assertEqual(set(self.names("episodes", "recent", "3600")),
                         before | {f"{number}.json"})
        os.unlink(self.path("episodes", f"{number}.npy"))
        os.unlink(self.path("episodes", f"{number}.json"))
        self.assertEqual(set(self.names("episodes", "recent", "3600")), before)

    # Concepts.

    def assert_found(self, pattern, like):
        rows = self.ask("SELECT name FROM concepts WHERE name LIKE ?"
                        " ORDER BY access_count DESC, id DESC", like)
        names = self.names("concepts", "search", pattern)
        self.assertEqual(names, [f"{name.replace('/', '%2F')}.npy"
                                 for name, in rows])
        self.assertTrue(names)

    def test_search_matches_as_sql_does_most_accessed_first(self):
        self.assert_found("neural", "%neural%")
        self.assert_found("concept_1%", "concept_1%")
        self.assert_found("concept_1%25", "concept_1%")
        self.assert_found("%work", "%work")
        self.assert_found("%", "%")
        self.assertEqual(self.names("concepts", "search", "%nothing"), [])

    def nearest(self, name):
        """The names and cosines of all others of the same kind, best first."""
        own = self.vectors[name]
        found = []
        for other, vector in self.vectors.items():
            if (other == name or vector.shape != own.shape or
                    vector.dtype.kind != "f" or not vector.any() or
                    vector.dtype.itemsize != own.dtype.itemsize):
                continue
            a, b = own.astype("f8"), vector.astype("f8")
            found.append((a @ b / np.linalg.norm(a) / np.linalg.norm(b), other))
        return [other for _, other in sorted(found, reverse=True)]

    def assert_nearest(self, name):
        expected = [other.replace("/", "%2F") + ".npy"
                    for other in self.nearest(name)[:100]]
        self.assertEqual(
            self.names("concepts", "near", name.replace("/", "%2F")), expected)

    def test_near_is_numpys_cosine(self):
        for name in ("concept_1", "concept_2", "concept_5", "concept_7",
                     "neural network", "Neural/Tree"):
            self.assert_nearest(name)
        self.assertLess(0, len(self.names("concepts", "near", "concept_5")))

    def test_what_has_no_direction_is_near_to_nothing(self):
        for name in ("zero", "text"):
            self.assertEqual(self.names("concepts", "near", name), [])

    def test_near_sees_every_change(self):
        name = "concept_1"
        self.assert_nearest(name)
        # Through the mount: a row made, changed and removed.
        for change in (2.0, -1.0):
            self.vectors["twin"] = change * self.vectors[name]
            np.save(self.path("concepts", "twin.npy"), self.vectors["twin"])
            self.assert_nearest(name)
        os.unlink(self.path("concepts", "twin.npy"))
        os.unlink(self.path("concepts", "twin.json"))
        del self.vectors["twin"]
        self.assert_nearest(name)
        # By another program.
        self.vectors["stranger"] = self.vectors[name] * 3
        with sqlite3.connect(self.mount.database, timeout=10) as database:
            database.execute(
                "INSERT INTO concepts (name, embedding, creation_time)"
                " VALUES ('stranger', ?, 0)",
                (npy_bytes(self.vectors["stranger"]),))
        database.close()
        self.assert_nearest(name)
        os.unlink(self.path("concepts", "stranger.npy"))
        os.unlink(self.path("concepts", "stranger.json"))
        del self.vectors["stranger"]
        self.assert_nearest(name)

    # Learning events.

    def has_events(self):
        return os.path.isdir(self.path("learning_events"))

    def test_events_of_a_task_come_newest_first(self):
        if not self.has_events():
            self.skipTest("no learning events here")
        rows = self.ask("SELECT id FROM learning_events WHERE task_type ="
                        " 'vision' ORDER BY timestamp DESC, id DESC")
        self.assertEqual(self.names("learning_events", "by_task", "vision"),
                         [f"{number}.json" for number, in rows])

    def test_best_strategies_are_a_report(self):
        if not self.has_events():
            self.skipTest("no learning events here")
        rows = self.ask(
            "SELECT strategy_used, avg(performance_delta), count(*)"
            " FROM learning_events WHERE task_type = 'speech'"
            " GROUP BY strategy_used ORDER BY 2 DESC")
        path = self.path("views/learning_events/best_strategies/speech.json")
        self.assertEqual(read_json(path), [list(row) for row in rows])
        with self.assertRaises(OSError) as caught:
            open(path, "w").close()
        self.assertIn(caught.exception.errno, (errno.EROFS, errno.EPERM))

    # Times.

    def test_between_merges_snapshots_by_time(self):
        file = self.mount.hdf5
        arrays = {"adjacency": np.eye(2), "weights": np.eye(2),
                  "states": np.ones(2)}
        for i, stamp in enumerate((100.5, 300.0, 200.0, 400.0)):
            spec.store_network_snapshot(file, f"s{i}", stamp, arrays, {})
        names = harness.eventually(
            lambda: self.names("network_states", "between", "100,300"), 5)
        self.assertEqual(names, ["s1", "s2", "s0"])
        self.assertEqual(self.names("network_states/between/,150"), ["s0"])
        self.assertEqual(self.names("network_states/between/400,"), ["s3"])
        self.assertEqual(
            os.readlink(self.path("views/network_states/between/400,/s3")),
            "../../../../network_states/s3")
        self.assertTrue(os.path.isfile(self.path(
            "views/network_states/between/400,/s3/weights.npy")))

    def test_between_has_raw_and_packed_trains(self):
        file = self.mount.hdf5
        train = {"spike_times": np.arange(3.0), "neuron_ids": np.arange(3)}
        spec.store_spike_train(file, "raw", 50.0, train, {})
        spec.store_compressed_spike_train(
            file, "compressed_60", 60.0, np.arange(4),
            {"original_shape": (4,), "compression_ratio": 2.0,
             "algorithm": "x"})
        names = harness.eventually(
            lambda: self.names("spike_trains", "between", "50,60"), 5)
        self.assertEqual(names, ["compressed_60.npy", "raw"])

    # What is refused.

    def test_malformed_questions_are_invalid_and_say_why(self):
        self.assert_malformed("episodes/recent/soon", why="not a number")
        self.assert_malformed("episodes/recent/-5", why="number of seconds")
        self.assert_malformed("episodes/recent/nan", why="not a number")
        self.assert_malformed("episodes/by_context/50%", why="hex digits")
        self.assert_malformed("episodes/where/score=1", why="min_score")
        self.assert_malformed("episodes/where/limit", why="KEY=VALUE")
        self.assert_malformed("episodes/where/limit=0", why="limit")
        self.assert_malformed("episodes/where/order=best", why="order")
        self.assert_malformed("episodes/where/limit=1&limit=2", why="twice")
        self.assert_malformed("episodes/where/min_score=high", why="number")
        self.assert_malformed("network_states/between/5", why="FROM,TO")
        self.assert_malformed("network_states/between/9,5", why="ends before")

    def test_nothing_can_be_changed(self):
        directory = self.path("views/episodes/by_context/maze")
        link = os.path.join(directory, os.listdir(directory)[0])
        new = os.path.join(directory, "new")
        changes = [
            lambda: os.unlink(link),
            lambda: os.rename(link, link + "x"),
            lambda: os.rename(link, self.path("wm", "x.json")),
            lambda: os.rename(directory, directory + "x"),
            lambda: os.mkdir(new),
            lambda: open(new, "w").close(),
            lambda: os.symlink("x", new),
            lambda: os.utime(directory, (1, 1)),
            lambda: os.utime(link, (1, 1), follow_symlinks=False),
            lambda: os.rmdir(directory),
            lambda: os.rmdir(self.path("views/episodes")),
            lambda: os.mkdir(self.path("views/new")),
            lambda: open(self.path("views/new"), "w").close(),
            lambda: open(self.path("views/episodes/new"), "w").close(),
        ]
        for number, change in enumerate(changes):
            with self.assertRaises(OSError, msg=number) as caught:
                change()
            self.assertIn(caught.exception.errno,
                          (errno.EROFS, errno.EPERM), number)
        self.assertTrue(os.path.exists(link))


class LegacyViews(harness.MountCase):
    """The same over what the Python classes wrote."""

    @classmethod
    def make_mount(cls):
        return legacy.mount()

    ask = Views.ask
    names = Views.names
    assert_episodes = Views.assert_episodes

    def test_every_context_has_its_episodes(self):
        contexts = self.ask("SELECT DISTINCT context_hash FROM episodes")
        self.assertTrue(contexts)
        for context, in contexts:
            self.assert_episodes(f"by_context/{encode(context) or '%'}",
                                 "context_hash = ?", context)

    def test_every_link_leads_to_a_record(self):
        for question in ("episodes/recent/1e12", "concepts/search/%",
                         "network_states/between/,",
                         "spike_trains/between/,"):
            names = self.names(question)
            self.assertTrue(names, question)
            for name in names:
                path = self.path("views", question, name)
                self.assertTrue(os.path.exists(path), path)

    def test_pickled_embeddings_have_neighbours(self):
        found = [name for name in os.listdir(self.path("concepts"))
                 if name.endswith(".npy")
                 and os.path.isdir(self.path("views/concepts/near", name[:-4]))
                 and self.names("concepts/near", name[:-4])]
        self.assertTrue(found)
        for name in found:
            own = np.load(self.path("concepts", name)).astype("f8").ravel()
            cosines = []
            for other in self.names("concepts/near", name[:-4]):
                vector = np.load(self.path("concepts", other)).astype("f8")
                vector = vector.ravel()
                cosines.append(own @ vector / np.linalg.norm(own)
                               / np.linalg.norm(vector))
            self.assertEqual(cosines, sorted(cosines, reverse=True))


if __name__ == "__main__":
    harness.main()
