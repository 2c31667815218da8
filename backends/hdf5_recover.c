/* SPDX-License-Identifier: MIT */
#include "backends/hdf5_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "backends/file.h"
#include "backends/journal.h"
#include "backends/log.h"

static const char *reason(int rc)
{
	return rc == -EPROTO || rc == -EBADMSG
	           ? "the file beside it, named -journal, is none of this "
	             "version"
	           : strerror(-rc);
}

/*
 * Files of the newest format say while they are open for writing that they are,
 * and so forever when that process is gone.  The property is the one that
 * h5clear sets.  What does not open here has its cause told later.
 */
static void clear_mark(const char *path)
{
	hid_t access = hdf5_file_access(H5F_LIBVER_LATEST);
	hbool_t yes = true;
	hid_t file = -1;

	if (H5Pset(access, "clear_status_flags", &yes) >= 0)
		file = H5Fopen(path, H5F_ACC_RDWR, access);
	if (file >= 0)
		H5Fclose(file);
	hdf5_close_id(access);
}

/* The mark, as the format has it: a byte of a superblock of version 3.  Where
 * that is not at the beginning, nobody knows.  Opening the file to clear it is
 * writing without a journal, and not for nothing. */
static bool may_be_marked(const char *path)
{
	static const unsigned char signature[] = "\x89HDF\r\n\x1a\n";

	enum { VERSION = 8, FLAGS = 11, SIZE = 12 };

	unsigned char bytes[SIZE];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : file_read_at(fd, bytes, SIZE, 0);

	if (fd >= 0)
		close(fd);
	if (n != SIZE || memcmp(bytes, signature, VERSION) != 0)
		return true;
	return bytes[VERSION] >= 3 && bytes[FLAGS] != 0;
}

static int recover(const char *path)
{
	struct journal_recovery recovery;
	int rc = journal_recover(path, NULL, &recovery);

	if (rc == -EAGAIN)
		return rc;
	if (rc)
		log_error("hdf5: cannot undo what was begun in %s: %s", path,
		          reason(rc));
	else if (recovery.finding == JOURNAL_UNDONE)
		log_warn("hdf5: %s: undid a write that was broken off", path);
	else if (recovery.finding == JOURNAL_STALE)
		log_error("hdf5: %s: a write was broken off, and then others "
		          "changed the file; the journal is %s%s now",
		          path, path, recovery.name);
	if (rc == 0 && recovery.crashed && may_be_marked(path))
		clear_mark(path);
	return rc ? -EIO : 0;
}

int hdf5_file_recover(const char *path, bool read_only)
{
	if (!read_only)
		return recover(path);
	if (!journal_is_hot(path))
		return 0;
	log_error("hdf5: %s: a write was broken off; mount the store without "
	          "`ro`, or run `engramctl STORE recover`",
	          path);
	return -EIO;
}
