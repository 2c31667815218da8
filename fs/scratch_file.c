/* SPDX-License-Identifier: MIT */
#include "fs/scratch_file.h"

#include "backends/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int scratch_file_write(struct tree *tree, int fd, uint64_t offset,
                       const void *data, size_t size)
{
	int rc = quota_take(&tree->quota, &tree->spool, fd, offset + size);

	return rc ? rc : file_write_at(fd, data, size, (off_t)offset);
}

int scratch_file_truncate(struct tree *tree, int fd, uint64_t size)
{
	int rc = quota_take(&tree->quota, &tree->spool, fd, size);

	if (rc)
		return rc;
	return ftruncate(fd, (off_t)size) < 0 ? -errno : 0;
}

int scratch_file_allocate(struct tree *tree, int fd, int mode, uint64_t offset,
                          uint64_t size)
{
	int rc =
	    mode ? 0
		 : quota_take(&tree->quota, &tree->spool, fd, offset + size);

	if (rc)
		return rc;
	return fallocate(fd, mode, (off_t)offset, (off_t)size) < 0 ? -errno : 0;
}
