# SPDX-License-Identifier: MIT
"""When a write becomes the record, and what others see of it until then."""

import mmap
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import unittest

import numpy as np

import calls
import harness
from calls import error_of, opened
from harness import npy_bytes, read_bytes, write_bytes

OLD = np.arange(4000, dtype="<f8").reshape(40, 100)
NEW = OLD + 1
OTHER = np.random.default_rng(3).random((7, 3))
FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC

# A pair in Redis, one in SQLite, an experience, an array of an HDF5 record.
RECORDS = ("wm/a.npy", "concepts/a.npy", "episodes/1.npy",
           "network_states/s/weights.npy")


def everywhere(test):
    """A test of one array that exists, done in each backend."""
    def run(self):
        for place in RECORDS:
            with self.subTest(place):
                path = self.path(place)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                np.save(path, OLD)
                test(self, path)
    run.__name__ = test.__name__
    return run


class Commits(harness.MountCase):
    def assert_is(self, path, array):
        self.assertEqual(read_bytes(path), npy_bytes(array))

    def assert_refused_once(self, path, before):
        """One more line in errors.jsonl, and one more file in rejected/ with
        its reason."""
        errors, rejected = before
        self.assertEqual(len(self.mount.errors()), len(errors) + 1)
        self.assertEqual(self.mount.errors()[-1]["error"], "EINVAL")
        self.assertTrue(path.endswith(self.mount.errors()[-1]["path"]))
        self.assertEqual(len(self.mount.rejected()), len(rejected) + 2)

    def state(self):
        return self.mount.errors(), self.mount.rejected()

    @everywhere
    def test_a_flush_before_any_data_commits_nothing(self, path):
        before = self.state()
        with opened(path, FLAGS) as file:
            os.close(os.dup(file))
            self.assert_is(path, OLD)
            os.write(file, npy_bytes(NEW))
            self.assert_is(path, OLD)
        self.assert_is(path, NEW)
        self.assertEqual(self.state(), before)

    @everywhere
    def test_a_flush_between_refuses_the_part_and_stores_the_whole(self, path):
        before = self.state()
        content = npy_bytes(NEW)
        with opened(path, FLAGS) as file:
            os.write(file, content[:500])
            self.assertEqual(error_of(os.close, os.dup(file)), "EINVAL")
            self.assert_refused_once(path, before)
            self.assert_is(path, OLD)
            os.write(file, content[500:])
        self.assert_is(path, NEW)
        self.assertEqual(self.mount.rejected(), before[1])

    @everywhere
    def test_the_commands_of_a_shell_write_one_file_in_turns(self, path):
        source = os.path.join(self.mount.directory, "source.npy")
        write_bytes(source, npy_bytes(NEW))
        subprocess.run(["sh", "-c", '{ head -c 128; cat; } <"$1" >"$2"',
                        "sh", source, path], check=True)
        self.assert_is(path, NEW)

    @everywhere
    def test_every_descriptor_s_close_commits_what_there_is(self, path):
        file = os.open(path, os.O_RDWR)
        os.pwrite(file, npy_bytes(NEW), 0)
        os.close(os.dup(file))
        self.assert_is(path, NEW)
        os.pwrite(file, npy_bytes(OLD), 0)
        os.close(file)
        self.assert_is(path, OLD)

    @everywhere
    def test_duplicates_that_are_closed_at_once_commit_it_once(self, path):
        def close(file, barrier):
            barrier.wait()
            os.close(file)
        for _ in range(10):
            before = self.state()
            file = os.open(path, FLAGS)
            files = [os.dup(file) for _ in range(5)] + [file]
            os.write(file, npy_bytes(NEW))
            barrier = threading.Barrier(len(files))
            threads = [threading.Thread(target=close, args=(each, barrier))
                       for each in files]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assert_is(path, NEW)
            self.assertEqual(self.state(), before)

    @everywhere
    def test_fsync_commits_and_more_may_follow(self, path):
        with opened(path, os.O_RDWR) as file:
            os.pwrite(file, npy_bytes(NEW)[128:136], 128)
            os.fsync(file)
            self.assertEqual(np.load(path)[0, 0], NEW[0, 0])
            os.pwrite(file, npy_bytes(NEW)[128:], 128)
        self.assert_is(path, NEW)

    @everywhere
    def test_a_mapping_outlives_its_descriptor_and_commits_when_synced(
            self, path):
        with opened(path, os.O_RDWR) as file:
            mapping = mmap.mmap(file, 0)
        mapping[128:] = npy_bytes(NEW)[128:]
        self.assert_is(path, OLD)
        mapping.flush()
        self.assert_is(path, NEW)
        mapping[128:] = npy_bytes(OLD)[128:]
        mapping.close()
        harness.eventually(lambda: read_bytes(path) == npy_bytes(OLD))

    @everywhere
    def test_of_two_writers_the_last_to_commit_counts_whole(self, path):
        first, second = (os.open(path, flags)
                         for flags in (FLAGS, os.O_RDWR))
        os.pwrite(second, npy_bytes(NEW), 0)
        os.pwrite(first, npy_bytes(OTHER)[:200], 0)
        os.close(second)
        self.assert_is(path, NEW)
        os.pwrite(first, npy_bytes(OTHER)[200:], 200)
        os.close(first)
        self.assert_is(path, OTHER)

    @everywhere
    def test_two_updates_do_not_mix(self, path):
        first, second = (os.open(path, os.O_RDWR) for _ in range(2))
        os.pwrite(first, npy_bytes(NEW)[128:], 128)
        os.pwrite(second, b"\0" * 8, 136)
        self.assertEqual(os.pread(first, 99999, 0), npy_bytes(NEW))
        os.close(first)
        self.assert_is(path, NEW)
        os.close(second)
        expected = OLD.copy()
        expected[0, 1] = 0
        self.assert_is(path, expected)

    @everywhere
    def test_a_killed_writer_leaves_the_old_record(self, path):
        before = self.state()
        program = ("import os, sys, time\n"
                   "file = os.open(sys.argv[1], os.O_WRONLY | os.O_TRUNC)\n"
                   "os.write(file, sys.stdin.buffer.read())\n"
                   "print('written', flush=True)\n"
                   "time.sleep(1000)\n")
        with subprocess.Popen([sys.executable, "-c", program, path],
                              stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as writer:
            writer.stdin.write(npy_bytes(NEW)[:1000])
            writer.stdin.close()
            writer.stdout.readline()
            writer.send_signal(signal.SIGKILL)
        self.assert_is(path, OLD)
        harness.eventually(lambda: len(self.mount.errors()) > len(before[0]))
        self.assert_refused_once(path, before)
        self.assertIn(npy_bytes(NEW)[:1000],
                      [content for name, content
                       in self.mount.rejected().items()
                       if name not in before[1]])

    @everywhere
    def test_a_reader_keeps_its_version_through_a_replacement(self, path):
        with opened(path, os.O_RDONLY) as reader:
            self.assertEqual(len(os.pread(reader, 500, 0)), 500)
            with open(path, "wb") as file:  # O_TRUNC
                file.write(npy_bytes(OTHER))
                file.flush()
                self.assertEqual(os.pread(reader, 99999, 0), npy_bytes(OLD))
                self.assertEqual(os.fstat(reader).st_size,
                                 len(npy_bytes(OLD)))
            self.assert_is(path, OTHER)
            self.assertEqual(os.pread(reader, 99999, 0), npy_bytes(OLD))
            self.assertEqual(os.fstat(reader).st_size, len(npy_bytes(OLD)))

    @everywhere
    def test_readers_see_nothing_of_an_update_before_its_commit(self, path):
        with opened(path, os.O_RDONLY) as before, \
                opened(path, os.O_RDWR) as writer:
            mapped = mmap.mmap(before, 0, prot=mmap.PROT_READ)
            os.pwrite(writer, npy_bytes(NEW)[128:], 128)
            with opened(path, os.O_RDONLY) as during:
                for reader in (before, during):
                    self.assertEqual(os.pread(reader, 99999, 0),
                                     npy_bytes(OLD))
                self.assertEqual(os.pread(writer, 99999, 0), npy_bytes(NEW))
                os.fsync(writer)
                self.assert_is(path, NEW)
                for reader in (before, during):
                    self.assertEqual(os.pread(reader, 99999, 0),
                                     npy_bytes(OLD))
            self.assertEqual(mapped[:], npy_bytes(OLD))
            mapped.close()

    @everywhere
    def test_readers_do_not_undo_what_a_mapping_has(self, path):
        with opened(path, os.O_RDWR) as file:
            mapping = mmap.mmap(file, 0)
        half = 128 + 8 * 2000
        mapping[128:half] = npy_bytes(NEW)[128:half]
        self.assert_is(path, OLD)
        mapping[half:] = npy_bytes(NEW)[half:]
        self.assertEqual(mapping[:], npy_bytes(NEW))
        mapping.flush()
        mapping.close()
        self.assert_is(path, NEW)

    @everywhere
    def test_an_update_follows_a_rename_that_a_reader_came_before(self, path):
        renamed = path.replace("/a.", "/b.").replace("/1.", "/2.").replace(
            "weights", "adjacency")
        with opened(path, os.O_RDWR) as writer:
            with opened(path, os.O_RDONLY):
                os.pwrite(writer, npy_bytes(NEW)[128:], 128)
                os.rename(path, renamed)
        self.assertFalse(os.path.exists(path))
        self.assert_is(renamed, NEW)
        with opened(renamed, os.O_RDWR) as writer:
            with opened(renamed, os.O_RDONLY):
                os.pwrite(writer, npy_bytes(OLD)[128:], 128)
                os.unlink(renamed)
        self.assertFalse(os.path.exists(renamed))

    @everywhere
    def test_who_opens_it_while_it_is_replaced_reads_the_old_whole(self, path):
        short = npy_bytes(NEW[:1])
        writer = os.open(path, FLAGS)
        os.write(writer, short)
        with open(path, "rb", buffering=0) as reader:
            head = reader.read(100)
            os.close(writer)
            self.assertEqual(os.stat(path).st_size, len(short))
            self.assertEqual(os.fstat(reader.fileno()).st_size,
                             len(npy_bytes(OLD)))
            self.assertEqual(head + reader.read(), npy_bytes(OLD))
        self.assert_is(path, NEW[:1])

    @everywhere
    def test_many_readers_and_a_writer_are_each_served(self, path):
        stop = threading.Event()
        failures = []

        def read():
            while not stop.is_set():
                try:
                    content = read_bytes(path)
                    if content not in (npy_bytes(OLD), npy_bytes(NEW)):
                        failures.append(len(content))
                except OSError as error:
                    failures.append(error)

        threads = [threading.Thread(target=read) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for array in [NEW, OLD] * 10:
                with opened(path, os.O_RDWR) as file:
                    os.pwrite(file, npy_bytes(array), 0)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertEqual(failures, [])

    @everywhere
    def test_a_new_file_may_have_two_writers(self, path):
        os.unlink(path)
        with opened(path, FLAGS):  # who leaves it empty hides nothing
            np.save(path, NEW)
        self.assert_is(path, NEW)
        os.unlink(path)
        with opened(path, FLAGS) as first:
            with opened(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT) as second:
                self.assertEqual(error_of(os.open, path, os.O_RDONLY), "ENOENT")
                self.assertEqual(os.stat(path).st_size, 0)
                os.write(first, npy_bytes(OLD))
                os.write(second, npy_bytes(NEW))
            self.assert_is(path, NEW)
        self.assert_is(path, OLD)

    def test_who_once_came_too_late_does_not_disturb_readers(self):
        path = self.path("concepts/late.npy")
        np.save(path, OLD)
        os.stat(path)  # the kernel believes in the name
        with sqlite3.connect(self.mount.database) as database:
            database.execute("DELETE FROM concepts WHERE name = 'late'")
        database.close()
        self.assertEqual(error_of(os.open, path, os.O_RDONLY), "ENOENT")
        np.save(path, OLD)
        harness.eventually(lambda: "engramfs_open_handles 1\n" in
                           self.mount.control("metrics.prom"))
        reader = subprocess.Popen(
            [sys.executable, "-c", "import mmap, sys\n"
             "with open(sys.argv[1], 'rb') as file:\n"
             "    mapping = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)\n"
             "    print('mapped', flush=True)\n"
             "    sys.stdin.read()\n"
             "    sys.stdout.buffer.write(mapping[:])\n", path],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertEqual(reader.stdout.readline(), b"mapped\n")
        with opened(path, os.O_WRONLY | os.O_TRUNC) as writer:
            self.assertEqual(reader.communicate()[0], npy_bytes(OLD))
            os.write(writer, npy_bytes(NEW))
        self.assertEqual(reader.returncode, 0)
        self.assert_is(path, NEW)


if __name__ == "__main__":
    harness.main()
