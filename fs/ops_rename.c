/* SPDX-License-Identifier: MIT */
/*
 * Renaming.  What it means depends on the two ends:
 *
 *   record file -> record file   the record gets another key, with all its
 *                                files (fs/moved.h)
 *   record dir  -> record dir    the same
 *   scratch     -> record file   the bytes are committed
 *   record file -> scratch       the bytes move to the spool
 *   scratch     -> scratch       the file moves in the spool
 *   between collections          EXDEV: mv copies and deletes
 *   relationships                fs/rename_link.c
 *   a file still being written   its commit goes to the new name
 */
#include "fs/ops.h"

#include "fs/handle.h"
#include "fs/rename.h"
#include "layout/commit.h"
#include "layout/link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define KNOWN_FLAGS ((unsigned int)(RENAME_NOREPLACE | RENAME_EXCHANGE))

/* Directories in the spool that belong to the record move with it. */
static int move_spooled(struct rename *rename)
{
	int rc = spool_rename(&rename->fs->tree.spool, rename->from_path,
	                      rename->to_path, rename->flags);

	return rc == -ENOENT ? 0 : rc;
}

/* After a key changed: the record's other files have new names too. */
static void move_parts(struct rename *rename)
{
	const struct node *from = &rename->from.node;
	const struct node *to = &rename->to.node;
	const char *directory = from->collection->path;

	for (const struct node_suffix *row = node_suffixes; row->suffix;
	     row++) {
		struct blob old = { 0 };
		struct blob new = { 0 };
		int rc = blob_printf(&old, "%s/", directory);

		if (rc == 0)
			rc = node_part_name(node_key(from), row->suffix, &old);
		if (rc == 0)
			rc = blob_printf(&new, "%s/", directory);
		if (rc == 0)
			rc = node_part_name(node_key(to), row->suffix, &new);
		if (rc == 0 && strcmp(old.data, rename->from_path) != 0)
			moved_add(&rename->fs->moved, old.data, new.data);
		blob_release(&old);
		blob_release(&new);
	}
}

static enum rename_mode mode_of(unsigned int flags)
{
	if (flags & RENAME_EXCHANGE)
		return RENAME_SWAP;
	return flags & RENAME_NOREPLACE ? RENAME_KEEP : RENAME_REPLACE;
}

static int refuse(struct rename *rename, int rc, const char *why)
{
	spool_error(&rename->fs->tree.spool, rename->to_path, "rename", rc,
	            why);
	return rc;
}

static int rename_key(struct rename *rename)
{
	int rc;

	if (rename->to.node.named_copy)
		return refuse(rename, -EINVAL,
		              "records here are numbered; the new name must "
		              "be a number");
	rc = commit_rename(&rename->fs->tree, &rename->from.node,
	                   &rename->to.node, mode_of(rename->flags));
	if (rc == -EINVAL)
		refuse(rename, rc, "the new name cannot be a record's key");
	if (rc == 0 && !(rename->flags & RENAME_EXCHANGE))
		move_parts(rename);
	return rc;
}

static bool same_key(const struct node *a, const struct node *b)
{
	return a->collection == b->collection && blob_equal(&a->key, &b->key);
}

/* Both ends name a file of a record. */
static int part_to_part(struct rename *rename)
{
	const struct node *from = &rename->from.node;
	const struct node *to = &rename->to.node;

	if (from->collection != to->collection)
		return -EXDEV;
	if (strcmp(from->path, rename->from_path) != 0 && same_key(from, to)) {
		/* The second file of a record that was renamed. */
		moved_drop(&rename->fs->moved, rename->from_path);
		return 0;
	}
	if (from->kind != to->kind)
		return refuse(rename, -EINVAL,
		              "an .npy file cannot become a .json file, nor "
		              "the other way round");
	if (from->collection->shape != RECORD_DIRECTORY &&
	    (from->kind == NODE_FIELDS ||
	     (from->array[0] == '\0' && to->array[0] == '\0')))
		return rename_key(rename);
	if (rename->flags & RENAME_EXCHANGE)
		return -EINVAL;
	return rename_array_to_array(rename);
}

/* A directory that has the new name makes room, if it is empty. */
static int remove_target(struct rename *rename)
{
	struct tree *tree = &rename->fs->tree;
	struct node_info info;

	if (!rename->to_exists || rename->flags & RENAME_EXCHANGE ||
	    node_stat_stored(tree, &rename->to.node, &info))
		return 0;
	return commit_rmdir(tree, &rename->to.node);
}

static int rename_directory(struct rename *rename)
{
	const struct node *from = &rename->from.node;
	const struct node *to = &rename->to.node;
	int rc;

	if (from->collection != to->collection)
		return -EXDEV;
	if (from->kind != NODE_RECORD || to->kind != NODE_RECORD)
		return refuse(rename, -EINVAL,
		              "this directory shows the structure of a record");
	rc = remove_target(rename);
	if (rc == 0)
		rc = move_spooled(rename);
	return rc ? rc : rename_key(rename);
}

static int rename_scratch(struct rename *rename)
{
	const struct node *to = &rename->to.node;
	int rc = 0;

	if (S_ISREG(rename->from.info.mode) &&
	    (to->kind == NODE_ARRAY || to->kind == NODE_FIELDS))
		return rename_scratch_to_record(rename);
	if (S_ISDIR(rename->from.info.mode))
		rc = remove_target(rename);
	return rc ? rc
	          : spool_rename(&rename->fs->tree.spool, rename->from_path,
	                         rename->to_path, rename->flags);
}

/* A file that is in a record, or would be, and one of the spool cannot change
 * places. */
static bool is_mixed_exchange(const struct rename *rename)
{
	return rename->flags & RENAME_EXCHANGE &&
	       (rename->from.info.scratch || rename->to.info.scratch) &&
	       (node_is_part(&rename->from.node) ||
	        node_is_part(&rename->to.node));
}

/* What rename(2) promises of existing targets. */
static int check_target(const struct rename *rename)
{
	bool from_directory = S_ISDIR(rename->from.info.mode);

	if (rename->flags & RENAME_EXCHANGE)
		return rename->to_exists ? 0 : -ENOENT;
	if (!rename->to_exists)
		return 0;
	if (rename->flags & RENAME_NOREPLACE)
		return -EEXIST;
	if (from_directory && !S_ISDIR(rename->to.info.mode))
		return -ENOTDIR;
	if (!from_directory && S_ISDIR(rename->to.info.mode))
		return -EISDIR;
	return 0;
}

static int rename_found(struct rename *rename)
{
	const struct node *to = &rename->to.node;
	bool to_part = to->kind == NODE_ARRAY || to->kind == NODE_FIELDS;
	bool from_file = S_ISREG(rename->from.info.mode);
	int rc;

	if (!rename->from.node.collection || !to->collection ||
	    to->kind == NODE_COLLECTION)
		return -EPERM;
	if (from_file && node_refusal(to))
		return refuse(rename, -EINVAL, node_refusal(to));
	if (to->bad_name)
		return -EPERM;
	rc = check_target(rename);
	if (rc == 0 && is_mixed_exchange(rename))
		rc = -EINVAL;
	if (rc)
		return rc;
	if (link_owns(&rename->from.node) || link_owns(to))
		return rename_link(rename);
	if (rename->from.info.scratch)
		return rename_scratch(rename);
	if (S_ISDIR(rename->from.info.mode))
		return rename_directory(rename);
	if (to_part)
		return part_to_part(rename);
	if (rename->flags & RENAME_EXCHANGE || to->kind == NODE_OPAQUE)
		return -EINVAL;
	if (strcmp(to->collection->path, rename->from.node.collection->path) !=
	    0)
		return -EXDEV;
	return rename_record_to_scratch(rename);
}

/* The kernel's nodes go with their names. */
static int rename_inodes(struct rename *rename)
{
	struct inodes *inodes = &rename->fs->inodes;
	bool directory = S_ISDIR(rename->from.info.mode);

	if (rename->flags & RENAME_EXCHANGE)
		return inodes_swap(inodes, rename->from_path, rename->to_path,
		                   directory || S_ISDIR(rename->to.info.mode));
	return inodes_rename(inodes, rename->from_path, rename->to_path,
	                     directory);
}

static bool visit_uncommitted(struct handle *handle, void *arg)
{
	(void)arg;
	return handle_is_uncommitted(handle);
}

/* A new file that somebody is still writing: there is nothing to move but its
 * name, to which it will be committed.  -ENOENT: nobody is. */
static int rename_unwritten(struct rename *rename)
{
	struct fs *fs = rename->fs;
	const struct node *to = &rename->to.node;
	int rc;

	if (!inodes_visit_path(&fs->inodes, rename->from_path,
	                       visit_uncommitted, NULL))
		return -ENOENT;
	rc = node_find(&fs->tree, rename->from_path, &rename->from.node);
	if (rc)
		return rc;
	if (rename->flags & RENAME_EXCHANGE)
		return -EINVAL;
	if (rename->flags & RENAME_NOREPLACE && rename->to_exists)
		return -EEXIST;
	if (to->collection != rename->from.node.collection)
		return -EXDEV;
	if (to->kind != rename->from.node.kind)
		return -EBUSY;
	return 0;
}

static int rename_existing(struct rename *rename)
{
	int rc = fs_find(rename->fs, rename->from_path, &rename->from);

	if (rc == -ENOENT)
		return rename_unwritten(rename);
	return rc ? rc : rename_found(rename);
}

static int rename_paths(struct rename *rename)
{
	struct fs *fs = rename->fs;
	int rc;

	if (rename->flags & ~KNOWN_FLAGS)
		return -EINVAL;
	if (strcmp(rename->from_path, rename->to_path) == 0)
		return 0;
	rc = node_find(&fs->tree, rename->to_path, &rename->to.node);
	if (rc == 0) {
		rc = node_stat(&fs->tree, &rename->to.node, &rename->to.info);
		rename->to_exists = rc == 0;
		rc = rc == -ENOENT ? 0 : rc;
	}
	if (rc == 0)
		rc = rename_existing(rename);
	if (rc == 0)
		rc = rename_inodes(rename);
	if (rc == 0) {
		moved_drop(&fs->moved, rename->to_path);
		herald_drop(&fs->herald, rename->from_path);
		herald_note(&fs->herald, rename->to_path,
		            rename->from.info.expires_ms);
	}
	if (rc == 0 && node_is_part(&rename->to.node))
		fs_forget_attributes(fs, &rename->to.node);
	if (rc == 0 && node_is_part(&rename->from.node))
		fs_forget_attributes(fs, &rename->from.node);
	node_release(&rename->from.node);
	node_release(&rename->to.node);
	return rc;
}

void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name,
               fuse_ino_t new_parent, const char *new_name, unsigned int flags)
{
	struct rename rename = { .fs = fuse_req_userdata(req), .flags = flags };
	int rc;
	char *from = fs_child_path(rename.fs, parent, name, &rc);
	char *to =
	    from ? fs_child_path(rename.fs, new_parent, new_name, &rc) : NULL;

	if (from && to) {
		rename.from_path = from;
		rename.to_path = to;
		rc = rename_paths(&rename);
	}
	free(from);
	free(to);
	fuse_reply_err(req, -rc);
}
