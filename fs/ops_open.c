/* SPDX-License-Identifier: MIT */
#include "fs/ops.h"

#include "fs/glimpse_open.h"
#include "fs/handle.h"
#include "fs/links.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* A record may be replaced this often while it is opened. */
#define OPEN_TRIES 8

/* May a file be made here?  Only collections and what is in them hold files,
 * and a name that ends like a record's must be one. */
static int check_new(struct fs *fs, const struct node *node)
{
	const char *why;

	if (node->kind == NODE_OPAQUE || !node->collection)
		return -EPERM;
	why = node_refusal(node);
	if (why)
		spool_error(&fs->tree.spool, node->path, "create", -EINVAL,
		            why);
	return why ? -EINVAL : 0;
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

/* What is at FOUND's node; *EXISTS false: nothing, which O_EXCL asks for. */
static int check_exclusive(struct fs *fs, struct found *found,
                           const struct fuse_ctx *who, int flags, bool *exists)
{
	uint64_t stamp = inodes_stamp(&fs->inodes, found->node.path);
	int rc;

	if (!(flags & O_EXCL) &&
	    absent_take(&fs->absent, found->node.path, who->pid, stamp))
		return 0;
	rc = node_stat(&fs->tree, &found->node, &found->info);
	*exists = rc == 0;
	if (rc && rc != -ENOENT)
		return rc;
	if (!(flags & O_EXCL))
		return 0;
	if (*exists && !makers_has(&fs->makers, found->node.path, who->pid))
		return -EEXIST;
	if (found->node.kind == NODE_ARRAY)
		makers_note_array(fs, &found->node, who->pid);
	if (found->node.kind == NODE_LINK_FIELDS)
		links_note_maker(fs, &found->node, who->pid);
	return 0;
}

/* The new file gets its inode, and the handle is its first.  Its name must not
 * stay in the kernel when its bytes may yet be refused. */
static int enter(struct fs *fs, const char *path, struct handle *handle,
                 pid_t pid, struct fuse_entry_param *entry)
{
	struct node_info info;
	int rc;

	moved_drop(&fs->moved, path);
	makers_drop(&fs->makers, path);
	sharing_make_room(fs, path, handle, pid);
	handle_info(handle, &info);
	rc = fs_fill_entry(fs, path, &info, entry);
	if (rc)
		return rc;
	inodes_untell(&fs->inodes, path);
	inodes_attach(&fs->inodes, entry->ino, handle);
	/* A draft is this handle's: the kernel knows what changes it. */
	entry->attr_timeout = handle->has_draft ? FS_VALID_SECONDS : 0;
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

static int create(fuse_req_t req, const char *path, mode_t mode,
                  struct fuse_file_info *file, struct fuse_entry_param *entry)
{
	struct fs *fs = fuse_req_userdata(req);
	const struct fuse_ctx *who = fuse_req_ctx(req);
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
		rc = enter(fs, path, handle, who->pid, entry);
	if (rc == 0) {
		set_caching(handle, file);
		rc = passthrough_open(fs, req, entry->ino, handle, file);
		if (rc)
			inodes_forget(&fs->inodes, entry->ino, 1);
	}
	if (rc == 0) {
		inodes_keep_pages(&fs->inodes, entry->ino, handle);
		fs_note_access(fs, handle, who->pid);
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
		rc = create(req, path, mode, file, &entry);
	free(path);
	if (rc)
		fuse_reply_err(req, -rc);
	else
		fuse_reply_create(req, &entry, file);
}

static bool visit_unborn(struct handle *handle, void *arg)
{
	(void)arg;
	return handle_is_unborn(handle);
}

struct opening {
	struct fs *fs;
	fuse_req_t req;
	fuse_ino_t ino;
	struct fuse_file_info *file;
	bool gone;    /* the node's name leads elsewhere */
	bool crowded; /* it must not use the pages of its node */
	bool is_back; /* the kernel has looked the name up again for it */
};

static int attach(struct opening *opening, struct handle *handle)
{
	struct fs *fs = opening->fs;

	if (!opening->gone &&
	    !inodes_is_reserved(&fs->inodes, opening->ino,
	                        fuse_req_ctx(opening->req)->pid) &&
	    sharing_attach(fs, opening->ino, handle))
		return 0;
	if (!opening->is_back) {
		inodes_set_aside(&fs->inodes, opening->ino);
		return -ESTALE;
	}
	opening->crowded = true;
	inodes_attach(&fs->inodes, opening->ino, handle);
	return 0;
}

/* The record has gone, but the kernel still has its name: it is to look the
 * name up again, and then may create it.  A file that is being written has a
 * name that is right, and nothing to open yet. */
static int name_again(const struct opening *opening, int rc)
{
	struct inodes *inodes = &opening->fs->inodes;

	if (rc != -ENOENT || opening->is_back ||
	    inodes_visit(inodes, opening->ino, visit_unborn, NULL))
		return rc;
	return -ESTALE;
}

static bool visit_any(struct handle *handle, void *arg)
{
	(void)handle;
	(void)arg;
	return true;
}

/* Where a lookup was answered a moment ago, its answer will do for the first
 * reader, and for who replaces the whole. */
static bool find_told(const struct opening *opening, const char *path,
                      struct found *found)
{
	struct fs *fs = opening->fs;
	int flags = opening->file->flags;
	double valid;

	return !opening->gone &&
	       ((flags & O_ACCMODE) == O_RDONLY || flags & O_TRUNC) &&
	       !inodes_visit(&fs->inodes, opening->ino, visit_any, NULL) &&
	       fs_told(fs, opening->ino, path, found, &valid);
}

/* The record changed since it was asked for, perhaps by whoever told the kernel
 * of it: the kernel is to ask again. */
static bool is_outdated(struct fs *fs, const struct handle *handle)
{
	if (!handle->has_view || !node_is_part(&handle->node) ||
	    handle->view.size == handle->at_open.size)
		return false;
	fs_forget_attributes(fs, &handle->node);
	return true;
}

static int find(const struct opening *opening, const char *path,
                struct found *found)
{
	struct inodes *inodes = &opening->fs->inodes;
	int rc;

	if (opening->gone && !opening->is_back)
		return -ESTALE;
	rc = opening->gone ? fs_find(opening->fs, path, found)
	                   : fs_find_id(opening->fs, opening->ino, found);
	if (rc == 0 && !opening->is_back &&
	    inodes_is_aside(inodes, opening->ino)) {
		node_release(&found->node);
		rc = -ESTALE;
	}
	return rc;
}

/* A new file that is being written is new to another writer, too. */
static int open_found(const struct opening *opening, const struct found *found,
                      struct handle **out)
{
	int flags = opening->file->flags;
	bool is_new = found->unborn && (flags & O_ACCMODE) != O_RDONLY;

	return handle_open(&opening->fs->tree, &found->node,
	                   is_new ? NULL : &found->info,
	                   is_new ? flags | O_CREAT : flags, 0, out);
}

/* The kernel looks a name up again once only: who is back gets what the path
 * leads to, on whatever node. */
static int try_open(const struct opening *opening, const char *path,
                    struct handle **out)
{
	struct fs *fs = opening->fs;
	struct found found;
	bool told = find_told(opening, path, &found);
	int rc = told ? 0 : find(opening, path, &found);

	if (rc)
		return rc;
	rc = open_found(opening, &found, out);
	node_release(&found.node);
	if (rc != -ENOENT && !(told && rc == -EIO)) /* it may be no array now */
		return rc;
	inodes_untell(&fs->inodes, path);
	return -EAGAIN;
}

/* What is replaced between the question for it and the opening is asked for
 * again. */
static int open_path(const struct opening *opening, const char *path,
                     struct handle **out)
{
	int rc = glimpse_open(opening->fs, opening->ino, path,
	                      opening->file->flags, out);

	for (int tries = 0; rc == -EAGAIN && tries < OPEN_TRIES; tries++) {
		rc = try_open(opening, path, out);
		if (rc == 0 && is_outdated(opening->fs, *out) &&
		    tries + 1 < OPEN_TRIES) {
			handle_close(*out);
			rc = -EAGAIN;
		}
	}
	return rc == -EAGAIN ? -ENOENT : rc;
}

/* Of a record that has just changed the kernel may still have the old size, and
 * would cut off what is behind it: have it ask again. */
static void note_size(const struct opening *opening,
                      const struct handle *handle)
{
	struct fs *fs = opening->fs;
	uint64_t size = handle->view.size;

	if (!handle->has_view ||
	    inodes_tell_size(&fs->inodes, opening->ino, size) == size)
		return;
	notify_attributes(fs, handle->node.path);
	notify_node(fs, opening->ino);
}

/* Pages stay from one open file to the next while the version is the same. */
static void keep_pages(const struct opening *opening, struct handle *handle)
{
	if (opening->crowded)
		handle->version = 0;
	opening->file->keep_cache =
	    inodes_keep_pages(&opening->fs->inodes, opening->ino, handle);
	note_size(opening, handle);
}

static int open_and_attach(struct opening *opening, const char *path)
{
	struct handle *handle;
	int rc = open_path(opening, path, &handle);

	if (rc)
		return rc;
	set_caching(handle, opening->file);
	rc = attach(opening, handle);
	opening->file->direct_io |= opening->crowded;
	if (rc == 0)
		rc = passthrough_open(opening->fs, opening->req, opening->ino,
		                      handle, opening->file);
	if (rc) {
		handle_close(handle);
		return rc;
	}
	keep_pages(opening, handle);
	fs_note_access(opening->fs, handle, fuse_req_ctx(opening->req)->pid);
	return 0;
}

static int open_file(struct opening *opening)
{
	struct fs *fs = opening->fs;
	pid_t pid = fuse_req_ctx(opening->req)->pid;
	char *path = inodes_path(&fs->inodes, opening->ino, &opening->gone);
	uint64_t number;
	int rc;

	if (!path)
		return -ENOMEM;
	number = inode_number(path);
	opening->is_back = sharing_came_back(&fs->sharing, number, pid);
	rc = name_again(opening, open_and_attach(opening, path));
	if (rc == -ESTALE)
		sharing_send_back(&fs->sharing, number, pid);
	free(path);
	return rc;
}

/* The attributes of a file cut by O_TRUNC are the record's until the new one is
 * committed. */
void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file)
{
	struct opening opening = { .fs = fuse_req_userdata(req),
		                   .req = req,
		                   .ino = ino,
		                   .file = file };
	int rc;

	read_ahead_set(&opening.fs->read_ahead);
	rc = open_file(&opening);
	if (rc)
		fuse_reply_err(req, -rc);
	else
		fuse_reply_open(req, file);
}
