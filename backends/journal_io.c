/* SPDX-License-Identifier: MIT */
#include "backends/journal_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

const struct journal_io journal_system = {
	.pwrite = pwrite,
	.ftruncate = ftruncate,
	.fdatasync = fdatasync,
};

int journal_pwrite(const struct journal_io *io, int fd, const void *data,
                   size_t size, uint64_t offset)
{
	const unsigned char *from = data;

	while (size > 0) {
		ssize_t done = io->pwrite(fd, from, size, (off_t)offset);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? -errno : -EIO;
		from += done;
		offset += (uint64_t)done;
		size -= (size_t)done;
	}
	return 0;
}

int journal_pread(int fd, void *data, size_t size, uint64_t offset, size_t *got)
{
	unsigned char *to = data;
	size_t done = 0;

	while (done < size) {
		ssize_t more =
		    pread(fd, to + done, size - done, (off_t)(offset + done));

		if (more < 0 && errno == EINTR)
			continue;
		if (more < 0)
			return -errno;
		if (more == 0)
			break;
		done += (size_t)more;
	}
	memset(to + done, 0, size - done);
	if (got)
		*got = done;
	return 0;
}

int journal_lock(int fd)
{
	struct stat status;

	if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno != ENOSYS &&
	    errno != EOPNOTSUPP && errno != ENOLCK)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	if (fstat(fd, &status) != 0)
		return -errno;
	return status.st_nlink == 0 ? -ESTALE : 0;
}

int journal_sync_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	char directory[PATH_MAX] = ".";
	int rc = 0;
	int fd;

	if (slash && (size_t)(slash - path) + 2 > sizeof(directory))
		return -ENAMETOOLONG;
	if (slash) {
		memcpy(directory, path, (size_t)(slash - path) + 1);
		directory[slash - path + 1] = '\0';
	}
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fsync(fd) != 0)
		rc = -errno;
	close(fd);
	return rc;
}
