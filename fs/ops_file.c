/* SPDX-License-Identifier: MIT */
#include "fs/ops.h"

#include "fs/copier.h"
#include "fs/handle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct handle *handle_of(const struct fuse_file_info *file)
{
	return (struct handle *)(uintptr_t)file->fh;
}

/* May a file be made here?  Only collections and what is in them hold files,
 * and a name that ends like a record's must be one. */
static int check_new(struct fs *fs, const struct node *node)
{
	if (node->kind == NODE_OPAQUE)
		return -EPERM;
	if (node->bad_name) {
		spool_error(
		    &fs->tree.spool, node->path, "create", -EINVAL,
		    "the name ends like a record's but no record here "
		    "can have it (a % must be followed by two upper-case "
		    "hex digits)");
		return -EINVAL;
	}
	return node->collection ? 0 : -EPERM;
}

/* Write-only files bypass the page cache: one request for each write, and no
 * reader sees a page before the whole is there.  So do control files: what they
 * show has another size each time.  There is nothing to commit when who only
 * reads closes the file. */
static void set_caching(const struct handle *handle,
                        struct fuse_file_info *file)
{
	file->fh = (uint64_t)(uintptr_t)handle;
	file->direct_io = (handle->flags & O_ACCMODE) == O_WRONLY ||
	                  handle->node.kind == NODE_CONTROL;
	file->noflush =
	    (handle->flags & O_ACCMODE) == O_RDONLY && !handle->has_draft;
}

/* Who opens an array only to read it has used the record. */
static void note_access(struct fs *fs, const struct handle *handle, pid_t pid)
{
	if (fs->accesses && handle->has_view &&
	    handle->node.kind == NODE_ARRAY &&
	    (handle->flags & O_ACCMODE) == O_RDONLY && !copier_is(pid))
		accesses_note(fs->accesses, &handle->node);
}

/* The path of the JSON file of the record that NODE is an array of. */
static int fields_path(const struct node *node, struct blob *out)
{
	const char *collection = node->collection->path;
	int rc = blob_printf(out, "%s/", collection);

	if (rc == 0)
		rc = node_part_name(node_key(node),
		                    node->collection->shape == RECORD_DIRECTORY
		                        ? "/metadata.json"
		                        : ".json",
		                    out);
	return rc;
}

/* Somebody makes an array with O_EXCL: see maker.h. */
static void note_maker(struct fs *fs, const struct node *node, pid_t pid)
{
	struct blob path = { 0 };
	struct node fields = { 0 };
	struct node_info info;

	if (node->named_copy || fields_path(node, &path) ||
	    node_find(&fs->tree, path.data, &fields)) {
		blob_release(&path);
		return;
	}
	if (node_stat(&fs->tree, &fields, &info) == -ENOENT)
		makers_add(&fs->makers, path.data, pid);
	node_release(&fields);
	blob_release(&path);
}

/* What is at FOUND's node; *EXISTS false: nothing, which O_EXCL asks for. */
static int check_exclusive(struct fs *fs, struct found *found,
                           const struct fuse_ctx *who, int flags, bool *exists)
{
	int rc = node_stat(&fs->tree, &found->node, &found->info);

	*exists = rc == 0;
	if (rc && rc != -ENOENT)
		return rc;
	if (!(flags & O_EXCL))
		return 0;
	if (*exists && !makers_has(&fs->makers, found->node.path, who->pid))
		return -EEXIST;
	if (found->node.kind == NODE_ARRAY)
		note_maker(fs, &found->node, who->pid);
	return 0;
}

/* The new file gets its inode, and the handle is its first.  Its name must not
 * stay in the kernel when its bytes may yet be refused. */
static int enter(struct fs *fs, const char *path, struct handle *handle,
                 struct fuse_entry_param *entry)
{
	struct node_info info;
	int rc;

	moved_drop(&fs->moved, path);
	makers_drop(&fs->makers, path);
	handle_info(handle, &info);
	rc = fs_fill_entry(fs, path, &info, entry);
	if (rc)
		return rc;
	inodes_attach(&fs->inodes, entry->ino, handle);
	entry->attr_timeout = 0;
	inodes_untell(&fs->inodes, path);
	entry->entry_timeout = handle->has_draft ? 0 : FS_VALID_SECONDS;
	return 0;
}

/* All files are the owner's: what somebody else makes is theirs to use as far
 * as the mount lets them use records. */
static mode_t mode_for(const struct fs *fs, const struct fuse_ctx *who,
                       mode_t mode)
{
	return who->uid == fs->uid ? mode : mode | fs->file_mode;
}

static int create(struct fs *fs, const char *path, const struct fuse_ctx *who,
                  mode_t mode, struct fuse_file_info *file,
                  struct fuse_entry_param *entry)
{
	/* A file made with O_EXCL is empty, whatever fields there are. */
	int flags =
	    file->flags | O_CREAT | (file->flags & O_EXCL ? O_TRUNC : 0);
	struct found found = { 0 };
	struct handle *handle = NULL;
	bool exists = false;
	int rc = node_find(&fs->tree, path, &found.node);

	if (rc == 0)
		rc = check_new(fs, &found.node);
	if (rc == 0)
		rc = check_exclusive(fs, &found, who, flags, &exists);
	if (rc == 0)
		rc = handle_open(&fs->tree, &found.node,
		                 exists ? &found.info : NULL, flags,
		                 mode_for(fs, who, mode), &handle);
	if (rc == 0)
		rc = enter(fs, path, handle, entry);
	if (rc == 0) {
		set_caching(handle, file);
		note_access(fs, handle, who->pid);
	} else if (handle) {
		handle_close(handle);
	}
	node_release(&found.node);
	return rc;
}

void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
               struct fuse_file_info *file)
{
	struct fs *fs = fuse_req_userdata(req);
	struct fuse_entry_param entry;
	int rc;
	char *path = fs_child_path(fs, parent, name, &rc);

	if (path)
		rc = create(fs, path, fuse_req_ctx(req), mode, file, &entry);
	free(path);
	if (rc)
		fuse_reply_err(req, -rc);
	else
		fuse_reply_create(req, &entry, file);
}

static bool visit_version(struct handle *handle, void *arg)
{
	const struct node_info *now = arg;
	const struct node_info *then = &handle->at_open;

	return handle->has_view && (then->size != now->size ||
	                            then->mtime.tv_sec != now->mtime.tv_sec ||
	                            then->mtime.tv_nsec != now->mtime.tv_nsec);
}

/* The node that the kernel remembers is the wrong one for a new open file:
 * other files have it open and show another version of the record.  ESTALE
 * makes the kernel look the name up again. */
static bool is_stale(struct fs *fs, fuse_ino_t ino, const struct found *found)
{
	struct node_info info = found->info;
	bool gone;
	char *path = inodes_path(&fs->inodes, ino, &gone);

	if (path && !gone && node_is_part(&found->node) &&
	    inodes_visit(&fs->inodes, ino, visit_version, &info)) {
		inodes_unlink(&fs->inodes, path);
		gone = true;
	}
	free(path);
	return gone;
}

static bool visit_unborn(struct handle *handle, void *arg)
{
	(void)arg;
	return handle_is_unborn(handle);
}

/* The record has gone, but the kernel still has its name: it is to look the
 * name up again, and then may create it.  A file that is being written has a
 * name that is right, and nothing to open yet. */
static int name_again(struct fs *fs, fuse_ino_t ino, int rc)
{
	bool gone = true;

	if (rc == -ENOENT &&
	    !inodes_visit(&fs->inodes, ino, visit_unborn, NULL))
		free(inodes_path(&fs->inodes, ino, &gone));
	return gone ? rc : -ESTALE;
}

static bool visit_any(struct handle *handle, void *arg)
{
	(void)handle;
	(void)arg;
	return true;
}

/* Where a lookup was answered a moment ago, its answer will do for the first
 * reader, and for who replaces the whole; *TOLD says so. */
static int find_to_open(struct fs *fs, fuse_ino_t ino, int flags,
                        struct found *found, bool *told)
{
	double valid;
	char *path = NULL;

	*told = false;
	if (((flags & O_ACCMODE) == O_RDONLY || flags & O_TRUNC) &&
	    !inodes_visit(&fs->inodes, ino, visit_any, NULL))
		path = inodes_path(&fs->inodes, ino, NULL);
	if (path)
		*told = fs_told(fs, ino, path, found, &valid);
	free(path);
	return *told ? 0 : fs_find_id(fs, ino, found);
}

/* The record changed since the kernel was told of it: it is to ask again. */
static bool is_outdated(struct fs *fs, const struct handle *handle)
{
	if (!handle->has_view || handle->view.size == handle->at_open.size)
		return false;
	fs_forget_attributes(fs, &handle->node);
	return true;
}

static int open_found(struct fs *fs, fuse_ino_t ino, int flags,
                      struct handle **out)
{
	struct found found;
	bool told;
	int rc = find_to_open(fs, ino, flags, &found, &told);

	if (rc)
		return rc;
	rc = is_stale(fs, ino, &found)
	         ? -ESTALE
	         : handle_open(&fs->tree, &found.node, &found.info, flags, 0,
	                       out);
	node_release(&found.node);
	if (rc == 0 && told && is_outdated(fs, *out)) {
		handle_close(*out);
		return open_found(fs, ino, flags, out);
	}
	return rc;
}

void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file)
{
	struct fs *fs = fuse_req_userdata(req);
	struct handle *handle;
	int rc = open_found(fs, ino, file->flags, &handle);

	if (rc) {
		fuse_reply_err(req, -name_again(fs, ino, rc));
		return;
	}
	set_caching(handle, file);
	note_access(fs, handle, fuse_req_ctx(req)->pid);
	inodes_attach(&fs->inodes, ino, handle);
	/* The attributes of a file cut by O_TRUNC are the record's until the
	 * new one is committed. */
	fuse_reply_open(req, file);
}

void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
             struct fuse_file_info *file)
{
	char *buffer = malloc(size);
	ssize_t n = buffer ? handle_read(handle_of(file), (uint64_t)offset,
	                                 buffer, size)
	                   : -ENOMEM;

	(void)ino;
	if (n < 0)
		fuse_reply_err(req, (int)-n);
	else
		fuse_reply_buf(req, buffer, (size_t)n);
	free(buffer);
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

/* Commit, and tell the inode table when a named copy got its record's name. */
static int commit(struct fs *fs, fuse_ino_t ino, struct handle *handle,
                  bool last)
{
	bool was_dirty = handle->dirty;
	int rc = was_dirty ? follow_name(fs, ino, handle) : 0;

	if (rc == 0)
		rc = handle_commit(handle, last);

	if (rc == 0 && handle->retarget) {
		rc = inodes_retarget(&fs->inodes, ino, handle->node.path);
		handle->retarget = false;
	}
	if (was_dirty && node_is_part(&handle->node)) {
		fs_forget_attributes(fs, &handle->node);
		if (rc == 0 && inodes_replace(&fs->inodes, ino, handle))
			notifier_forget(&fs->notifier, handle->node.path);
	}
	return rc;
}

void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file)
{
	struct fs *fs = fuse_req_userdata(req);

	fuse_reply_err(req, -commit(fs, ino, handle_of(file), false));
}

/* fsync promises more than close: it survives a power cut. */
static int sync_backend(struct fs *fs, const struct handle *handle)
{
	struct store *store;

	if (handle->fd >= 0)
		return fsync(handle->fd) < 0 ? -errno : 0;
	if (!handle->node.collection)
		return 0;
	store = stores_get(&fs->tree.stores, handle->node.collection);
	return store ? store->backend->sync(store) : -EIO;
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
	handle_close(handle);
	fuse_reply_err(req, -rc);
}
