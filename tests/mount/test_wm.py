# SPDX-License-Identifier: MIT
"""/wm: patterns in Redis."""

import io
import json
import os
import subprocess
import time
import unittest

import numpy as np

import harness
from harness import decode, edit_json, npy_bytes, read_bytes, read_json
from harness import write_bytes, write_json

SMALL = np.arange(12, dtype="<f8").reshape(3, 4)
LARGE = np.random.default_rng(1).random((100, 50))


class Patterns(harness.MountCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.redis = cls.mount.redis()

    def tearDown(self):
        for name in os.listdir(self.path("wm")):
            if os.path.lexists(self.path("wm", name)):
                os.unlink(self.path("wm", name))

    def test_what_numpy_saves_redis_holds_as_the_spec_says(self):
        before = time.time()
        for name, array in (("small", SMALL), ("large", LARGE)):
            np.save(self.path("wm", name + ".npy"), array)
            stored = self.redis.hgetall(f"wm:{name}")
            self.assert_same_array(decode(stored[b"pattern"]), array)
            self.assertEqual(stored[b"shape"].decode(), str(array.shape))
            self.assertEqual(stored[b"dtype"], b"float64")
            self.assertEqual(json.loads(stored[b"metadata"]), {})
            self.assertAlmostEqual(float(stored[b"timestamp"]), before,
                                   delta=harness.PATIENCE)
            self.assertAlmostEqual(self.redis.ttl(f"wm:{name}"), 3600,
                                   delta=harness.PATIENCE)

    def test_large_patterns_are_packed_and_small_ones_are_not(self):
        np.save(self.path("wm/packed.npy"), np.zeros(10000))
        np.save(self.path("wm/plain.npy"), SMALL)
        self.assertLess(self.redis.hstrlen("wm:packed", "pattern"), 10000)
        self.assertEqual(self.redis.hget("wm:plain", "pattern"),
                         npy_bytes(SMALL))

    def test_what_redis_holds_is_a_pair_of_files(self):
        self.redis.hset("wm:theirs", mapping={
            "pattern": npy_bytes(SMALL), "timestamp": "1730000000.25",
            "shape": "(3, 4)", "dtype": "float64",
            "metadata": '{"source": "visual_cortex"}'})
        self.redis.expire("wm:theirs", 100)
        harness.eventually(
            lambda: "theirs.npy" in os.listdir(self.path("wm")), 2)
        self.assert_same_array(np.load(self.path("wm/theirs.npy")), SMALL)
        fields = read_json(self.path("wm/theirs.json"))
        self.assertEqual(fields["timestamp"], 1730000000.25)
        self.assertEqual(fields["metadata"], {"source": "visual_cortex"})
        self.assertEqual(fields["shape"], [3, 4])
        self.assertEqual(fields["dtype"], "float64")
        self.assertAlmostEqual(fields["expires_at"], time.time() + 100,
                               delta=harness.PATIENCE)
        self.assertEqual(os.stat(self.path("wm/theirs.npy")).st_mtime,
                         1730000000.25)

    def test_changes_of_others_are_seen_within_a_second(self):
        np.save(self.path("wm/shared.npy"), SMALL)
        self.assert_same_array(np.load(self.path("wm/shared.npy")), SMALL)
        self.redis.hset("wm:shared", mapping={
            "pattern": npy_bytes(LARGE), "shape": str(LARGE.shape)})
        harness.eventually(
            lambda: np.load(self.path("wm/shared.npy")).shape == LARGE.shape,
            2)
        self.redis.delete("wm:shared")
        harness.eventually(
            lambda: not os.path.exists(self.path("wm/shared.npy")), 2)

    def test_files_have_exact_sizes_and_any_range_can_be_read(self):
        np.save(self.path("wm/range.npy"), LARGE)
        whole = npy_bytes(LARGE)
        status = os.stat(self.path("wm/range.npy"))
        self.assertEqual(status.st_size, len(whole))
        self.assertGreaterEqual(status.st_blocks * 512, len(whole))
        with open(self.path("wm/range.npy"), "rb", buffering=0) as file:
            for offset, size in ((0, 10), (127, 3), (5000, 4096),
                                 (len(whole) - 5, 100), (len(whole), 10)):
                file.seek(offset)
                self.assertEqual(file.read(size), whole[offset:offset + size])
        mapped = np.load(self.path("wm/range.npy"), mmap_mode="r")
        self.assertEqual(mapped[37, 11], LARGE[37, 11])

    def test_a_write_replaces_the_whole(self):
        np.save(self.path("wm/whole.npy"), LARGE)
        np.save(self.path("wm/whole.npy"), SMALL)
        self.assert_same_array(np.load(self.path("wm/whole.npy")), SMALL)
        self.assertEqual(self.redis.hget("wm:whole", "shape"), b"(3, 4)")

    def test_the_json_can_be_edited(self):
        np.save(self.path("wm/edit.npy"), SMALL)
        edit_json(self.path("wm/edit.json"), timestamp=1730000000.5,
                  metadata={"source": "eye", "näme": [1, 2.5, None]})
        stored = self.redis.hgetall("wm:edit")
        self.assertEqual(float(stored[b"timestamp"]), 1730000000.5)
        self.assertEqual(json.loads(stored[b"metadata"]),
                         {"source": "eye", "näme": [1, 2.5, None]})
        self.assert_same_array(decode(stored[b"pattern"]), SMALL)

    def test_jq_edits_through_a_file_beside_it(self):
        np.save(self.path("wm/jq.npy"), SMALL)
        subprocess.run("jq '.metadata.n = 7' jq.json > jq.json.tmp"
                       " && mv jq.json.tmp jq.json", shell=True, check=True,
                       cwd=self.path("wm"))
        self.assertEqual(
            json.loads(self.redis.hget("wm:jq", "metadata")), {"n": 7})

    def test_json_written_back_unchanged_changes_nothing(self):
        np.save(self.path("wm/same.npy"), SMALL)
        before = self.redis.hgetall("wm:same")
        text = read_bytes(self.path("wm/same.json"))
        self.assertTrue(text.endswith(b"}\n"))
        write_bytes(self.path("wm/same.json"), text)
        self.assertEqual(self.redis.hgetall("wm:same"), before)
        self.assertEqual(read_bytes(self.path("wm/same.json")), text)

    def test_unknown_fields_and_contradictions_are_refused(self):
        np.save(self.path("wm/strict.npy"), SMALL)
        text = read_bytes(self.path("wm/strict.json"))
        for change in ({"colour": "red"}, {"shape": [4, 3]},
                       {"dtype": "int8"}, {"timestamp": "noon"}):
            value = {**json.loads(text), **change}
            self.assert_refused(self.path("wm/strict.json"),
                                json.dumps(value).encode(), 22)
            self.assertEqual(read_bytes(self.path("wm/strict.json")), text)
            self.assertIn(next(iter(change)), self.mount.errors()[-1]["reason"])

    def test_derived_fields_may_be_left_out(self):
        np.save(self.path("wm/derived.npy"), SMALL)
        write_json(self.path("wm/derived.json"), {"metadata": {"k": "v"}})
        fields = read_json(self.path("wm/derived.json"))
        self.assertEqual(fields["shape"], [3, 4])
        self.assertEqual(fields["metadata"], {"k": "v"})

    def test_either_file_may_come_first(self):
        fields = {"timestamp": 1730000000.25, "metadata": {"a": 1}}
        np.save(self.path("wm/array_first.npy"), SMALL)
        write_json(self.path("wm/array_first.json"), fields)
        write_json(self.path("wm/json_first.json"), fields)
        np.save(self.path("wm/json_first.npy"), SMALL)
        for name in ("array_first", "json_first"):
            stored = self.redis.hgetall("wm:" + name)
            self.assertEqual(float(stored[b"timestamp"]), 1730000000.25)
            self.assertEqual(json.loads(stored[b"metadata"]), {"a": 1})
            self.assert_same_array(decode(stored[b"pattern"]), SMALL)

    def test_a_record_goes_with_its_last_file(self):
        for first, second in ((".npy", ".json"), (".json", ".npy")):
            np.save(self.path("wm/gone.npy"), SMALL)
            os.unlink(self.path("wm/gone" + first))
            self.assertEqual(
                [name for name in os.listdir(self.path("wm"))
                 if name.startswith("gone")], ["gone" + second])
            self.assertTrue(self.redis.exists("wm:gone"))
            os.unlink(self.path("wm/gone" + second))
            self.assertFalse(self.redis.exists("wm:gone"))

    def test_a_rename_renames_the_key_in_either_file_order(self):
        for first, second in ((".npy", ".json"), (".json", ".npy")):
            np.save(self.path("wm/old.npy"), SMALL)
            edit_json(self.path("wm/old.json"), metadata={"kept": True})
            for suffix in (first, second):
                if os.path.exists(self.path("wm/old" + suffix)):
                    os.rename(self.path("wm/old" + suffix),
                              self.path("wm/new" + suffix))
            self.assertFalse(self.redis.exists("wm:old"))
            stored = self.redis.hgetall("wm:new")
            self.assert_same_array(decode(stored[b"pattern"]), SMALL)
            self.assertEqual(json.loads(stored[b"metadata"]), {"kept": True})
            os.unlink(self.path("wm/new.npy"))
            os.unlink(self.path("wm/new.json"))

    def test_a_rename_replaces_what_was_there(self):
        np.save(self.path("wm/one.npy"), SMALL)
        np.save(self.path("wm/two.npy"), LARGE)
        os.rename(self.path("wm/one.npy"), self.path("wm/two.npy"))
        self.assert_same_array(np.load(self.path("wm/two.npy")), SMALL)
        self.assertFalse(os.path.exists(self.path("wm/one.npy")))

    def test_open_files_keep_what_they_opened(self):
        np.save(self.path("wm/open.npy"), SMALL)
        with open(self.path("wm/open.npy"), "rb") as file:
            os.unlink(self.path("wm/open.npy"))
            os.unlink(self.path("wm/open.json"))
            self.assertEqual(file.read(), npy_bytes(SMALL))

    def test_an_update_in_place_starts_from_what_is_there(self):
        np.save(self.path("wm/update.npy"), SMALL)
        mapped = np.load(self.path("wm/update.npy"), mmap_mode="r+")
        mapped[1, 2] = -1
        mapped.flush()
        del mapped
        expected = SMALL.copy()
        expected[1, 2] = -1
        self.assert_same_array(decode(self.redis.hget("wm:update", "pattern")),
                               expected)

    def test_scratch_names_are_plain_files_until_renamed(self):
        for scratch in (".swap.npy.swp", "sedAb12Cd", "x.npy~", "4913",
                        ".x.npy.Ab12Cd", "x.tmp"):
            write_bytes(self.path("wm", scratch), npy_bytes(SMALL))
            self.assertEqual(read_bytes(self.path("wm", scratch)),
                             npy_bytes(SMALL))
            os.rename(self.path("wm", scratch), self.path("wm/scratch.npy"))
            self.assertFalse(os.path.exists(self.path("wm", scratch)))
            self.assert_same_array(
                decode(self.redis.hget("wm:scratch", "pattern")), SMALL)
            self.assertEqual(self.redis.keys("wm:*"), [b"wm:scratch"])

    def test_attributes_say_what_a_file_is(self):
        np.save(self.path("wm/attributes.npy"), SMALL)
        path = self.path("wm/attributes.npy")
        self.assertLessEqual(
            {"user.timestamp", "user.dtype", "user.shape", "user.expires_at",
             "user.ttl", "user.origin"}, set(os.listxattr(path)))
        self.assertEqual(os.getxattr(path, "user.origin"),
                         b"redis:wm:attributes")
        self.assertEqual(os.getxattr(path, "user.dtype"), b"float64")

    def test_modification_times_are_kept(self):
        np.save(self.path("wm/times.npy"), SMALL)
        os.utime(self.path("wm/times.npy"), (1700000000, 1700000000.5))
        self.assertEqual(os.stat(self.path("wm/times.npy")).st_mtime,
                         1700000000.5)

    def test_patterns_survive_a_remount(self):
        mount = harness.Mount()
        np.save(mount("wm/kept.npy"), SMALL)
        edit_json(mount("wm/kept.json"), metadata={"kept": 1})
        expires = read_json(mount("wm/kept.json"))["expires_at"]
        mount.remount()
        self.assert_same_array(np.load(mount("wm/kept.npy")), SMALL)
        fields = read_json(mount("wm/kept.json"))
        self.assertEqual(fields["metadata"], {"kept": 1})
        self.assertAlmostEqual(fields["expires_at"], expires, places=2)
        mount.unmount()

    def test_a_name_can_be_written_again_at_once_after_a_refusal(self):
        for wrong in (b"no npy", npy_bytes(SMALL)[:-1]):
            with self.assertRaises(OSError):
                write_bytes(self.path("wm/again.npy"), wrong)
            np.save(self.path("wm/again.npy"), SMALL)
            self.assertTrue(np.array_equal(
                np.load(self.path("wm/again.npy")), SMALL))
            os.unlink(self.path("wm/again.npy"))

    def test_a_new_file_has_a_name_before_it_is_a_record(self):
        path = self.path("wm/begun.npy")
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self.addCleanup(os.close, fd)
        os.write(fd, b"\x93NUMPY")
        time.sleep(1.1)  # longer than the kernel may remember by itself
        self.assertEqual(os.stat(path).st_size, 6)
        with self.assertRaises(FileExistsError):
            os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with self.assertRaises(FileNotFoundError):
            open(path, "rb")
        self.assertNotIn("begun.npy", os.listdir(self.path("wm")))
        os.unlink(path)
        self.assertFalse(os.path.exists(path))

    def test_a_file_that_is_being_written_goes_where_it_is_renamed(self):
        content = io.BytesIO()
        np.save(content, np.ones(5))
        with open(self.path("wm/first.npy"), "wb") as file:
            file.write(content.getvalue())
            file.flush()
            os.rename(self.path("wm/first.npy"), self.path("wm/then.npy"))
        self.assertFalse(os.path.exists(self.path("wm/first.npy")))
        self.assertTrue(np.array_equal(np.load(self.path("wm/then.npy")),
                                       np.ones(5)))
        with open(self.path("wm/then.npy"), "r+b") as file:
            file.seek(128)
            file.write(np.array([7.0]).tobytes())
            file.flush()
            os.rename(self.path("wm/then.npy"), self.path("wm/last.npy"))
        self.assertEqual(np.load(self.path("wm/last.npy"))[0], 7)
        with open(self.path("wm/last.npy"), "wb") as file:
            file.write(content.getvalue())
            file.flush()
            os.unlink(self.path("wm/last.npy"))
        self.assertFalse(os.path.exists(self.path("wm/last.npy")))


if __name__ == "__main__":
    harness.main()
