# SPDX-License-Identifier: MIT
"""System calls that Python has no function for, and errno values as names."""

import contextlib
import ctypes
import errno
import os

AT_FDCWD = -100
RENAME_NOREPLACE = 1
RENAME_EXCHANGE = 2
RENAME_WHITEOUT = 4
FALLOC_KEEP_SIZE = 1
FALLOC_PUNCH_HOLE = 2
FALLOC_ZERO_RANGE = 16

libc = ctypes.CDLL(None, use_errno=True)


def _check(result):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def rename(old, new, flags):
    """renameat2(2)."""
    _check(libc.renameat2(AT_FDCWD, os.fsencode(old), AT_FDCWD,
                          os.fsencode(new), ctypes.c_uint(flags)))


def fallocate(file, mode, offset, size):
    """fallocate(2)."""
    _check(libc.fallocate(file, mode, ctypes.c_longlong(offset),
                          ctypes.c_longlong(size)))


def error_of(function, *arguments, **keywords):
    """The name of the errno that a call fails with; None where it does not."""
    try:
        function(*arguments, **keywords)
    except OSError as error:
        return errno.errorcode[error.errno]
    return None


@contextlib.contextmanager
def opened(path, flags, mode=0o644):
    """A descriptor; close(2) may fail, as it may for whoever writes records."""
    file = os.open(path, flags, mode)
    try:
        yield file
    except BaseException:
        try:
            os.close(file)
        except OSError:
            pass
        raise
    os.close(file)
