# SPDX-License-Identifier: MIT
"""Redis away: stopped, killed, restarted, refusing, full; under load."""

import json
import os
import shutil
import signal
import subprocess
import threading
import time
import unittest

import numpy as np
import redis

import harness
from harness import decode, edit_json, read_bytes, read_json, write_json

PROMISED = 1.0  # seconds that a call may take while the server is away
BOUND = 5.0     # what is asserted on a busy machine
SMALL = np.arange(4.0)


def number(value):
    return np.full(3, float(value))


class Outages(unittest.TestCase):
    def setUp(self):
        self.server = harness.RedisServer()
        self.addCleanup(self.server.close)
        self.mount = None
        self.addCleanup(self.end)
        self.slowest = 0.0

    def end(self):
        self.resume()
        if self.mount:
            self.mount.unmount()

    def start(self, *options, server=None):
        server = server or self.server
        self.mount = harness.Mount(f"redis.host={server.socket}", *options)
        return self.mount

    def stop(self):
        os.kill(self.server.process.pid, signal.SIGSTOP)

    def resume(self):
        if self.server.process.poll() is None:
            os.kill(self.server.process.pid, signal.SIGCONT)

    def kill(self):
        self.server.client.connection_pool.disconnect()
        self.server.process.kill()
        self.server.process.wait()

    def restart(self, *arguments):
        """The same socket, another process."""
        if os.path.exists(self.server.socket):
            os.unlink(self.server.socket)
        self.server.process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket",
             self.server.socket, "--dir", self.server.directory, "--save", "",
             "--appendonly", "no", *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            preexec_fn=harness.end_with_parent)
        harness.eventually(lambda: os.path.exists(self.server.socket))
        harness.eventually(self.server.answers)

    def timed(self, call):
        start = time.monotonic()
        try:
            return call()
        finally:
            took = time.monotonic() - start
            self.slowest = max(self.slowest, took)
            self.assertLess(took, BOUND)

    def assert_io_error(self, call):
        with self.assertRaises(OSError) as caught:
            self.timed(call)
        self.assertEqual(caught.exception.errno, 5)

    def path(self, *parts):
        return self.mount(*parts)

    def save(self, name, array):
        self.timed(lambda: np.save(self.path("wm", name + ".npy"), array))

    def load(self, name):
        return self.timed(lambda: np.load(self.path("wm", name + ".npy")))

    def status(self):
        return json.loads(self.mount.control("status.json"))[
            "backends"]["redis"]

    def wait_until_delivered(self):
        def delivered():
            spooled = self.status()["spooled"]
            return spooled["changes"] == 0 and not spooled["away"]
        harness.eventually(delivered, what="delivery")

    def stored(self, key):
        return decode(self.server.client.hget(key, "pattern"))

    def test_a_hanging_server_does_not_keep_anybody(self):
        self.start()
        self.save("old", SMALL)
        self.stop()
        time.sleep(1.1)  # the kernel has forgotten what it knew
        self.assert_io_error(lambda: read_bytes(self.path("wm/old.npy")))
        self.assert_io_error(lambda: read_bytes(self.path("wm/new.npy")))
        self.assert_io_error(lambda: os.listdir(self.path("wm")))
        for _ in range(20):
            self.assert_io_error(lambda: read_bytes(self.path("wm/old.npy")))
        self.timed(lambda: os.statvfs(self.path()))
        self.timed(lambda: np.save(self.path("concepts/c.npy"), SMALL))
        self.timed(lambda: np.save(
            self.path("activations/reservoir_states/r.npy"), SMALL))
        self.assertEqual(self.status()["state"], "unavailable")
        self.assertEqual([event["operation"] for event in self.mount.errors()
                          if event["path"] == "/redis"], ["outage"])
        start = time.monotonic()
        self.mount.unmount()
        self.assertLess(time.monotonic() - start, 2 * BOUND)
        self.mount = None
        print(f"slowest call: {self.slowest:.3f} s of {PROMISED}", flush=True)

    def test_what_is_written_meanwhile_is_there_and_arrives(self):
        self.start()
        self.save("old", SMALL)
        self.save("gone", SMALL)
        self.stop()
        self.save("new", number(1))
        self.save("new", number(2))
        self.save("old", number(3))
        edit_json(self.path("wm/new.json"), metadata={"n": 1})
        write_json(self.path("wm/alone.json"), {"metadata": {"m": 2}})
        os.unlink(self.path("wm/gone.npy"))
        os.unlink(self.path("wm/gone.json"))
        self.assertFalse(os.path.exists(self.path("wm/gone.npy")))
        self.assertEqual(self.load("new")[0], 2)
        self.assertEqual(read_json(self.path("wm/new.json"))["metadata"],
                         {"n": 1})
        self.assertEqual(
            set(os.listdir(self.path("wm"))),
            {"new.npy", "new.json", "old.npy", "old.json", "alone.json"})
        self.assertGreaterEqual(self.status()["spooled"]["changes"], 6)
        self.resume()
        self.wait_until_delivered()
        client = self.server.client
        self.assertEqual(self.stored("wm:new")[0], 2)
        self.assertEqual(self.stored("wm:old")[0], 3)
        self.assertEqual(json.loads(client.hget("wm:new", "metadata")),
                         {"n": 1})
        self.assertEqual(json.loads(client.hget("wm:alone", "metadata")),
                         {"m": 2})
        self.assertFalse(client.exists("wm:gone"))
        self.assertAlmostEqual(client.ttl("wm:new"), 3600,
                               delta=harness.PATIENCE)
        self.assertEqual(self.mount.rejected(), {})
        harness.eventually(lambda: [
            event["operation"] for event in self.mount.errors()
        ] == ["outage", "back"])

    def test_tools_write_as_ever(self):
        self.start()
        self.stop()
        source = os.path.join(self.mount.directory, "source.npy")
        np.save(source, number(7))
        subprocess.run(["cp", source, self.path("wm/cp.npy")], check=True)
        shutil.copyfile(source, self.path("wm/copyfile.npy"))
        subprocess.run(["cp", source, self.path("wm/a.tmp")], check=True)
        os.rename(self.path("wm/a.tmp"), self.path("wm/renamed.npy"))
        os.rename(self.path("wm/cp.npy"), self.path("wm/moved.npy"))
        os.rename(self.path("wm/cp.json"), self.path("wm/moved.json"))
        self.resume()
        self.wait_until_delivered()
        self.assertEqual(
            {key for key in self.server.client.keys("wm:*")},
            {b"wm:copyfile", b"wm:renamed", b"wm:moved"})

    def test_a_daemon_that_is_killed_delivers_after_its_next_start(self):
        self.start()
        self.stop()
        for i in range(20):
            self.save(f"k{i % 5}", number(i))
        self.mount.process.kill()
        self.mount.process.wait()
        subprocess.run(["fusermount3", "-u", "-z", self.mount.path],
                       check=True)
        self.mount._start()
        self.assertEqual(self.load("k4")[0], 19)
        self.resume()
        self.wait_until_delivered()
        for i in range(5):
            self.assertEqual(self.stored(f"wm:k{i}")[0], 15 + i)

    def test_what_expires_meanwhile_is_gone_everywhere(self):
        self.start()
        self.stop()
        write_json(self.path("wm/short.json"),
                   {"expires_at": time.time() + 2})
        self.assertTrue(os.path.exists(self.path("wm/short.json")))
        harness.eventually(
            lambda: not os.path.exists(self.path("wm/short.json")))
        self.resume()
        self.wait_until_delivered()
        self.assertFalse(self.server.client.exists("wm:short"))
        self.assertEqual(self.mount.rejected(), {})

    def test_what_another_program_wrote_later_stays(self):
        self.start()
        self.kill()
        self.save("both", number(1))
        self.save("mine", number(1))
        # A server of its own, so that the order is certain.
        self.mount.process.kill()
        self.mount.process.wait()
        subprocess.run(["fusermount3", "-u", "-z", self.mount.path],
                       check=True)
        self.restart()
        self.server.client.hset("wm:both", mapping={
            "pattern": harness.npy_bytes(number(2)), "shape": "(3,)",
            "dtype": "float64", "metadata": "{}",
            "timestamp": repr(time.time())})
        self.mount._start()
        self.wait_until_delivered()
        self.assertEqual(self.stored("wm:both")[0], 2)
        self.assertEqual(self.stored("wm:mine")[0], 1)
        kept = [name for name in self.mount.rejected()
                if name.endswith("wm_both.npy")]
        self.assertEqual(len(kept), 1)
        self.assertIn("later", self.mount.errors()[-1]["reason"]
                      + self.mount.errors()[-2]["reason"])

    def test_a_full_server_refuses_and_keeps_the_old_record(self):
        self.start()
        self.save("a", number(1))
        self.server.client.config_set("maxmemory", 1)
        with self.assertRaises(OSError) as caught:
            self.save("a", number(2))
        self.assertEqual(caught.exception.errno, 28)
        self.assertEqual(self.load("a")[0], 1)
        self.assertEqual(self.status()["spooled"]["changes"], 0)
        self.assertTrue(self.mount.rejected())
        self.server.client.config_set("maxmemory", 0)
        self.save("a", number(2))
        self.assertEqual(self.stored("wm:a")[0], 2)

    def test_a_replica_is_read_and_what_is_written_waits(self):
        self.start()
        self.save("a", number(1))
        self.server.client.execute_command("REPLICAOF", "127.0.0.1", "1")
        self.save("b", number(2))
        edit_json(self.path("wm/a.json"), metadata={"n": 1})
        self.assertEqual(self.load("a")[0], 1)
        self.assertEqual(self.load("b")[0], 2)
        self.assertLessEqual({"a.npy", "b.npy"},
                             set(os.listdir(self.path("wm"))))
        self.server.client.execute_command("REPLICAOF", "NO", "ONE")
        self.wait_until_delivered()
        self.assertEqual(self.stored("wm:b")[0], 2)
        self.assertEqual(
            json.loads(self.server.client.hget("wm:a", "metadata")), {"n": 1})

    def test_a_server_that_refuses_the_password_is_away(self):
        self.start()
        self.save("a", number(1))
        self.server.client.config_set("requirepass", "secret")
        self.server.client.execute_command("AUTH", "secret")
        for client in self.server.client.client_list():
            if client["name"] == "engramfs":
                self.server.client.client_kill_filter(_id=client["id"])
        self.save("b", number(2))
        self.assertEqual(self.load("b")[0], 2)
        self.server.client.config_set("requirepass", "")
        self.wait_until_delivered()
        self.assertEqual(self.stored("wm:b")[0], 2)

    def test_the_embedded_server_comes_back_by_itself(self):
        self.mount = harness.Mount()
        self.save("a", number(1))
        client = self.mount.redis()
        os.kill(client.info()["process_id"], signal.SIGKILL)
        for i in range(20):
            self.save("b", number(i))
        self.wait_until_delivered()
        self.assertEqual(decode(client.hget("wm:b", "pattern"))[0], 19)
        self.assertEqual(self.load("a")[0], 1)


class Load(Outages):
    """Writers that do not stop, and a server that does."""

    WRITERS = 4
    SECONDS = 6

    def write(self, writer, acknowledged, over):
        """Each record once, so that one that came twice would be seen."""
        i = 0
        while not over.is_set():
            name = f"w{writer}-{i}"
            start = time.monotonic()
            np.save(self.path("wm", name + ".npy"), number(i))
            self.slowest = max(self.slowest, time.monotonic() - start)
            acknowledged.append((name, i))
            i += 1
            time.sleep(0.002)

    def disturb(self):
        for _ in range(2):
            time.sleep(0.3)
            self.stop()
            time.sleep(1.5)
            self.resume()
        self.server.client.connection_pool.disconnect()
        self.server.client.bgrewriteaof()
        time.sleep(0.5)
        self.kill()
        time.sleep(0.5)
        self.restart("--appendonly", "yes", "--appendfsync", "always")
        time.sleep(0.5)

    def test_every_acknowledged_record_is_there_once(self):
        self.kill()
        self.restart("--appendonly", "yes", "--appendfsync", "always")
        self.start()
        acknowledged = [[] for _ in range(self.WRITERS)]
        over = threading.Event()
        threads = [threading.Thread(target=self.write,
                                    args=(i, acknowledged[i], over))
                   for i in range(self.WRITERS)]
        for thread in threads:
            thread.start()
        try:
            self.disturb()
        finally:
            over.set()
            for thread in threads:
                thread.join()
        self.wait_until_delivered()
        names = [entry for entries in acknowledged for entry in entries]
        for name, value in names:
            self.assertEqual(self.stored("wm:" + name)[0], value)
        self.assertEqual(len(self.server.client.keys("wm:*")), len(names))
        self.assertEqual(self.mount.rejected(), {})
        spooled = sum(
            int(event["reason"].rsplit(" ", 1)[1])
            for event in self.mount.errors() if event["operation"] == "back")
        print(f"{len(names)} records, {spooled} of them spooled, slowest "
              f"write {self.slowest:.3f} s", flush=True)
        self.assertGreater(spooled, 0)
        self.assertLess(self.slowest, BOUND)


# The load alone: its base class has been run.
for name in [name for name in dir(Outages) if name.startswith("test_")]:
    setattr(Load, name, None)

if __name__ == "__main__":
    harness.main()
