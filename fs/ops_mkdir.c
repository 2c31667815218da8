/* SPDX-License-Identifier: MIT */
#include "fs/ops.h"

#include "layout/commit.h"
#include "layout/link.h"

#include <errno.h>
#include <stdlib.h>

/* A record, or a directory in the spool inside a record that may hold any. */
static int make_directory(struct fs *fs, const struct node *node, mode_t mode)
{
	char why[WHY_SIZE] = "";
	int rc;

	if (node->kind != NODE_RECORD && node->kind != NODE_SUBDIR &&
	    node->kind != NODE_LINKS) {
		if (node->bad_name)
			return -EINVAL;
		return -EPERM;
	}
	if (node->kind != NODE_RECORD ||
	    node->collection->shape != RECORD_DIRECTORY)
		return spool_mkdir(&fs->tree.spool, node->path, mode & 0777);
	rc = commit_mkdir(&fs->tree, node, why);
	if (rc == -EINVAL)
		spool_error(&fs->tree.spool, node->path, "mkdir", rc, why);
	return rc;
}

static int mkdir_path(struct fs *fs, const char *path, mode_t mode,
                      struct fuse_entry_param *entry)
{
	struct found found = { 0 };
	int rc = node_find(&fs->tree, path, &found.node);

	if (rc)
		return rc;
	rc = node_stat(&fs->tree, &found.node, &found.info);
	rc = rc == 0 ? -EEXIST : rc;
	if (rc == -ENOENT)
		rc = make_directory(fs, &found.node, mode);
	if (rc == 0)
		rc = node_stat(&fs->tree, &found.node, &found.info);
	if (rc == 0)
		rc = fs_fill_entry(fs, path, &found.info, entry);
	node_release(&found.node);
	return rc;
}

void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	struct fs *fs = fuse_req_userdata(req);
	struct fuse_entry_param entry;
	int rc;
	char *path = fs_child_path(fs, parent, name, &rc);

	if (path)
		rc = mkdir_path(fs, path, mode, &entry);
	free(path);
	if (rc)
		fuse_reply_err(req, -rc);
	else
		fuse_reply_entry(req, &entry);
}

/* The record's directory, and what of it is in the spool. */
static int remove_directory(struct fs *fs, const struct node *node)
{
	struct node_info info;
	bool stored;
	int rc = 0;

	if (link_is_directory(node))
		return link_rmdir(&fs->tree, node);
	stored = (node->kind == NODE_RECORD || node->kind == NODE_SUBDIR) &&
	         node_stat_stored(&fs->tree, node, &info) == 0;
	if (node->kind != NODE_RECORD && node->kind != NODE_SUBDIR &&
	    node->kind != NODE_OTHER)
		return node_is_directory(node) ? -EPERM : -ENOTDIR;
	if (stored && (node->kind == NODE_SUBDIR ||
	               node->collection->shape != RECORD_DIRECTORY))
		return -ENOTEMPTY;
	rc = spool_rmdir(&fs->tree.spool, node->path);
	if (rc == -ENOENT && stored)
		rc = 0;
	if (rc == 0 && stored)
		rc = commit_rmdir(&fs->tree, node);
	return rc;
}

static int rmdir_path(struct fs *fs, const char *path)
{
	struct node node = { 0 };
	int rc = node_find(&fs->tree, path, &node);

	if (rc == 0)
		rc = remove_directory(fs, &node);
	node_release(&node);
	return rc;
}

void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs *fs = fuse_req_userdata(req);
	int rc;
	char *path = fs_child_path(fs, parent, name, &rc);

	if (path)
		rc = rmdir_path(fs, path);
	if (path && rc == 0)
		inodes_unlink(&fs->inodes, path);
	free(path);
	fuse_reply_err(req, -rc);
}
