# SPDX-License-Identifier: MIT
"""A long life in short: mixed operations on all backends, through outages and
upkeep, after which the daemon is no larger than it was when it had warmed up.

ENGRAMFS_LONG_OPERATIONS is how many (1000000 for the real thing), by
ENGRAMFS_LONG_USERS threads; ENGRAMFS_LONG_REPORT is a file for what was
measured.  With sanitizers memory is not looked at.
"""

import errno
import json
import os
import random
import shutil
import signal
import statistics
import sys
import threading
import time
import unittest

import numpy as np

import harness
from harness import PATIENCE

SANITIZED = harness.is_built_with("asan", "tsan")
OPERATIONS = int(os.environ.get("ENGRAMFS_LONG_OPERATIONS",
                                3000 if SANITIZED else 12000))
USERS = int(os.environ.get("ENGRAMFS_LONG_USERS", 4))
REPORT = os.environ.get("ENGRAMFS_LONG_REPORT", os.devnull)
SAMPLES = 48
OUTAGES = min(8, 1 + OPERATIONS // 50000)
UPKEEP = min(6, 1 + OPERATIONS // 50000)
KEYS = 20     # names that a user has in a collection
# Memory in the last quarter over that in the second one.  A short run is over
# before each thread's heap is as large as it gets; it shows large leaks only.
GROWTH, SLACK = (1.1, 0) if OPERATIONS >= 200000 else (1.5, 64 << 20)
THREADS = 32 + 2 * os.cpu_count()
STUCK = 4 * PATIENCE

# where, how often, names end after a while
PAIRS = [("wm", 8, True), ("attention", 2, True), ("concepts", 6, False),
         ("activations/reservoir_states", 2, False),
         ("learning_traces/plasticity", 1, False)]
COLLECTIONS = [pair[0] for pair in PAIRS]
WEIGHTS = [pair[1] for pair in PAIRS]
EXPIRING = [pair[0] for pair in PAIRS if pair[2]]
QUESTIONS = [
    "concepts/search/u1%", "concepts/search/k5", "concepts/near/u0-k1",
    "episodes/by_context", "episodes/by_context/c3", "episodes/recent/60",
    "episodes/where/min_score=0.5&limit=5", "learning_events/by_task/long",
    "learning_events/best_strategies",
    "activations/reservoir_states/between/1000,",
]
NOTES = ("status.json", "metrics.prom", "errors.jsonl", "config.json")


def array_of(value):
    """Whole or not at all: its length says what must be in it."""
    return np.full(20 + value * 61 % 3000, value, dtype="f8")


class User(threading.Thread):
    """One thread that does one thing after the other."""

    def __init__(self, root, number, quota, stop):
        super().__init__(daemon=True)
        self.root = root
        self.number = number
        self.quota = quota
        self.stop = stop
        self.dice = random.Random(number)
        self.done = 0
        self.value = 0
        self.away = 0  # calls that met a backend that was away
        self.failure = None
        self.kinds, self.weights = zip(*(
            (self.save, 14), (self.load, 24), (self.look, 20),
            (self.miss, 4), (self.list, 2), (self.scan, 1), (self.edit, 4),
            (self.rename, 4), (self.remove, 4), (self.attributes, 6),
            (self.expire, 3), (self.ask, 4), (self.relate, 2),
            (self.episode, 2), (self.event, 2), (self.replace, 3),
            (self.state, 1), (self.large, 0.1), (self.note, 2)))

    def run(self):
        try:
            while self.done < self.quota and not self.stop.is_set():
                act, = self.dice.choices(self.kinds, self.weights)
                self.step(act)
                self.done += 1
        except BaseException as failure:
            self.failure = failure

    def step(self, act):
        """What others do meanwhile, and what expires, may be missed."""
        try:
            act()
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENODATA, errno.ESTALE,
                                   errno.EIO):
                raise
            self.away += error.errno == errno.EIO

    def path(self, *parts):
        return os.path.join(self.root, *parts)

    def key(self, number=None):
        return (f"u{self.number if number is None else number}"
                f"-k{self.dice.randrange(KEYS)}")

    def collection(self):
        return self.dice.choices(COLLECTIONS, WEIGHTS)[0]

    def mine(self, suffix=".npy"):
        return self.path(self.collection(), self.key() + suffix)

    def somebodys(self, suffix=".npy"):
        return self.path(self.collection(),
                         self.key(self.dice.randrange(USERS)) + suffix)

    def next_bytes(self):
        self.value += 1
        return harness.npy_bytes(array_of(self.value))

    # What users do

    def save(self):
        harness.write_bytes(self.mine(), self.next_bytes())

    def load(self):
        path = self.somebodys()
        try:
            array = np.load(path)
        except (EOFError, ValueError):
            return  # a new one, of which a part is there
        if not np.array_equal(array, array_of(int(array[0]))):
            raise AssertionError(f"{path} is not whole")

    def look(self):
        os.stat(self.somebodys(self.dice.choice((".npy", ".json"))))

    def miss(self):
        number = self.dice.randrange(10**6)
        os.path.exists(self.path(self.collection(), f"none{number}.npy"))

    def list(self):
        os.listdir(self.path(self.collection()))

    def scan(self):
        with os.scandir(self.path(self.collection())) as entries:
            for entry in entries:
                self.step(lambda: entry.stat(follow_symlinks=False))

    def edit(self):
        path = self.mine(".json")
        fields = harness.read_json(path)
        fields.pop("expires_at", None)  # it may be over meanwhile
        if "metadata" in fields:
            fields["metadata"] = {"n": self.dice.random()}
        harness.write_json(path, fields)

    def rename(self):
        collection = self.collection()
        os.rename(self.path(collection, self.key() + ".npy"),
                  self.path(collection, self.key() + ".npy"))

    def remove(self):
        path = self.mine("")
        os.unlink(path + ".npy")
        os.unlink(path + ".json")

    def attributes(self):
        path = self.somebodys()
        for name in os.listxattr(path):
            if name in ("user.shape", "user.dtype", "user.timestamp"):
                os.getxattr(path, name)

    def expire(self):
        path = self.path(self.dice.choice(EXPIRING), self.key() + ".npy")
        os.setxattr(path, "user.ttl", b"1")

    def ask(self):
        question = self.path("views", self.dice.choice(QUESTIONS))
        for name in os.listdir(question)[:5]:
            if os.path.islink(os.path.join(question, name)):
                self.step(lambda: os.stat(os.path.join(question, name)))

    def relate(self):
        directory = self.path("concepts", self.key(), "similar_to")
        target = self.key()
        os.makedirs(directory, exist_ok=True)
        link = os.path.join(directory, target)
        if os.path.islink(link):
            os.unlink(link)
        else:
            os.symlink(f"../../{target}", link)

    def episode(self):
        number = 10**6 * (self.number + 1) + self.done
        path = self.path("episodes", str(number))
        harness.write_json(path + ".json", {
            "context_hash": f"c{number % 7}", "performance_score":
            self.dice.random(), "experience_data": {"n": number}})
        harness.read_json(path + ".json")
        if number % 100 >= 2:
            os.unlink(path + ".json")

    def event(self):
        harness.write_json(
            self.path("learning_events",
                      f"{1 + self.dice.randrange(50)}.json"),
            {"task_type": "long", "strategy_used": "s",
             "performance_delta": self.dice.random()})

    def replace(self):
        path = self.mine()
        harness.write_bytes(path + ".tmp", self.next_bytes())
        os.rename(path + ".tmp", path)

    def state(self):
        directory = self.path("network_states", self.key())
        if self.dice.random() < 0.2:
            shutil.rmtree(directory)
            return
        os.makedirs(directory, exist_ok=True)
        harness.write_bytes(os.path.join(directory, "weights.npy"),
                            self.next_bytes())

    def large(self):
        path = self.path(self.dice.choice(("wm", "activations/"
                                           "reservoir_states")),
                         f"u{self.number}-large.npy")
        np.save(path, np.full(3 << 17, self.done, dtype="f8"))
        np.load(path, mmap_mode="r")[::4096].sum()

    def note(self):
        harness.read_bytes(self.path(".engram", self.dice.choice(NOTES)))


def memory_of(pid):
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) << 10 for line in file
                    if line.startswith("VmRSS"))


class LongLife(unittest.TestCase):
    def setUp(self):
        self.server = harness.RedisServer()
        self.addCleanup(self.server.close)
        self.addCleanup(lambda: os.kill(self.server.process.pid,
                                        signal.SIGCONT))
        self.mount = harness.Mount(f"redis.host={self.server.socket}",
                                   "hdf5.sync_commits=false", counting=True)
        self.addCleanup(self.mount.discard)
        self.samples = []
        self.stop = threading.Event()
        self.addCleanup(self.stop.set)
        self.users = [User(self.mount.path, number, OPERATIONS // USERS,
                           self.stop) for number in range(USERS)]

    def done(self):
        return sum(user.done for user in self.users)

    def sample(self):
        """The daemon's processes: the daemon, and its helpers."""
        pid = self.mount.pid()
        helpers = [child for child, _ in harness.processes_of(
            self.mount.directory) if child != pid]
        self.samples.append({
            "operations": self.done(), "memory": memory_of(pid),
            "helpers": sum(map(memory_of, helpers)),
            "descriptors": len(os.listdir(f"/proc/{pid}/fd")),
            "threads": len(os.listdir(f"/proc/{pid}/task")),
            "seconds": round(time.monotonic() - self.start, 1)})
        with open(REPORT, "a") as file:
            print(json.dumps(self.samples[-1]), file=file)

    def check_users(self):
        for user in self.users:
            if user.failure:
                raise AssertionError(
                    f"{self.mount.errors()[-5:]} {self.mount.log()[-2000:]}"
                ) from user.failure

    def wait_for(self, operations):
        """Until so many are done; each within reason."""
        last, since = self.done(), time.monotonic()
        while self.done() < operations:
            self.check_users()
            if self.done() != last:
                last, since = self.done(), time.monotonic()
            if time.monotonic() - since > STUCK:
                raise AssertionError(f"stuck after {last} operations")
            time.sleep(0.02)

    def spooled(self):
        return json.loads(self.mount.control("status.json"))[
            "backends"]["redis"]["spooled"]

    def delivered(self):
        spooled = self.spooled()
        return spooled["changes"] == 0 and not spooled["away"]

    def outage(self):
        os.kill(self.server.process.pid, signal.SIGSTOP)
        harness.eventually(lambda: self.spooled()["changes"] or
                           not any(user.is_alive() for user in self.users),
                           STUCK, "outage")
        os.kill(self.server.process.pid, signal.SIGCONT)
        harness.eventually(self.delivered, STUCK, what="delivery")

    def upkeep(self):
        for line in ("vacuum", "compact", "verify", "stats", "clear-expired",
                     "cleanup retention_days=30"):
            job = self.mount.run_job(line)
            self.assertEqual(job["state"], "done", job)

    def live(self):
        self.start = time.monotonic()
        for user in self.users:
            user.start()
        for i in range(1, SAMPLES + 1):
            self.wait_for(OPERATIONS // USERS * USERS * i // SAMPLES)
            self.sample()
            if i % (SAMPLES // OUTAGES) == SAMPLES // OUTAGES // 2:
                self.outage()
            elif i % (SAMPLES // UPKEEP) == 0:
                self.upkeep()
        for user in self.users:
            user.join(STUCK)
        self.check_users()
        harness.eventually(self.delivered, what="delivery")

    def quarter(self, number, what):
        size = SAMPLES // 4
        return statistics.median(
            sample[what] for sample in self.samples[number * size:][:size])

    def check_growth(self, what, factor=1.0, slack=0):
        warm, late = self.quarter(1, what), self.quarter(3, what)
        print(f"{what}: {warm}, at the end {late}", file=sys.stderr)
        self.assertLessEqual(late, warm * factor + slack, self.samples)

    def waiting(self):
        """What the spool holds: changes that were not made, files that are
        not whole.  Relationships of concepts that are gone may wait."""
        return [path for place in ("outage", "scratch")
                for directory, _, names in os.walk(
                    os.path.join(self.mount.store, "spool", place))
                for path in (os.path.join(directory, name) for name in names
                             if name != "owner")
                if not os.path.islink(path)]

    def test_a_long_life_leaves_no_traces(self):
        self.live()
        print(f"{self.done()} operations in "
              f"{time.monotonic() - self.start:.0f} s, "
              f"{sum(user.away for user in self.users)} while away",
              file=sys.stderr)
        self.check_growth("descriptors", slack=8)
        self.assertLessEqual(self.samples[-1]["threads"], THREADS)
        if not SANITIZED:
            self.check_growth("memory", GROWTH, SLACK)
            self.check_growth("helpers", GROWTH, SLACK)
        self.assertEqual(self.waiting(), [])
        self.assertEqual(self.mount.rejected(), {})
        self.assertEqual(self.mount.run_job("verify")["result"]["problems"],
                         [])
        self.mount.unmount()


if __name__ == "__main__":
    harness.main()
