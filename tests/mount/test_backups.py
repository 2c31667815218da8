# SPDX-License-Identifier: MIT
"""Backups: packed, encrypted, elsewhere, on schedule, and removed again."""

import json
import os
import resource
import shutil
import subprocess
import tempfile
import unittest

import numpy as np

import harness
from harness import Mount, ctl, eventually, read_json, writing

SECRET = "a name that nobody else may read"
UNDER_WRITES = ("concepts/w{}", "network_states/w{}/weights", "wm/w{}")


def flip(path, offset):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)
        file.seek(offset)
        file.write(bytes([byte[0] ^ 1]))


def made_in(directory):
    """The complete ones, oldest first."""
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return []
    return sorted(name for name in names if name.endswith("Z"))


class Case(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="engramfs-test-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.key = self.make_key("key")

    def make_key(self, name):
        path = os.path.join(self.directory, name)
        done = ctl("keygen", path)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return path

    def mount(self, *options, **more):
        mount = Mount(*options, **more)

        def end():
            if os.path.exists(mount.directory):
                mount.unmount()
        self.addCleanup(end)
        return mount

    def run_job(self, mount, line):
        job = mount.run_job(line)
        self.assertEqual(job["state"], "done", job)
        return job["result"]

    def fill(self, mount):
        np.save(mount("concepts", "kept.npy"), np.arange(5000.0))
        np.save(mount("concepts", SECRET + ".npy"), np.arange(3.0))
        np.save(mount("wm", "kept.npy"), np.arange(9.0))
        os.mkdir(mount("network_states", "kept"))
        np.save(mount("network_states", "kept", "weights.npy"),
                np.arange(10000.0).reshape(100, 100))

    def check(self, mount):
        self.assertEqual(
            np.load(mount("concepts", "kept.npy")).tolist(),
            np.arange(5000.0).tolist())
        self.assertEqual(np.load(mount("concepts", SECRET + ".npy")).size, 3)
        self.assertEqual(np.load(mount("wm", "kept.npy")).size, 9)
        self.assertEqual(
            np.load(mount("network_states", "kept", "weights.npy")).sum(),
            np.arange(10000.0).sum())
        self.run_job(mount, "verify")

    def backup(self, mount):
        result = self.run_job(mount, "backup")
        return os.path.join(result["directory"], result["backup"])

    def new_store(self):
        return tempfile.mkdtemp(dir=self.directory)

    def restored(self, *arguments):
        store = self.new_store()
        done = ctl(store, "restore", *arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return self.mount(store=store)

    def refused(self, *arguments):
        """What restore says, and nothing is in the store."""
        store = self.new_store()
        done = ctl(store, "restore", *arguments)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertEqual(os.listdir(store), [])
        return done.stderr


class Packed(Case):
    def test_a_compressed_backup_is_restored_and_zstd_reads_it(self):
        mount = self.mount("backup.compression=zstd")
        self.fill(mount)
        made = self.backup(mount)
        self.assertEqual(set(os.listdir(made)), {
            "manifest.json", "godly_ai.db.zst", "engramfs.db.zst",
            "redis.jsonl.zst", "godly_ai_data.h5.zst"})
        for file in read_json(os.path.join(made, "manifest.json"))["files"]:
            path = os.path.join(made, file["name"])
            self.assertEqual(os.path.getsize(path), file["stored"])
            plain = subprocess.run(["zstd", "-dc", path], check=True,
                                   stdout=subprocess.PIPE).stdout
            self.assertEqual(len(plain), file["size"])
        self.run_job(mount, "verify")
        self.check(self.restored(made))

    def test_an_encrypted_backup_is_restored_with_its_key_alone(self):
        place = os.path.join(self.directory, "far", "away")
        os.mkdir(os.path.dirname(place))
        mount = self.mount("backup.compression=zstd",
                           f"backup.key_file={self.key}",
                           f"backup.directory={place}")
        self.fill(mount)
        made = self.backup(mount)
        self.assertEqual(os.path.dirname(made), place)
        self.assertEqual(os.listdir(os.path.join(mount.store, "backups")), [])
        for name in os.listdir(made):
            path = os.path.join(made, name)
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
            with open(path, "rb") as file:
                self.assertNotIn(SECRET.encode(), file.read())
        self.run_job(mount, "verify")
        self.check(self.restored(made, "--key", self.key))

        self.assertIn("is encrypted; --key", self.refused(made))
        other = self.make_key("other")
        self.assertIn("encrypted with the key", self.refused(
            made, "--key", other))
        os.chmod(other, 0o644)
        self.assertIn("chmod 600", self.refused(made, "--key", other))

    def test_what_was_done_to_an_encrypted_backup_is_seen(self):
        mount = self.mount(f"backup.key_file={self.key}")
        self.fill(mount)
        made = self.backup(mount)

        def hurt(name, do):
            copy = os.path.join(self.new_store(), "copy")
            shutil.copytree(made, copy)
            do(os.path.join(copy, name))
            self.assertIn(name, self.refused(copy, "--key", self.key))
        for name in ("godly_ai.db.sealed", "redis.jsonl.sealed",
                     "manifest.json", "manifest.seal"):
            size = os.path.getsize(os.path.join(made, name))
            hurt(name, lambda path: flip(path, size // 2))
            hurt(name, lambda path: os.truncate(path, size - 2))
            hurt(name, os.unlink)

        # Somebody who has no key makes everything fit but the signature.
        copy = os.path.join(self.directory, "forged")
        shutil.copytree(made, copy)
        path = os.path.join(copy, "manifest.json")
        manifest = read_json(path)
        manifest["files"] = manifest["files"][:1]
        with open(path, "w", encoding="utf-8") as file:
            json.dump(manifest, file)
        self.assertIn("manifest.seal", self.refused(copy, "--key", self.key))
        manifest["encryption"] = None
        with open(path, "w", encoding="utf-8") as file:
            json.dump(manifest, file)
        self.assertIn("is not encrypted", self.refused(
            copy, "--key", self.key))

    def test_verify_finds_damage_with_the_key_and_without(self):
        mount = self.mount(f"backup.key_file={self.key}")
        self.fill(mount)
        flip(os.path.join(self.backup(mount), "godly_ai.db.sealed"), 5000)
        done = ctl(mount.path, "verify")
        self.assertEqual(done.returncode, 1)
        self.assertIn("godly_ai.db.sealed", done.stdout)
        without = self.new_store()
        shutil.copytree(os.path.join(mount.store, "backups"),
                        os.path.join(without, "backups"))
        done = ctl(self.mount(store=without).path, "verify")
        self.assertEqual(done.returncode, 1)
        self.assertIn("godly_ai.db.sealed", done.stdout)

    def test_a_key_that_others_may_read_is_refused_at_once(self):
        os.chmod(self.key, 0o640)
        store = self.new_store()
        done = harness.run_engramfs(
            "-o", f"backup.key_file={self.key}", store, self.new_store())
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("chmod 600", done.stderr)

    def test_a_restore_without_room_leaves_nothing(self):
        mount = self.mount()
        self.fill(mount)
        made = self.backup(mount)
        store = self.new_store()
        done = subprocess.run(
            [harness.ENGRAMCTL, store, "restore", made], text=True,
            stderr=subprocess.PIPE, timeout=harness.PATIENCE,
            restore_signals=False, preexec_fn=lambda: resource.setrlimit(
                resource.RLIMIT_FSIZE, (30000, 30000)))
        self.assertEqual(done.returncode, 1)
        self.assertIn("File too large", done.stderr)
        self.assertEqual(os.listdir(store), ["spool"])
        self.assertEqual(os.listdir(os.path.join(store, "spool")), ["lock"])
        self.check(self.restored(made))

    def test_each_restore_has_a_place_for_what_was_there(self):
        mount = self.mount()
        self.fill(mount)
        made = self.backup(mount)
        store = self.new_store()
        for _ in range(3):
            done = ctl(store, "restore", made)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
        aside = os.path.join(store, "replaced")
        self.assertEqual([os.path.exists(os.path.join(
            aside, name, "godly_ai.db")) for name in os.listdir(aside)],
            [True, True])
        self.check(self.mount(store=store))

    def check_under_writes(self, options, arguments):
        mount = self.mount(*options)

        def save(i):
            os.mkdir(mount("network_states", f"w{i}"))
            for name in UNDER_WRITES:
                np.save(mount(name.format(i) + ".npy"), np.full(500, i))
        with writing(save) as written:
            before = len(written)
            made = self.backup(mount)
        again = self.restored(made, *arguments)
        self.run_job(again, "verify")
        for i in range(before):
            for name in UNDER_WRITES:
                self.assertEqual(
                    np.load(again(name.format(i) + ".npy")).tolist(),
                    [i] * 500)

    def test_a_backup_under_writes_is_consistent(self):
        self.check_under_writes((), ())

    def test_a_packed_backup_under_writes_is_consistent(self):
        self.check_under_writes(("backup.compression=zstd",
                                 f"backup.key_file={self.key}"),
                                ("--key", self.key))


class Schedules(Case):
    def schedules(self, directory):
        return {name: read_json(os.path.join(directory, name,
                                             "manifest.json"))["schedules"]
                for name in made_in(directory)}

    def test_all_that_is_due_is_one_backup_and_the_status_says_so(self):
        mount = self.mount("backup.schedules=hourly daily=90d monthly")
        directory = os.path.join(mount.store, "backups")
        eventually(lambda: made_in(directory), what="backup")
        self.assertEqual(list(self.schedules(directory).values()),
                         [["hourly", "daily", "monthly"]])
        eventually(lambda: json.loads(mount.control("status.json"))[
            "backup"]["success_rate"] == 1)
        status = json.loads(mount.control("status.json"))["backup"]
        name = made_in(directory)[0]
        manifest = read_json(os.path.join(directory, name, "manifest.json"))
        self.assertEqual((status["last_backup"], status["count"],
                          status["success_rate"], status["last_error"]),
                         (name, 1, 1, None))
        self.assertEqual(status["last_backup_at"], manifest["created_at"])
        self.assertAlmostEqual(status["next_backup"],
                               manifest["created_at"] + 3600, places=3)
        self.assertEqual(status["total_size"], sum(
            file["stored"] for file in manifest["files"]))
        listed = ctl(mount.path, "backups")
        self.assertEqual((listed.returncode, listed.stderr), (0, ""))
        self.assertIn(name, listed.stdout)
        self.assertIn("hourly,daily,monthly", listed.stdout)

    def test_what_was_missed_is_made_up_for_and_what_was_not_is_not(self):
        store = self.new_store()
        mount = self.mount("backup.schedules=hourly daily", store=store)
        directory = os.path.join(store, "backups")
        eventually(lambda: made_in(directory), what="backup")
        first = made_in(directory)[0]
        mount.unmount()
        # As if it had been made two hours ago.
        path = os.path.join(directory, first, "manifest.json")
        manifest = read_json(path)
        manifest["created_at"] -= 7200
        with open(path, "w", encoding="utf-8") as file:
            json.dump(manifest, file)
        self.mount("backup.schedules=hourly daily", store=store)
        eventually(lambda: len(made_in(directory)) == 2, what="the second")
        second = made_in(directory)[1]
        self.assertEqual(self.schedules(directory)[second], ["hourly"])

    def test_old_ones_go_by_their_schedule_and_others_never(self):
        mount = self.mount("backup.schedules=real_time/1s=2s daily=1d")
        directory = os.path.join(mount.store, "backups")
        eventually(lambda: made_in(directory), what="the first")
        first = made_in(directory)[0]
        by_hand = os.path.basename(self.backup(mount))
        seen = set()

        def look():
            seen.update(made_in(directory))
            return len(seen) >= 7
        eventually(look, what="backups")
        gone = seen - set(made_in(directory))
        self.assertTrue(gone)
        self.assertNotIn(first, gone)  # the daily one, too
        self.assertNotIn(by_hand, gone)

    def test_the_last_whole_one_stays_whatever_its_age(self):
        store = self.new_store()
        mount = self.mount("backup.schedules=hourly=1s", store=store)
        directory = os.path.join(store, "backups")
        eventually(lambda: made_in(directory), what="backup")
        mount.unmount()
        first = made_in(directory)[0]
        path = os.path.join(directory, first, "manifest.json")
        manifest = read_json(path)
        manifest["created_at"] -= 7200
        with open(path, "w", encoding="utf-8") as file:
            json.dump(manifest, file)
        # The next one cannot be made.
        database = os.path.join(store, "godly_ai_data.h5")
        os.rename(database, database + ".kept")
        os.mkdir(database)
        mount = self.mount("backup.schedules=hourly=1s", store=store)
        eventually(lambda: json.loads(mount.control("status.json"))[
            "backup"]["success_rate"] == 0, what="a failure")
        status = json.loads(mount.control("status.json"))["backup"]
        self.assertTrue(status["last_error"])
        self.assertEqual(made_in(directory), [first])
        self.assertEqual(os.listdir(directory), [first])

    def test_a_place_that_cannot_be_looked_at_is_told(self):
        place = os.path.join(self.directory, "place")
        harness.write_bytes(place, b"no directory")
        mount = self.mount("backup.schedules=hourly",
                           f"backup.directory={place}")

        def status():
            return json.loads(mount.control("status.json"))["backup"]
        eventually(lambda: status()["last_error"], what="the error")
        self.assertEqual((status()["last_error"], status()["success_rate"]),
                         ("Not a directory", 0))

    def test_what_a_crash_left_of_a_backup_is_removed_by_the_next(self):
        mount = self.mount()
        directory = os.path.join(mount.store, "backups")
        part = os.path.join(directory, "20200101T000000Z.part")
        os.makedirs(part)
        with open(os.path.join(part, "godly_ai.db"), "wb") as file:
            file.write(b"half")
        made = self.backup(mount)
        self.assertEqual(os.listdir(directory), [os.path.basename(made)])

    def test_a_schedule_that_is_none_is_refused(self):
        for text in ("yearly", "hourly=30", "hourly hourly", "daily=0d",
                     "weekly/x=3d"):
            done = harness.run_engramfs("-o", f"backup.schedules={text}",
                                        self.new_store(), self.new_store())
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("backup.schedules", done.stderr)
            self.assertIn("is no schedule", done.stderr)


if __name__ == "__main__":
    harness.main()
