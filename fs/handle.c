/* SPDX-License-Identifier: MIT */
#include "fs/handle.h"

#include "backends/file.h"
#include "backends/version.h"
#include "fs/scratch_file.h"
#include "layout/control.h"
#include "layout/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_STEP ((size_t)1 << 20)

static bool can_write(int flags)
{
	return (flags & O_ACCMODE) != O_RDONLY;
}

/* MODE is what the kernel has masked already: the daemon's umask is not for
 * what users make. */
static int open_scratch(struct handle *handle, bool is_new, mode_t mode)
{
	int flags = handle->flags & ~(O_DIRECT | O_NOFOLLOW | O_APPEND);

	/* The kernel reads before it writes part of a page. */
	if ((flags & O_ACCMODE) == O_WRONLY)
		flags = (flags & ~O_ACCMODE) | O_RDWR;
	handle->fd = spool_open_file(&handle->tree->spool, handle->node.path,
	                             flags, mode & 0777);
	if (handle->fd < 0)
		return handle->fd;
	return is_new && fchmod(handle->fd, mode & 0777) < 0 ? -errno : 0;
}

static int open_rejected(struct handle *handle)
{
	const char *name = strrchr(handle->node.path, '/') + 1;

	if (can_write(handle->flags))
		return -EACCES;
	handle->fd = openat(handle->tree->spool.rejected_fd, name,
	                    O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return handle->fd < 0 ? -errno : 0;
}

/* Copy the whole of a descriptor into the draft. */
static int draft_load_fd(struct draft *draft, int fd)
{
	struct blob buffer = { 0 };
	uint64_t offset = 0;
	ssize_t n = 1;
	int rc = blob_resize(&buffer, COPY_STEP);

	while (rc == 0 && n > 0) {
		n = pread(fd, buffer.data, buffer.size, (off_t)offset);
		if (n < 0)
			rc = -errno;
		if (n > 0)
			rc = draft_write(draft, offset, buffer.data, (size_t)n);
		offset += n > 0 ? (uint64_t)n : 0;
	}
	blob_release(&buffer);
	return rc;
}

static int draft_load_view(struct draft *draft, struct view *view)
{
	struct blob buffer = { 0 };
	uint64_t offset = 0;
	ssize_t n = 1;
	int rc = blob_resize(&buffer, COPY_STEP);

	while (rc == 0 && n > 0) {
		n = view_read(view, offset, buffer.data, buffer.size);
		if (n < 0)
			rc = (int)n;
		if (n > 0)
			rc = draft_write(draft, offset, buffer.data, (size_t)n);
		offset += n > 0 ? (uint64_t)n : 0;
	}
	blob_release(&buffer);
	return rc;
}

static void start_draft(struct handle *handle)
{
	draft_init(&handle->draft, handle->tree->spool.fd);
	handle->has_draft = true;
}

/* A file that was only begun goes on from what the spool has. */
static int open_begun(struct handle *handle)
{
	int fd;
	int rc;

	start_draft(handle);
	handle->is_new = true;
	if (handle->flags & O_TRUNC)
		return 0;
	fd = spool_open_file(&handle->tree->spool, handle->node.path, O_RDONLY,
	                     0);
	if (fd < 0)
		return fd;
	rc = draft_load_fd(&handle->draft, fd);
	handle->waits = true;
	close(fd);
	return rc;
}

static int open_new(struct handle *handle)
{
	if (!(handle->flags & O_CREAT))
		return -ENOENT;
	handle->is_new = true;
	start_draft(handle);
	return 0;
}

static int open_part(struct handle *handle, const struct node_info *info)
{
	int rc;

	if (!info)
		return open_new(handle);
	if (info->scratch)
		return open_begun(handle);
	if (handle->flags & O_TRUNC && can_write(handle->flags)) {
		start_draft(handle);
		return 0;
	}
	rc = view_open(handle->tree, &handle->node, &handle->view);
	handle->has_view = rc == 0;
	return rc;
}

/* What is written to a control file is collected like a part. */
static int open_control(struct handle *handle, const struct node_info *info)
{
	if (!can_write(handle->flags))
		return open_part(handle, info);
	if (!handle->node.control->write)
		return -EACCES;
	start_draft(handle);
	return 0;
}

static int open_node(struct handle *handle, const struct node_info *info,
                     mode_t mode)
{
	switch (handle->node.kind) {
	case NODE_ARRAY:
	case NODE_FIELDS:
	case NODE_OPAQUE:
	case NODE_LINK_FIELDS:
		return open_part(handle, info);
	case NODE_CONTROL:
		return open_control(handle, info);
	case NODE_REPORT:
		if (can_write(handle->flags))
			return -EROFS;
		return open_part(handle, info);
	case NODE_REJECTED:
		return open_rejected(handle);
	case NODE_OTHER:
	case NODE_RECORD:
	case NODE_SUBDIR:
	case NODE_LINKS:
	case NODE_LINK:
		return open_scratch(handle, !info, mode);
	default:
		return -EISDIR;
	}
}

static struct node_info new_info(void)
{
	struct node_info info = { .mode = S_IFREG };

	clock_gettime(CLOCK_REALTIME, &info.mtime);
	info.atime = info.mtime;
	return info;
}

static struct handle *handle_new(struct tree *tree, int flags)
{
	struct handle *handle = calloc(1, sizeof(*handle));

	if (!handle)
		return NULL;
	atomic_init(&handle->holders, 1);
	pthread_mutex_init(&handle->lock, NULL);
	pthread_mutex_init(&handle->shown_lock, NULL);
	handle->tree = tree;
	metrics_handle(tree->stores.metrics, 1);
	handle->flags = flags;
	handle->fd = -1;
	handle->mtime.tv_nsec = UTIME_NOW;
	return handle;
}

static void set_version(struct handle *handle)
{
	if (handle->has_view && handle->view.version)
		handle->version = version_of(&handle->at_open.mtime,
		                             sizeof(handle->at_open.mtime),
		                             handle->view.version);
}

int handle_open(struct tree *tree, const struct node *node,
                const struct node_info *info, int flags, mode_t mode,
                struct handle **out)
{
	struct handle *handle = handle_new(tree, flags);
	int rc = handle ? node_copy(&handle->node, node) : -ENOMEM;

	if (rc == 0)
		rc = open_node(handle, info, mode);
	if (rc) {
		handle_close(handle);
		return rc;
	}
	handle->at_open = info && !info->unknown ? *info : new_info();
	set_version(handle);
	handle_publish(handle);
	*out = handle;
	return 0;
}

int handle_open_view(struct tree *tree, const struct node *node,
                     const struct node_info *info, int flags, struct view *view,
                     struct handle **out)
{
	struct handle *handle = handle_new(tree, flags);
	int rc = handle ? node_copy(&handle->node, node) : -ENOMEM;

	if (rc) {
		view_release(view);
		handle_close(handle);
		return rc;
	}
	handle->view = *view;
	handle->has_view = true;
	*view = (struct view){ 0 };
	handle->at_open = *info;
	set_version(handle);
	handle_publish(handle);
	*out = handle;
	return 0;
}

void handle_hold(struct handle *handle)
{
	atomic_fetch_add(&handle->holders, 1);
}

void handle_close(struct handle *handle)
{
	if (!handle || atomic_fetch_sub(&handle->holders, 1) > 1)
		return;
	metrics_handle(handle->tree->stores.metrics, -1);
	if (handle->fd >= 0)
		close(handle->fd);
	if (handle->has_view)
		view_release(&handle->view);
	packing_release(&handle->packing);
	if (handle->has_draft)
		draft_release(&handle->draft);
	blob_release(&handle->rejected);
	node_release(&handle->node);
	pthread_mutex_destroy(&handle->shown_lock);
	pthread_mutex_destroy(&handle->lock);
	free(handle);
}

/* Writing to what was only read so far starts from its bytes. */
static int make_draft(struct handle *handle)
{
	int rc;

	if (handle->has_draft)
		return 0;
	start_draft(handle);
	rc = draft_load_view(&handle->draft, &handle->view);
	if (rc) {
		draft_release(&handle->draft);
		handle->has_draft = false;
	}
	return rc;
}

static void mark_dirty(struct handle *handle)
{
	handle->dirty = true;
	handle->tried = false;
}

/* What lacks a write is not to be stored, nor taken for a file that was begun
 * and is to go on. */
static void note_spoiled(struct handle *handle, uint64_t from, uint64_t to,
                         int rc)
{
	if (rc) {
		handle->failed_write = rc;
		if (!handle->spoiled || from < handle->spoiled_at)
			handle->spoiled_at = from;
		if (!handle->spoiled || to > handle->spoiled_to)
			handle->spoiled_to = to;
		handle->spoiled = true;
	} else if (from <= handle->spoiled_at && to > handle->spoiled_at) {
		handle->spoiled_at = to;
		handle->spoiled &= to < handle->spoiled_to;
	}
}

int handle_write(struct handle *handle, uint64_t offset, const void *data,
                 size_t size)
{
	int rc;

	if (handle->fd >= 0)
		return scratch_file_write(handle->tree, handle->fd, offset,
		                          data, size);
	pthread_mutex_lock(&handle->lock);
	rc = make_draft(handle);
	if (rc == 0 && handle->flags & O_APPEND)
		offset = handle->draft.size;
	if (rc == 0)
		rc =
		    packing_write(&handle->packing, handle->tree, &handle->node,
		                  &handle->draft, offset, data, size);
	if (rc == 0)
		mark_dirty(handle);
	note_spoiled(handle, offset, offset + size, rc);
	handle_publish(handle);
	pthread_mutex_unlock(&handle->lock);
	return rc;
}

/* What is being packed must not be cut off before. */
static int resize_draft(struct handle *handle, uint64_t size)
{
	if (size > 0)
		packing_give_up(&handle->packing);
	else
		packing_release(&handle->packing);
	if (size <= handle->spoiled_at)
		handle->spoiled = false;
	if (size == 0)
		handle->failed_write = 0;
	return draft_resize(&handle->draft, size);
}

static int truncate_locked(struct handle *handle, uint64_t size)
{
	int rc = make_draft(handle);

	if (rc == 0)
		rc = resize_draft(handle, size);
	if (rc == 0)
		mark_dirty(handle);
	handle_publish(handle);
	return rc;
}

int handle_truncate(struct handle *handle, uint64_t size)
{
	int rc;

	if (handle->fd >= 0)
		return scratch_file_truncate(handle->tree, handle->fd, size);
	pthread_mutex_lock(&handle->lock);
	rc = truncate_locked(handle, size);
	pthread_mutex_unlock(&handle->lock);
	return rc;
}

int handle_allocate(struct handle *handle, int mode, uint64_t offset,
                    uint64_t size)
{
	uint64_t now;
	int rc = 0;

	if (handle->fd >= 0)
		return scratch_file_allocate(handle->tree, handle->fd, mode,
		                             offset, size);
	if (mode)
		return -EOPNOTSUPP;
	pthread_mutex_lock(&handle->lock);
	now = handle->has_draft ? handle->draft.size : handle->view.size;
	if (offset + size > now)
		rc = truncate_locked(handle, offset + size);
	pthread_mutex_unlock(&handle->lock);
	return rc;
}
