/* SPDX-License-Identifier: MIT */
#include "layout/spool_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int spool_open_scratch(const struct spool *spool, const char *path, int flags)
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

/* The directory that PATH is in. */
static int open_parent(const struct spool *spool, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *parent =
	    slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
	int fd = parent ? spool_open_scratch(spool, parent, O_PATH) : -ENOMEM;

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

/* Directories that were made for a path.  The deepest is PATH; the first ends
 * at FIRST, 0: none was made. */
struct parents {
	char path[PATH_MAX];
	size_t first;
};

/* What they were made for failed. */
static void remove_parents(const struct spool *spool, struct parents *parents)
{
	while (parents->first && strlen(parents->path) >= parents->first) {
		char *slash = strrchr(parents->path, '/');

		if (remove_name(spool, parents->path, AT_REMOVEDIR) || !slash)
			break;
		*slash = '\0';
	}
}

/* Make the directories that lead to PATH. */
static int make_parents(const struct spool *spool, const char *path,
                        struct parents *made)
{
	int rc = 0;

	made->path[0] = '\0';
	made->first = 0;
	for (const char *end = strchr(path, '/'); end;
	     end = strchr(end + 1, '/')) {
		size_t size = (size_t)(end - path);

		if (size >= sizeof(made->path))
			return -ENAMETOOLONG;
		memcpy(made->path, path, size);
		made->path[size] = '\0';
		rc = make_directory(spool, made->path, 0700);
		if (rc && rc != -EEXIST)
			break;
		if (rc == 0 && !made->first)
			made->first = size;
		rc = 0;
	}
	if (rc) {
		char *slash = strrchr(made->path, '/');

		if (slash)
			*slash = '\0';
		remove_parents(spool, made);
	}
	return rc;
}

int spool_open_file(const struct spool *spool, const char *path, int flags,
                    mode_t mode)
{
	struct parents made = { .first = 0 };
	int rc = flags & O_CREAT ? make_parents(spool, path, &made) : 0;
	int parent = rc ? rc : open_parent(spool, path);

	rc = parent;
	if (parent >= 0) {
		rc = openat(parent, name_of(path),
		            flags | O_NOFOLLOW | O_CLOEXEC, mode);
		if (rc < 0)
			rc = -errno;
		close(parent);
	}
	if (rc < 0)
		remove_parents(spool, &made);
	return rc;
}

int spool_unlink(const struct spool *spool, const char *path)
{
	return remove_name(spool, path, 0);
}

int spool_mkdir(const struct spool *spool, const char *path, mode_t mode)
{
	struct parents made;
	int rc = make_parents(spool, path, &made);

	if (rc)
		return rc;
	rc = make_directory(spool, path, mode | 0700);
	if (rc)
		remove_parents(spool, &made);
	return rc;
}

int spool_rmdir(const struct spool *spool, const char *path)
{
	return remove_name(spool, path, AT_REMOVEDIR);
}

/* NAME in the directory FD becomes TO. */
static int move(const struct spool *spool, int fd, const char *name,
                const char *to, unsigned int flags)
{
	struct parents made;
	int rc = make_parents(spool, to, &made);
	int parent = rc ? rc : open_parent(spool, to);

	rc = parent;
	if (parent >= 0) {
		rc = renameat2(fd, name, parent, name_of(to), flags) < 0
		         ? -errno
		         : 0;
		close(parent);
	}
	if (rc)
		remove_parents(spool, &made);
	return rc;
}

int spool_rename(const struct spool *spool, const char *from, const char *to,
                 unsigned int flags)
{
	int parent = open_parent(spool, from);
	int rc = parent;

	if (parent >= 0) {
		rc = move(spool, parent, name_of(from), to, flags);
		close(parent);
	}
	return rc;
}

int spool_take(const struct spool *spool, const char *name, const char *path,
               unsigned int flags)
{
	return move(spool, spool->fd, name, path, flags);
}

int spool_symlink(const struct spool *spool, const char *target,
                  const char *path)
{
	struct parents made;
	int rc = make_parents(spool, path, &made);
	int parent = rc ? rc : open_parent(spool, path);

	rc = parent;
	if (parent >= 0) {
		rc = symlinkat(target, parent, name_of(path)) < 0 ? -errno : 0;
		close(parent);
	}
	if (rc)
		remove_parents(spool, &made);
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

int spool_chmod(const struct spool *spool, const char *path, mode_t mode)
{
	int parent = open_parent(spool, path);
	int rc;

	if (parent < 0)
		return parent;
	rc = fchmodat(parent, name_of(path), mode, AT_SYMLINK_NOFOLLOW) < 0
	         ? -errno
	         : 0;
	close(parent);
	return rc;
}

int spool_touch(const struct spool *spool, const char *path,
                const struct timespec times[2])
{
	int parent = open_parent(spool, path);
	int rc;

	if (parent < 0)
		return parent;
	rc = utimensat(parent, name_of(path), times, AT_SYMLINK_NOFOLLOW) < 0
	         ? -errno
	         : 0;
	close(parent);
	return rc;
}

int spool_list(const struct spool *spool, const char *path, DIR **out)
{
	int fd = spool_open_scratch(spool, path[0] ? path : ".",
	                            O_RDONLY | O_NOFOLLOW);
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
