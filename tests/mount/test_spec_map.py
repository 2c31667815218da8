# SPDX-License-Identifier: MIT
"""docs/spec-map.md: every method of the spec is in it, and every line of it
does what it says."""

import json
import os
import re
import signal
import shutil
import subprocess
import tempfile
import unittest

import harness

DOCS = os.path.abspath(os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs"))

# The methods of the spec's three classes ...
METHODS = {
    "RedisStorage": """
        store_working_memory_pattern retrieve_working_memory_pattern
        update_working_memory_access cache_spike_train retrieve_spike_train
        get_recent_spike_trains store_attention_weights
        retrieve_attention_weights get_memory_usage clear_expired_data
        flush_all_data close""",
    "SQLiteStorage": """
        store_episode retrieve_episode get_episodes_by_context
        get_recent_episodes store_concept retrieve_concept
        retrieve_concept_by_name search_concepts add_concept_relationship
        get_concept_relationships store_learning_event
        get_learning_events_by_task get_best_strategies create_backup
        vacuum_database get_database_stats auto_backup_if_needed close""",
    "HDF5Storage": """
        store_network_snapshot retrieve_network_snapshot
        get_network_snapshots_in_range store_spike_train retrieve_spike_train
        store_compressed_spike_train store_reservoir_states
        retrieve_reservoir_states store_layer_outputs retrieve_layer_outputs
        store_plasticity_trace retrieve_plasticity_trace
        store_homeostatic_trace store_performance_metrics
        retrieve_performance_metrics get_file_info compact_file rotate_file
        check_file_size cleanup_old_data close""",
    "PersistentEpisodicMemory": "store_episode retrieve_similar_episodes",
    "PersistentLSM": "step save_snapshot restore_snapshot",
}

# ... the functions that its text defines ...
FUNCTIONS = """
    RedisStorage SQLiteStorage HDF5Storage process_learning_episode
    check_storage_health daily_maintenance robust_storage_operation
    store_multiple_episodes get_top_episodes_by_context
    store_episode_with_concepts build_concept_graph
    process_large_episode_batch track_learning_progress
    store_multiple_snapshots verify_file_integrity store_experiment_data
    setup_file_monitoring analyze_network_evolution implement_data_lifecycle
    process_spike_data_pipeline"""

# ... and the rest of what it promises.
FEATURES = """RedisConnectionError
SQLiteStorageError
HDF5StorageError
with RedisStorage() as store
Episode, Concept, LearningEvent
NetworkSnapshot, SpikeTrainData
Compression, connection pooling, retries
ACID transactions
Schema migrations, indexes
WAL mode
activations/attention_maps
Compression, chunks, checksums
config/storage.yaml
Environment variables
Storage tiers
redis-cli ping
h5fsck
Debug mode
Unit, integration and performance tests"""

# Constructor parameters and environment variables.
KEYS = """host port db password max_connections compression_threshold
    retry_attempts retry_delay db_path backup_interval max_backups enable_wal
    connection_timeout file_path compression compression_opts chunk_size
    max_file_size enable_swmr"""
VARIABLES = """REDIS_HOST REDIS_PORT REDIS_DB REDIS_PASSWORD SQLITE_DB_PATH
    SQLITE_BACKUP_INTERVAL SQLITE_MAX_BACKUPS HDF5_FILE_PATH HDF5_COMPRESSION
    HDF5_COMPRESSION_LEVEL HDF5_MAX_FILE_SIZE"""


def titles():
    for owner, names in METHODS.items():
        for name in names.split():
            yield f"{owner}.{name}()"
    for name in FUNCTIONS.split():
        yield f"{name}()"
    yield from FEATURES.splitlines()


def read_map():
    with open(os.path.join(DOCS, "spec-map.md")) as file:
        return file.read()


def sections(text):
    """Each title, and what stands below it."""
    parts = re.split(r"^##+ (.*)\n", text, flags=re.MULTILINE)
    yield "", parts[0]
    yield from zip(parts[1::2], parts[2::2])


def examples(text):
    """Each command with the output that is expected of it."""
    for block in re.findall(r"^```sh\n(.*?)^```$", text,
                            re.MULTILINE | re.DOTALL):
        lines = []
        expected = []
        for line in block.splitlines():
            if line.startswith("# =>"):
                expected.append(line[4:].removeprefix(" "))
                continue
            if expected:
                yield "\n".join(lines), "\n".join(expected)
                lines, expected = [], []
            lines.append(line)
        if lines:
            yield "\n".join(lines), "\n".join(expected)


def matches(expected, printed):
    pattern = ".*".join(map(re.escape, expected.split("...")))
    return re.fullmatch(pattern, printed.rstrip("\n"))


class Contents(unittest.TestCase):
    def test_nothing_of_the_spec_is_missing(self):
        found = dict(sections(read_map()))
        for title in titles():
            with self.subTest(title):
                self.assertIn(title, found)
                self.assertTrue(list(examples(found[title])),
                                f"{title} has no example")

    def test_every_key_and_variable_is_in_the_table(self):
        settings = dict(sections(read_map()))["Settings"]
        for key in KEYS.split():
            self.assertRegex(settings, rf"\| `(\w+\()?{key}\)?` \| "
                                       rf"`(redis|sqlite|hdf5)\.{key}` \|")
        for variable in VARIABLES.split():
            self.assertIn(f"| `{variable}` |", settings)

    def test_the_table_has_the_defaults(self):
        mount = harness.Mount()
        try:
            config = harness.read_json(mount(".engram", "config.json"))
        finally:
            mount.unmount()
        settings = dict(sections(read_map()))["Settings"]
        rows = re.findall(r"^\| `[^|]* \| `(\w+)\.(\w+)` \| `\w+` "
                          r"\| (\S+) \|$", settings, re.MULTILINE)
        self.assertEqual(len(rows), len(KEYS.split()))
        for section, key, said in rows:
            default = config[section][key]["value"]
            shown = json.dumps(default).strip('"')
            self.assertIn(said, {"null": ("none", "embedded")}.get(
                shown, (shown,)), key)

    def test_gaps_have_reasons(self):
        gaps = dict(sections(read_map()))["Gaps"]
        rows = [row.split("|")[1:-1] for row in gaps.splitlines()
                if row.startswith("|")][2:]
        self.assertTrue(rows)
        for what, why in rows:
            self.assertGreater(len(why.split()), 3, what)

    def test_links_lead_to_files(self):
        for target in re.findall(r"\]\(([^)#]+)\)", read_map()):
            self.assertTrue(os.path.exists(os.path.join(DOCS, target)),
                            target)


class Lines(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="engramfs-test-")
        self.addCleanup(self.clean_up)
        self.mount = harness.Mount(counting=True)
        self.addCleanup(self.mount.unmount)
        programs = os.path.dirname(harness.ENGRAMFS)
        self.environment = harness.clean_environment({
            "PATH": f"{programs}:/usr/bin:/bin:/usr/sbin:/sbin",
            "STORE": self.mount.store, "MNT": self.mount.path,
            "LAB": self.directory, "DOCS": DOCS, "LC_ALL": "C.UTF-8",
            "ASAN_OPTIONS": self.reports(), "UBSAN_OPTIONS": self.reports()})

    def reports(self):
        return f"log_path={self.directory}/sanitizer:exitcode=99"

    def clean_up(self):
        """Whatever the lines have left: mounts and servers."""
        for name in os.listdir(self.directory):
            path = os.path.join(self.directory, name)
            if harness.is_mounted(path):
                subprocess.run(["fusermount3", "-u", "-z", path], check=True)
        left = harness.eventually_none(
            lambda: harness.processes_of(self.directory))
        for pid, _ in left:
            os.kill(pid, signal.SIGKILL)
        reports = [harness.read_bytes(os.path.join(self.directory, name))
                   for name in os.listdir(self.directory)
                   if name.startswith("sanitizer")]
        shutil.rmtree(self.directory)
        self.assertFalse(left or reports)

    def run_line(self, title, line, expected):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", line], text=True,
            cwd=self.mount.path, env=self.environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, timeout=2 * harness.PATIENCE)
        if done.returncode or not matches(expected, done.stdout):
            self.fail(f"{title}:\n{line}\nended with {done.returncode}\n"
                      f"{done.stdout}{done.stderr}\nexpected:\n{expected}")

    def test_every_line_does_what_it_says(self):
        count = 0
        for title, text in sections(read_map()):
            for line, expected in examples(text):
                self.run_line(title, line, expected)
                count += 1
        self.assertGreater(count, 100)


if __name__ == "__main__":
    harness.main()
