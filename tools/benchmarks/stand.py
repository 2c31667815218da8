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
        """The most resident memory of the daemon and its helpers so far, in
        bytes; not Redis, which is another's even where it is embedded."""
        daemon = self.mount.pid()
        with open(f"/proc/{daemon}/task/{daemon}/children") as file:
            processes = [daemon, *map(int, file.read().split())]
        self.peak = max(self.peak, sum(map(peak_of, processes)))


def peak_of(process):
    """VmHWM of an engramfs process; others do not count."""
    try:
        with open(f"/proc/{process}/status") as file:
            status = file.read()
    except FileNotFoundError:  # it has ended meanwhile
        return 0
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    ours = status.startswith("Name:\tengramfs")
    return int(peak[1]) * 1024 if peak and ours else 0


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
