/* SPDX-License-Identifier: MIT */
#include "layout/draft.h"

#include "backends/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void draft_init(struct draft *draft, int spool_fd)
{
	*draft = (struct draft){ .spool_fd = spool_fd, .fd = -1 };
}

void draft_release(struct draft *draft)
{
	if (draft->fd >= 0)
		close(draft->fd);
	blob_release(&draft->bytes);
	draft_init(draft, draft->spool_fd);
}

/* Move the bytes from memory to a file without a name. */
static int spill(struct draft *draft)
{
	int fd =
	    openat(draft->spool_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	int rc;

	if (fd < 0)
		return -errno;
	rc = file_write_at(fd, draft->bytes.data, draft->bytes.size, 0);
	if (rc) {
		close(fd);
		return rc;
	}
	draft->fd = fd;
	blob_release(&draft->bytes);
	return 0;
}

static int make_room(struct draft *draft, uint64_t size)
{
	if (size > INT64_MAX)
		return -EFBIG;
	if (draft->fd < 0 && size > DRAFT_IN_MEMORY)
		return spill(draft);
	return 0;
}

int draft_write(struct draft *draft, uint64_t offset, const void *data,
                size_t size)
{
	uint64_t end = offset + size;
	int rc = end < offset ? -EFBIG : make_room(draft, end);

	if (rc || size == 0)
		return rc;
	if (draft->fd >= 0) {
		rc = file_write_at(draft->fd, data, size, (off_t)offset);
	} else {
		if (end > draft->bytes.size)
			rc = blob_resize(&draft->bytes, (size_t)end);
		if (rc == 0)
			memcpy(draft->bytes.data + offset, data, size);
	}
	if (rc == 0 && end > draft->size)
		draft->size = end;
	return rc;
}

ssize_t draft_read(const struct draft *draft, uint64_t offset, void *buffer,
                   size_t size)
{
	if (offset >= draft->size)
		return 0;
	if (size > draft->size - offset)
		size = (size_t)(draft->size - offset);
	if (draft->fd < 0) {
		memcpy(buffer, draft->bytes.data + offset, size);
		return (ssize_t)size;
	}
	return file_read_at(draft->fd, buffer, size, (off_t)offset);
}

int draft_resize(struct draft *draft, uint64_t size)
{
	int rc = make_room(draft, size);

	if (rc)
		return rc;
	if (draft->fd >= 0)
		rc = ftruncate(draft->fd, (off_t)size) < 0 ? -errno : 0;
	else
		rc = blob_resize(&draft->bytes, (size_t)size);
	if (rc == 0)
		draft->size = size;
	return rc;
}

int draft_map(const struct draft *draft, const void **out)
{
	void *map;

	if (draft->fd < 0) {
		*out = draft->bytes.data ? draft->bytes.data : "";
		return 0;
	}
	if (draft->size == 0) {
		*out = "";
		return 0;
	}
	map = mmap(NULL, (size_t)draft->size, PROT_READ, MAP_SHARED, draft->fd,
	           0);
	if (map == MAP_FAILED)
		return -errno;
	*out = map;
	return 0;
}

void draft_unmap(const struct draft *draft, const void *map)
{
	void *start;

	if (draft->fd < 0 || draft->size == 0)
		return;
	memcpy(&start, &map, sizeof(start));
	munmap(start, (size_t)draft->size);
}
