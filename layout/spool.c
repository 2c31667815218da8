/* SPDX-License-Identifier: MIT */
#include "layout/spool.h"

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

/* The mount's root is the scratch directory itself. */
static const char *below(const char *path)
{
	return path[0] ? path : ".";
}

int spool_stat(const struct spool *spool, const char *path, struct stat *out)
{
	if (fstatat(spool->scratch_fd, below(path), out, AT_SYMLINK_NOFOLLOW) ==
	    0)
		return 0;
	return errno == ENOTDIR ? -ENOENT : -errno;
}

/* Make the directories that lead to PATH. */
static int make_parents(const struct spool *spool, const char *path)
{
	char part[PATH_MAX];

	for (const char *end = strchr(path, '/'); end;
	     end = strchr(end + 1, '/')) {
		size_t size = (size_t)(end - path);

		if (size >= sizeof(part))
			return -ENAMETOOLONG;
		memcpy(part, path, size);
		part[size] = '\0';
		if (mkdirat(spool->scratch_fd, part, 0700) < 0 &&
		    errno != EEXIST)
			return -errno;
	}
	return 0;
}

int spool_open_file(const struct spool *spool, const char *path, int flags,
                    mode_t mode)
{
	int rc = flags & O_CREAT ? make_parents(spool, path) : 0;
	int fd;

	if (rc)
		return rc;
	fd = openat(spool->scratch_fd, below(path),
	            flags | O_NOFOLLOW | O_CLOEXEC, mode);
	return fd < 0 ? -errno : fd;
}

int spool_unlink(const struct spool *spool, const char *path)
{
	return unlinkat(spool->scratch_fd, path, 0) < 0 ? -errno : 0;
}

int spool_mkdir(const struct spool *spool, const char *path, mode_t mode)
{
	int rc = make_parents(spool, path);

	if (rc)
		return rc;
	return mkdirat(spool->scratch_fd, path, mode | 0700) < 0 ? -errno : 0;
}

int spool_rmdir(const struct spool *spool, const char *path)
{
	return unlinkat(spool->scratch_fd, path, AT_REMOVEDIR) < 0 ? -errno : 0;
}

int spool_rename(const struct spool *spool, const char *from, const char *to,
                 unsigned int flags)
{
	int rc = make_parents(spool, to);

	if (rc)
		return rc;
	if (renameat2(spool->scratch_fd, from, spool->scratch_fd, to, flags) <
	    0)
		return -errno;
	return 0;
}

int spool_symlink(const struct spool *spool, const char *target,
                  const char *path)
{
	int rc = make_parents(spool, path);

	if (rc)
		return rc;
	return symlinkat(target, spool->scratch_fd, path) < 0 ? -errno : 0;
}

int spool_readlink(const struct spool *spool, const char *path,
                   struct blob *out)
{
	char target[PATH_MAX];
	ssize_t size =
	    readlinkat(spool->scratch_fd, below(path), target, sizeof(target));

	if (size < 0)
		return -errno;
	return blob_set(out, target, (size_t)size);
}

int spool_list(const struct spool *spool, const char *path, DIR **out)
{
	int fd = openat(spool->scratch_fd, below(path),
	                O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *stream;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
		*out = NULL;
		return 0;
	}
	if (fd < 0)
		return -errno;
	stream = fdopendir(fd);
	if (!stream) {
		int rc = -errno;

		close(fd);
		return rc;
	}
	*out = stream;
	return 0;
}
