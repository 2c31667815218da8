/* SPDX-License-Identifier: MIT */
#include "layout/spool.h"

#include "backends/file.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int write_new(int fd, const void *bytes, size_t size,
                     const struct timespec times[2])
{
	int rc = file_write_all(fd, bytes, size);

	if (rc == 0 && futimens(fd, times) < 0)
		rc = -errno;
	if (close(fd) < 0 && rc == 0)
		rc = -errno;
	return rc;
}

/* A file that a killed daemon left there is used again. */
int spool_new(struct spool *spool, char name[SPOOL_NEW_SIZE])
{
	int fd;

	pthread_mutex_lock(&spool->lock);
	snprintf(name, SPOOL_NEW_SIZE, "new-%lu", ++spool->sequence);
	pthread_mutex_unlock(&spool->lock);
	fd =
	    openat(spool->fd, name,
	           O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

void spool_drop(const struct spool *spool, const char *name)
{
	unlinkat(spool->fd, name, 0);
}

int spool_replace(struct spool *spool, const char *path, const void *bytes,
                  size_t size, const struct timespec times[2])
{
	char name[SPOOL_NEW_SIZE];
	int fd = spool_new(spool, name);
	int rc;

	if (fd < 0)
		return fd;
	rc = write_new(fd, bytes, size, times);
	if (rc == 0)
		rc = spool_take(spool, name, path, 0);
	if (rc)
		spool_drop(spool, name);
	return rc;
}

static int sync_and_close(int fd)
{
	int rc = fsync(fd) < 0 ? -errno : 0;

	close(fd);
	return rc;
}

int spool_sync(const struct spool *spool, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *parent =
	    slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
	int fd = parent ? spool_open_file(spool, path, O_RDONLY, 0) : -ENOMEM;
	int rc = fd < 0 ? fd : sync_and_close(fd);

	if (rc == 0) {
		fd = spool_open_file(spool, parent, O_RDONLY | O_DIRECTORY, 0);
		rc = fd < 0 ? fd : sync_and_close(fd);
	}
	free(parent);
	return rc == -ENOENT ? 0 : rc;
}

int spool_measure(const char *store, const char *name, uint64_t *files,
                  uint64_t *bytes)
{
	struct blob path = { 0 };
	char *roots[2] = { NULL, NULL };
	const FTSENT *entry;
	FTS *tree = NULL;
	int rc = blob_printf(&path, "%s/%s", store, name);

	*files = 0;
	*bytes = 0;
	if (rc == 0) {
		roots[0] = path.data;
		tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
		rc = tree ? 0 : -errno;
	}
	while (tree && (entry = fts_read(tree))) {
		if (entry->fts_info != FTS_F)
			continue;
		*files += 1;
		*bytes += (uint64_t)entry->fts_statp->st_size;
	}
	if (tree)
		fts_close(tree);
	blob_release(&path);
	return rc;
}
