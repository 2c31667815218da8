/* SPDX-License-Identifier: MIT */
#include "layout/commit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int keep_directory(struct tree *tree, const struct node *node)
{
	const char *slash = strrchr(node->path, '/');
	char *parent = strndup(node->path, (size_t)(slash - node->path));
	struct node directory = { 0 };
	struct node_info info;
	int rc;

	if (!parent)
		return -ENOMEM;
	rc = node_find(tree, parent, &directory);
	if (rc == 0)
		rc = node_stat(tree, &directory, &info);
	if (rc == -ENOENT)
		rc = spool_mkdir(&tree->spool, parent, 0700);
	node_release(&directory);
	free(parent);
	return rc == -EEXIST ? 0 : rc;
}

void commit_keep_directory(struct tree *tree, const struct node *node)
{
	int rc = keep_directory(tree, node);

	if (rc)
		spool_error(&tree->spool, node->path, "unlink", rc,
		            "its directory has gone with it");
}
