/* SPDX-License-Identifier: MIT */
#include "fs/rename.h"

#include "layout/link.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static int refuse(struct rename *rename, const char *why)
{
	spool_error(&rename->fs->tree.spool, rename->to_path, "rename", -EINVAL,
	            why);
	return -EINVAL;
}

/* A symlink of the spool gets the name of a link. */
static int make_link(struct rename *rename)
{
	struct spool *spool = &rename->fs->tree.spool;
	const struct relation_change as_it_is = { .mtime = { 0, UTIME_OMIT } };
	struct blob target = { 0 };
	char why[WHY_SIZE] = "";
	int rc = spool_readlink(spool, rename->from_path, &target);

	if (rc == 0 && rename->to_exists && rename->to.info.scratch)
		rc = spool_unlink(spool, rename->to_path);
	if (rc == 0)
		rc = link_make(&rename->fs->tree, &rename->to.node, target.data,
		               &as_it_is, why);
	if (rc == -EINVAL)
		refuse(rename, why);
	if (rc == 0)
		rc = spool_unlink(spool, rename->from_path);
	blob_release(&target);
	return rc;
}

/* The other name of what has moved leads to it for a while. */
static void note_moved(struct rename *rename)
{
	const char *paths[] = { rename->from_path, rename->to_path };
	bool fields = rename->from.node.kind == NODE_LINK_FIELDS;
	struct blob names[2] = { 0 };
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < 2; i++) {
		int size = (int)strlen(paths[i]);

		rc = fields ? blob_printf(&names[i], "%.*s",
		                          size - (int)strlen(".json"), paths[i])
		            : blob_printf(&names[i], "%s.json", paths[i]);
	}
	if (rc == 0)
		moved_add(&rename->fs->moved, names[0].data, names[1].data);
	blob_release(&names[0]);
	blob_release(&names[1]);
}

/* The relationship gets another name, with both files. */
static int move_relationship(struct rename *rename)
{
	char why[WHY_SIZE] = "";
	bool keep = rename->flags & RENAME_NOREPLACE;
	int rc;

	rc = link_rename(&rename->fs->tree, &rename->from.node,
	                 &rename->to.node, keep, why);
	if (rc == -EINVAL)
		refuse(rename, why);
	if (rc == 0)
		note_moved(rename);
	return rc;
}

int rename_link(struct rename *rename)
{
	const struct node *from = &rename->from.node;
	const struct node *to = &rename->to.node;

	if (strcmp(from->path, rename->from_path) != 0 &&
	    strcmp(from->path, rename->to_path) == 0) {
		/* The second file of what was renamed. */
		moved_drop(&rename->fs->moved, rename->from_path);
		return 0;
	}
	if (from->collection != to->collection ||
	    S_ISDIR(rename->from.info.mode))
		return -EXDEV;
	if (rename->flags & RENAME_EXCHANGE)
		return -EINVAL;
	if (to->kind == NODE_LINKS || to->kind == NODE_RECORD)
		return refuse(rename, "this is where directories are");
	if (rename->from.info.scratch && to->kind == NODE_LINK &&
	    S_ISLNK(rename->from.info.mode))
		return make_link(rename);
	if (rename->from.info.scratch && to->kind == NODE_LINK_FIELDS &&
	    S_ISREG(rename->from.info.mode))
		return rename_scratch_to_record(rename);
	if (rename->from.info.scratch)
		return spool_rename(&rename->fs->tree.spool, rename->from_path,
		                    rename->to_path, rename->flags);
	if (from->kind == to->kind && link_owns(from))
		return move_relationship(rename);
	if (from->kind == NODE_LINK_FIELDS && !rename->to_exists)
		return rename_record_to_scratch(rename);
	return refuse(rename, "what is renamed is no file of a relationship");
}
