# SPDX-License-Identifier: MIT
"""docs/schema: every JSON file of a mount fits the schema that is said to be
its own, and a file with anything wrong in it does not."""

import copy
import json
import os
import re
import subprocess
import unittest

import jsonschema
import numpy as np

import harness
import legacy
import spec
from harness import edit_json, eventually, read_json, write_json

DIRECTORY = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                         "..", "..", "docs", "schema")
RNG = np.random.default_rng(3)

# Fields that a file may lack.
OPTIONAL = {"key", "access_count", "last_accessed", "metadata", "created_at",
            "sum", "num_spikes", "num_neurons", "num_synapses", "mean_change",
            "std_change", "original_shape", "compression_ratio", "parameters",
            "expires_at", "spooled", "worker"}
# Fields that may be anything, or have anything in them.
FREE = {"neuron_ids", "experience_data", "original_shape"}
OPEN = {"metadata", "parameters", "compression_params"}
# Dicts with any names.
MAPS = {"arrays", "metrics"}


def read_schemas():
    schemas = {}
    for name in os.listdir(DIRECTORY):
        if name.endswith(".json"):
            schemas[name] = read_json(os.path.join(DIRECTORY, name))
    return schemas


def read_paths():
    """Of the README: the schema and the pattern of each kind of file."""
    rows = []
    with open(os.path.join(DIRECTORY, "README.md")) as file:
        for line in file:
            found = re.match(r"\| \[([a-z_]+\.json)\]\(\1\) \| `([^`]+)`",
                             line)
            if found:
                pattern = re.sub(r"<[^>]+>", "[^/]+",
                                 re.sub(r"[.]", r"\\.", found[2]))
                rows.append((found[1], re.compile(pattern)))
    return rows


BASE = "file:///"
SCHEMAS = read_schemas()
PATHS = read_paths()


def validator(name):
    resolver = jsonschema.RefResolver(
        BASE, None, store={BASE + other: schema for other, schema
                                 in SCHEMAS.items()})
    return jsonschema.Draft202012Validator(
        {"$ref": BASE + name}, resolver=resolver)


def schema_of(path):
    found = [name for name, pattern in PATHS if pattern.fullmatch(path)]
    if len(found) != 1:
        raise AssertionError(f"{path}: has the schemas {found}")
    return found[0]


def check(path, document):
    """DOCUMENT, which is that at PATH, fits; the name of its schema."""
    name = schema_of(path)
    errors = [f"{list(error.absolute_path)}: {error.message}"
              for error in validator(name).iter_errors(document)]
    if errors:
        raise AssertionError(f"{path}: {errors}")
    return name


def json_files(mount):
    """The path and the content of every JSON file in the tree."""
    for directory, _, names in os.walk(mount.path):
        for name in names:
            path = os.path.join(directory, name)
            if name.endswith(".json"):
                path = os.path.realpath(path)
                yield path.removeprefix(mount.path), read_json(path)


def check_all(mount):
    """Every JSON file fits; one of each schema."""
    samples = {}
    for path, document in json_files(mount):
        samples[check(path, document)] = document
    return samples


def command(mount, line):
    """The job, once it has ended."""
    job = mount.run_job(line)
    check(f"/.engram/jobs/{job['id']}.json", job)
    return job


# What is wrong with a document.

def wrong(value):
    """Nothing that may stand where VALUE is."""
    return 5 if isinstance(value, (str, list)) else ["x"]


def spoil(document, is_map=False):
    """Copies of DOCUMENT with one thing wrong in each, and what it is."""
    cleanup = isinstance(document, dict) and str(
        document.get("command")).startswith("cleanup")
    places = document.items() if isinstance(document, dict) \
        else enumerate(document)
    if isinstance(document, dict):
        yield "with nonsense", {**document, "nonsense": "x"}
    for place, value in places:
        def put(item, place=place):
            spoilt = copy.copy(document)
            spoilt[place] = item
            return spoilt
        if place in FREE:
            continue
        yield f"{place} is wrong", put(wrong(value))
        if isinstance(document, dict) and not is_map and \
                place not in OPTIONAL:
            yield f"without {place}", {name: item for name, item in
                                       document.items() if name != place}
        if isinstance(value, (dict, list)) and place not in OPEN:
            for what, item in spoil(value, place in MAPS or cleanup):
                yield f"{place}: {what}", put(item)


class Documents(unittest.TestCase):
    def test_every_schema_is_one_and_belongs_to_a_file(self):
        for schema in SCHEMAS.values():
            jsonschema.Draft202012Validator.check_schema(schema)
        self.assertEqual(sorted(name for name, _ in PATHS),
                         sorted(set(SCHEMAS) - {"common.json"}))

    def test_the_names_of_collections_and_files_are_those_of_the_titles(self):
        for name, pattern in PATHS:
            title = SCHEMAS[name]["title"].removesuffix(", each line")
            self.assertRegex(title, pattern)


class Schemas(harness.MountCase):
    """What fits is asked of each, and that nothing else does."""

    def assert_strict(self, name, document):
        is_valid = validator(name).is_valid
        self.assertTrue(is_valid(document), name)
        self.assertFalse(is_valid(wrong(document)), name)
        count = 0
        for what, spoilt in spoil(document):
            self.assertFalse(is_valid(spoilt), f"{name}: {what}")
            count += 1
        self.assertGreater(count, 2, name)


class Legacy(Schemas):
    @classmethod
    def make_mount(cls):
        return legacy.mount()

    def test_every_file_of_a_store_of_the_classes_fits(self):
        samples = check_all(self.mount)
        self.assertLessEqual({
            "wm.json", "attention.json", "spike_cache.json", "episodes.json",
            "concepts.json", "relationships.json", "learning_events.json",
            "network_states.json",
            "spike_trains.json", "spike_trains_pair.json"}, set(samples))
        for name, document in samples.items():
            self.assert_strict(name, document)


class Fresh(Schemas):
    def save(self, *parts):
        path = self.path(*parts)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        np.save(path, RNG.random((4, 3)))
        return path

    def fill(self):
        for collection in ("wm", "attention", "spike_cache", "concepts",
                           "activations/reservoir_states",
                           "activations/attention_maps", "spike_trains",
                           "learning_traces/plasticity",
                           "learning_traces/homeostatic"):
            self.save(collection, "1.5.npy")
        self.mount.redis().hset("wm:" + "long" * 75, mapping={
            "timestamp": "1.5", "metadata": "{}"})
        edit_json(self.path("wm", "1.5.json"), timestamp=float("inf"),
                  metadata={"odd": float("nan"), "none": None})
        self.save("episodes", "1.npy")
        write_json(self.path("episodes", "2.json"),
                   {"experience_data": None, "context_hash": "c"})
        write_json(self.path("learning_events", "1.json"), {
            "task_type": "maze", "strategy_used": "sgd",
            "performance_delta": 0.5, "parameters": {"rate": [1, {"a": 2}]}})
        os.makedirs(self.path("concepts", "1.5", "similar_to"))
        os.symlink("../../1.5", self.path("concepts/1.5/similar_to/1.5"))
        for name in ("adjacency", "weights", "states"):
            self.save("network_states", "s", name + ".npy")
        for name in ("spike_times", "neuron_ids"):
            self.save("spike_trains", "t", name + ".npy")
        self.save("activations/layer_outputs", "o", "input.npy")
        self.save("activations/layer_outputs", "o", "encoder", "one.npy")
        write_json(self.path("learning_traces/performance", "p.json"),
                   {"metrics": {"loss": 0.25, "odd": float("nan")}})

    def keys_shown(self):
        return [document["key"] for _, document in json_files(self.mount)
                if "key" in document]

    def test_every_file_of_every_collection_fits(self):
        self.fill()
        samples = check_all(self.mount)
        self.assertTrue(self.keys_shown())
        for name, pattern in PATHS:
            if not pattern.pattern.startswith(("/\\.engram", "STORE",
                                               "/views")):
                self.assertIn(name, samples)
                self.assert_strict(name, samples[name])

    def test_the_report_of_strategies_fits(self):
        write_json(self.path("learning_events", "7.json"), {
            "task_type": "maze", "strategy_used": "adam",
            "performance_delta": 0.5})
        path = "/views/learning_events/best_strategies/maze.json"
        report = read_json(self.mount.path + path)
        self.assert_strict(check(path, report), report)

    def test_counted_records_fit(self):
        counting = harness.Mount("atime")
        try:
            for collection in ("wm", "concepts"):
                path = counting(collection, "read.npy")
                np.save(path, np.arange(3.0))
                np.load(path)
                path = f"/{collection}/read.json"
                record = eventually(lambda: (
                    lambda found: found.get("access_count") and found)(
                        read_json(counting.path + path)), what=path)
                self.assert_strict(check(path, record), record)
        finally:
            counting.unmount()


class Control(Schemas):
    def commands(self):
        """Those of .engram/control, by the first word of each line."""
        return {line.split()[0]
                for line in self.mount.control("control").splitlines()}

    def file(self, name):
        return read_json(self.path(".engram", name))

    def check_control(self, name):
        document = self.file(name)
        self.assert_strict(check("/.engram/" + name, document), document)
        return document

    def test_every_command_that_is_a_job_has_a_schema_of_its_result(self):
        np.save(self.path("wm", "a.npy"), np.arange(3.0))
        os.makedirs(self.path("network_states", "s"))
        np.save(self.path("network_states", "s", "weights.npy"), np.eye(3))
        parameters = {"cleanup": " retention_days=30", "flush": " yes"}
        for name in sorted(self.commands() - {"cancel"}):
            with self.subTest(name):
                job = command(self.mount, name + parameters.get(name, ""))
                self.assertEqual(job["state"], "done", job)
                self.assert_strict("job.json", job)

    def test_a_job_that_fails_fits(self):
        os.makedirs(self.path("network_states", "hurt"))
        np.save(self.path("network_states", "hurt", "weights.npy"),
                RNG.random((64, 64)))
        with spec.open_file(self.mount.hdf5, "r+") as file:
            file["pointer"] = file["network_states/weights/hurt"].ref
        job = command(self.mount, "compact")
        self.assertEqual(job["state"], "failed")
        check("/.engram/jobs/1.json", job)
        for change in ({"error": None}, {"state": "odd"}, {"progress": 2},
                       {"command": "dance"}, {"error": ""}):
            self.assertFalse(validator("job.json").is_valid(
                {**job, **change}), change)
        with spec.open_file(self.mount.hdf5, "r+") as file:
            del file["pointer"]

    def test_status_fits_before_and_after_figures(self):
        mount = harness.Mount()
        try:
            path = "/.engram/status.json"
            first = read_json(mount.path + path)
            self.assertIsNone(first["statistics"])
            check(path, first)
        finally:
            mount.unmount()
        command(self.mount, "stats")
        self.assertIsNotNone(self.check_control("status.json")["statistics"])

    def test_status_fits_while_a_backend_is_away(self):
        server = harness.RedisServer()
        try:
            mount = harness.Mount(f"redis.host={server.socket}")
        finally:
            server.close()
        try:
            path = "/.engram/status.json"

            def look():
                with self.assertRaises(OSError):
                    os.listdir(mount("wm"))
                status = read_json(mount.path + path)
                check(path, status)
                return status["backends"]["redis"]["state"] == "unavailable"
            eventually(look, what="outage")
        finally:
            mount.unmount()

    def test_config_fits_wherever_values_come_from(self):
        self.check_control("config.json")

        def fill(store):
            with open(os.path.join(store, "storage.yaml"), "w") as file:
                file.write("redis:\n  retry_delay: 0.2\n")
            with open(os.path.join(store, "secret"), "w") as file:
                file.write("word\n")
        server = harness.RedisServer("--requirepass", "word")
        try:
            mount = harness.Mount(
                f"redis.host={server.socket}", "hdf5.compression=lzf",
                fill=fill, env={"REDIS_PASSWORD": "word"})
            try:
                path = "/.engram/config.json"
                config = read_json(mount.path + path)
                self.assert_strict(check(path, config), config)
                self.assertEqual(
                    {config["redis"]["retry_delay"]["origin"],
                     config["redis"]["password"]["origin"],
                     config["hdf5"]["compression"]["origin"]},
                    {"storage.yaml:2", "environment REDIS_PASSWORD", "-o"})
            finally:
                mount.unmount()
        finally:
            server.close()

    def test_refusals_fit(self):
        for name, content in (("wm/bad.npy", b"no"), ("wm/bad.json", b"{"),
                              ("episodes/bad.json", b'{"colour": 1}')):
            self.assert_refused(self.path(name), content, 22)
        with self.assertRaises(OSError):
            os.listdir(self.path("views/episodes/recent/soon"))
        for line in self.mount.errors():
            self.assert_strict(check("/.engram/errors.jsonl", line), line)
        found = 0
        for name, content in self.mount.rejected().items():
            if name.endswith(".reason.json"):
                document = json.loads(content)
                self.assert_strict(check("/.engram/rejected/" + name,
                                         document), document)
                found += 1
        self.assertGreaterEqual(found, 3)

    def test_the_manifest_of_a_backup_fits(self):
        name = command(self.mount, "backup")["result"]["backup"]
        path = os.path.join("backups", name, "manifest.json")
        manifest = read_json(os.path.join(self.mount.store, path))
        self.assert_strict(check("STORE/" + path, manifest), manifest)


class Tool(Schemas):
    def test_the_line_of_the_readme_works(self):
        np.save(self.path("wm", "first_light.npy"), np.arange(3.0))
        record = self.path("wm", "first_light.json")
        call = ["/usr/bin/python3", "-W", "ignore", "-m", "jsonschema",
                "--base-uri", f"file://{os.path.abspath(DIRECTORY)}/", "-i"]
        schema = os.path.join(DIRECTORY, "wm.json")
        fits = subprocess.run([*call, record, schema], capture_output=True,
                              text=True)
        self.assertEqual((fits.returncode, fits.stderr), (0, ""))
        document = os.path.join(self.mount.directory, "odd.json")
        write_json(document, {**read_json(record), "shape": "odd"})
        self.assertNotEqual(subprocess.run(
            [*call, document, schema], capture_output=True).returncode, 0)


if __name__ == "__main__":
    harness.main()
