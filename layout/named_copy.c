/* SPDX-License-Identifier: MIT */
#include "layout/named_copy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int named_copy_refresh(const struct tree *tree, struct node *node)
{
	struct node now = { 0 };
	int rc = node_find(tree, node->path, &now);

	if (rc)
		return rc;
	node_release(node);
	*node = now;
	return 0;
}

/* The name in the collection's directory: "run7.npy", or "run7" of
 * "run7/observation.npy". */
static char *top_name(const struct node *node, size_t *rest)
{
	const char *name = node->path + strlen(node->collection->path) + 1;
	size_t size = strcspn(name, "/");

	*rest = (size_t)(name - node->path) + size;
	return strndup(node->path, *rest);
}

/* Take away what was begun under NAME, so that a symlink can have it. */
static int clear_name(struct tree *tree, const char *name, const char *new_path)
{
	int rc = spool_unlink(&tree->spool, name);

	if (rc == -EISDIR) {
		rc = spool_rmdir(&tree->spool, name);
		if (rc == -ENOTEMPTY || rc == -EEXIST)
			rc = spool_rename(&tree->spool, name, new_path, 0);
	}
	return rc == -ENOENT ? 0 : rc;
}

/* The node at PATH and REST together. */
static int find_below(const struct tree *tree, const char *path,
                      const char *rest, struct node *out)
{
	struct blob whole = { 0 };
	int rc = blob_printf(&whole, "%s%s", path, rest);

	if (rc == 0)
		rc = node_find(tree, whole.data, out);
	blob_release(&whole);
	return rc;
}

int named_copy_settle(struct tree *tree, struct node *node,
                      const struct blob *key)
{
	struct blob target = { 0 };
	struct blob path = { 0 };
	struct node settled = { 0 };
	size_t rest;
	char *name = top_name(node, &rest);
	const char *dot = name ? strrchr(name, '.') : NULL;
	bool inside = node->path[rest] == '/';
	int rc = name ? 0 : -ENOMEM;

	if (rc == 0)
		rc = blob_printf(&target, "%s%s", key->data,
		                 inside || !dot ? "" : dot);
	if (rc == 0)
		rc = blob_printf(&path, "%s/%s", node->collection->path,
		                 target.data);
	if (rc == 0)
		rc = find_below(tree, path.data, node->path + rest, &settled);
	if (rc == 0)
		rc = clear_name(tree, name, path.data);
	if (rc == 0)
		rc = spool_symlink(&tree->spool, target.data, name);
	if (rc == 0 || rc == -EEXIST) {
		node_release(node);
		*node = settled;
		rc = 0;
	} else {
		node_release(&settled);
	}
	free(name);
	blob_release(&target);
	blob_release(&path);
	return rc;
}
