# SPDX-License-Identifier: MIT
"""Metrics: .engram/metrics.prom and `engramctl top` on a real mount."""

import math
import os
import re
import signal
import subprocess
import unittest

import numpy as np

import harness
from harness import ENGRAMCTL, Mount, MountCase, RedisServer, eventually
from test_control import run

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (\S+)")


def family_of(name, types):
    """The metric that a sample belongs to."""
    if name in types:
        return name
    base, _, suffix = name.rpartition("_")
    if types.get(base) != "histogram" or suffix not in ("bucket", "sum",
                                                        "count"):
        raise AssertionError(f"{name} has no type")
    return base


def parse(text):
    """Exposition format 0.0.4, strictly: {(name, labels): value}."""
    if not text.endswith("\n"):
        raise AssertionError("no newline at the end")
    helps, types, samples, order = {}, {}, {}, []
    for line in text.splitlines():
        comment = re.fullmatch(rf"# (HELP|TYPE) ({NAME}) (.+)", line)
        if comment:
            kind, name, rest = comment.groups()
            kept = helps if kind == "HELP" else types
            if name in kept or name in order:
                raise AssertionError(f"{line}: late, or again")
            if kind == "TYPE" and rest not in ("counter", "gauge",
                                               "histogram"):
                raise AssertionError(line)
            kept[name] = rest
            continue
        sample = SAMPLE.fullmatch(line)
        if not sample:
            raise AssertionError(f"malformed: {line}")
        name, labels, value = sample.groups()
        family = family_of(name, types)
        if family in order and order[-1] != family:
            raise AssertionError(f"{family} is not in one piece")
        if family not in order:
            order.append(family)
        pairs = re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels or "")
        key = name, frozenset(pairs)
        if key in samples or len(dict(pairs)) != len(pairs):
            raise AssertionError(f"twice: {line}")
        samples[key] = float(value)
        if family not in helps:
            raise AssertionError(f"{family} has no help")
    check_histograms(types, samples)
    return samples


def check_histograms(types, samples):
    found = {}
    for (name, labels), value in samples.items():
        family = family_of(name, types)
        if types[family] == "counter" and not name.endswith("_total"):
            raise AssertionError(f"{name}: a counter ends in _total")
        if types[family] != "histogram":
            continue
        rest = frozenset(pair for pair in labels if pair[0] != "le")
        series = found.setdefault((family, rest), {"buckets": []})
        if name.endswith("_bucket"):
            series["buckets"].append((float(dict(labels)["le"]), value))
        else:
            series[name.rpartition("_")[2]] = value
    for key, series in found.items():
        bounds = [bound for bound, _ in series["buckets"]]
        counts = [count for _, count in series["buckets"]]
        if bounds != sorted(set(bounds)) or not math.isinf(bounds[-1]):
            raise AssertionError(f"{key}: bounds {bounds}")
        if counts != sorted(counts) or counts[-1] != series["count"]:
            raise AssertionError(f"{key}: {counts} {series['count']}")
        if series["sum"] < 0 or (series["count"] == 0) != (series["sum"] == 0):
            raise AssertionError(f"{key}: sum {series['sum']}")


def value_of(samples, name, **labels):
    return samples[name, frozenset(labels.items())]


class Metrics(MountCase):
    def read(self):
        return parse(self.mount.control("metrics.prom"))

    def count(self, name, **labels):
        return value_of(self.read(), name, **labels)

    def test_every_line_is_well_formed(self):
        samples = self.read()
        self.assertEqual(value_of(samples, "engramfs_backend_up",
                                  backend="sqlite"), 1)
        self.assertGreater(value_of(samples, "engramfs_backend_bytes",
                                    backend="hdf5"), 1000)

    def test_operations_and_calls_are_counted(self):
        before = self.read()
        for number in range(5):
            np.save(self.path("learning_traces", "plasticity",
                              f"m{number}.npy"), np.ones(4))
        np.load(self.path("learning_traces", "plasticity", "m0.npy"))
        after = self.read()

        def grown(name, **labels):
            return (value_of(after, name, **labels) -
                    value_of(before, name, **labels))
        calls = "engramfs_backend_call_seconds_count"
        self.assertEqual(grown(calls, backend="hdf5", call="put"), 5)
        self.assertGreater(grown(calls, backend="hdf5", call="get"), 0)
        for operation, least in (("create", 5), ("write", 5), ("commit", 5),
                                 ("lookup", 5), ("open", 1), ("read", 1)):
            self.assertGreaterEqual(
                grown("engramfs_operation_seconds_count",
                      operation=operation), least, operation)
        self.assertGreater(grown("engramfs_operation_seconds_sum",
                                 operation="commit"), 0)

    def test_open_files_are_counted(self):
        start = self.count("engramfs_open_handles")
        np.save(self.path("wm", "held.npy"), np.ones(4))
        with open(self.path("wm", "held.npy"), "rb"):
            self.assertGreater(self.count("engramfs_open_handles"), start)
        eventually(lambda: self.count("engramfs_open_handles") <= start)

    def test_the_spool_and_the_last_stats_are_in_it(self):
        with open(self.path("wm", "notes.txt"), "w") as file:
            file.write("scratch")
        np.save(self.path("wm", "counted.npy"), np.ones(4))
        run(self.mount, "stats")
        samples = self.read()
        self.assertEqual(value_of(samples, "engramfs_spool_bytes",
                                  place="spool/scratch"), 7)
        self.assertGreaterEqual(value_of(samples, "engramfs_records",
                                         collection="wm"), 1)
        self.assertEqual(value_of(samples, "engramfs_records",
                                  collection="episodes"), 0)

    def test_top_prints_a_table(self):
        os.listdir(self.path("episodes"))
        done = subprocess.run(
            [ENGRAMCTL, self.mount.store, "top", "--once"], text=True,
            capture_output=True, timeout=harness.PATIENCE)
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = {line[:22].strip(): line[22:].split()
                for line in done.stdout.splitlines()}
        count, rate, mean, most, failed = rows["readdir"]
        self.assertGreater(int(count), 0)
        self.assertGreater(float(mean), 0)
        self.assertLessEqual(float(mean) / 50, float(most))
        self.assertEqual((rate, failed), ("-", "0"))

    def test_top_goes_on_until_it_is_stopped(self):
        with subprocess.Popen([ENGRAMCTL, self.mount.path, "top"], text=True,
                              stdout=subprocess.PIPE) as top:
            tables = 0
            for line in top.stdout:
                tables += line.startswith("readdir") or "per s" in line
                if tables >= 4:
                    break
            top.send_signal(signal.SIGTERM)
        self.assertEqual(top.returncode, -signal.SIGTERM)


class Outage(unittest.TestCase):
    def test_metrics_are_there_while_a_backend_is_away(self):
        server = RedisServer()
        try:
            mount = Mount(f"redis.host={server.socket}")
        except BaseException:
            server.close()
            raise
        try:
            try:
                np.save(mount("wm", "a.npy"), np.ones(3))
            finally:
                server.close()

            def failed():
                try:
                    os.listdir(mount("wm"))
                except OSError:
                    pass
                return value_of(parse(mount.control("metrics.prom")),
                                "engramfs_backend_errors_total",
                                backend="redis", call="list") > 0
            eventually(failed)
            eventually(lambda: value_of(parse(mount.control("metrics.prom")),
                                        "engramfs_backend_up",
                                        backend="redis") == 0)
        finally:
            mount.unmount()


if __name__ == "__main__":
    harness.main()
