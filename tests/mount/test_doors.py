# SPDX-License-Identifier: MIT
"""Who gets in: permissions, links that lead elsewhere, passwords, and what the
daemon has given up."""

import glob
import json
import os
import signal
import stat

import numpy as np

import harness
from harness import write_bytes

PASSWORD = "s3cr3t-w0rd"
PATTERN = np.arange(10.0)


def children_of(pid):
    """And those of theirs."""
    found = []
    for task in glob.glob(f"/proc/{pid}/task/*/children"):
        with open(task) as file:
            for child in file.read().split():
                found += [int(child), *children_of(int(child))]
    return found


def status_of(pid, line):
    with open(f"/proc/{pid}/status") as file:
        return next(text.split()[1] for text in file
                    if text.startswith(line + ":"))


def read_all(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


class DoorCase(harness.unittest.TestCase):
    def directory(self):
        path = harness.tempfile.mkdtemp(prefix="engramfs-doors-")
        self.addCleanup(harness.shutil.rmtree, path)
        return path

    def mount(self, *options, **more):
        mount = harness.Mount(*options, **more)
        self.addCleanup(mount.discard)
        return mount

    def refusal(self, store, *options, env=None):
        """What is said where STORE is not mounted."""
        mountpoint = self.directory()
        run = harness.run_engramfs(store, mountpoint, *options, env=env)
        if run.returncode == 0:
            harness.unmount(mountpoint)
        self.assertNotEqual(run.returncode, 0)
        return run.stderr

    @staticmethod
    def use(mount):
        """Something in every storage, and something refused."""
        np.save(mount("wm/a.npy"), PATTERN)
        np.save(mount("concepts/a.npy"), PATTERN)
        os.mkdir(mount("network_states/a"))
        np.save(mount("network_states/a/weights.npy"), PATTERN)
        write_bytes(mount("wm/scratch.tmp"), b"x")
        try:
            write_bytes(mount("wm/bad.json"), b"{")
        except OSError:
            pass


class Permissions(DoorCase):
    def modes(self, store):
        for directory, _, names in os.walk(store):
            for path in [directory, *(os.path.join(directory, name)
                                      for name in names)]:
                if path != store:
                    yield path, os.lstat(path)

    def test_what_a_mount_makes_is_its_owners_alone(self):
        before = os.umask(0)
        try:
            mount = self.mount(background=True)
        finally:
            os.umask(before)
        self.use(mount)
        self.assertEqual(mount.run_job("backup")["state"], "done")
        seen = set()
        scratch = os.path.join(mount.store, "spool", "scratch", "")
        for path, found in self.modes(mount.store):
            if path.startswith(scratch):
                continue  # as their makers want them, in a private place
            wanted = 0o600
            if stat.S_ISDIR(found.st_mode) or stat.S_ISSOCK(found.st_mode):
                wanted = 0o700
            self.assertEqual(oct(stat.S_IMODE(found.st_mode)), oct(wanted),
                             path)
            seen.add(os.path.relpath(path, mount.store).split("/")[0])
        self.assertLessEqual({"godly_ai.db", "godly_ai_data.h5", "redis",
                              "spool", "rejected", "backups"}, seen)
        mount.unmount()

    def test_files_that_were_there_keep_their_permissions(self):
        store = self.directory()
        mount = self.mount(store=store)
        self.use(mount)
        mount.unmount()
        os.chmod(store, 0o750)
        for name in ("godly_ai.db", "godly_ai_data.h5"):
            os.chmod(os.path.join(store, name), 0o640)
        mount = self.mount(store=store)
        self.use_again(mount)
        mount.unmount()
        for name, mode in (("", 0o750), ("godly_ai.db", 0o640),
                           ("godly_ai_data.h5", 0o640)):
            found = os.stat(os.path.join(store, name))
            self.assertEqual(oct(stat.S_IMODE(found.st_mode)), oct(mode), name)

    @staticmethod
    def use_again(mount):
        np.save(mount("concepts/b.npy"), PATTERN)
        os.mkdir(mount("network_states/b"))
        np.save(mount("network_states/b/weights.npy"), PATTERN)

    def test_others_are_let_in_with_permissions_alone(self):
        mount = self.mount("allow_other")
        with open("/proc/self/mountinfo") as file:
            line = next(line for line in file if f" {mount.path} " in line)
        self.assertIn("allow_other", line)
        self.assertIn("default_permissions", line)
        self.assertEqual(stat.S_IMODE(os.stat(mount.path).st_mode), 0o700)
        mount.unmount()


class Links(DoorCase):
    def refused(self, name, target, words):
        store = self.directory()
        os.symlink(target, os.path.join(store, name))
        text = self.refusal(store)
        self.assertIn(name, text)
        self.assertIn(words, text)

    def test_a_store_whose_directories_lead_elsewhere_is_refused(self):
        for name in ("spool", "rejected", "redis", "backups"):
            with self.subTest(name=name):
                elsewhere = self.directory()
                os.chmod(elsewhere, 0o755)
                self.refused(name, elsewhere, "symbolic link")
                self.assertEqual(os.listdir(elsewhere), [])
                self.assertEqual(stat.S_IMODE(os.stat(elsewhere).st_mode),
                                 0o755)

    def test_a_store_whose_data_are_elsewhere_is_told_how(self):
        elsewhere = self.directory()
        for name, setting in (("godly_ai.db", "sqlite.db_path"),
                              ("godly_ai_data.h5", "hdf5.file_path")):
            with self.subTest(name=name):
                target = os.path.join(elsewhere, name)
                self.refused(name, target, setting)
                self.assertFalse(os.path.exists(target))
                mount = self.mount(f"{setting}={target}")
                self.use(mount)
                mount.unmount()
                self.assertTrue(os.path.exists(target))

    def test_links_deeper_in_a_store_are_not_followed(self):
        victim = os.path.join(self.directory(), "victim")
        write_bytes(victim, b"mine" * (1 << 19))

        def fill(store):
            for name in ("redis", "spool", "spool/scratch", "rejected"):
                os.mkdir(os.path.join(store, name))
            for name in ("redis/redis.log", "spool/errors.jsonl",
                         "spool/scratch/x.tmp", "godly_ai_data_1700000000.h5"):
                os.symlink(victim, os.path.join(store, name))

        mount = self.mount(fill=fill)
        with self.assertRaises(OSError):
            np.save(mount("wm/a.npy"), PATTERN)
        np.save(mount("concepts/a.npy"), PATTERN)
        os.mkdir(mount("network_states/a"))
        with self.assertRaises(OSError):
            write_bytes(mount("x.tmp/y"), b"x")
        self.assertTrue(stat.S_ISLNK(os.lstat(mount("x.tmp")).st_mode))
        self.assertEqual(os.listdir(mount("spike_trains")), [])
        mount.unmount()
        self.assertEqual(read_all(victim), b"mine" * (1 << 19))

    def test_a_lock_that_leads_elsewhere_is_refused(self):
        store = self.directory()
        victim = os.path.join(self.directory(), "victim")
        write_bytes(victim, b"mine")
        os.mkdir(os.path.join(store, "spool"))
        os.symlink(victim, os.path.join(store, "spool", "lock"))
        self.refusal(store)
        self.assertEqual(read_all(victim), b"mine")

    def test_no_name_leads_out(self):
        mount = self.mount()
        for name in ("%2E%2E%2F%2E%2E%2Fx.npy", "%2Fetc%2Fx.npy", "..%2Fx.npy",
                     "%2E%2E.npy", "%2E.npy"):
            for place in ("wm", "concepts", "activations/reservoir_states"):
                try:
                    np.save(mount(place, name), PATTERN)
                except OSError:
                    continue
                self.assertIn(name, os.listdir(mount(place)))
        for name in ("%2E%2E", "%2E%2E%2Fx"):
            try:
                os.mkdir(mount("network_states", name))
            except OSError:
                pass
        outside = os.listdir(mount.directory)
        mount.unmount()
        self.assertLessEqual(set(outside), {"store", "mnt", "stderr"})

    def test_a_store_names_no_program(self):
        store = self.directory()
        program = os.path.join(store, "evil")
        write_bytes(program, f"#!/bin/sh\ntouch {store}/ran\n".encode())
        os.chmod(program, 0o755)
        write_bytes(os.path.join(store, "storage.yaml"),
                    f"redis:\n  server: {program}\n".encode())
        self.assertIn("storage.yaml:2", self.refusal(store))
        self.assertFalse(os.path.exists(os.path.join(store, "ran")))


class Passwords(DoorCase):
    def server(self):
        server = harness.RedisServer("--requirepass", PASSWORD)
        self.addCleanup(server.close)
        return server

    def seen(self, mount):
        """Everything that another program may read of a mount."""
        pids = [mount.pid(), *children_of(mount.pid())]
        for pid in pids:
            for name in ("cmdline", "environ"):
                yield f"{name} of {pid}", read_all(f"/proc/{pid}/{name}")
        for name in ("config.json", "status.json", "metrics.prom",
                     "errors.jsonl"):
            yield name, read_all(mount(".engram", name))
        yield "log", mount.log().encode()
        for directory, _, names in os.walk(mount.store):
            for name in names:
                path = os.path.join(directory, name)
                if stat.S_ISREG(os.lstat(path).st_mode):
                    yield path, read_all(path)

    def check(self, mount):
        np.save(mount("wm/a.npy"), PATTERN)
        for what, text in self.seen(mount):
            self.assertNotIn(PASSWORD.encode(), text, what)
        mount.unmount()

    def test_a_password_from_the_environment_is_seen_nowhere(self):
        server = self.server()
        self.check(self.mount(f"redis.host={server.socket}",
                              env={"REDIS_PASSWORD": PASSWORD}))

    def test_a_password_from_a_file_is_seen_nowhere(self):
        server = self.server()
        secret = os.path.join(self.directory(), "password")
        write_bytes(secret, PASSWORD.encode() + b"\n")
        os.chmod(secret, 0o600)
        self.check(self.mount(f"redis.host={server.socket}",
                              f"redis.password_file={secret}"))

    def test_a_refused_password_is_not_repeated(self):
        server = self.server()
        text = self.refusal(self.directory(), "-o",
                            f"redis.host={server.socket}",
                            env={"REDIS_PASSWORD": "wr0ng-" + PASSWORD})
        self.assertIn("WRONGPASS", text)
        self.assertNotIn(PASSWORD, text)

    def test_a_password_on_the_command_line_is_refused(self):
        text = self.refusal(self.directory(), "-o",
                            f"redis.password={PASSWORD}")
        self.assertIn("REDIS_PASSWORD", text)
        self.assertNotIn(PASSWORD, text)


class Sandbox(DoorCase):
    def has(self, mount, part):
        sandbox = json.loads(mount.control("status.json"))["sandbox"]
        if not sandbox[part]:
            mount.unmount()
            self.skipTest(f"no {part} here")

    def test_the_daemon_and_its_server_gain_no_privileges(self):
        mount = self.mount()
        self.has(mount, "no_new_privileges")
        for pid in [mount.pid(), *children_of(mount.pid())]:
            if read_all(f"/proc/{pid}/comm").startswith(b"engramfs-mount"):
                continue
            self.assertEqual(status_of(pid, "NoNewPrivs"), "1", pid)
        mount.unmount()

    def test_no_core_is_dumped(self):
        mount = self.mount()
        self.has(mount, "no_core_dumps")
        limits = read_all(f"/proc/{mount.pid()}/limits").decode()
        core = next(line for line in limits.splitlines()
                    if line.startswith("Max core file size"))
        self.assertEqual(core.split()[4:6], ["0", "0"])
        mount.unmount()

    def test_calls_that_nobody_needs_are_denied(self):
        mount = self.mount()
        self.has(mount, "seccomp")
        self.assertEqual(status_of(mount.pid(), "Seccomp"), "2")
        mount.unmount()

    def test_without_it_nothing_is_given_up(self):
        mount = self.mount("no_sandbox", "core_dumps")
        self.use(mount)
        self.assertEqual(
            json.loads(mount.control("status.json"))["sandbox"],
            {"no_core_dumps": False, "no_new_privileges": False,
             "landlock": 0, "seccomp": False})
        self.assertEqual(status_of(mount.pid(), "NoNewPrivs"), "0")
        mount.unmount()

    def test_a_signal_unmounts(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            mount = self.mount()
            self.use(mount)
            mount.end_by(number)

    def test_a_killed_daemon_leaves_no_helper(self):
        mount = self.mount(background=True)
        pid = mount.pid()
        helpers = children_of(pid)
        self.assertGreaterEqual(len(helpers), 3)
        os.kill(pid, signal.SIGKILL)
        left = harness.eventually_none(
            lambda: [helper for helper in helpers
                     if harness.is_running(helper)])
        self.assertEqual(left, [])
        mount.start_again()
        mount.unmount()


if __name__ == "__main__":
    harness.main()
