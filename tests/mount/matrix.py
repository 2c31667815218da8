# SPDX-License-Identifier: MIT
"""The matrix of docs/tools.md: each row is a test of a real tool.

A test that passed has produced its row.  When all tests of a file ran, the
file's section of docs/tools.md must be what they produced; with
ENGRAMFS_MATRIX=1 it is written instead.
"""

import functools
import os
import shutil
import subprocess
import tempfile

import numpy as np

import harness
from harness import npy_bytes, write_bytes, write_json

DOCUMENT = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                        "..", "..", "docs", "tools.md")

# One place of each kind: pairs in Redis and SQLite, an experience, an array
# inside one, an array of an HDF5 record.
ARRAYS = {"`wm/*.npy`": "wm/a.npy",
          "`concepts/*.npy`": "concepts/a.npy",
          "`episodes/*.npy`": "episodes/1.npy",
          "`episodes/*/*.npy`": "episodes/2/x.npy",
          "`network_states/*/*.npy`": "network_states/s/weights.npy"}
FIELDS = {"`wm/*.json`": "wm/a.json",
          "`concepts/*.json`": "concepts/a.json",
          "`episodes/*.json`": "episodes/1.json",
          "`network_states/*/metadata.json`": "network_states/s/metadata.json"}
DIRECTORIES = {"`wm/`": "wm", "`concepts/`": "concepts",
               "`episodes/`": "episodes",
               "`network_states/*/`": "network_states/s"}
SCRATCH = {"scratch files": "wm/notes.tmp"}
TREE = {"the whole mount": ""}

OLD = np.arange(600, dtype="<f8").reshape(20, 30)
NEW = np.random.default_rng(5).random((31, 7))

_declared = []
_produced = {}


def row(tool, what, places, result="works", needs=None):
    """A test of TOOL doing WHAT at each of PLACES: it is given the path of
    one.  Where NEEDS is not installed it is skipped."""
    def wrap(test):
        _declared.append(test.__name__)

        @functools.wraps(test)
        def run(self):
            if needs and not shutil.which(needs):
                self.skipTest(f"{needs} is not installed")
            for place, path in places.items():
                with self.subTest(place):
                    self.fill()
                    test(self, self.path(path))
            _produced[test.__name__] = (
                f"| {tool} | {what} | {', '.join(places)} | {result} |")
        return run
    return wrap


class ToolCase(harness.MountCase):
    """A mount with a record of each kind, which hold OLD again before each
    row."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.outside = tempfile.mkdtemp(prefix="engramfs-tools-")
        cls.source = os.path.join(cls.outside, "source.npy")
        write_bytes(cls.source, npy_bytes(NEW))

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.outside)
        super().tearDownClass()

    def fill(self):
        for place in ("network_states/s", "episodes/2"):
            os.makedirs(self.path(place), exist_ok=True)
        write_json(self.path("episodes/2.json"),
                   {"experience_data": {"x": {"$npy": "2/x.npy"}}})
        for path in ARRAYS.values():
            np.save(self.path(path), OLD)
        write_bytes(self.path("wm/notes.tmp"), b"one\ntwo\n")

    def tearDown(self):
        for place in ("wm", "concepts"):
            for name in os.listdir(self.path(place)):
                if os.path.lexists(self.path(place, name)):
                    os.unlink(self.path(place, name))

    def run_tool(self, *command, **options):
        """Run COMMAND, which must succeed; what it prints."""
        return self.run_any(*command, check=True, **options).stdout

    def run_any(self, *command, **options):
        return subprocess.run(
            command, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, timeout=harness.PATIENCE,
            stdin=options.pop("stdin", subprocess.DEVNULL),
            env={**os.environ, "LC_ALL": "C.UTF-8", "HOME": self.outside},
            **options)

    def shell(self, script, *arguments):
        return self.run_tool("sh", "-ec", script, "sh", *arguments)

    def out(self, name):
        """A path outside the mount where nothing is."""
        path = os.path.join(self.outside, name)
        if os.path.isdir(path):
            shutil.rmtree(path)
        elif os.path.lexists(path):
            os.unlink(path)
        return path

    def assert_holds(self, path, array):
        self.assert_same_array(np.load(path), array)


def check(section):
    """The SECTION of the document is what the tests of this process produced;
    rows of those that did not run are left alone."""
    with open(DOCUMENT, encoding="utf-8") as file:
        text = file.read()
    head, body = text.split(f"## {section}\n", 1)
    table, mark, tail = body.partition("\n## ")
    rows = [_produced[name] for name in _declared if name in _produced]
    wanted = "\n".join(["", "| tool | what is done | where | result |",
                        "| --- | --- | --- | --- |", *rows, ""])
    if os.environ.get("ENGRAMFS_MATRIX"):
        with open(DOCUMENT, "w", encoding="utf-8") as file:
            file.write(f"{head}## {section}\n{wanted}{mark}{tail}")
        return
    missing = [line for line in rows if line not in table.split("\n")]
    complete = len(rows) == len(_declared)
    if missing or (complete and table != wanted):
        raise AssertionError(
            f"docs/tools.md is not what the tests produce; run {section} with "
            f"ENGRAMFS_MATRIX=1: {missing}")
