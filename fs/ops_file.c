/* SPDX-License-Identifier: MIT */
#include "fs/ops.h"

#include "fs/handle.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static struct handle *handle_of(const struct fuse_file_info *file)
{
	return (struct handle *)(uintptr_t)file->fh;
}

/* The reply goes out straight from the memory that was lent.  A RELEASE may
 * follow it before this thread goes on. */
void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
             struct fuse_file_info *file)
{
	struct handle *handle = handle_of(file);
	struct loan loan;
	ssize_t n;

	(void)ino;
	handle_hold(handle);
	loan_init(&loan);
	n = handle_lend(handle, (uint64_t)offset, size, &loan);
	if (n < 0)
		fuse_reply_err(req, (int)-n);
	else
		fuse_reply_iov(req, loan.spans, (int)loan.count);
	loan_end(&loan);
	handle_close(handle);
}

void op_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size,
              off_t offset, struct fuse_file_info *file)
{
	int rc = handle_write(handle_of(file), (uint64_t)offset, data, size);

	(void)ino;
	if (rc)
		fuse_reply_err(req, -rc);
	else
		fuse_reply_write(req, size);
}

/* The file may have been renamed since it was opened. */
static int follow_name(struct fs *fs, fuse_ino_t ino, struct handle *handle)
{
	bool gone;
	char *path = inodes_path(&fs->inodes, ino, &gone);
	int rc = path ? 0 : -ENOMEM;

	if (path && !gone)
		rc = handle_follow(handle, path);
	free(path);
	return rc;
}

/* Tell the inode table when a named copy got its record's name. */
static int retarget(struct fs *fs, fuse_ino_t ino, struct handle *handle)
{
	char *path;
	int rc = handle_take_target(handle, &path);

	if (rc == 0 && path)
		rc = inodes_retarget(&fs->inodes, ino, path);
	free(path);
	return rc;
}

/* What the kernel knows of the file is not so any more. */
static int renew(struct fs *fs, fuse_ino_t ino, struct handle *handle,
                 bool stored)
{
	struct node node = { 0 };
	int rc = handle_node(handle, &node);

	if (rc == 0 && node_is_part(&node)) {
		fs_forget_attributes(fs, &node);
		if (stored)
			inodes_replace(&fs->inodes, ino, handle);
	}
	node_release(&node);
	return rc;
}

/* Others may commit the handle at the same time: duplicates are closed one by
 * one. */
static int commit(struct fs *fs, fuse_ino_t ino, struct handle *handle,
                  bool last)
{
	bool was_dirty = handle_is_dirty(handle);
	int rc =
	    handle_is_uncommitted(handle) ? follow_name(fs, ino, handle) : 0;
	int renewed = 0;

	if (rc == 0)
		rc = handle_commit(handle, last);
	if (rc == 0)
		rc = retarget(fs, ino, handle);
	if (was_dirty)
		renewed = renew(fs, ino, handle, rc == 0);
	return rc ? rc : renewed;
}

void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file)
{
	struct fs *fs = fuse_req_userdata(req);

	fuse_reply_err(req, -commit(fs, ino, handle_of(file), false));
}

/* fsync promises more than close: it survives a power cut. */
static int sync_backend(struct fs *fs, struct handle *handle)
{
	struct node node = { 0 };
	struct store *store;
	int rc;

	if (handle->fd >= 0)
		return fsync(handle->fd) < 0 ? -errno : 0;
	rc = handle_node(handle, &node);
	if (rc == 0 && node.collection && handle_waits(handle))
		rc = spool_sync(&fs->tree.spool, node.path);
	if (rc == 0 && node.collection) {
		store = stores_get(&fs->tree.stores, node.collection);
		rc = store ? store->backend->sync(store) : -EIO;
	}
	node_release(&node);
	return rc;
}

void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync,
              struct fuse_file_info *file)
{
	struct fs *fs = fuse_req_userdata(req);
	int rc = commit(fs, ino, handle_of(file), false);

	(void)datasync;
	if (rc == 0)
		rc = sync_backend(fs, handle_of(file));
	fuse_reply_err(req, -rc);
}

void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset,
                  off_t length, struct fuse_file_info *file)
{
	(void)ino;
	fuse_reply_err(req,
	               -handle_allocate(handle_of(file), mode, (uint64_t)offset,
	                                (uint64_t)length));
}

void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file)
{
	struct fs *fs = fuse_req_userdata(req);
	struct handle *handle = handle_of(file);
	int rc = commit(fs, ino, handle, true);

	inodes_detach(&fs->inodes, ino, handle);
	passthrough_close(fs, req, handle);
	handle_close(handle);
	fuse_reply_err(req, -rc);
}
