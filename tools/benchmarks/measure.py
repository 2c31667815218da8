# SPDX-License-Identifier: MIT
"""Medians of alternating runs, and what a row of the table is."""

import dataclasses
import os
import statistics
import threading
import time

import numpy as np

SETTLE = 0.3  # seconds in which a mount lets go of the HDF5 file
BACKED = 2**30  # bytes that a run may need, with all that it makes others use
PAGE = 4096


@dataclasses.dataclass
class Row:
    """One comparison; seconds are medians for the whole AMOUNT."""

    work: str
    peer: str
    mount_seconds: float
    peer_seconds: float
    amount: float
    unit: str  # of AMOUNT: "MB", "records", ...
    target: float = None  # the least ratio that is aimed at
    limit: str = None  # what bounds any FUSE file system or memory
    limit_seconds: float = None

    @property
    def ratio(self):
        """Above 1 the mount is faster than its peer."""
        return self.peer_seconds / self.mount_seconds

    def as_json(self):
        return {**dataclasses.asdict(self), "ratio": self.ratio}


def nothing():
    pass


@dataclasses.dataclass
class Way:
    """One of the ways to do the same; BEFORE is not timed."""

    run: object
    before: object = nothing


def back_memory():
    """Touch as much free memory as a run may need.

    A host may take a virtual machine's free memory back; whoever uses it next
    waits up to 20 times as long for each page.  That belongs to no way.
    """
    np.empty(BACKED, np.uint8)[::PAGE] = 1


def medians(ways, rounds):
    """Median seconds of each way, taken in turns."""
    times = [[] for _ in ways]
    for _ in range(rounds):
        for way, way_times in zip(ways, times):
            way.before()
            time.sleep(SETTLE)
            back_memory()
            start = time.perf_counter()
            way.run()
            way_times.append(time.perf_counter() - start)
    return [statistics.median(way_times) for way_times in times]


def compare(rounds, mount, peer, limit=None, /, **facts):
    """The Row of one comparison of Ways; LIMIT is a pair (name, Way)."""
    ways = [mount, peer] + ([limit[1]] if limit else [])
    seconds = medians(ways, rounds)
    row = Row(mount_seconds=seconds[0], peer_seconds=seconds[1], **facts)
    if limit:
        row.limit, row.limit_seconds = limit[0], seconds[2]
    return row


def drop_caches(*directories):
    """The kernel forgets file contents, names and attributes; without the
    right to that, at least the contents of the files in DIRECTORIES."""
    os.sync()
    try:
        with open("/proc/sys/vm/drop_caches", "w") as file:
            file.write("3")
        return
    except OSError:
        pass
    for directory in directories:
        for path, _, names in os.walk(directory):
            for name in names:
                drop_file(os.path.join(path, name))


def drop_file(path):
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:  # a socket, or it went
        return
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


def in_threads(count, work, items):
    """work(part) in each of COUNT threads, on every COUNT-th item."""
    failures = []

    def guarded(part):
        try:
            work(part)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=guarded, args=(items[first::count],))
               for first in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
