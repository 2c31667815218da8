# SPDX-License-Identifier: MIT
"""Directories of any size: listed in bounded memory, each name once, while
records come and go."""

import os
import sqlite3

import numpy as np

import harness

COUNT = 8000  # a million takes the same memory
MEGABYTE = 1 << 20


class LargeDirectories(harness.MountCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        np.save(cls.mount("episodes/1.npy"), np.ones(3))
        with sqlite3.connect(cls.mount.database) as database:
            columns = [row[1] for row in
                       database.execute("PRAGMA table_info(episodes)")]
            rest = ", ".join(name for name in columns if name != "id")
            database.execute(
                "WITH RECURSIVE n(i) AS (VALUES(2) UNION ALL SELECT i + 1 "
                f"FROM n WHERE i < {COUNT}) INSERT INTO episodes(id, {rest}) "
                f"SELECT i, {rest} FROM n, episodes WHERE episodes.id = 1")
        database.close()
        harness.eventually(
            lambda: os.path.exists(cls.mount(f"episodes/{COUNT}.npy")))

    def peak_memory(self):
        with open(f"/proc/{self.mount.pid()}/status") as file:
            return next(int(line.split()[1]) * 1024 for line in file
                        if line.startswith("VmHWM"))

    def test_a_listing_takes_bounded_memory(self):
        before = self.peak_memory()
        with os.scandir(self.path("episodes")) as listing:
            count = sum(1 for _ in listing)
        self.assertEqual(count, 2 * COUNT)
        if not harness.is_built_with("asan", "tsan"):
            self.assertLess(self.peak_memory() - before, 8 * MEGABYTE)

    def test_a_directory_may_be_closed_before_its_end(self):
        for taken in range(40):
            with os.scandir(self.mount("episodes")) as entries:
                names = [next(entries).name for _ in range(10 * taken)]
            self.assertEqual(len(set(names)), len(names))
        self.assertEqual(len(os.listdir(self.mount("episodes"))), 2 * COUNT)

    def test_each_name_comes_once_while_records_come_and_go(self):
        names = []
        with os.scandir(self.path("episodes")) as listing:
            for entry in listing:
                names.append(entry.name)
                number = int(entry.name.split(".")[0])
                if len(names) % 2000 == 0 and number < COUNT - 1000:
                    for gone in (number - 5, number + 900):
                        os.unlink(self.path(f"episodes/{gone}.npy"))
                        os.unlink(self.path(f"episodes/{gone}.json"))
                    np.save(self.path(f"episodes/{COUNT + len(names)}.npy"),
                            np.ones(2))
        self.assertEqual(len(names), len(set(names)))
        stayed = [name for name in os.listdir(self.path("episodes"))
                  if int(name.split(".")[0]) <= COUNT]
        self.assertLessEqual(set(stayed), set(names))


if __name__ == "__main__":
    harness.main()
