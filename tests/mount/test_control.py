# SPDX-License-Identifier: MIT
"""Control: commands, jobs, upkeep and backups on a real mount."""

import errno
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
import time
import unittest

import h5py
import numpy as np

import harness
from harness import Mount, MountCase, ctl, eventually, read_json, writing

DAY = 86400.0


def command(mount, line):
    """Write a command; the number of its job, or None."""
    file = os.open(mount(".engram", "control"), os.O_RDWR)
    try:
        os.write(file, line.encode() + b"\n")
        os.fsync(file)
        return json.loads(os.pread(file, 4096, 0)).get("job")
    finally:
        os.close(file)


def job_of(mount, number):
    return read_json(mount(".engram", "jobs", f"{number}.json"))


def ended(mount, number):
    """The job, once it has ended."""
    def look():
        job = job_of(mount, number)
        return job if job["state"] not in ("queued", "running") else None
    return eventually(look, what="job")


def run(mount, line):
    job = ended(mount, command(mount, line))
    if job["state"] != "done":
        raise AssertionError(f"{line}: {job}")
    return job["result"]


def save_snapshot(mount, key, seed=0, age=0.0, size=64):
    rng = np.random.default_rng(seed)
    directory = mount("network_states", key)
    os.mkdir(directory)
    for name in ("adjacency", "weights", "states"):
        np.save(os.path.join(directory, name + ".npy"),
                rng.random((size, size)))
    if age:
        harness.edit_json(os.path.join(directory, "metadata.json"),
                          timestamp=time.time() - age)


def open_hdf5(path, mode="r"):
    """Once the daemon has let go of it."""
    def look():
        try:
            return h5py.File(path, mode)
        except BlockingIOError:
            return None
    return eventually(look, what="HDF5 file")


def contents(path):
    """Everything in an HDF5 file, by name."""
    found = {}

    def visit(name, thing):
        attributes = {key: repr(value) for key, value in thing.attrs.items()}
        data = thing[()].tobytes() if isinstance(thing, h5py.Dataset) else None
        found[name] = (attributes, data)
    with open_hdf5(path) as file:
        found["/"] = ({key: repr(value)
                       for key, value in file.attrs.items()}, None)
        file.visititems(visit)
    return found


class Commands(MountCase):
    def test_reading_control_shows_the_commands(self):
        text = self.mount.control("control")
        for name in ("vacuum", "compact", "cleanup", "flush", "verify",
                     "cancel", "clear-expired"):
            self.assertIn(name, text)

    def test_a_malformed_command_is_refused_with_its_reason(self):
        self.assert_refused(self.path(".engram", "control"), b"vacum\n",
                            errno.EINVAL)
        error = self.mount.errors()[-1]
        self.assertEqual(error["error"], "EINVAL")
        self.assertIn("unknown command vacum", error["reason"])
        self.assertFalse(self.mount.rejected())

    def test_echo_starts_a_job(self):
        before = set(os.listdir(self.path(".engram", "jobs")))
        subprocess.run(f"echo vacuum > {self.path('.engram', 'control')}",
                       shell=True, check=True)
        new = set(os.listdir(self.path(".engram", "jobs"))) - before
        self.assertEqual(len(new), 1)
        job = ended(self.mount, int(new.pop()[:-5]))
        self.assertEqual(job["command"], "vacuum")
        self.assertEqual((job["state"], job["progress"]), ("done", 1.0))

    def test_other_control_files_stay_read_only(self):
        with self.assertRaises(OSError) as caught:
            open(self.path(".engram", "status.json"), "r+")
        self.assertEqual(caught.exception.errno, errno.EACCES)


class Upkeep(MountCase):
    def test_vacuum_gives_room_back(self):
        for i in range(20):
            np.save(self.path("concepts", f"big{i}.npy"),
                    np.random.default_rng(i).random(20000))
        for i in range(20):
            os.unlink(self.path("concepts", f"big{i}.npy"))
            os.unlink(self.path("concepts", f"big{i}.json"))
        run(self.mount, "vacuum")
        with sqlite3.connect(self.mount.database) as database:
            self.assertEqual(database.execute(
                "PRAGMA freelist_count").fetchone()[0], 0)
        database.close()

    def test_compact_keeps_everything_and_takes_less_room(self):
        for i in range(6):
            save_snapshot(self.mount, f"c{i}", i, size=200)
        for i in range(1, 6):
            subprocess.run(["rm", "-r", self.path("network_states", f"c{i}")],
                           check=True)
        with open_hdf5(self.mount.hdf5, "r+") as file:
            file["soft"] = h5py.SoftLink("/network_states/weights")
            file["twin"] = file["network_states/weights/c0/weights"]
            file.attrs["names"] = np.array(["a", "bc"], dtype=object)
        before = contents(self.mount.hdf5)
        result = run(self.mount, "compact")
        self.assertLess(result["hdf5"]["bytes_after"],
                        result["hdf5"]["bytes_before"] / 2)
        self.assertEqual(contents(self.mount.hdf5), before)
        with open_hdf5(self.mount.hdf5) as file:
            self.assertEqual(file["twin"],
                             file["network_states/weights/c0/weights"])
            self.assertEqual(file.get("soft", getlink=True).path,
                             "/network_states/weights")
        self.assertEqual(np.load(self.path(
            "network_states", "c0", "weights.npy")).shape, (200, 200))
        self.assertFalse(os.path.exists(self.mount.hdf5 + ".compact"))

    def test_compact_leaves_a_file_with_references_alone(self):
        save_snapshot(self.mount, "scaled")
        with open_hdf5(self.mount.hdf5, "r+") as file:
            weights = file["network_states/weights/scaled/weights"]
            file.create_dataset("pointer", data=weights.ref,
                                dtype=h5py.ref_dtype)
        job = ended(self.mount, command(self.mount, "compact"))
        self.assertEqual(job["state"], "failed")
        with open_hdf5(self.mount.hdf5, "r+") as file:
            self.assertEqual(file[file["pointer"][()]].shape, (64, 64))
            del file["pointer"]
        run(self.mount, "compact")

    def test_compact_loses_nothing_that_is_written_meanwhile(self):
        def save(i):
            save_snapshot(self.mount, f"w{i}", i, size=16)
        with writing(save) as written:
            for _ in range(5):
                run(self.mount, "compact")
        for i in written:
            rng = np.random.default_rng(i)
            for name in ("adjacency", "weights", "states"):
                self.assert_same_array(
                    np.load(self.path("network_states", f"w{i}",
                                      name + ".npy")), rng.random((16, 16)))

    def test_cleanup_removes_old_hdf5_records_alone(self):
        save_snapshot(self.mount, "old", age=40 * DAY)
        save_snapshot(self.mount, "new", age=20 * DAY)
        harness.write_json(self.path("episodes", "900.json"),
                           {"timestamp": time.time() - 40 * DAY})
        result = run(self.mount, "cleanup retention_days=30")
        self.assertEqual(result["network_states"], 1)
        with open_hdf5(self.mount.hdf5) as file:
            self.assertNotIn("old", file["network_states/topology"])
            self.assertIn("new", file["network_states/topology"])
        self.assertTrue(os.path.exists(self.path("episodes", "900.json")))
        result = run(self.mount,
                     "cleanup retention_days=30 collections=episodes")
        self.assertEqual(result, {"episodes": 1})
        with sqlite3.connect(self.mount.database) as database:
            self.assertEqual(database.execute(
                "SELECT COUNT(*) FROM episodes WHERE id=900").fetchone()[0], 0)
        database.close()

    def test_flush_removes_our_keys_alone(self):
        client = self.mount.redis()
        client.set("other", "stays")
        for i in range(30):
            np.save(self.path("wm", f"f{i}.npy"), np.arange(i + 1.0))
        count = len(client.keys("wm:*"))
        self.assertEqual(run(self.mount, "flush yes")["removed"], count)
        self.assertEqual(client.keys("wm:*"), [])
        self.assertEqual(client.get("other"), b"stays")

    def test_verify_of_a_sound_store_finds_nothing(self):
        save_snapshot(self.mount, "sound")
        result = run(self.mount, "verify")
        self.assertEqual(result["problems"], [])
        self.assertGreater(result["hdf5"]["chunks"], 0)


    def test_stats_are_what_the_stores_say(self):
        save_snapshot(self.mount, "counted")
        np.save(self.path("concepts", "counted.npy"), np.arange(4.0))
        np.save(self.path("wm", "counted.npy"), np.random.rand(4000))
        client = self.mount.redis()
        client.hset("wm:counted", mapping={f"more{i}": i for i in range(9)})
        result = run(self.mount, "stats")
        keys = client.keys("wm:*")
        self.assertEqual(result["redis"]["wm"], {
            "keys": len(keys),
            "bytes": sum(client.memory_usage(key, samples=0)
                         for key in keys)})
        self.assertGreater(result["redis"]["total_memory"], 100000)
        with sqlite3.connect(self.mount.database) as database:
            for table in ("episodes", "concepts", "learning_events"):
                self.assertEqual(result["sqlite"][table + "_count"],
                                 database.execute(
                                     f"SELECT COUNT(*) FROM {table}")
                                 .fetchone()[0])
            self.assertEqual(result["sqlite"]["schema_version"],
                             database.execute(
                                 "SELECT MAX(version) FROM schema_version")
                             .fetchone()[0])
        database.close()
        found = result["hdf5"]
        with open_hdf5(self.mount.hdf5) as file:
            sets = []
            file.visititems(lambda name, thing: sets.append(name)
                            if isinstance(thing, h5py.Dataset) else None)
            self.assertEqual(found["total_datasets"], len(sets))
            self.assertEqual(found["groups"], list(file))
            self.assertEqual(found["created_at"], file.attrs["created_at"])
        self.assertEqual(found["file_path"], self.mount.hdf5)
        self.assertAlmostEqual(found["file_size_mb"], os.path.getsize(
            self.mount.hdf5) / 2**20, places=1)
        self.assertEqual(found["compression"], "gzip")
        self.assertEqual(read_json(self.path(".engram", "status.json"))
                         ["statistics"], result)

    def test_verify_counts_notes_on_records_that_others_removed(self):
        path = self.path("concepts", "noted.npy")
        np.save(path, np.arange(3.0))
        os.utime(path, (1e9, 1e9))
        before = run(self.mount, "verify")["sqlite"]["orphaned_notes"]
        with sqlite3.connect(self.mount.database) as database:
            database.execute("DELETE FROM concepts WHERE name='noted'")
        database.close()
        self.assertEqual(run(self.mount, "verify")["sqlite"]
                         ["orphaned_notes"], before + 1)

    def test_status_tells_what_waits_in_the_spool(self):
        before = read_json(self.path(".engram", "status.json"))["spool"]
        harness.write_bytes(self.path("wm", "x.tmp"), b"12345")
        self.assertEqual(read_json(self.path(".engram", "status.json"))
                         ["spool"], {"files": before["files"] + 1,
                                     "bytes": before["bytes"] + 5})
        os.unlink(self.path("wm", "x.tmp"))


class Expired(unittest.TestCase):
    def test_clear_expired_counts_what_was_there(self):
        server = harness.RedisServer("--enable-debug-command", "local")
        try:
            # Whoever hears of a record looks at it, and a look removes it.
            server.client.execute_command("ACL", "SETUSER", "default",
                                          "-client|tracking")
            mount = Mount(f"redis.host={server.socket}")
            server.client.execute_command("DEBUG", "SET-ACTIVE-EXPIRE", "0")
            for i in range(5):
                server.client.hset(f"wm:gone{i}", "timestamp", "1.0")
                server.client.pexpire(f"wm:gone{i}", 1)
            time.sleep(0.05)
            self.assertEqual(run(mount, "clear-expired")["removed"], 5)
            mount.unmount()
        finally:
            server.close()


class Damage(MountCase):
    def test_verify_finds_a_flipped_byte_in_a_chunk(self):
        save_snapshot(self.mount, "sound", 1)
        save_snapshot(self.mount, "hurt", 2)
        with open_hdf5(self.mount.hdf5) as file:
            info = file["network_states/weights/hurt/weights"] \
                .id.get_chunk_info(0)
        with open(self.mount.hdf5, "r+b") as file:
            file.seek(info.byte_offset + info.size // 2)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 0x10]))
        job = ended(self.mount, command(self.mount, "verify"))
        self.assertEqual(job["state"], "failed")
        problems = job["result"]["problems"]
        self.assertEqual(len(problems), 1, problems)
        self.assertIn("network_states/weights/hurt/weights", problems[0])


class Backups(unittest.TestCase):
    def setUp(self):
        self.mount = Mount()
        self.directory = tempfile.mkdtemp(prefix="engramfs-test-")
        self.keep = os.path.join(self.directory, "backup")
        self.mounted = True

    def tearDown(self):
        if self.mounted:
            self.mount.unmount()
        shutil.rmtree(self.directory)

    def backup(self, mount=None):
        """Its directory, copied to where it stays."""
        mount = mount or self.mount
        name = run(mount, "backup")["backup"]
        shutil.rmtree(self.keep, ignore_errors=True)
        shutil.copytree(os.path.join(mount.store, "backups", name), self.keep)
        return os.path.join(mount.store, "backups", name)

    def fill(self, mount):
        save_snapshot(mount, "kept", 5)
        np.save(mount("wm", "kept.npy"), np.arange(9.0))
        np.save(mount("concepts", "kept.npy"), np.arange(7.0))
        os.utime(mount("concepts", "kept.npy"), (1e9, 1e9))

    def check(self, mount):
        rng = np.random.default_rng(5)
        for name in ("adjacency", "weights", "states"):
            self.assertTrue(np.array_equal(
                np.load(mount("network_states", "kept", name + ".npy")),
                rng.random((64, 64))))
        self.assertEqual(np.load(mount("wm", "kept.npy")).size, 9)
        self.assertEqual(np.load(mount("concepts", "kept.npy")).size, 7)
        self.assertEqual(os.stat(mount("concepts", "kept.npy")).st_mtime, 1e9)

    def test_the_manifest_describes_every_file(self):
        self.fill(self.mount)
        self.backup()
        manifest = read_json(os.path.join(self.keep, "manifest.json"))
        names = {file["name"] for file in manifest["files"]}
        self.assertEqual(names | {"manifest.json"},
                         set(os.listdir(self.keep)))
        self.assertEqual(names, {"godly_ai.db", "engramfs.db", "redis.jsonl",
                                 "godly_ai_data.h5"})
        for file in manifest["files"]:
            self.assertEqual(file["size"], os.path.getsize(
                os.path.join(self.keep, file["name"])))
        self.assertEqual(manifest["statistics"]["sqlite"]["concepts_count"], 1)
        self.assertEqual(manifest["statistics"]["redis"]["wm"]["keys"], 1)

    def test_backups_within_a_second_have_names_of_their_own(self):
        np.save(self.mount("concepts", "one.npy"), np.arange(3.0))
        names = [run(self.mount, "backup")["backup"] for _ in range(3)]
        self.assertEqual(len(set(names)), 3)
        self.assertEqual(names, sorted(names))
        self.assertEqual(set(os.listdir(os.path.join(
            self.mount.store, "backups"))), set(names))
        self.assertEqual(run(self.mount, "verify")["backups"], 3)

    def test_a_backup_restores_into_an_empty_store(self):
        self.fill(self.mount)
        ttl = self.mount.redis().pttl("wm:kept")
        self.backup()
        store = os.path.join(self.directory, "new")
        os.mkdir(store)
        done = ctl(store, "restore", self.keep)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        again = Mount(store=store)
        self.check(again)
        left = again.redis().pttl("wm:kept")
        self.assertLessEqual(left, ttl)
        self.assertGreater(left, ttl - 60000)
        again.unmount()

    def test_an_external_server_is_restored_too(self):
        self.fill(self.mount)
        self.backup()
        server = harness.RedisServer()
        try:
            store = os.path.join(self.directory, "new")
            os.mkdir(store)
            self.assertEqual(ctl(store, "restore", self.keep).returncode, 0)
            again = Mount(f"redis.host={server.socket}", store=store)
            self.check(again)
            self.assertEqual(server.client.keys("*"), [b"wm:kept"])
            again.unmount()
        finally:
            server.close()

    def test_restore_moves_aside_what_was_there(self):
        self.fill(self.mount)
        name = os.path.basename(self.backup())
        save_snapshot(self.mount, "later")
        np.save(self.mount("wm", "later.npy"), np.arange(3.0))
        refused = ctl(self.mount.store, "restore", name)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("unmount", refused.stderr)
        store = os.path.join(self.directory, "copy")
        subprocess.run(["fusermount3", "-u", self.mount.path], check=True)
        self.mount.process.wait(harness.PATIENCE)
        shutil.copytree(self.mount.store, store)
        self.mount._discard()
        self.mounted = False
        done = ctl(store, "restore", name)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        again = Mount(store=store)
        self.check(again)
        self.assertFalse(os.path.exists(again("network_states", "later")))
        self.assertFalse(os.path.exists(again("wm", "later.npy")))
        aside = os.path.join(store, "replaced")
        aside = os.path.join(aside, os.listdir(aside)[0])
        with h5py.File(os.path.join(aside, "godly_ai_data.h5")) as file:
            self.assertIn("later", file["network_states/topology"])
        self.assertTrue(os.path.isdir(os.path.join(aside, "redis")))
        again.unmount()

    def test_a_damaged_backup_is_found_and_not_restored(self):
        self.fill(self.mount)
        made = self.backup()
        for place in (made, self.keep):
            with open(os.path.join(place, "godly_ai.db"), "r+b") as file:
                file.seek(100)
                byte = file.read(1)
                file.seek(100)
                file.write(bytes([byte[0] ^ 1]))
        job = ended(self.mount, command(self.mount, "verify"))
        self.assertEqual(job["state"], "failed")
        self.assertEqual(len(job["result"]["problems"]), 1)
        self.assertIn("godly_ai.db", job["result"]["problems"][0])
        store = os.path.join(self.directory, "new")
        os.mkdir(store)
        done = ctl(store, "restore", self.keep)
        self.assertEqual(done.returncode, 1)
        self.assertIn("checksum", done.stderr)
        self.assertEqual(os.listdir(store), [])

    def test_old_backups_go_and_new_ones_come_by_themselves(self):
        mount = Mount("sqlite.backup_interval=1", "sqlite.max_backups=2")
        directory = os.path.join(mount.store, "backups")
        seen = set()

        def made():
            return {name for name in os.listdir(directory)
                    if name.endswith("Z")}

        def look():
            if os.path.isdir(directory):
                seen.update(made())
            return len(seen) >= 4
        eventually(look, what="backups")
        eventually(lambda: len(made()) <= 2, what="the end of old ones")
        mount.unmount()
        self.mount.unmount()
        self.mount = mount
        self.mounted = False


class Tool(MountCase):
    def test_the_result_and_the_exit_code_are_the_jobs(self):
        done = ctl(self.mount.path, "stats")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("concepts_count", json.loads(done.stdout)["sqlite"])
        for name in ("vacuum", "compact", "clear-expired", "verify",
                     "backup"):
            self.assertEqual(ctl(self.mount.store, name).returncode, 0, name)
        self.assertEqual(ctl(self.mount.path, "cleanup",
                             "retention_days=30").returncode, 0)

    def test_a_refusal_is_told_with_its_reason(self):
        done = ctl(self.mount.path, "cleanup", "retention_days=soon")
        self.assertEqual(done.returncode, 1)
        self.assertIn("must be a number", done.stderr)
        done = ctl(self.mount.path, "cancel", "4711")
        self.assertEqual(done.returncode, 1)
        self.assertIn("does not exist", done.stderr)

    def test_flush_asks_unless_told_not_to(self):
        np.save(self.path("wm", "a.npy"), np.arange(3.0))
        self.assertEqual(ctl(self.mount.path, "flush",
                             answer="no\n").returncode, 1)
        self.assertTrue(os.path.exists(self.path("wm", "a.npy")))
        self.assertEqual(ctl(self.mount.path, "flush",
                             answer="yes\n").returncode, 0)
        self.assertEqual(self.mount.redis().keys("wm:*"), [])
        np.save(self.path("wm", "a.npy"), np.arange(3.0))
        self.assertEqual(ctl(self.mount.path, "flush", "--yes").returncode, 0)
        self.assertEqual(self.mount.redis().keys("wm:*"), [])

    def test_jobs_are_listed(self):
        ctl(self.mount.path, "vacuum")
        done = ctl(self.mount.path, "jobs")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout.splitlines()[-1], r"done +100% +vacuum")


if __name__ == "__main__":
    harness.main()
