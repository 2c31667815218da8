/* SPDX-License-Identifier: MIT */
#include "fs/ops.h"

#include "fs/handle.h"
#include "fs/links.h"
#include "layout/commit.h"
#include "layout/link.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int unlink_rejected(struct fs *fs, const struct node *node)
{
	const char *name = strrchr(node->path, '/') + 1;

	return unlinkat(fs->tree.spool.rejected_fd, name, 0) < 0 ? -errno : 0;
}

static int unlink_found(struct fs *fs, const struct found *found, pid_t pid)
{
	const struct node *node = &found->node;
	int rc;

	if (S_ISDIR(found->info.mode))
		return -EISDIR;
	if (node->kind == NODE_REJECTED)
		return unlink_rejected(fs, node);
	if (node->kind == NODE_LINK)
		return links_unlink(fs, found, pid);
	if (found->info.scratch)
		return spool_unlink(&fs->tree.spool, node->path);
	if (!node_is_part(node))
		return -EPERM;
	rc = commit_remove(&fs->tree, node);
	if (rc == 0 && node->kind == NODE_LINK_FIELDS)
		links_note_reset(fs, node, pid);
	return rc;
}

static bool visit_drop(struct handle *handle, void *arg)
{
	bool *uncommitted = arg;

	*uncommitted |= handle_drop(handle);
	return false;
}

/* Whoever has the file open does not bring it back.  True: somebody would
 * have. */
static bool drop_handles(struct fs *fs, const char *path)
{
	bool uncommitted = false;

	inodes_visit_path(&fs->inodes, path, visit_drop, &uncommitted);
	return uncommitted;
}

/* Our own process: of a record that is gone only the name is left. */
static int unlink_removed(struct fs *fs, const char *path)
{
	return herald_removes(&fs->herald, path) ? 0 : -ENOENT;
}

static int unlink_path(struct fs *fs, const char *path, pid_t pid)
{
	struct found found;
	char *moved;
	int rc;

	/* The other name of a record that was renamed: only the name goes. */
	rc = fs_find(fs, path, &found);
	if (rc) /* it may be in an open file alone, so far */
		return rc == -ENOENT && drop_handles(fs, path) ? 0 : rc;
	moved = strcmp(found.node.path, path) == 0
	            ? NULL
	            : moved_find(&fs->moved, path);
	if (moved)
		moved_drop(&fs->moved, path);
	else
		rc = unlink_found(fs, &found, pid);
	if (rc == 0 && !moved && node_is_part(&found.node))
		drop_handles(fs, path);
	if (rc == 0 && !moved &&
	    (node_is_part(&found.node) || found.node.kind == NODE_LINK))
		fs_forget_attributes(fs, &found.node);
	free(moved);
	node_release(&found.node);
	return rc;
}

void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs *fs = fuse_req_userdata(req);
	int rc;
	char *path = fs_child_path(fs, parent, name, &rc);

	if (path && herald_is(&fs->herald, fuse_req_ctx(req)->pid))
		rc = unlink_removed(fs, path);
	else if (path)
		rc = unlink_path(fs, path, fuse_req_ctx(req)->pid);
	if (path && rc == 0) {
		inodes_unlink(&fs->inodes, path);
		herald_drop(&fs->herald, path);
	}
	free(path);
	fuse_reply_err(req, -rc);
}

/* Whoever copies a relationship may have made it already: see links.h. */
static int make_symlink(struct fs *fs, const char *target,
                        const struct node *node, pid_t pid, bool exists)
{
	if (link_owns(node))
		return links_make(fs, node, target, pid, exists);
	return exists ? -EEXIST
	              : spool_symlink(&fs->tree.spool, target, node->path);
}

static int symlink_path(struct fs *fs, const char *target, const char *path,
                        pid_t pid, struct fuse_entry_param *entry)
{
	struct found found = { 0 };
	bool exists;
	int rc = node_find(&fs->tree, path, &found.node);

	if (rc)
		return rc;
	if (!found.node.collection || found.node.kind == NODE_COLLECTION)
		rc = -EPERM;
	exists = rc == 0 && node_stat(&fs->tree, &found.node, &found.info) == 0;
	if (rc == 0)
		rc = make_symlink(fs, target, &found.node, pid, exists);
	if (rc == 0)
		rc = node_stat(&fs->tree, &found.node, &found.info);
	if (rc == 0)
		rc = fs_fill_entry(fs, path, &found.info, entry);
	node_release(&found.node);
	return rc;
}

void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent,
                const char *name)
{
	struct fs *fs = fuse_req_userdata(req);
	struct fuse_entry_param entry;
	int rc;
	char *path = fs_child_path(fs, parent, name, &rc);

	if (path)
		rc = symlink_path(fs, target, path, fuse_req_ctx(req)->pid,
		                  &entry);
	free(path);
	if (rc)
		fuse_reply_err(req, -rc);
	else
		fuse_reply_entry(req, &entry);
}

/* There are no devices and no sockets, and a file has one name. */
void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
              dev_t device)
{
	(void)parent;
	(void)name;
	(void)mode;
	(void)device;
	fuse_reply_err(req, EPERM);
}

void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent,
             const char *name)
{
	(void)ino;
	(void)parent;
	(void)name;
	fuse_reply_err(req, EPERM);
}
