# SPDX-License-Identifier: MIT
"""Calls and allocations of the daemon fail at random while everything is being
written to and read.  Each request is refused or done as a whole; afterwards
all that was acknowledged is there, and works.

The daemon is engramfs-faulty, the program itself with tests/fault.h in it.
ENGRAMFS_FAULT_SECONDS is how long, ENGRAMFS_SEED repeats a run.  With
ENGRAMFS_FAULT_HDF5 the collections of HDF5 are among them; docs/reliability.md
says what is known of that.
"""

import errno
import mmap
import os
import random
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import harness
import test_crash
from harness import Mount, PATIENCE

SECONDS = float(os.environ.get("ENGRAMFS_FAULT_SECONDS", 3))
SEED = int(os.environ.get("ENGRAMFS_SEED", random.SystemRandom().randrange(
    1 << 32)))
FAULTY = harness.ENGRAMFS + "-faulty"
ONE_IN = 150
KINDS = ("writes", "data", "reads", "opens", "maps", "allocations", "names")
KINDS_HERE = [kind for kind in test_crash.KINDS
              if os.environ.get("ENGRAMFS_FAULT_HDF5")
              or kind[0] in ("wm", "concepts", "learning_events")]
EXPECTED = {errno.ENOSPC, errno.EIO, errno.ENOMEM, errno.EMFILE,
            errno.EAGAIN}


class Page:
    """tests/fault_daemon.c's struct fault_page."""

    def __init__(self):
        self.file = tempfile.NamedTemporaryFile(prefix="engramfs-page-")
        self.file.truncate(4096)
        self.map = mmap.mmap(self.file.fileno(), 4096)

    def set(self, one_in, seed):
        self.map[8:16] = struct.pack("=Q", seed)
        self.map[0:8] = struct.pack("=Q", one_in)

    def figures(self):
        numbers = struct.unpack_from(f"={2 * len(KINDS)}Q", self.map, 16)
        return {kind: (numbers[i], numbers[len(KINDS) + i])
                for i, kind in enumerate(KINDS) if numbers[i]}

    def close(self):
        self.map.close()
        self.file.close()


class Writer(test_crash.Writer):
    """Goes on after what was refused, and finds out what became of it."""

    refused = 0

    def run(self, ended):
        try:
            while not ended.is_set():
                self.step_or_refusal()
        except Exception as error:
            self.failure = error

    def step_or_refusal(self):
        try:
            self.step()
        except OSError as error:
            self.expect(error)
            self.refused += 1
            self.settle()

    def expect(self, error):
        # numpy says that fewer items were written, not why
        if error.errno is not None and error.errno not in EXPECTED:
            raise error

    def settle(self):
        def look():
            try:
                self.check()
                return True
            except (ValueError, EOFError):  # numpy's for a failed read
                return False
            except OSError as error:
                if isinstance(error, FileNotFoundError):
                    raise
                self.expect(error)
                return False
        harness.eventually(look, what=f"reading {self.collection}")


class Faults(unittest.TestCase):
    def setUp(self):
        if not os.path.exists(FAULTY):
            self.skipTest("there is no engramfs-faulty")
        self.page = Page()
        self.addCleanup(self.page.close)

    def start(self):
        program, harness.ENGRAMFS = harness.ENGRAMFS, FAULTY
        try:
            self.mount = Mount(env={"ENGRAMFS_FAULT_PAGE":
                                    self.page.file.name})
        finally:
            harness.ENGRAMFS = program
        self.addCleanup(self.mount.discard)

    def run_with_faults(self, writers):
        ended = threading.Event()
        threads = [threading.Thread(target=writer.run, args=(ended,))
                   for writer in writers]
        self.page.set(ONE_IN, SEED)
        for thread in threads:
            thread.start()
        time.sleep(SECONDS)
        ended.set()
        for thread in threads:
            thread.join(4 * PATIENCE)
        self.page.set(0, 0)
        for writer in writers:
            if writer.failure:
                raise AssertionError(
                    f"{writer.collection}: {self.mount.log()[-3000:]}"
                    ) from writer.failure

    def check(self, writers):
        for writer in writers:
            writer.next = writer.state
            writer.settle()

    def tell(self, writers):
        acknowledged = sum(writer.acknowledged for writer in writers)
        refused = sum(writer.refused for writer in writers)
        print(f"{acknowledged} acknowledged, {refused} refused",
              file=sys.stderr)
        for kind, (calls, hits) in self.page.figures().items():
            print(f"{kind}: {hits} of {calls} calls failed", file=sys.stderr)

    def test_what_was_acknowledged_is_there_after_faults(self):
        print(f"ENGRAMFS_SEED={SEED}", file=sys.stderr)
        dice = random.Random(SEED)
        self.start()
        writers = [Writer(self.mount, kind, dice.random())
                   for kind in KINDS_HERE]
        self.run_with_faults(writers)
        self.check(writers)
        for writer in writers:
            writer.step()
        self.mount.command[0] = harness.ENGRAMFS
        self.mount.remount()
        self.check(writers)
        test_crash.read_hdf5(self.mount.hdf5)
        done = subprocess.run([harness.ENGRAMCTL, self.mount.path, "verify"],
                              timeout=PATIENCE, text=True,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.tell(writers)
        self.mount.unmount()


if __name__ == "__main__":
    harness.main()
