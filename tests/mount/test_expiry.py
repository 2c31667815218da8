# SPDX-License-Identifier: MIT
"""Files vanish when their time ends, whether or not Redis has deleted them."""

import os
import subprocess
import time

import numpy as np

import harness
from harness import edit_json, npy_bytes, read_json

PATTERN = np.arange(6.0)
LATE = 0.1  # seconds after the end that a file may still be seen


class Expiry(harness.MountCase):
    """On a server that does not delete expired keys by itself."""

    @classmethod
    def setUpClass(cls):
        cls.server = harness.RedisServer("--enable-debug-command", "yes")
        cls.redis = cls.server.client
        cls.redis.execute_command("DEBUG", "SET-ACTIVE-EXPIRE", "0")
        try:
            super().setUpClass()
        except BaseException:
            cls.server.close()
            raise

    @classmethod
    def make_mount(cls):
        return harness.Mount(f"redis.host={cls.server.socket}")

    @classmethod
    def tearDownClass(cls):
        try:
            super().tearDownClass()
        finally:
            cls.server.close()

    def end_of(self, key):
        """When KEY expires, in seconds since 1970."""
        return self.redis.execute_command("PEXPIRETIME", f"wm:{key}") / 1000

    def set_ttl(self, name, seconds):
        subprocess.run(["setfattr", "-n", "user.ttl", "-v", str(seconds),
                        self.path("wm", name)], check=True)

    def assert_vanishes(self, key, end):
        """KEY is there shortly before END, and gone LATE after it."""
        names = {key + ".npy", key + ".json"}
        directory = self.path("wm")
        while time.time() < end - 0.1:
            listed = set(os.listdir(directory)) & names
            for name in names:
                os.stat(os.path.join(directory, name))
            if time.time() < end:
                self.assertEqual(listed, names)
            time.sleep(0.02)
        time.sleep(max(0, end + LATE - time.time()))
        for name in names:
            path = os.path.join(directory, name)
            self.assertRaises(FileNotFoundError, os.stat, path)
            self.assertRaises(FileNotFoundError, os.open, path, os.O_RDONLY)
        self.assertFalse(set(os.listdir(directory)) & names)

    def test_a_pattern_vanishes_when_its_ttl_ends(self):
        np.save(self.path("wm/brief.npy"), PATTERN)
        self.set_ttl("brief.npy", 2)
        end = self.end_of("brief")
        self.assertAlmostEqual(end, time.time() + 2, delta=1)
        self.assert_vanishes("brief", end)

    def test_the_ttl_can_be_set_on_either_file(self):
        np.save(self.path("wm/either.npy"), PATTERN)
        self.set_ttl("either.json", 1)
        self.assert_vanishes("either", self.end_of("either"))

    def test_patterns_of_others_vanish_too(self):
        self.redis.hset("wm:theirs", mapping={
            "pattern": npy_bytes(PATTERN), "timestamp": "1.5",
            "shape": "(6,)", "dtype": "float64", "metadata": "{}"})
        self.redis.pexpire("wm:theirs", 1500)
        end = self.end_of("theirs")
        harness.eventually(
            lambda: os.path.exists(self.path("wm/theirs.npy")), 1)
        self.assert_vanishes("theirs", end)

    def test_a_shorter_ttl_set_by_others_counts(self):
        np.save(self.path("wm/shorter.npy"), PATTERN)
        os.stat(self.path("wm/shorter.npy"))
        self.redis.pexpire("wm:shorter", 2000)
        self.assert_vanishes("shorter", self.end_of("shorter"))

    def test_an_open_file_stays_readable(self):
        np.save(self.path("wm/opened.npy"), PATTERN)
        self.set_ttl("opened.npy", 1)
        with open(self.path("wm/opened.npy"), "rb") as array, \
                open(self.path("wm/opened.json"), "rb") as fields:
            self.assert_vanishes("opened", self.end_of("opened"))
            self.assertEqual(array.read(), npy_bytes(PATTERN))
            self.assertIn(b"timestamp", fields.read())

    def test_a_mapped_file_stays_readable(self):
        np.save(self.path("wm/mapped.npy"), PATTERN)
        self.set_ttl("mapped.npy", 1)
        mapped = np.load(self.path("wm/mapped.npy"), mmap_mode="r")
        self.assert_vanishes("mapped", self.end_of("mapped"))
        self.assertEqual(mapped.tobytes(), PATTERN.tobytes())

    def test_a_vanished_name_can_be_written_again(self):
        np.save(self.path("wm/again.npy"), PATTERN)
        self.set_ttl("again.npy", 1)
        self.assert_vanishes("again", self.end_of("again"))
        np.save(self.path("wm/again.npy"), PATTERN * 2)
        self.assert_same_array(np.load(self.path("wm/again.npy")), PATTERN * 2)
        self.assertAlmostEqual(self.end_of("again"), time.time() + 3600,
                               delta=5)

    def test_writing_the_array_starts_the_ttl_anew(self):
        np.save(self.path("wm/anew.npy"), PATTERN)
        self.set_ttl("anew.npy", 50)
        np.save(self.path("wm/anew.npy"), PATTERN)
        self.assertAlmostEqual(self.end_of("anew"), time.time() + 3600,
                               delta=5)

    def test_editing_the_json_keeps_what_is_left(self):
        np.save(self.path("wm/left.npy"), PATTERN)
        self.set_ttl("left.npy", 50)
        end = self.end_of("left")
        edit_json(self.path("wm/left.json"), metadata={"a": 1})
        self.assertAlmostEqual(self.end_of("left"), end, places=2)

    def test_the_end_can_be_set_in_the_json(self):
        np.save(self.path("wm/moved.npy"), PATTERN)
        end = round(time.time()) + 77
        edit_json(self.path("wm/moved.json"), expires_at=end)
        self.assertAlmostEqual(self.end_of("moved"), end, places=2)
        self.assertEqual(read_json(self.path("wm/moved.json"))["expires_at"],
                         end)

    def test_an_end_in_the_past_is_refused(self):
        np.save(self.path("wm/past.npy"), PATTERN)
        fields = read_json(self.path("wm/past.json"))
        fields["expires_at"] = time.time() - 10
        self.assert_refused(self.path("wm/past.json"),
                            harness.json.dumps(fields).encode(), 22)
        self.assertTrue(os.path.exists(self.path("wm/past.npy")))

    def test_the_attribute_says_what_is_left(self):
        np.save(self.path("wm/asked.npy"), PATTERN)
        self.set_ttl("asked.npy", 60)
        path = self.path("wm/asked.npy")
        left = float(os.getxattr(path, "user.ttl"))
        self.assertTrue(50 < left < 60.01, left)
        self.assertAlmostEqual(float(os.getxattr(path, "user.expires_at")),
                               self.end_of("asked"), places=2)

    def test_the_attribute_grows_no_longer_while_it_is_asked_for(self):
        path = self.path("wm/steady.npy")
        np.save(path, PATTERN)
        self.set_ttl("steady.npy", 5000)
        self.assertEqual({len(os.getxattr(path, "user.ttl"))
                          for _ in range(300)}, {len("4999.999")})

    def test_nonsense_is_no_ttl(self):
        np.save(self.path("wm/sense.npy"), PATTERN)
        for value in (b"soon", b"-1", b"", b"nan", b"1e300"):
            with self.assertRaises(OSError) as caught:
                os.setxattr(self.path("wm/sense.npy"), "user.ttl", value)
            self.assertEqual(caught.exception.errno, 22, value)

    def test_episodes_have_no_ttl(self):
        np.save(self.path("episodes/1.npy"), PATTERN)
        self.assertRaises(OSError, os.setxattr, self.path("episodes/1.npy"),
                          "user.ttl", b"5")


if __name__ == "__main__":
    harness.main()
