/* SPDX-License-Identifier: MIT */
#include "layout/spool_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define SPOOL_CLOSED                                                           \
	{                                                                      \
		-1, -1, -1, -1, -1, PTHREAD_MUTEX_INITIALIZER, 0               \
	}

/* A directory that has no name any more: it is empty, and stays so. */
static int open_nowhere(void)
{
	char path[] = "/tmp/engramfs-XXXXXX";
	int fd;
	int rc;

	if (!mkdtemp(path))
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rc = fd < 0 ? -errno : fd;
	rmdir(path);
	return rc;
}

static int open_directory(int parent, const char *name, bool read_only)
{
	int fd;

	if (!read_only && mkdirat(parent, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(parent, name,
	            O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && read_only)
		return open_nowhere();
	return fd < 0 ? -errno : fd;
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* A read-only mount locks the store only where it has been mounted before:
 * making the file would be writing. */
static int take_lock(struct spool *spool, bool read_only, struct blob *where)
{
	int flags = read_only ? O_RDONLY : O_RDWR | O_CREAT;
	char note[PATH_MAX + 64];
	ssize_t size;

	spool->lock_fd =
	    openat(spool->fd, "lock", flags | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (spool->lock_fd < 0)
		return read_only && errno == ENOENT ? 0 : -errno;
	if (flock(spool->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return -errno;
	size = pread(spool->lock_fd, note, sizeof(note), 0);
	if (where && size > 0)
		blob_set(where, note, (size_t)size);
	return -EBUSY;
}

/* Nothing in the scratch tree is reached without openat2(2). */
static int check_openat2(const struct spool *spool)
{
	int fd =
	    spool->scratch_fd < 0 ? 0 : spool_open_scratch(spool, ".", O_PATH);

	if (fd > 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

int spool_open(const char *directory, bool read_only, struct spool *out,
               struct blob *where)
{
	struct spool spool = SPOOL_CLOSED;
	int rc;

	rc = spool.store_fd =
	    open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (rc < 0)
		return -errno;
	rc = spool.fd = open_directory(spool.store_fd, "spool", read_only);
	if (rc >= 0)
		rc = take_lock(&spool, read_only, where);
	if (rc >= 0)
		rc = spool.scratch_fd =
		    open_directory(spool.fd, "scratch", read_only);
	if (rc >= 0)
		rc = check_openat2(&spool);
	if (rc >= 0)
		rc = spool.rejected_fd =
		    open_directory(spool.store_fd, "rejected", read_only);
	if (rc < 0) {
		spool_close(&spool);
		return rc;
	}
	*out = spool;
	return 0;
}

void spool_close(struct spool *spool)
{
	close_if_open(spool->rejected_fd);
	close_if_open(spool->scratch_fd);
	close_if_open(spool->lock_fd);
	close_if_open(spool->fd);
	close_if_open(spool->store_fd);
	*spool = (struct spool)SPOOL_CLOSED;
}

int spool_note_mount(struct spool *spool, const char *mountpoint)
{
	int mode = spool->lock_fd < 0 ? -1 : fcntl(spool->lock_fd, F_GETFL);

	if (mode < 0 || (mode & O_ACCMODE) == O_RDONLY)
		return 0;
	if (ftruncate(spool->lock_fd, 0) < 0 ||
	    pwrite(spool->lock_fd, mountpoint, strlen(mountpoint), 0) < 0)
		return -errno;
	return 0;
}
