/* SPDX-License-Identifier: MIT */
#include "backends/journal_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct remains {
	const char *path;
	const struct journal_io *io;
	char *name; /* path of the journal */
	int file;
	int log;
	struct journal_recovery *out;
};

static char *journal_path(const char *path)
{
	char *name;

	return asprintf(&name, "%s" JOURNAL_SUFFIX, path) < 0 ? NULL : name;
}

static int put_aside(const struct remains *remains)
{
	struct journal_recovery *out = remains->out;
	struct timespec now;
	char *to = NULL;
	int rc = 0;

	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(out->name, sizeof(out->name), JOURNAL_SUFFIX ".%lld.%09ld",
	         (long long)now.tv_sec, now.tv_nsec);
	if (asprintf(&to, "%s%s", remains->path, out->name) < 0)
		return -ENOMEM;
	if (rename(remains->name, to) != 0)
		rc = -errno;
	free(to);
	if (rc == 0)
		out->finding = JOURNAL_STALE;
	return rc;
}

static int remove_log(const struct remains *remains)
{
	int rc = journal_make_void(remains->io, remains->log);

	if (rc == 0 && remains->io->fdatasync(remains->log) != 0)
		rc = -errno;
	if (rc == 0 && unlink(remains->name) != 0)
		rc = -errno;
	return rc;
}

static int recover(const struct remains *remains)
{
	struct journal_recovery *out = remains->out;
	int rc = journal_undo(remains->io, remains->file, remains->log, true,
	                      &out->pages);

	if (rc == -ESTALE)
		return put_aside(remains);
	if (rc == 0)
		out->finding = JOURNAL_UNDONE;
	return rc == 0 || rc == -ENOENT ? remove_log(remains) : rc;
}

static int recover_locked(struct remains *remains)
{
	struct journal_header header;
	int rc;

	remains->file = open(remains->path, O_RDWR | O_CLOEXEC);
	if (remains->file < 0 && errno == ENOENT)
		return journal_header_read(remains->log, &header) == -ENOENT
		           ? remove_log(remains)
		           : put_aside(remains);
	if (remains->file < 0)
		return -errno;
	rc = journal_lock(remains->file);
	if (rc == 0)
		rc = journal_lock(remains->log);
	if (rc == 0)
		rc = recover(remains);
	close(remains->file);
	return rc == -ESTALE ? 0 : rc; /* others were faster */
}

int journal_recover(const char *path, const struct journal_io *io,
                    struct journal_recovery *out)
{
	struct remains remains = { .path = path,
		                   .io = io ? io : &journal_system,
		                   .name = journal_path(path),
		                   .out = out };
	int rc = 0;

	*out = (struct journal_recovery){ .finding = JOURNAL_NONE };
	if (!remains.name)
		return -ENOMEM;
	remains.log = open(remains.name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	out->crashed = remains.log >= 0;
	if (remains.log >= 0)
		rc = recover_locked(&remains);
	else if (errno != ENOENT)
		rc = -errno;
	if (remains.log >= 0)
		close(remains.log);
	free(remains.name);
	return rc;
}

bool journal_is_hot(const char *path)
{
	struct journal_header header;
	char *name = journal_path(path);
	int log = name ? open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
	bool hot = log >= 0 || !name || errno != ENOENT;

	if (log >= 0) {
		hot = journal_header_read(log, &header) != -ENOENT;
		close(log);
	}
	free(name);
	return hot;
}
