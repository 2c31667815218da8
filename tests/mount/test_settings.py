# SPDX-License-Identifier: MIT
"""Settings of a mount: what wins, what is shown, what they do."""

import json
import os
import pickle
import zlib

import numpy as np

import harness
from harness import write_bytes

PATTERN = np.arange(1000.0)


class Settings(harness.unittest.TestCase):
    def mount(self, *options, yaml=None, **more):
        store = harness.tempfile.mkdtemp(prefix="engramfs-store-")
        self.addCleanup(harness.shutil.rmtree, store)
        if yaml:
            write_bytes(os.path.join(store, "storage.yaml"), yaml.encode())
        mount = harness.Mount(*options, store=store, **more)
        self.addCleanup(self.unmount, mount)
        return mount

    @staticmethod
    def unmount(mount):
        if harness.is_mounted(mount.path):
            mount.unmount()

    def server(self, *arguments):
        server = harness.RedisServer(*arguments)
        self.addCleanup(server.close)
        return server

    def test_config_says_what_counts_and_where_it_came_from(self):
        mount = self.mount(
            "hdf5.compression=szip",
            yaml="redis:\n  max_connections: 3\n"
                 "hdf5:\n  compression: none\n  chunk_size: 99\n",
            env={"HDF5_CHUNK_SIZE": "77", "SQLITE_MAX_BACKUPS": "5"})
        config = json.loads(mount.control("config.json"))
        self.assertEqual(config["redis"]["max_connections"],
                         {"value": 3, "origin": "storage.yaml:2"})
        self.assertEqual(config["hdf5"]["compression"],
                         {"value": "szip", "origin": "-o"})
        self.assertEqual(config["hdf5"]["chunk_size"],
                         {"value": 77, "origin": "environment HDF5_CHUNK_SIZE"})
        self.assertEqual(config["sqlite"]["max_backups"]["value"], 5)
        self.assertEqual(config["redis"]["port"],
                         {"value": 6379, "origin": "default"})

    def test_paths_of_the_stores_can_be_set(self):
        mount = self.mount("sqlite.db_path=other.db",
                           yaml="hdf5:\n  file_path: ./other.h5\n")
        np.save(mount("concepts/a.npy"), PATTERN)
        os.mkdir(mount("network_states/a"))
        np.save(mount("network_states/a/weights.npy"), PATTERN)
        for name in ("other.db", "other.h5"):
            self.assertTrue(os.path.exists(os.path.join(mount.store, name)))
        for name in ("godly_ai.db", "godly_ai_data.h5"):
            self.assertFalse(os.path.exists(os.path.join(mount.store, name)))

    def test_a_configured_server_is_used_and_left_running(self):
        server = self.server()
        mount = self.mount(f"redis.host={server.socket}")
        np.save(mount("wm/a.npy"), PATTERN)
        self.assertTrue(server.client.exists("wm:a"))
        self.assertFalse(os.path.exists(
            os.path.join(mount.store, "redis", "redis.sock")))
        mount.unmount()
        self.assertTrue(server.client.ping())

    def test_a_password_comes_from_the_environment_or_a_file(self):
        server = self.server("--requirepass", "open sesame")
        server.client = harness.redis.Redis(unix_socket_path=server.socket,
                                            password="open sesame")
        mount = self.mount(f"redis.host={server.socket}",
                           env={"REDIS_PASSWORD": "open sesame"})
        np.save(mount("wm/a.npy"), PATTERN)
        self.assertTrue(server.client.exists("wm:a"))
        self.assertNotIn("sesame", mount.control("config.json"))
        with open(f"/proc/{mount.pid()}/cmdline", "rb") as file:
            self.assertNotIn(b"sesame", file.read())
        mount.unmount()

        write_bytes(os.path.join(mount.store, "secret"), b"open sesame\n")
        os.chmod(os.path.join(mount.store, "secret"), 0o600)
        again = harness.Mount(f"redis.host={server.socket}",
                              "redis.password_file=secret", store=mount.store)
        self.assertIn("a.npy", os.listdir(again("wm")))
        again.unmount()

    def test_a_refused_password_is_said_so(self):
        server = self.server("--requirepass", "open sesame")
        server.client = harness.redis.Redis(unix_socket_path=server.socket,
                                            password="open sesame")
        with self.assertRaisesRegex(AssertionError, "(?i)password|auth"):
            self.mount(f"redis.host={server.socket}",
                       env={"REDIS_PASSWORD": "guess"})

    def test_a_database_number_is_used(self):
        server = self.server()
        mount = self.mount(f"redis.host={server.socket}", "redis.db=5")
        np.save(mount("wm/a.npy"), PATTERN)
        self.assertFalse(server.client.exists("wm:a"))
        other = harness.redis.Redis(unix_socket_path=server.socket, db=5)
        self.assertTrue(other.exists("wm:a"))
        other.close()

    def test_the_threshold_decides_what_is_packed(self):
        mount = self.mount("redis.compression_threshold=1000000")
        np.save(mount("wm/a.npy"), np.zeros(1000))
        self.assertEqual(mount.redis().hget("wm:a", "pattern"),
                         harness.npy_bytes(np.zeros(1000)))

    def test_pickle_can_be_asked_for(self):
        mount = self.mount("encoding=pickle")
        np.save(mount("wm/a.npy"), PATTERN)
        stored = mount.redis().hget("wm:a", "pattern")
        loaded = pickle.loads(zlib.decompress(stored))
        self.assertEqual(loaded.tobytes(), PATTERN.tobytes())
        np.save(mount("wm/b.npy"), PATTERN[:3])
        loaded = pickle.loads(mount.redis().hget("wm:b", "pattern"))
        self.assertEqual(loaded.tobytes(), PATTERN[:3].tobytes())


if __name__ == "__main__":
    harness.main()
