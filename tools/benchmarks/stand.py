# SPDX-License-Identifier: MIT
"""The mount that is measured, and how it is made cold."""

import os
import re
import subprocess

import harness

import measure

BENCH = os.path.join(os.path.abspath(harness.BIN), "engram-bench")


class Stand:
    """A mounted store of its own; `with Stand(...) as stand`."""

    def __init__(self, *options, fill=None):
        self.options = options
        self.fill = fill
        self.peak = 0

    def __enter__(self):
        self.mount = harness.Mount(*self.options, fill=self.fill)
        return self

    def __exit__(self, *_):
        self.note_peak()
        self.mount.unmount()

    def path(self, *parts):
        return self.mount(*parts)

    def cold(self):
        """Neither the kernel nor the daemon remembers anything."""
        self.note_peak()
        self.mount.remount()
        measure.drop_caches(self.mount.store)

    def drop(self):
        """The kernel does not remember anything."""
        measure.drop_caches(self.mount.store)

    def note_peak(self):
        """The most resident memory of the daemon so far, in bytes."""
        with open(f"/proc/{self.mount.pid()}/status") as file:
            peak = re.search(r"VmHWM:\s+(\d+) kB", file.read())
        self.peak = max(self.peak, int(peak[1]) * 1024)


def plain(*arguments):
    """Plain file operations, by a program that costs nothing itself."""
    subprocess.run([BENCH, *map(str, arguments)], check=True,
                   stdout=subprocess.DEVNULL)


class NullMount:
    """A FUSE file system that does nothing, with COUNT files."""

    def __init__(self, count):
        self.count = count

    def __enter__(self):
        self.directory = harness.tempfile.mkdtemp(prefix="engramfs-null-")
        self.process = subprocess.Popen(
            [BENCH, "null", self.directory, str(self.count)],
            preexec_fn=harness.end_with_parent)
        harness.eventually(lambda: harness.is_mounted(self.directory))
        return self

    def __exit__(self, *_):
        subprocess.run(["fusermount3", "-u", self.directory], check=True)
        self.process.wait(harness.PATIENCE)
        os.rmdir(self.directory)
