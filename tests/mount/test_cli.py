# SPDX-License-Identifier: MIT
"""The command line: messages, exit codes, options, and how a mount ends."""

import errno
import os
import re
import signal
import stat
import subprocess

import numpy as np

import harness
from harness import run_engramfs, write_bytes

PATTERN = np.arange(4.0)


class Messages(harness.unittest.TestCase):
    def setUp(self):
        self.directory = harness.tempfile.mkdtemp(prefix="engramfs-cli-")
        self.store = os.path.join(self.directory, "store")
        self.mountpoint = os.path.join(self.directory, "mnt")
        os.mkdir(self.store)
        os.mkdir(self.mountpoint)

    def tearDown(self):
        mounted = harness.is_mounted(self.mountpoint)
        if mounted:
            subprocess.run(["fusermount3", "-u", "-z", self.mountpoint])
        left = harness.eventually_none(
            lambda: harness.processes_of(self.directory))
        harness.shutil.rmtree(self.directory)
        self.assertFalse(mounted)
        self.assertEqual(left, [])

    def assert_fails(self, *arguments, saying, env=None):
        done = run_engramfs(*arguments, env=env)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(done.stdout, "")
        self.assertLess(len(done.stderr.splitlines()), 6, done.stderr)
        for text in saying:
            self.assertIn(text, done.stderr)
        return done

    def test_help_and_version_are_answers(self):
        for option in ("-h", "--help"):
            done = run_engramfs(option)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertRegex(done.stdout, "(?i)usage: .*STORE MOUNTPOINT")
        for option in ("-V", "--version"):
            done = run_engramfs(option)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertRegex(done.stdout, r"engramfs .*\d+\.\d+")

    def test_wrong_usage_is_said_on_stderr(self):
        for arguments in ((), (self.store,),
                          (self.store, self.mountpoint, "more")):
            done = self.assert_fails(*arguments, saying=["engramfs: "])
            self.assertEqual(done.returncode, 2)

    def test_a_missing_mountpoint_is_named(self):
        missing = os.path.join(self.directory, "nowhere")
        self.assert_fails(self.store, missing,
                          saying=[missing, "No such file or directory"])

    def test_a_mountpoint_that_is_a_file_is_named(self):
        path = os.path.join(self.directory, "file")
        write_bytes(path, b"")
        self.assert_fails(self.store, path, saying=[path, "directory"])

    def test_a_missing_store_is_named(self):
        missing = os.path.join(self.directory, "nowhere")
        self.assert_fails(missing, self.mountpoint,
                          saying=[missing, "No such file or directory"])

    def test_unknown_options_are_named(self):
        self.assert_fails(self.store, self.mountpoint, "-o", "nonsense",
                          saying=["nonsense"])
        self.assert_fails(self.store, self.mountpoint, "--nonsense",
                          saying=["nonsense"])

    def test_a_bad_setting_is_named_with_file_and_line(self):
        write_bytes(os.path.join(self.store, "storage.yaml"),
                    b"# ours\nredis:\n  port: abc\n")
        self.assert_fails(
            self.store, self.mountpoint,
            saying=["storage.yaml:3: redis.port:", "1 to 65535"])

    def test_a_bad_variable_and_a_bad_option_are_named(self):
        self.assert_fails(self.store, self.mountpoint,
                          env={"HDF5_COMPRESSION_LEVEL": "10"},
                          saying=["HDF5_COMPRESSION_LEVEL", "0 to 9"])
        self.assert_fails(self.store, self.mountpoint, "-o", "redis.prot=1",
                          saying=["redis.prot", "port"])

    def test_a_password_is_not_taken_from_the_command_line(self):
        self.assert_fails(self.store, self.mountpoint, "-o",
                          "redis.password=hunter2",
                          saying=["REDIS_PASSWORD"])

    def test_a_database_that_is_none_is_named_and_kept(self):
        path = os.path.join(self.store, "godly_ai.db")
        write_bytes(path, b"this is not a database\n" * 100)
        self.assert_fails(self.store, self.mountpoint, saying=["godly_ai.db"])
        self.assertEqual(harness.read_bytes(path),
                         b"this is not a database\n" * 100)

    @harness.unittest.skipUnless(os.getuid() == 0, "needs root")
    def test_a_missing_dev_fuse_is_named(self):
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c",
             "mount -t tmpfs none /dev && exec \"$@\"", "sh",
             harness.ENGRAMFS, self.store, self.mountpoint],
            text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=harness.clean_environment(),
            timeout=harness.PATIENCE)
        if "unshare" in done.stderr:
            self.skipTest("no mount namespaces here")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("/dev/fuse", done.stderr)


class Lives(harness.unittest.TestCase):
    def mount(self, *options, **more):
        mount = harness.Mount(*options, **more)
        self.addCleanup(self.discard, mount)
        return mount

    @staticmethod
    def discard(mount):
        if os.path.exists(mount.directory):
            mount._discard()

    def test_in_the_background_it_returns_when_the_mount_answers(self):
        mount = self.mount(background=True)
        self.assertTrue(harness.is_mounted(mount.path))
        np.save(mount("wm/a.npy"), PATTERN)
        self.assertTrue(np.array_equal(np.load(mount("wm/a.npy")), PATTERN))
        mount.unmount()

    def test_signals_end_it_cleanly(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            for background in (False, True):
                mount = self.mount(background=background)
                np.save(mount("wm/a.npy"), PATTERN)
                np.save(mount("concepts/a.npy"), PATTERN)
                mount.end_by(number)

    def test_what_was_written_is_there_after_a_signal(self):
        store = harness.tempfile.mkdtemp(prefix="engramfs-store-")
        self.addCleanup(harness.shutil.rmtree, store)
        mount = self.mount(store=store)
        paths = ["wm/a.npy", "concepts/a.npy", "episodes/1.npy",
                 "network_states/a/weights.npy"]
        os.mkdir(mount("network_states/a"))
        for path in paths:
            np.save(mount(path), PATTERN)
        mount.end_by(signal.SIGTERM)
        mount = self.mount(store=store)
        for path in paths:
            self.assertTrue(np.array_equal(np.load(mount(path)), PATTERN))
        mount.unmount()

    def test_a_store_is_mounted_once(self):
        mount = self.mount()
        np.save(mount("wm/a.npy"), PATTERN)
        second = os.path.join(mount.directory, "second")
        os.mkdir(second)
        done = run_engramfs(mount.store, second)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("already mounted", done.stderr)
        self.assertIn(mount.store, done.stderr)
        self.assertFalse(harness.is_mounted(second))
        self.assertTrue(np.array_equal(np.load(mount("wm/a.npy")), PATTERN))
        mount.unmount()

    def test_the_store_is_reached_by_a_relative_path_too(self):
        directory = harness.tempfile.mkdtemp(prefix="engramfs-cli-")
        self.addCleanup(harness.shutil.rmtree, directory)
        os.mkdir(os.path.join(directory, "store"))
        os.mkdir(os.path.join(directory, "mnt"))
        done = run_engramfs("store", "mnt", cwd=directory)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        np.save(os.path.join(directory, "mnt", "wm", "a.npy"), PATTERN)
        pid = harness.read_json(
            os.path.join(directory, "mnt", ".engram", "status.json"))["pid"]
        subprocess.run(["fusermount3", "-u", "mnt"], cwd=directory, check=True)
        harness.eventually(lambda: not harness.is_running(pid))
        self.assertTrue(os.path.exists(
            os.path.join(directory, "store", "godly_ai.db")))

    def test_the_mount_of_a_killed_daemon_is_replaced(self):
        mount = self.mount()
        for path in ("wm/a.npy", "concepts/a.npy"):
            np.save(mount(path), PATTERN)
        mount.process.kill()
        mount.process.wait(harness.PATIENCE)
        with self.assertRaises(OSError) as caught:
            os.listdir(mount.path)
        self.assertEqual(caught.exception.errno, errno.ENOTCONN)
        mount._start()
        for path in ("wm/a.npy", "concepts/a.npy"):
            self.assertTrue(np.array_equal(np.load(mount(path)), PATTERN))
        mount.unmount()
        self.assertFalse(harness.is_mounted(mount.path))

    def test_read_only(self):
        store = harness.tempfile.mkdtemp(prefix="engramfs-store-")
        self.addCleanup(harness.shutil.rmtree, store)
        mount = self.mount(store=store)
        np.save(mount("wm/a.npy"), PATTERN)
        np.save(mount("concepts/a.npy"), PATTERN)
        mount.unmount()
        mount = self.mount("ro", store=store)
        for path in ("wm/a.npy", "concepts/a.npy"):
            self.assertTrue(np.array_equal(np.load(mount(path)), PATTERN))
            for attempt in (lambda: open(mount(path), "wb"),
                            lambda: os.unlink(mount(path)),
                            lambda: os.rename(mount(path), mount(path) + "x")):
                with self.assertRaises(OSError) as caught:
                    attempt()
                self.assertEqual(caught.exception.errno, 30)
        mount.unmount()

    def test_read_only_of_an_empty_store_is_empty_or_refused_clearly(self):
        directory = harness.tempfile.mkdtemp(prefix="engramfs-cli-")
        self.addCleanup(harness.shutil.rmtree, directory)
        store = os.path.join(directory, "store")
        mountpoint = os.path.join(directory, "mnt")
        os.mkdir(store)
        os.mkdir(mountpoint)
        done = run_engramfs(store, mountpoint, "-o", "ro")
        if done.returncode == 0:
            self.assertEqual(os.listdir(os.path.join(mountpoint, "wm")), [])
            subprocess.run(["fusermount3", "-u", mountpoint], check=True)
            harness.eventually(lambda: not harness.processes_of(directory))
        else:
            self.assertIn(store, done.stderr)

    def test_files_belong_to_who_mounts(self):
        mount = self.mount()
        np.save(mount("wm/a.npy"), PATTERN)
        for path, mode in (("wm/a.npy", 0o100600), ("wm/a.json", 0o100600),
                           ("wm", 0o40700), (".", 0o40700)):
            status = os.stat(mount(path))
            self.assertEqual(oct(status.st_mode), oct(mode), path)
            self.assertEqual((status.st_uid, status.st_gid),
                             (os.getuid(), os.getgid()))
        mount.unmount()

    def test_owner_and_modes_can_be_set(self):
        owner = (1234, 4321) if os.getuid() == 0 else \
            (os.getuid(), os.getgid())
        mount = self.mount("uid=%d,gid=%d,umask=027" % owner)
        np.save(mount("wm/a.npy"), PATTERN)
        status = os.stat(mount("wm/a.npy"))
        self.assertEqual((status.st_uid, status.st_gid), owner)
        self.assertEqual(stat.S_IMODE(status.st_mode), 0o640)
        self.assertEqual(stat.S_IMODE(os.stat(mount("wm")).st_mode), 0o750)
        mount.unmount()

    def test_the_mount_table_says_what_it_is(self):
        mount = self.mount()
        with open("/proc/self/mounts") as file:
            source, _, kind = next(
                line.split()[:3] for line in file
                if line.split()[1] == mount.path)
        self.assertEqual(source, "engramfs:" + mount.store)
        self.assertEqual(kind, "fuse.engramfs")
        self.assertGreater(os.statvfs(mount.path).f_blocks, 0)
        mount.unmount()

    def test_debug_and_single_thread(self):
        mount = self.mount(arguments=["-d"])
        os.listdir(mount("wm"))
        self.assertTrue(re.search("(?i)readdir", mount.log()))
        mount.unmount()
        mount = self.mount(arguments=["-s"])
        np.save(mount("wm/a.npy"), PATTERN)
        mount.unmount()

    def test_a_healthy_mount_is_silent(self):
        mount = self.mount()
        np.save(mount("wm/a.npy"), PATTERN)
        self.assertEqual(mount.log(), "")
        mount.unmount()

    def test_an_hdf5_file_that_is_none_is_named_and_kept(self):
        content = b"this is not HDF5\n" * 100

        def spoil(store):
            write_bytes(os.path.join(store, "godly_ai_data.h5"), content)

        mount = self.mount(fill=spoil)
        np.save(mount("wm/a.npy"), PATTERN)
        self.assertRaises(OSError, os.mkdir, mount("network_states/a"))
        self.assertIn("godly_ai_data.h5", mount.control("status.json"))
        self.assertEqual(harness.read_bytes(mount.hdf5), content)
        mount.unmount()

    def test_the_embedded_redis_is_private(self):
        mount = self.mount()
        redis = os.path.join(mount.store, "redis")
        self.assertEqual(stat.S_IMODE(os.stat(redis).st_mode), 0o700)
        self.assertEqual(mount.redis().config_get("port"), {"port": "0"})
        mount.unmount()

    def test_status_answers(self):
        mount = self.mount()
        status = harness.json.loads(mount.control("status.json"))
        text = harness.json.dumps(status)
        for backend in ("redis", "sqlite", "hdf5"):
            self.assertIn(backend, text)
        mount.unmount()


class Control(harness.MountCase):
    def test_it_prints_what_the_mount_says(self):
        self.assert_refused(self.path("wm/x.npy"), b"hello", 22)
        for place in (self.mount.path, self.mount.store,
                      self.path("wm"), os.path.relpath(self.mount.store)):
            for command, name in (("status", "status.json"),
                                  ("config", "config.json"),
                                  ("errors", "errors.jsonl")):
                done = harness.ctl(place, command)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                if command != "status":
                    self.assertEqual(done.stdout, self.mount.control(name))
                else:
                    harness.json.loads(done.stdout)

    def test_help_and_version_are_answers(self):
        done = harness.ctl("-h")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("STORE-or-MOUNT", done.stdout)
        done = harness.ctl("-V")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"^engramctl \d+\.\d+")

    def test_wrong_usage_is_2_and_what_is_not_mounted_is_1(self):
        for arguments in ((), (self.mount.path,), (self.mount.path, "dance"),
                          ("-x",), (self.mount.path, "status", "more")):
            done = harness.ctl(*arguments)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertIn("usage", done.stderr)
        for place in ("/", "/nowhere", os.path.dirname(self.mount.store)):
            done = harness.ctl(place, "status")
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn(place, done.stderr)

    def test_odd_names_of_stores_are_found(self):
        directory = harness.tempfile.mkdtemp(prefix="engramfs ctl\t\\ü")
        self.addCleanup(harness.shutil.rmtree, directory)
        mount = harness.Mount(store=os.path.join(directory, "a b"))
        try:
            done = harness.ctl(mount.store, "config")
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertEqual(done.stdout, mount.control("config.json"))
        finally:
            mount.unmount()


if __name__ == "__main__":
    harness.main()
