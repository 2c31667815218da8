/* SPDX-License-Identifier: MIT */
#include "layout/spool.h"

#include "backends/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static int open_directory(int parent, const char *name)
{
	int fd;

	if (mkdirat(parent, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(parent, name,
	            O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

static int take_lock(struct spool *spool, struct blob *where)
{
	char note[PATH_MAX + 64];
	ssize_t size;

	spool->lock_fd = openat(
	    spool->fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (spool->lock_fd < 0)
		return -errno;
	if (flock(spool->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return -errno;
	size = pread(spool->lock_fd, note, sizeof(note), 0);
	if (where && size > 0)
		blob_set(where, note, (size_t)size);
	return -EBUSY;
}

int spool_open(const char *directory, struct spool *out, struct blob *where)
{
	struct spool spool = { -1, -1, -1, -1, PTHREAD_MUTEX_INITIALIZER, 0 };
	int store = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (store < 0)
		return -errno;
	rc = spool.fd = open_directory(store, "spool");
	if (rc >= 0)
		rc = take_lock(&spool, where);
	if (rc >= 0)
		rc = spool.scratch_fd = open_directory(spool.fd, "scratch");
	if (rc >= 0)
		rc = spool.rejected_fd = open_directory(store, "rejected");
	close(store);
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
	if (spool->lock_fd >= 0 && ftruncate(spool->lock_fd, 0) < 0)
		log_warn("spool: lock: %s", strerror(errno));
	close_if_open(spool->lock_fd);
	close_if_open(spool->fd);
	*spool = (struct spool){ -1, -1, -1, -1, PTHREAD_MUTEX_INITIALIZER, 0 };
}

int spool_note_mount(struct spool *spool, const char *mountpoint)
{
	if (ftruncate(spool->lock_fd, 0) < 0 ||
	    dprintf(spool->lock_fd, "%s", mountpoint) < 0)
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
