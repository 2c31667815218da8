# SPDX-License-Identifier: MIT
"""Editors and desktop programs on a mount: a row of docs/tools.md each."""

import os
import pty
import select
import signal
import subprocess
import sys
import time

import numpy as np

import harness
import matrix
from harness import npy_bytes, read_bytes, read_json
from matrix import ARRAYS, FIELDS, NEW, OLD, SCRATCH, TREE, row


class EditorCase(matrix.ToolCase):
    def fill(self):
        super().fill()
        for path in FIELDS.values():
            harness.edit_json(self.path(path), metadata={"by": "hand"})

    def assert_edited(self, path, by):
        """The record has the change, and the editor left nothing behind but
        what is named in its documentation."""
        self.assertEqual(read_json(path)["metadata"], {"by": by})
        self.assertEqual(
            [name for name in os.listdir(os.path.dirname(path))
             if name.startswith(".") or name == "4913"], [])

    def in_terminal(self, *command, terminal_type, dialogue=()):
        """Run COMMAND in a terminal of its own.  DIALOGUE: what it shows, and
        the keys that are pressed then."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.environ.update(TERM=terminal_type, LC_ALL="C.UTF-8",
                              HOME=self.outside)
            os.execvp(command[0], command)
        try:
            for shown, keys in dialogue:
                self.read_until(terminal, lambda drawn: shown in drawn)
                os.write(terminal, keys)
            drawn = self.read_until(terminal, lambda drawn: False)
            _, status = os.waitpid(pid, 0)
        except BaseException:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise
        finally:
            os.close(terminal)
        self.assertEqual(os.waitstatus_to_exitcode(status), 0, drawn)

    def read_until(self, terminal, condition):
        """What is drawn until CONDITION of it, or to the end."""
        end = time.monotonic() + harness.PATIENCE
        drawn = b""
        while not condition(drawn):
            left = end - time.monotonic()
            if not select.select([terminal], [], [], max(left, 0))[0]:
                raise AssertionError(f"not within time: {drawn}")
            try:
                some = os.read(terminal, 65536)
            except OSError:  # EIO: the other end is closed
                break
            if not some:
                break
            drawn += some
        return drawn


class Editors(EditorCase):
    def edit_with_vim(self, path, *settings):
        # -es: as in a script; the swap file is as in a terminal.
        self.run_tool("vim", "-u", "NONE", "-i", "NONE", "-es",
                      "-c", "set swapfile directory=. updatecount=1 "
                      + " ".join(settings),
                      "-c", '%s/"hand"/"vim"/', "-c", "wq", path)

    @row("vim", "swap file, no backup: writes in place", FIELDS, needs="vim")
    def test_vim_in_place(self, path):
        self.edit_with_vim(path, "nobackup", "nowritebackup")
        self.assert_edited(path, "vim")

    @row("vim", "swap file and backup, `backupcopy=yes`: copies, then writes "
         "in place", FIELDS, needs="vim")
    def test_vim_copies(self, path):
        self.edit_with_vim(path, "backup", "writebackup", "backupcopy=yes",
                           "backupdir=.", "backupskip=")
        self.assert_edited(path, "vim")
        self.assertIn(b'"hand"', read_bytes(path + "~"))
        os.unlink(path + "~")

    @row("vim", "swap file and backup, `backupcopy=no`: moves the old file "
         "away, writes a new one", FIELDS, needs="vim")
    def test_vim_moves(self, path):
        self.edit_with_vim(path, "backup", "writebackup", "backupcopy=no",
                           "backupdir=.", "backupskip=")
        self.assert_edited(path, "vim")
        self.assertIn(b'"hand"', read_bytes(path + "~"))
        os.unlink(path + "~")

    @row("vim", "a text that is no record", FIELDS,
         "`E512: Close failed`; the record stays", needs="vim")
    def test_vim_is_told(self, path):
        before = read_bytes(path)
        done = self.run_any("vim", "-u", "NONE", "-i", "NONE", "-es", "-V1",
                            "-c", "set nobackup nowritebackup",
                            "-c", "1delete", "-c", "w!", "-c", "q!", path)
        self.assertIn("E512", done.stdout + done.stderr)
        self.assertEqual(read_bytes(path), before)

    @row("nano", "type, save, leave", FIELDS, needs="nano")
    def test_nano(self, path):
        self.in_terminal(
            "nano", "--ignorercfiles", path, terminal_type="xterm",
            dialogue=[(b"?25h", b"\x1c"), (b"Search", b"hand\r"),
                      (b"Replace with", b"nano\r"),
                      (b"this instance", b"A"), (b"Replaced", b"\x0f"),
                      (b"Write", b"\r"), (b"Wrote", b"\x18")])
        self.assert_edited(path, "nano")

    @row("emacs -nw", "lock, backup and auto-save files", FIELDS,
         needs="emacs")
    def test_emacs(self, path):
        self.in_terminal(
            "emacs", "-nw", "-Q", path, "--eval",
            '(progn (setq backup-inhibited nil)'
            ' (goto-char 1) (search-forward "\\"hand\\"")'
            ' (replace-match "\\"emacs\\"") (do-auto-save) (save-buffer)'
            ' (kill-emacs))', terminal_type="vt100")
        self.assert_edited(path, "emacs")
        self.assertIn(b'"hand"', read_bytes(path + "~"))
        os.unlink(path + "~")


class Desktop(EditorCase):
    @row("`gio save`", "as gedit and other GLib programs save", FIELDS,
         needs="gio")
    def test_gio_save(self, path):
        content = read_bytes(path).replace(b'"hand"', b'"gio"')
        with open(self.out("text"), "w+b") as file:
            file.write(content)
            file.seek(0)
            self.run_tool("gio", "save", path, stdin=file)
        self.assert_edited(path, "gio")

    @row("`gio copy`", "in, over a record, and out", ARRAYS, needs="gio")
    def test_gio_copy(self, path):
        self.run_tool("gio", "copy", self.source, path)
        self.assert_holds(path, NEW)
        copy = self.out("copy.npy")
        self.run_tool("gio", "copy", path, copy)
        self.assertEqual(read_bytes(copy), npy_bytes(NEW))

    @row("`gio move`, `gio rename`, `gio remove`", "one file", SCRATCH,
         needs="gio")
    def test_gio_names(self, path):
        self.run_tool("gio", "rename", path, "renamed.tmp")
        renamed = os.path.join(os.path.dirname(path), "renamed.tmp")
        self.run_tool("gio", "move", renamed, path)
        self.run_tool("gio", "remove", path)
        self.assertFalse(os.path.exists(path))

    @row("`gio info`, `gio list`, `gio cat`", "what a file manager shows",
         {**ARRAYS, **FIELDS}, needs="gio")
    def test_gio_info(self, path):
        told = self.run_tool("gio", "info", path)
        self.assertIn(f"standard::size: {len(read_bytes(path))}", told)
        self.assertIn(os.path.basename(path),
                      self.run_tool("gio", "list", os.path.dirname(path)))
        shown = subprocess.run(["gio", "cat", path], check=True,
                               stdout=subprocess.PIPE).stdout
        self.assertEqual(shown, read_bytes(path))

    @row("`gio trash`", "a record", ARRAYS,
         "refused: there is no trash on a mount, programs offer to delete",
         needs="gio")
    def test_gio_trash(self, path):
        self.assertNotEqual(self.run_any("gio", "trash", path).returncode, 0)
        self.assert_holds(path, OLD)

    @row("an indexer", "reads everything at idle while others write", TREE)
    def test_an_indexer(self, path):
        program = ("import os, sys\n"
                   "os.nice(19)\n"
                   "for _ in range(3):\n"
                   "    for top, _, names in os.walk(sys.argv[1]):\n"
                   "        for name in names:\n"
                   "            with open(os.path.join(top, name), 'rb') as f:\n"
                   "                f.read()\n")
        before = {name: (os.stat(self.path(name)), read_bytes(self.path(name)))
                  for name in ("concepts/a.json", "episodes/1.json")}
        with subprocess.Popen([sys.executable, "-c", program, path],
                              stderr=subprocess.PIPE, text=True) as indexer:
            count = 0
            while indexer.poll() is None or count < 20:
                np.save(self.path("wm/a.npy"), OLD + count)
                self.assert_holds(self.path("wm/a.npy"), OLD + count)
                count += 1
            self.assertEqual(indexer.stderr.read(), "")
        for name, (status, content) in before.items():
            self.assertEqual(read_bytes(self.path(name)), content)
            self.assertEqual(os.stat(self.path(name)).st_mtime_ns,
                             status.st_mtime_ns)


def tearDownModule():
    matrix.check("Editors and desktops")


if __name__ == "__main__":
    harness.main()
