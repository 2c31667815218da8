# SPDX-License-Identifier: MIT
"""Restoring SQLite and Redis records as they were between two backups."""

import json
import os
import shutil
import signal
import sqlite3
import tempfile
import time
import unittest

import numpy as np

import harness
from harness import Mount, ctl, eventually, writing


def after():
    """A time after everything that was done, and before what will be."""
    now = time.time_ns()
    while time.time_ns() <= now + 2000000:
        pass
    return f"{(now + 1000000) // 10**9}.{(now + 1000000) % 10**9:09}"


class Case(unittest.TestCase):
    options = ("backup.point_in_time=true",)

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="engramfs-test-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.store = os.path.join(self.directory, "store")
        self.mount = self.new_mount()

    def new_mount(self, *options, store=None):
        mount = Mount(*self.options, *options, store=store or self.store)

        def end():
            if os.path.exists(mount.directory):
                mount.unmount()
        self.addCleanup(end)
        return mount

    def run_job(self, line):
        job = self.mount.run_job(line)
        self.assertEqual(job["state"], "done", job)
        return job["result"]

    def save(self, place, key, number):
        np.save(self.mount(place, key + ".npy"), np.full(50, number))

    def load(self, place, key):
        return np.load(self.mount(place, key + ".npy"))[0]

    def names(self, place):
        return sorted(name[:-4] for name in os.listdir(self.mount(place))
                      if name.endswith(".npy"))

    def restore(self, at, *arguments):
        """Unmount, restore, mount."""
        if os.path.exists(self.mount.directory):
            self.mount.unmount()
        done = ctl(self.store, "restore", *arguments, "--at", at)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.mount = self.new_mount()
        return done.stdout


class PointInTime(Case):
    def test_each_time_gives_what_was_there_then(self):
        self.save("concepts", "always", 1)
        self.save("wm", "always", 1)
        self.save("concepts", "moved", 7)
        self.save("wm", "moved", 7)
        self.run_job("backup")
        for place in ("concepts", "wm"):
            self.save(place, "always", 2)
            self.save(place, "gone", 5)
        first = after()
        for place in ("concepts", "wm"):
            os.unlink(self.mount(place, "gone.npy"))
            os.unlink(self.mount(place, "gone.json"))
            os.rename(self.mount(place, "moved.npy"),
                      self.mount(place, "there.npy"))
            self.save(place, "always", 3)
        harness.write_json(self.mount("episodes", "7.json"), {
            "timestamp": 1e9, "performance_score": 0.5, "context_hash": "x",
            "experience_data": {"a": 1}})
        second = after()
        self.run_job("backup")
        self.save("concepts", "always", 4)
        self.save("wm", "always", 4)
        self.run_job("flush yes")
        third = after()
        self.save("concepts", "late", 9)

        kept = os.path.join(self.directory, "kept")
        self.mount.unmount()
        shutil.copytree(self.store, kept)
        for at, value, concepts, wm in (
                (first, 2, ["always", "gone", "moved"],
                 ["always", "gone", "moved"]),
                (second, 3, ["always", "there"], ["always", "there"]),
                (third, 4, ["always", "there"], [])):
            shutil.rmtree(self.store)
            shutil.copytree(kept, self.store)
            self.assertIn("restored 4 files of ", self.restore(at))
            self.assertEqual(self.names("concepts"), concepts)
            self.assertEqual(self.names("wm"), wm)
            self.assertEqual(self.load("concepts", "always"), value)
            if wm:
                self.assertEqual(self.load("wm", "always"), value)
            with sqlite3.connect(self.mount.database) as database:
                self.assertEqual(
                    sorted(key for key, in database.execute(
                        "SELECT name FROM concepts")), concepts)
                self.assertEqual(database.execute(
                    "PRAGMA integrity_check").fetchone(), ("ok",))
            self.assertEqual(
                sorted(key.decode()[3:] for key in self.mount.redis().keys(
                    "wm:*")), wm)
            self.run_job("verify")
            self.mount.unmount()

    def test_what_had_expired_is_gone_and_lives_go_on_as_they_were(self):
        self.save("wm", "short", 1)
        self.save("wm", "long", 1)
        client = self.mount.redis()
        client.pexpire("wm:short", 500)
        self.run_job("backup")
        eventually(lambda: not client.exists("wm:short"), what="its end")
        self.save("wm", "own", 1)
        os.setxattr(self.mount("wm", "own.json"), "user.ttl", b"45")
        at = after()
        self.restore(at)
        self.assertEqual(self.names("wm"), ["long", "own"])
        left = self.mount.redis().pttl("wm:own")
        self.assertGreater(left, 30000)
        self.assertLessEqual(left, 45000)

    def test_what_others_do_to_redis_is_kept_once_it_is_told(self):
        self.save("wm", "theirs", 1)
        self.run_job("backup")
        client = self.mount.redis()
        path = os.path.join(self.store, "spool", "history")

        def size():
            return sum(os.path.getsize(os.path.join(path, name))
                       for name in os.listdir(path))

        def is_told():
            client.hincrby("wm:theirs", "count_of_theirs", 1)
            return size() > before
        before = size()
        eventually(is_told, what="the watch")
        at = after()
        client.hset("wm:theirs", "count_of_theirs", "changed again")
        self.restore(at)
        self.assertTrue(self.mount.redis().hget(
            "wm:theirs", "count_of_theirs").isdigit())

    def test_relationships_numbers_and_removed_records_are_as_they_were(self):
        for key in ("tree", "plant"):
            self.save("concepts", key, 1)
        self.run_job("backup")
        links = self.mount("concepts", "tree", "is_a")
        os.makedirs(links)
        os.symlink("../../plant", os.path.join(links, "plant"))
        at = after()
        os.unlink(os.path.join(links, "plant"))
        for key in ("tree", "plant"):
            for suffix in (".npy", ".json"):
                os.unlink(self.mount("concepts", key + suffix))
        self.restore(at)
        with sqlite3.connect(self.mount.database) as database:
            self.assertEqual(database.execute(
                "SELECT relationship_type, a.name, b.name FROM"
                " concept_relationships r JOIN concepts a ON"
                " a.id = r.source_concept_id JOIN concepts b ON"
                " b.id = r.target_concept_id").fetchall(),
                [("is_a", "tree", "plant")])

    def test_a_killed_daemon_loses_nothing_of_the_history(self):
        self.run_job("backup")
        for i in range(20):
            self.save("concepts", f"k{i}", i)
            self.save("wm", f"k{i}", i)
        at = after()
        os.kill(self.mount.pid(), signal.SIGKILL)
        self.mount.process.wait(harness.PATIENCE)
        path = os.path.join(self.store, "spool", "history")
        log = os.path.join(path, sorted(os.listdir(path))[-1])
        with open(log, "ab") as file:
            file.write(b"ENH1" + bytes(20))  # half an entry
        self.mount.start_again()
        self.save("concepts", "later", 1)
        later = after()
        kept = os.path.join(self.directory, "kept")
        self.mount.unmount()
        shutil.copytree(self.store, kept)
        self.restore(at)
        expected = sorted(f"k{i}" for i in range(20))
        self.assertEqual(self.names("concepts"), expected)
        self.assertEqual(self.names("wm"), expected)
        self.mount.unmount()
        shutil.rmtree(self.store)
        os.rename(kept, self.store)
        self.restore(later)
        self.assertEqual(self.names("concepts"), expected + ["later"])

    def test_times_that_cannot_be_restored_are_refused(self):
        early = after()
        self.save("concepts", "a", 1)
        self.run_job("backup")
        self.save("concepts", "kept", 1)
        last = after()
        self.mount.unmount()
        self.options = ()
        self.mount = self.new_mount()
        self.save("concepts", "b", 1)  # nobody keeps this
        self.mount.unmount()
        self.options = PointInTime.options
        self.mount = self.new_mount()
        self.save("concepts", "c", 1)
        late = after()
        self.mount.unmount()
        before = sorted(os.listdir(self.store))
        for at, why in ((early, "no backup before that time"),
                        (late, "was not kept"),
                        ("yesterday", "no time"),
                        ("2100-01-01T00:00:00Z", "in the future"),
                        ("2026-11-20T10:00:00", "no time")):
            done = ctl(self.store, "restore", "--at", at)
            self.assertEqual(done.returncode, 1, done.stdout)
            self.assertIn(why, done.stderr)
        self.assertEqual(ctl(self.store, "restore").returncode, 2)
        self.assertEqual(ctl(self.store, "backups", "--at",
                             late).returncode, 2)
        self.assertEqual(sorted(os.listdir(self.store)), before)
        self.assertTrue(os.listdir(os.path.join(self.store, "spool",
                                                "history")))
        self.restore(last)
        self.assertEqual(self.names("concepts"), ["a", "kept"])

    def test_changes_that_wait_for_a_storage_are_later_and_move_aside(self):
        self.save("wm", "a", 1)
        self.run_job("backup")
        at = after()
        self.mount.unmount()
        waiting = os.path.join(self.store, "spool", "outage", "redis")
        os.makedirs(waiting, exist_ok=True)
        harness.write_bytes(os.path.join(waiting, "1"), b"a change")
        self.restore(at)
        aside = os.path.join(self.store, "replaced")
        aside = os.path.join(aside, os.listdir(aside)[0])
        self.assertEqual(harness.read_bytes(os.path.join(
            aside, "outage", "redis", "1")), b"a change")
        self.assertEqual(self.mount.errors(), [])

    def test_damage_of_the_history_is_found_before_anything_is_done(self):
        self.run_job("backup")
        for i in range(5):
            self.save("concepts", f"k{i}", i)
        at = after()
        self.run_job("backup")
        backups = os.path.join(self.store, "backups")
        last = os.path.join(backups, sorted(os.listdir(backups))[-1])
        name = next(name for name in os.listdir(last)
                    if name.startswith("history-"))
        self.mount.unmount()
        with open(os.path.join(last, name), "r+b") as file:
            file.seek(200)
            byte = file.read(1)
            file.seek(200)
            file.write(bytes([byte[0] ^ 1]))
        database = os.path.join(self.store, "godly_ai.db")
        before = harness.read_bytes(database)
        done = ctl(self.store, "restore", "--at", at)
        self.assertEqual(done.returncode, 1)
        self.assertIn(name, done.stderr)
        self.assertEqual(harness.read_bytes(database), before)

    def test_a_backup_under_writes_is_a_base_like_any_other(self):
        def save(i):
            for place in ("concepts", "wm"):
                self.save(place, f"w{i % 7}", i)
        with writing(save) as written:
            for count in (5, 15):
                eventually(lambda: len(written) >= count)
                self.run_job("backup")
            eventually(lambda: len(written) >= 30)
        expected = {f"w{i % 7}": i for i in written}
        at = after()
        self.save("concepts", "w0", -1)
        self.restore(at)
        for place in ("concepts", "wm"):
            self.assertEqual({key: self.load(place, key)
                              for key in self.names(place)}, expected)
        self.run_job("verify")


class Elsewhere(Case):
    def setUp(self):
        self.key = tempfile.mktemp(prefix="engramfs-test-")
        self.addCleanup(lambda: os.unlink(self.key))
        self.assertEqual(ctl("keygen", self.key).returncode, 0)
        self.far = tempfile.mkdtemp(prefix="engramfs-test-")
        self.addCleanup(shutil.rmtree, self.far)
        self.options = (*Case.options, f"backup.directory={self.far}",
                        f"backup.key_file={self.key}",
                        "backup.compression=zstd")
        super().setUp()

    def test_an_empty_store_becomes_what_was_there_between_two_backups(self):
        self.save("concepts", "a", 1)
        self.run_job("backup")
        self.save("concepts", "a", 2)
        self.save("wm", "a", 2)
        at = after()
        self.save("concepts", "a", 3)
        self.run_job("backup")
        status = json.loads(self.mount.control("status.json"))
        self.assertTrue(status["backup"]["point_in_time"]["kept"])
        self.mount.unmount()
        shutil.rmtree(self.store)
        os.mkdir(self.store)
        done = ctl(self.store, "restore", self.far, "--at", at)
        self.assertIn("--key", done.stderr)
        self.assertEqual(os.listdir(self.store), [])
        self.restore(at, self.far, "--key", self.key)
        self.assertEqual(self.load("concepts", "a"), 2)
        self.assertEqual(self.load("wm", "a"), 2)

    def test_only_what_the_key_has_signed_leads_to_a_point_in_time(self):
        self.save("concepts", "a", 1)
        self.run_job("backup")
        self.save("concepts", "a", 2)
        at = after()
        last = self.run_job("backup")["backup"]
        self.mount.unmount()
        # Somebody without the key puts an open backup into its place.
        path = os.path.join(self.far, last, "manifest.json")
        manifest = harness.read_json(path)
        manifest["encryption"] = None
        harness.write_json(path, manifest)
        done = ctl(self.store, "restore", self.far, "--at", at, "--key",
                   self.key)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("was not kept, or is elsewhere", done.stderr)

    def test_of_several_stores_the_backups_of_this_one_count(self):
        self.save("concepts", "mine", 1)
        self.run_job("backup")
        other = self.new_mount(store=os.path.join(self.directory, "other"))
        np.save(other("concepts", "theirs.npy"), np.arange(3.0))
        self.assertEqual(other.run_job("backup")["state"], "done")
        at = after()
        other.unmount()
        self.mount.unmount()
        empty = os.path.join(self.directory, "empty")
        os.mkdir(empty)
        done = ctl(empty, "restore", self.far, "--at", at, "--key", self.key)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("is of another store", done.stderr)
        self.assertEqual(os.listdir(empty), [])
        self.restore(at, self.far, "--key", self.key)
        self.assertEqual(self.names("concepts"), ["mine"])


if __name__ == "__main__":
    harness.main()
