# SPDX-License-Identifier: MIT
"""/concepts/<name>/<type>/<target>: relationships as symlinks."""

import errno
import os
import random
import shutil
import sqlite3
import subprocess
import tempfile
import time

import numpy as np

import harness
from harness import edit_json, eventually, read_json, write_json

EMBEDDING = np.linspace(0, 1, 8)
NAMED = ("SELECT a.name, relationship_type, b.name, strength, created_at"
         " FROM concept_relationships r"
         " JOIN concepts a ON a.id = r.source_concept_id"
         " JOIN concepts b ON b.id = r.target_concept_id")


def run(*command, **options):
    return subprocess.run(command, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=120, **options)


def stored(mount):
    """(source, type, target) -> (strength, created_at), as sqlite3 sees it."""
    database = sqlite3.connect(mount.database)
    try:
        return {row[:3]: row[3:] for row in database.execute(NAMED)}
    finally:
        database.close()


def execute(mount, statement, *values):
    database = sqlite3.connect(mount.database, timeout=10)
    try:
        with database:
            database.execute(statement, values)
    finally:
        database.close()


def use_legacy(store):
    shutil.copy(os.path.join(harness.LEGACY, "godly_ai.db"), store)


class RelationshipsCase(harness.MountCase):
    def concept(self, name, mount=None):
        np.save((mount or self.mount)("concepts", name + ".npy"), EMBEDDING)

    def link(self, source, kind, target):
        os.makedirs(self.path("concepts", source, kind), exist_ok=True)
        os.symlink("../../" + target,
                   self.path("concepts", source, kind, target))

    def links(self, source, kind):
        return sorted(os.listdir(self.path("concepts", source, kind)))

    def strength(self, source, kind, target):
        return stored(self.mount)[source, kind, target][0]

    def assert_errno(self, number, function, *arguments):
        with self.assertRaises(OSError) as caught:
            function(*arguments)
        self.assertEqual(caught.exception.errno, number)


class Links(RelationshipsCase):
    def test_a_link_is_a_relationship_of_strength_one(self):
        self.concept("la")
        self.concept("lb")
        self.link("la", "similar_to", "lb")
        strength, created = stored(self.mount)["la", "similar_to", "lb"]
        self.assertEqual(strength, 1.0)
        self.assertAlmostEqual(created, time.time() / 86400 + 2440587.5,
                               delta=harness.PATIENCE / 86400)
        link = self.path("concepts/la/similar_to/lb")
        self.assertEqual(os.readlink(link), "../../lb.json")
        self.assertEqual(os.lstat(link).st_size,
                         len("../../lb.json"))
        self.assertEqual(read_json(link),
                         read_json(self.path("concepts/lb.json")))
        self.assertEqual(self.links("la", "similar_to"), ["lb", "lb.json"])
        self.assertIn("la", os.listdir(self.path("concepts")))
        self.assertNotIn("lb", os.listdir(self.path("concepts")))
        os.unlink(link)
        self.assertNotIn(("la", "similar_to", "lb"), stored(self.mount))
        self.assertEqual(self.links("la", "similar_to"), [])
        os.rmdir(self.path("concepts/la/similar_to"))
        os.rmdir(self.path("concepts/la"))
        self.assertNotIn("la", os.listdir(self.path("concepts")))
        self.assertIn("la.npy", os.listdir(self.path("concepts")))

    def test_the_json_file_beside_it_holds_the_strength(self):
        self.concept("ja")
        self.concept("jb")
        path = self.path("concepts/ja/part_of/jb.json")
        os.makedirs(os.path.dirname(path))
        write_json(path, {"strength": 0.8, "created_at": 2460000.25})
        self.assertEqual(stored(self.mount)["ja", "part_of", "jb"],
                         (0.8, 2460000.25))
        self.assertEqual(os.readlink(path[:-5]), "../../jb.json")
        self.assertEqual(read_json(path),
                         {"strength": 0.8, "created_at": 2460000.25})
        write_json(path, {"strength": 0.5})
        self.assertEqual(stored(self.mount)["ja", "part_of", "jb"],
                         (0.5, 2460000.25))
        edit_json(path, strength=-2)
        self.assertEqual(self.strength("ja", "part_of", "jb"), -2.0)
        os.unlink(path)
        self.assertEqual(stored(self.mount)["ja", "part_of", "jb"],
                         (1.0, 2460000.25))

    def test_user_strength_is_the_same_number(self):
        self.concept("xa")
        self.concept("xb")
        self.link("xa", "t", "xb")
        path = self.path("concepts/xa/t/xb.json")
        self.assertEqual(os.getxattr(path, "user.strength"), b"1.0")
        os.setxattr(path, "user.strength", b"0.125")
        self.assertEqual(self.strength("xa", "t", "xb"), 0.125)
        self.assertEqual(read_json(path)["strength"], 0.125)
        self.assertEqual(set(os.listxattr(path)),
                         {"user.origin", "user.strength"})
        self.assertRegex(os.getxattr(path, "user.origin"),
                         b"^sqlite:concept_relationships/[0-9]+$")
        self.assert_errno(errno.EINVAL, os.setxattr, path, "user.strength",
                          b"nan")
        self.assert_errno(errno.EPERM, os.setxattr, path, "user.origin", b"1")
        self.assertEqual(self.strength("xa", "t", "xb"), 0.125)

    def test_what_is_no_relationship_is_refused_with_a_reason(self):
        self.concept("ra")
        self.concept("rb")
        self.link("ra", "t", "rb")
        directory = self.path("concepts/ra/t")
        self.assert_errno(errno.EEXIST, os.symlink, "../../rb",
                          os.path.join(directory, "rb"))
        for target in ("/etc/passwd", "rb", "../../wm/rb", "../..",
                       "../../rb/x", "../../.hidden"):
            self.assert_errno(errno.EINVAL, os.symlink, target,
                              os.path.join(directory, "wrong"))
            self.assertIn("../../", self.mount.errors()[-1]["reason"])
        self.assert_errno(errno.EINVAL, os.symlink, "../../rb",
                          self.path("concepts/ra/rb"))
        self.assertEqual(self.links("ra", "t"), ["rb", "rb.json"])
        path = os.path.join(directory, "rb.json")
        for content in (b'{"strength": "high"}', b'{"strength": NaN}',
                        b'{"strength": true}', b'{"strenght": 1}', b"[1]",
                        b'{"strength": 1'):
            self.assert_refused(path, content, errno.EINVAL)
        self.assertEqual(self.strength("ra", "t", "rb"), 1.0)
        self.assertEqual(len([reason for reason in self.mount.rejected()
                              if reason.endswith(".reason.json")]), 6)

    def test_a_link_to_itself_and_both_ways_are_fine(self):
        self.concept("sa")
        self.concept("sb")
        self.link("sa", "t", "sa")
        self.link("sa", "t", "sb")
        self.link("sb", "t", "sa")
        self.assertEqual(self.links("sa", "t"),
                         ["sa", "sa.json", "sb", "sb.json"])
        self.assertEqual(self.links("sb", "t"), ["sa", "sa.json"])

    def test_links_move_between_types(self):
        for name in ("ma", "mb", "mc"):
            self.concept(name)
        self.link("ma", "old", "mb")
        self.link("ma", "old", "mc")
        os.setxattr(self.path("concepts/ma/old/mb.json"), "user.strength",
                    b"0.25")
        os.mkdir(self.path("concepts/ma/new"))
        done = run("sh", "-c", "mv old/* new/", cwd=self.path("concepts/ma"))
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        self.assertEqual(self.links("ma", "new"),
                         ["mb", "mb.json", "mc", "mc.json"])
        self.assertEqual(self.strength("ma", "new", "mb"), 0.25)
        self.assertEqual(self.links("ma", "old"), [])
        self.link("ma", "old", "mb")
        os.rename(self.path("concepts/ma/new/mb"),
                  self.path("concepts/ma/old/mb"))
        self.assertEqual(self.strength("ma", "old", "mb"), 0.25)
        self.assert_errno(errno.EINVAL, os.rename,
                          self.path("concepts/ma/old/mb"),
                          self.path("concepts/ma/old/other"))
        done = run("mv", "old", "older", cwd=self.path("concepts/ma"))
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        self.assertEqual(self.strength("ma", "older", "mb"), 0.25)
        self.assertNotIn(("ma", "old", "mb"), stored(self.mount))

    def test_programs_replace_links_and_json_files(self):
        self.concept("pa")
        self.concept("pb")
        self.link("pa", "t", "pb")
        directory = self.path("concepts/pa/t")
        write_json(os.path.join(directory, "pb.json"), {"strength": 0.75})
        for command in (["ln", "-sf", "../../pb", "pb"],
                        ["ln", "-sfn", "../../pb.json", "pb"],
                        ["sed", "-i", "s/0.75/0.625/", "pb.json"]):
            done = run(*command, cwd=directory)
            self.assertEqual((done.returncode, done.stdout), (0, ""))
        self.assertEqual(self.strength("pa", "t", "pb"), 0.625)
        self.assertEqual(self.links("pa", "t"), ["pb", "pb.json"])

    def test_a_link_that_is_made_anew_is_new(self):
        self.concept("ka")
        self.concept("kb")
        self.link("ka", "t", "kb")
        path = self.path("concepts/ka/t/kb")
        os.setxattr(path + ".json", "user.strength", b"0.5")
        self.assertEqual(run("rm", path).returncode, 0)
        self.assertFalse(os.path.lexists(path))
        self.assertEqual(run("ln", "-s", "../../kb", path).returncode, 0)
        self.assertEqual(self.strength("ka", "t", "kb"), 1.0)

    def test_a_removed_concept_takes_its_relationships_along(self):
        for name in ("da", "db", "dc"):
            self.concept(name)
        self.link("da", "t", "db")
        self.link("db", "t", "dc")
        self.link("da", "t", "dc")
        os.unlink(self.path("concepts/db.npy"))
        os.unlink(self.path("concepts/db.json"))
        self.assertEqual([name for name in stored(self.mount)
                          if "db" in name], [])
        self.assertEqual(self.links("da", "t"), ["dc", "dc.json"])
        self.concept("db")
        self.assertEqual(self.links("da", "t"), ["dc", "dc.json"])

    def test_a_renamed_concept_keeps_its_relationships(self):
        for name in ("na", "nb", "nc"):
            self.concept(name)
        self.link("na", "t", "nb")
        self.link("nb", "t", "nc")
        self.link("nb", "t", "not yet")
        os.rename(self.path("concepts/nb.npy"), self.path("concepts/nd.npy"))
        self.assertEqual(self.links("na", "t"), ["nd", "nd.json"])
        self.assertEqual(self.links("nd", "t"),
                         ["nc", "nc.json", "not yet"])
        self.assertEqual(os.readlink(self.path("concepts/na/t/nd")),
                         "../../nd.json")
        self.concept("not yet")
        self.assertEqual(self.strength("nd", "t", "not yet"), 1.0)
        os.rename(self.path("concepts/nd"), self.path("concepts/ne"))
        self.assertEqual(self.links("na", "t"), ["ne", "ne.json"])

    def test_any_name_can_be_related(self):
        names = ["a/b", "50%", "x.json", "ünïcode ü", "long " * 60,
                 "long " * 61, "x"]
        self.concept("hub")
        for name in names:
            execute(self.mount, "INSERT INTO concepts (name, embedding,"
                    " creation_time) VALUES (?, ?, 0)", name,
                    harness.npy_bytes(EMBEDDING))
        known = [name[:-4] for name in os.listdir(self.path("concepts"))
                 if name.endswith(".npy")]
        shown = {name: [stem for stem in known if read_json(
            self.path("concepts", stem + ".json")).get("key", stem)
            in (name, name.replace("%", "%25").replace("/", "%2F")
                .replace(".json", "%2Ejson"))][0] for name in names}
        for name, stem in shown.items():
            self.link("hub", "50%25 of", stem)
            self.link(stem, "t", "hub")
            write_json(self.path("concepts/hub/50%25 of", stem + ".json"),
                       {"strength": 0.5})
        rows = stored(self.mount)
        for name, stem in shown.items():
            self.assertEqual(rows["hub", "50% of", name][0], 0.5)
            self.assertEqual(rows[name, "t", "hub"][0], 1.0)
        self.assertEqual(self.links("hub", "50%25 of"), sorted(
            [stem for stem in shown.values()] +
            [stem + ".json" for stem in shown.values()]))
        self.assertLessEqual(set(shown.values()),
                             set(os.listdir(self.path("concepts"))))

    def test_what_others_change_is_seen(self):
        for name in ("oa", "ob"):
            self.concept(name)
        execute(self.mount, "INSERT INTO concept_relationships"
                " (source_concept_id, target_concept_id, relationship_type,"
                " strength) SELECT a.id, b.id, 'theirs', 0.5 FROM concepts a,"
                " concepts b WHERE a.name = 'oa' AND b.name = 'ob'")
        eventually(lambda: os.path.lexists(
            self.path("concepts/oa/theirs/ob")))
        self.assertEqual(self.links("oa", "theirs"), ["ob", "ob.json"])
        self.assertIn("oa", os.listdir(self.path("concepts")))
        execute(self.mount, "UPDATE concept_relationships SET strength = 0.25"
                " WHERE relationship_type = 'theirs'")
        self.assertEqual(read_json(
            self.path("concepts/oa/theirs/ob.json"))["strength"], 0.25)
        execute(self.mount, "DELETE FROM concept_relationships"
                " WHERE relationship_type = 'theirs'")
        eventually(lambda: not os.path.exists(self.path("concepts/oa/theirs")))

    def test_the_time_of_a_file_is_kept(self):
        self.concept("ta")
        self.concept("tb")
        self.link("ta", "t", "tb")
        path = self.path("concepts/ta/t/tb.json")
        os.utime(path, ns=(1, 1_700_000_000_123_456_789))
        self.assertEqual(os.stat(path).st_mtime_ns, 1_700_000_000_123_456_789)
        before = time.time() - 1
        write_json(path, {"strength": 0.5})
        eventually(lambda: os.stat(path).st_mtime > before)

    def test_rm_removes_all_of_a_directory(self):
        for name in ("ga", "gb", "gc"):
            self.concept(name)
        self.link("ga", "t", "gb")
        self.link("ga", "u", "gc")
        self.link("ga", "u", "to come")
        self.assert_errno(errno.ENOTEMPTY, os.rmdir, self.path("concepts/ga"))
        self.assert_errno(errno.ENOTEMPTY, os.rmdir,
                          self.path("concepts/ga/t"))
        done = run("rm", "-r", self.path("concepts/ga"))
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        self.assertEqual([name for name in stored(self.mount)
                          if "ga" in name], [])
        self.assertNotIn("ga", os.listdir(self.path("concepts")))
        self.concept("to come")
        self.assertNotIn("ga", os.listdir(self.path("concepts")))


class Waiting(RelationshipsCase):
    def test_a_link_waits_for_its_target(self):
        self.concept("wa")
        self.link("wa", "t", "wb")
        write_json(self.path("concepts/wa/t/wb.json"), {"strength": 0.5})
        self.assertEqual(self.links("wa", "t"), ["wb", "wb.json"])
        self.assertNotIn(("wa", "t", "wb"), stored(self.mount))
        self.mount.remount()
        self.assertEqual(os.readlink(self.path("concepts/wa/t/wb")),
                         "../../wb.json")
        self.assertEqual(read_json(self.path("concepts/wa/t/wb.json")),
                         {"strength": 0.5})
        self.concept("wb")
        self.assertEqual(self.strength("wa", "t", "wb"), 0.5)
        self.assertEqual(self.links("wa", "t"), ["wb", "wb.json"])
        waiting = os.path.join(self.mount.store, "spool", "waiting")
        self.assertFalse(os.path.exists(waiting))

    def test_a_link_waits_for_its_source(self):
        self.concept("vb")
        self.link("va", "t", "vb")
        self.assertIn("va", os.listdir(self.path("concepts")))
        self.assertEqual(self.links("va", "t"), ["vb"])
        self.concept("va")
        self.assertEqual(self.strength("va", "t", "vb"), 1.0)
        self.assertEqual(os.listdir(self.path("concepts")).count("va"), 1)

    def test_a_json_file_alone_waits_too(self):
        path = self.path("concepts/ua/t/ub.json")
        os.makedirs(os.path.dirname(path))
        self.assert_refused(path, b'{"strength": "x"}', errno.EINVAL)
        write_json(path, {"strength": 0.5, "created_at": 2460000.5})
        self.concept("ua")
        self.assertEqual(self.links("ua", "t"), ["ub.json"])
        self.concept("other")
        os.rename(self.path("concepts/other.npy"),
                  self.path("concepts/ub.npy"))
        self.assertEqual(stored(self.mount)["ua", "t", "ub"],
                         (0.5, 2460000.5))

    def test_a_removed_link_waits_no_more(self):
        self.concept("ya")
        self.link("ya", "t", "yb")
        write_json(self.path("concepts/ya/t/yb.json"), {"strength": 0.5})
        os.unlink(self.path("concepts/ya/t/yb"))
        self.assertEqual(self.links("ya", "t"), ["yb.json"])
        os.unlink(self.path("concepts/ya/t/yb.json"))
        self.assertEqual(self.links("ya", "t"), [])
        self.concept("yb")
        self.assertEqual(self.links("ya", "t"), [])


class RoundTrips(RelationshipsCase):
    @classmethod
    def make_mount(cls):
        return harness.Mount(fill=use_legacy)

    def setUp(self):
        self.other = harness.Mount()
        self.addCleanup(self.other.unmount)
        self.link("neural_network", "rated", "ünïcode")
        self.addCleanup(os.unlink, self.path(
            "concepts/neural_network/rated/ünïcode"))

    def assert_same(self):
        for options in (["-r"], ["-r", "--no-dereference"]):
            done = run("diff", *options, self.path("concepts"),
                       self.other("concepts"))
            self.assertEqual((done.returncode, done.stdout), (0, ""))
        self.assertEqual(stored(self.other), stored(self.mount))
        self.assertEqual(len(stored(self.other)), 4)
        link = "concepts/deep_learning/similar_to/machine_learning"
        for path in (link, link + ".json"):
            self.assertEqual(os.lstat(self.other(path)).st_mtime_ns,
                             os.lstat(self.path(path)).st_mtime_ns)

    def assert_runs(self, *command, **options):
        done = run(*command, **options)
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_the_legacy_store_has_three(self):
        directory = self.path("concepts/deep_learning")
        self.assertEqual(sorted(os.listdir(directory)),
                         ["is_type_of", "similar_to"])
        self.assertEqual(
            os.readlink(directory + "/is_type_of/neural_network"),
            "../../neural_network.json")
        self.assertEqual(read_json(
            directory + "/is_type_of/neural_network.json")["strength"], 0.9)
        self.assertEqual(os.getxattr(
            self.path("concepts/neural_network/is_part_of/"
                      "machine_learning.json"), "user.strength"), b"0.8")

    def test_cp_brings_everything(self):
        self.assert_runs("cp", "-a", self.path("concepts"),
                         self.other("."))
        self.assert_same()
        self.other.remount()
        self.assert_same()

    def test_cp_again_changes_nothing(self):
        for _ in range(3):
            self.assert_runs("cp", "-a", self.path("concepts"),
                             self.other("."))
            self.assert_same()

    def test_cp_without_times_brings_the_same_text(self):
        self.assert_runs("cp", "-r", self.path("concepts/deep_learning"),
                         self.path("concepts/neural_network"), self.path(
                             "concepts/machine_learning.json"),
                         self.path("concepts/machine_learning.npy"),
                         self.path("concepts/deep_learning.npy"),
                         self.path("concepts/neural_network.npy"),
                         self.path("concepts/ünïcode.npy"),
                         self.other("concepts"))
        self.assertEqual(stored(self.other), stored(self.mount))

    def test_cp_by_way_of_another_file_system(self):
        with tempfile.TemporaryDirectory() as plain:
            self.assert_runs("cp", "-a", self.path("concepts"), plain)
            self.assert_runs("cp", "-a", plain + "/concepts/.",
                             self.other("concepts"))
        self.assert_same()

    def bring(self, path):
        """As cp -a does of a single file."""
        if os.path.lexists(self.other(path)):
            os.unlink(self.other(path))
        shutil.copy2(self.path(path), self.other(path),
                     follow_symlinks=False)

    def test_every_order_brings_everything(self):
        files = [os.path.relpath(os.path.join(directory, name), self.path())
                 for directory, names, others in os.walk(self.path("concepts"))
                 for name in others + [
                     name for name in names
                     if os.path.islink(os.path.join(directory, name))]]
        chance = random.Random(5)
        for order in (sorted(files), sorted(files, reverse=True),
                      chance.sample(files, len(files))):
            for path in order:
                os.makedirs(os.path.dirname(self.other(path)), exist_ok=True)
                self.bring(path)
            self.assert_same()
            self.assert_runs("sh", "-c", "rm -r concepts/*",
                             cwd=self.other())

    def test_tar_brings_everything(self):
        with tempfile.TemporaryDirectory() as plain:
            archive = os.path.join(plain, "a.tar")
            self.assert_runs("tar", "-C", self.path(), "--format=posix",
                             "-cf", archive, "concepts")
            self.assert_runs("tar", "-C", self.other(), "-xf", archive)
            self.assert_same()
            self.assert_runs("tar", "-C", self.other(), "-xf", archive)
            self.assert_same()

    def test_rsync_brings_everything_and_then_nothing(self):
        command = ["rsync", "-a", "--itemize-changes", self.path("concepts/"),
                   self.other("concepts/")]
        done = run(*command)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assert_same()
        eventually(lambda: not [
            line for line in run(*command).stdout.splitlines()
            if not line.startswith(".d")])


if __name__ == "__main__":
    harness.main()
