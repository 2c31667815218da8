/* SPDX-License-Identifier: MIT */
#include "layout/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
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

/* A directory of the scratch tree. */
static int open_scratch(const struct spool *spool, const char *path, int flags)
{
	const struct open_how how = {
		.flags = (unsigned int)(flags | O_DIRECTORY | O_CLOEXEC),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	long fd =
	    syscall(SYS_openat2, spool->scratch_fd, path, &how, sizeof(how));

	if (fd < 0)
		return errno == EXDEV ? -ELOOP : -errno;
	return (int)fd;
}

/* Nothing in the scratch tree is reached without openat2(2). */
static int check_openat2(const struct spool *spool)
{
	int fd = spool->scratch_fd < 0 ? 0 : open_scratch(spool, ".", O_PATH);

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

/* The directory that PATH is in. */
static int open_parent(const struct spool *spool, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *parent =
	    slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
	int fd = parent ? open_scratch(spool, parent, O_PATH) : -ENOMEM;

	free(parent);
	return fd;
}

/* Its name there.  The mount's root is the scratch directory itself. */
static const char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash)
		return slash + 1;
	return path[0] ? path : ".";
}

int spool_stat(const struct spool *spool, const char *path, struct stat *out)
{
	int parent = open_parent(spool, path);
	int rc = parent;

	if (parent >= 0) {
		rc =
		    fstatat(parent, name_of(path), out, AT_SYMLINK_NOFOLLOW) < 0
			? -errno
			: 0;
		close(parent);
	}
	return rc == -ENOTDIR || rc == -ELOOP ? -ENOENT : rc;
}

static int make_directory(const struct spool *spool, const char *path,
                          mode_t mode)
{
	int parent = open_parent(spool, path);
	int rc;

	if (parent < 0)
		return parent;
	rc = mkdirat(parent, name_of(path), mode) < 0 ? -errno : 0;
	close(parent);
	return rc;
}

/* Make the directories that lead to PATH. */
static int make_parents(const struct spool *spool, const char *path)
{
	char part[PATH_MAX];

	for (const char *end = strchr(path, '/'); end;
	     end = strchr(end + 1, '/')) {
		size_t size = (size_t)(end - path);
		int rc;

		if (size >= sizeof(part))
			return -ENAMETOOLONG;
		memcpy(part, path, size);
		part[size] = '\0';
		rc = make_directory(spool, part, 0700);
		if (rc && rc != -EEXIST)
			return rc;
	}
	return 0;
}

int spool_open_file(const struct spool *spool, const char *path, int flags,
                    mode_t mode)
{
	int rc = flags & O_CREAT ? make_parents(spool, path) : 0;
	int parent = rc ? rc : open_parent(spool, path);

	if (parent < 0)
		return parent;
	rc =
	    openat(parent, name_of(path), flags | O_NOFOLLOW | O_CLOEXEC, mode);
	if (rc < 0)
		rc = -errno;
	close(parent);
	return rc;
}

static int remove_name(const struct spool *spool, const char *path, int flags)
{
	int parent = open_parent(spool, path);
	int rc;

	if (parent < 0)
		return parent;
	rc = unlinkat(parent, name_of(path), flags) < 0 ? -errno : 0;
	close(parent);
	return rc;
}

int spool_unlink(const struct spool *spool, const char *path)
{
	return remove_name(spool, path, 0);
}

int spool_mkdir(const struct spool *spool, const char *path, mode_t mode)
{
	int rc = make_parents(spool, path);

	return rc ? rc : make_directory(spool, path, mode | 0700);
}

int spool_rmdir(const struct spool *spool, const char *path)
{
	return remove_name(spool, path, AT_REMOVEDIR);
}

int spool_rename(const struct spool *spool, const char *from, const char *to,
                 unsigned int flags)
{
	int parents[2] = { -1, -1 };
	int rc = make_parents(spool, to);

	if (rc == 0)
		rc = parents[0] = open_parent(spool, from);
	if (rc >= 0)
		rc = parents[1] = open_parent(spool, to);
	if (rc >= 0)
		rc = renameat2(parents[0], name_of(from), parents[1],
		               name_of(to), flags) < 0
		         ? -errno
		         : 0;
	close_if_open(parents[0]);
	close_if_open(parents[1]);
	return rc;
}

int spool_symlink(const struct spool *spool, const char *target,
                  const char *path)
{
	int rc = make_parents(spool, path);
	int parent = rc ? rc : open_parent(spool, path);

	if (parent < 0)
		return parent;
	rc = symlinkat(target, parent, name_of(path)) < 0 ? -errno : 0;
	close(parent);
	return rc;
}

int spool_readlink(const struct spool *spool, const char *path,
                   struct blob *out)
{
	char target[PATH_MAX];
	int parent = open_parent(spool, path);
	ssize_t size;

	if (parent < 0)
		return parent;
	size = readlinkat(parent, name_of(path), target, sizeof(target));
	if (size < 0)
		size = -errno;
	close(parent);
	return size < 0 ? (int)size : blob_set(out, target, (size_t)size);
}

int spool_list(const struct spool *spool, const char *path, DIR **out)
{
	int fd =
	    open_scratch(spool, path[0] ? path : ".", O_RDONLY | O_NOFOLLOW);
	DIR *stream;

	if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP) {
		*out = NULL;
		return 0;
	}
	if (fd < 0)
		return fd;
	stream = fdopendir(fd);
	if (!stream) {
		int rc = -errno;

		close(fd);
		return rc;
	}
	*out = stream;
	return 0;
}
