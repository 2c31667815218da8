# SPDX-License-Identifier: MIT
"""What is typed into a shell, on a mount: a row of docs/tools.md each."""

import os
import subprocess
import tempfile

import numpy as np

import harness
import matrix
from harness import npy_bytes, read_bytes, read_json, write_bytes
from matrix import ARRAYS, DIRECTORIES, FIELDS, NEW, OLD, SCRATCH, TREE, row

WHOLE = ("wm", "concepts", "episodes", "network_states")
PAIRS = {place: path for place, path in ARRAYS.items()
         if path.count("/") == 1}


class Copying(matrix.ToolCase):
    @row("`cp`", "in, over a record, and out", ARRAYS)
    def test_cp(self, path):
        self.run_tool("cp", self.source, path)
        self.assert_holds(path, NEW)
        self.run_tool("cp", path, self.out("copy.npy"))
        self.assertEqual(read_bytes(self.out_path("copy.npy")),
                         npy_bytes(NEW))

    @row("`cp`", "within a collection, to a new name", PAIRS)
    def test_cp_within(self, path):
        new = path.replace("/a.", "/b.").replace("/1.", "/31.")
        self.run_tool("cp", path, new)
        self.assert_holds(new, OLD)
        os.unlink(new)

    @row("`cp -a`", "a directory out and back; times are kept", DIRECTORIES)
    def test_cp_a(self, path):
        copy = self.out("copied")
        self.run_tool("cp", "-a", path, copy)
        self.run_tool("diff", "-r", path, copy)
        before = self.contents(path)
        self.run_tool("cp", "-a", copy + "/.", path)
        self.assertEqual(self.times(path), self.times(copy))
        self.assertEqual(*(
            {name: content for name, content in contents.items()
             if name not in self.expiring(path)}
            for contents in (self.contents(path), before)))

    @row("`install -m 600`", "a file", ARRAYS)
    def test_install(self, path):
        self.run_tool("install", "-m", "600", self.source, path)
        self.assert_holds(path, NEW)

    @row("`dd`", "`bs=1000 conv=fsync` in, a range out", ARRAYS)
    def test_dd(self, path):
        self.run_tool("dd", "if=" + self.source, "of=" + path, "bs=1000",
                      "conv=fsync")
        self.assert_holds(path, NEW)
        self.run_tool("dd", "if=" + path, "of=" + self.out("range"), "bs=8",
                      "skip=16", "count=1")
        self.assertEqual(read_bytes(self.out_path("range")),
                         NEW.tobytes()[:8])

    @row("`dd`", "`conv=notrunc` into the middle", ARRAYS)
    def test_dd_into_the_middle(self, path):
        write_bytes(self.out("element"), np.float64(-5).tobytes())
        self.run_tool("dd", "if=" + self.out_path("element"), "of=" + path,
                      "bs=8", "seek=17", "conv=notrunc")
        expected = OLD.copy()
        expected[0, 1] = -5
        self.assert_holds(path, expected)

    @row("`tar`", "out, and in over what is there", DIRECTORIES)
    def test_tar(self, path):
        archive = self.out("archive.tar")
        self.run_tool("tar", "-C", path, "-cf", archive, ".")
        before = self.contents(path)
        for name in before:
            if name.endswith(".npy"):
                np.save(os.path.join(path, name), NEW)
        self.run_tool("tar", "-C", path, "-xf", archive)
        self.assertEqual(self.contents(path), before)

    @row("`rsync -a`", "out and in; the second time nothing is transferred",
         DIRECTORIES)
    def test_rsync(self, path):
        command = ["rsync", "-a", "--itemize-changes"]
        copy = self.out("rsynced")
        self.run_tool(*command, path + "/", copy)
        self.assertEqual(self.run_tool(*command, path + "/", copy), "")
        changed = next(name for name in sorted(self.contents(copy))
                       if name.endswith(".npy"))
        np.save(os.path.join(copy, changed), NEW)
        self.assertIn(changed, self.run_tool(*command, copy + "/", path))
        self.assert_holds(os.path.join(path, changed), NEW)
        # The JSON file follows its array, and has news to tell back.
        self.run_tool(*command, path + "/", copy)
        self.assertEqual(self.run_tool(*command, copy + "/", path), "")

    def out_path(self, name):
        return os.path.join(self.outside, name)

    @staticmethod
    def contents(directory):
        return {os.path.relpath(os.path.join(top, name), directory):
                read_bytes(os.path.join(top, name))
                for top, _, names in os.walk(directory) for name in names}

    @staticmethod
    def expiring(directory):
        """Where the array comes last, its TTL starts anew."""
        return ("a.json",) if directory.endswith("/wm") else ()

    @staticmethod
    def times(directory):
        return {name: os.stat(os.path.join(directory, name)).st_mtime
                for name in os.listdir(directory)
                if os.path.isfile(os.path.join(directory, name))}


class Moving(matrix.ToolCase):
    @row("`mv`", "to a new name, both files of a pair", PAIRS)
    def test_mv(self, path):
        stem = path[:-len(".npy")]
        new = os.path.join(os.path.dirname(path),
                           "33" if stem.endswith("1") else "b")
        for suffix in (".npy", ".json"):
            self.run_tool("mv", stem + suffix, new + suffix)
        self.assert_holds(new + ".npy", OLD)
        self.assertFalse(os.path.exists(stem + ".json"))
        self.run_tool("rm", new + ".npy", new + ".json")

    @row("`mv`", "over an existing record", {"`wm/*.npy`": "wm/a.npy",
                                             "`concepts/*.npy`":
                                             "concepts/a.npy"})
    def test_mv_over(self, path):
        over = path.replace("/a.", "/b.")
        np.save(over, NEW)
        self.run_tool("mv", path, over)
        self.assert_holds(over, OLD)
        self.assertFalse(os.path.exists(path))

    @row("`mv`", "to another collection",
         {"`wm/` to `concepts/`": "wm/a.npy"})
    def test_mv_across(self, path):
        target = self.path("concepts/moved.npy")
        self.run_tool("mv", path, target)
        self.assert_holds(target, OLD)
        self.assertFalse(os.path.exists(path))

    @row("`mv`", "a file from outside, and out again", ARRAYS)
    def test_mv_from_outside(self, path):
        moved = self.out("moved.npy")
        self.run_tool("cp", self.source, moved)
        self.run_tool("mv", "-f", moved, path)
        self.assert_holds(path, NEW)
        self.run_tool("mv", path, moved)
        self.assertEqual(read_bytes(moved), npy_bytes(NEW))

    @row("`rm -r`", "a record that is a directory",
         {"`network_states/*/`": "network_states/s"})
    def test_rm_r(self, path):
        self.run_tool("rm", "-r", path)
        self.assertFalse(os.path.exists(path))

    @row("`rm -r`", "all of a collection",
         {place: path for place, path in DIRECTORIES.items()
          if "*" not in place}, "all records go; the directory stays (`EPERM`)")
    def test_rm_r_all(self, path):
        self.assertIn("Operation not permitted",
                      self.run_any("rm", "-r", path).stderr)
        self.assertEqual(os.listdir(path), [])

    @row("`ln -s`", "a symlink to a record", ARRAYS)
    def test_ln_s(self, path):
        link = os.path.join(os.path.dirname(path), "link.tmp")
        self.run_tool("ln", "-s", os.path.basename(path), link)
        self.assert_holds(link, OLD)
        self.run_tool("rm", link)
        self.assert_holds(path, OLD)

    @row("`ln`", "a second name", ARRAYS, "`EPERM`")
    def test_ln(self, path):
        self.assertIn("Operation not permitted",
                      self.run_any("ln", path, path + ".tmp").stderr)


class Changing(matrix.ToolCase):
    @row("`touch -d`", "the time of a record", {**ARRAYS, **FIELDS})
    def test_touch(self, path):
        self.run_tool("touch", "-d", "2024-01-02T03:04:05Z", path)
        self.assertEqual(os.stat(path).st_mtime, 1704164645)

    @row("`touch`", "a new name", {"`wm/*.npy`": "wm/new.npy"},
         "an empty file, no record until it is written")
    def test_touch_new(self, path):
        self.run_tool("touch", path)
        self.assertEqual(os.stat(path).st_size, 0)
        np.save(path, NEW)
        self.assert_holds(path, NEW)

    @row("`truncate -s`", "a record to another size", ARRAYS,
         "`EINVAL`; the record stays")
    def test_truncate(self, path):
        self.assertIn("Invalid argument",
                      self.run_any("truncate", "-s", "100", path).stderr)
        self.assert_holds(path, OLD)

    @row("`truncate -s`", "to another size", SCRATCH)
    def test_truncate_scratch(self, path):
        self.run_tool("truncate", "-s", "3", path)
        self.assertEqual(read_bytes(path), b"one")

    @row("`sed -i`", "a text in a JSON file", FIELDS)
    def test_sed_i(self, path):
        before = read_json(path)
        self.run_tool("sed", "-i", 's/"timestamp": *[0-9.e+]*/"timestamp": 8.5/',
                      path)
        self.assertEqual(read_json(path), {**before, "timestamp": 8.5}
                         if "timestamp" in before else before)

    @row("`jq`", "to a new file that is moved into place", FIELDS, needs="jq")
    def test_jq_and_mv(self, path):
        self.shell('jq ".metadata = {\\"k\\": 1}" "$1" > "$1.new" && '
                   'mv "$1.new" "$1"', path)
        self.assertEqual(read_json(path)["metadata"], {"k": 1})

    @row("`jq`", "into a variable, and back with a redirection", FIELDS,
         needs="jq")
    def test_jq_and_redirect(self, path):
        self.shell('text=$(jq ".metadata = {\\"k\\": 2}" "$1") && '
                   'printf "%s\\n" "$text" > "$1"', path)
        self.assertEqual(read_json(path)["metadata"], {"k": 2})

    @row("`jq`, `sponge`", "a pipe back into the file", FIELDS,
         needs="sponge")
    def test_sponge(self, path):
        self.shell('jq ".metadata = {\\"k\\": 3}" "$1" | sponge "$1"', path)
        self.assertEqual(read_json(path)["metadata"], {"k": 3})

    @row("`echo >`, `>>`", "a line, and another", SCRATCH)
    def test_redirections(self, path):
        self.shell('echo a > "$1"; echo b >> "$1"', path)
        self.assertEqual(read_bytes(path), b"a\nb\n")

    @row("`setfattr`, `getfattr`", "the time to live",
         {"`wm/*.npy`": "wm/a.npy"}, needs="setfattr")
    def test_setfattr(self, path):
        self.run_tool("setfattr", "-n", "user.ttl", "-v", "50", path)
        told = self.run_tool("getfattr", "--only-values", "-n", "user.ttl",
                             path)
        self.assertLessEqual(float(told), 50)
        self.assertIn("user.dtype", self.run_tool("getfattr", "-d", path))

    @row("`getfattr -d`", "all attributes", {**ARRAYS, **FIELDS},
         needs="getfattr")
    def test_getfattr(self, path):
        told = self.run_tool("getfattr", "--absolute-names", "-d", path)
        self.assertIn("user.origin=", told)


class Looking(matrix.ToolCase):
    @row("`ls -l`, `stat`", "size, type and time", {**ARRAYS, **FIELDS})
    def test_ls_and_stat(self, path):
        size = str(len(read_bytes(path)))
        self.assertIn(f" {size} ", self.run_tool("ls", "-l", path))
        self.assertEqual(
            self.run_tool("stat", "-c", "%F %s", path).strip(),
            "regular file " + size)

    @row("`cat`, `head -c`, `tail -c`, `wc -c`", "all, and parts",
         {**ARRAYS, **FIELDS})
    def test_cat(self, path):
        whole = read_bytes(path)
        shown = subprocess.run(["cat", path], stdout=subprocess.PIPE,
                               check=True).stdout
        self.assertEqual(shown, whole)
        both = subprocess.run(
            ["sh", "-c", 'head -c 20 "$1"; tail -c 9 "$1"; wc -c < "$1"',
             "sh", path], stdout=subprocess.PIPE, check=True).stdout
        self.assertEqual(both, whole[:20] + whole[-9:] +
                         str(len(whole)).encode() + b"\n")

    @row("`sha256sum -c`", "the sums of a copy", ARRAYS)
    def test_sha256sum(self, path):
        copy = self.out("summed.npy")
        self.run_tool("cp", path, copy)
        sums = [self.run_tool("sha256sum", name).split()[0]
                for name in (path, copy)]
        self.assertEqual(sums[0], sums[1])

    @row("`file`", "what it is", ARRAYS, needs="file")
    def test_file(self, path):
        self.assertIn("NumPy", self.run_tool("file", path))

    @row("`diff -r`", "a copy, and a changed one", DIRECTORIES)
    def test_diff(self, path):
        copy = self.out("compared")
        self.run_tool("cp", "-r", path, copy)
        self.run_tool("diff", "-r", path, copy)
        with open(os.path.join(copy, "more"), "w", encoding="utf-8"):
            pass
        self.assertEqual(self.run_any("diff", "-r", path, copy).returncode, 1)

    @row("`find -newer`", "what has changed", DIRECTORIES)
    def test_find_newer(self, path):
        mark = self.out("mark")
        changed = next(os.path.join(top, name)
                       for top, _, names in sorted(os.walk(path))
                       for name in sorted(names) if name.endswith(".npy"))
        for top, _, names in os.walk(path):
            for name in names:
                os.utime(os.path.join(top, name), (1.6e9, 1.6e9))
        write_bytes(mark, b"")
        os.utime(mark, (1.65e9, 1.65e9))
        self.assertEqual(self.found_newer(path, mark), [])
        os.utime(changed, (1.7e9, 1.7e9))
        self.assertEqual(self.found_newer(path, mark), [changed])

    def found_newer(self, path, mark):
        return self.run_tool("find", path, "-type", "f", "-newer",
                             mark).splitlines()

    @row("`du`", "apparent size and blocks agree", DIRECTORIES)
    def test_du(self, path):
        sizes = [os.path.getsize(os.path.join(top, name))
                 for top, _, names in os.walk(path) for name in names]
        told = self.run_tool("du", "-s", "--apparent-size", "-B1", path)
        self.assertEqual(int(told.split()[0]), sum(sizes))
        blocks = int(self.run_tool("du", "-s", "-B512", path).split()[0])
        self.assertGreaterEqual(blocks * 512, sum(sizes))

    @row("`df`", "the file system that holds the store", TREE)
    def test_df(self, path):
        columns = ["df", "--output=fstype,size", "-B1"]
        here = self.run_tool(*columns, path).split("\n")[1].split()
        there = self.run_tool(*columns, self.mount.store).split("\n")[1].split()
        self.assertEqual(here[0], "fuse.engramfs")
        self.assertEqual(here[1], there[1])

    @row("`grep -r`", "a text", FIELDS)
    def test_grep(self, path):
        name = "metadata"
        self.assertIn(path, self.run_tool("grep", "-rl", name,
                                          os.path.dirname(path)))

    @row("`inotifywait`", "create, write, move and delete by others here",
         {"`wm/`": "wm", "`concepts/`": "concepts"}, needs="inotifywait")
    def test_inotifywait(self, path):
        with subprocess.Popen(
                ["inotifywait", "-m", "--format", "%e %f", path], text=True,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE) as watch:
            try:
                while "established" not in watch.stderr.readline():
                    self.assertIsNone(watch.poll())
                np.save(path + "/seen.npy", OLD)
                os.rename(path + "/seen.npy", path + "/moved.npy")
                os.unlink(path + "/moved.npy")
                events = []
                while not events or events[-1] != "DELETE moved.npy":
                    events.append(watch.stdout.readline().strip())
            finally:
                watch.terminate()
        for event in ("CREATE seen.npy", "CLOSE_WRITE,CLOSE seen.npy",
                      "MOVED_FROM seen.npy", "MOVED_TO moved.npy"):
            self.assertIn(event, events)
        self.assertTrue(any(event.startswith("MODIFY") for event in events))


class WholeTree(matrix.ToolCase):
    @row("`tar`, `find`, `du`, `rsync -a`", "everything below the mount point",
         TREE)
    def test_everything(self, path):
        directories = [os.path.join(path, name) for name in WHOLE]
        with tempfile.TemporaryDirectory() as copy:
            self.run_tool("rsync", "-a", *directories, copy)
            self.assertEqual(
                self.run_tool("rsync", "-ai", *directories, copy), "")
            archive = os.path.join(copy, "all.tar")
            self.run_tool("tar", "-cf", archive, "-C", path, ".")
            names = self.run_tool("tar", "-tf", archive).split()
        found = self.run_tool("find", ".", cwd=path).split()
        self.assertEqual(sorted(name.rstrip("/") for name in names),
                         sorted(found))
        self.run_tool("du", "-s", path)


def tearDownModule():
    matrix.check("Shell")


if __name__ == "__main__":
    harness.main()
