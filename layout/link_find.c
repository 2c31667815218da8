/* SPDX-License-Identifier: MIT */
#include "layout/link.h"

#include "backends/name.h"
#include "backends/query.h"

#include <errno.h>
#include <string.h>

#define SUFFIX ".json"
#define SUFFIX_SIZE (sizeof(SUFFIX) - 1)

static struct key blob_key(const struct blob *blob)
{
	return (struct key){ blob->data, blob->size };
}

/* The type of the source whose cut name is NAME, or NAME itself. */
static int find_cut_type(const struct tree *tree, const struct node *node,
                         const char *name, size_t size, struct blob *out)
{
	struct match_list types = { 0 };
	struct store *store;
	const struct relation_ops *ops =
	    link_ops(tree, node->collection, &store);
	int rc =
	    ops ? ops->types(store, node->collection, node_key(node), &types)
		: -EIO;

	rc = rc == -ENOENT ? 0 : rc;
	for (size_t i = 0; rc == 0 && i < types.count; i++) {
		const struct blob *key = &types.items[i].key;
		struct blob shown = { 0 };

		rc = node_part_name(blob_key(key), "", &shown);
		if (rc == 0 && shown.size == size &&
		    memcmp(shown.data, name, size) == 0)
			rc = blob_set(out, key->data, key->size);
		blob_release(&shown);
	}
	match_list_release(&types);
	return rc ? rc : out->size ? 0 : -ENOENT;
}

static int find_type(const struct tree *tree, const char *name, size_t size,
                     struct node *node)
{
	int rc = -ENOENT;

	if (name_is_cut(name, size, NODE_STEM_LIMIT))
		rc = find_cut_type(tree, node, name, size, &node->link_type);
	return rc == -ENOENT
	           ? name_decode(name, size, NODE_STEM_LIMIT, &node->link_type)
	           : rc;
}

static int find_target(const struct tree *tree, const char *name,
                       struct node *node)
{
	size_t size = strlen(name);
	bool fields = size > SUFFIX_SIZE &&
	              strcmp(name + size - SUFFIX_SIZE, SUFFIX) == 0;

	if (strchr(name, '/'))
		return -EINVAL;
	node->kind = fields ? NODE_LINK_FIELDS : NODE_LINK;
	return node_find_key(tree, node->collection, name,
	                     fields ? size - SUFFIX_SIZE : size,
	                     &node->link_target);
}

int link_find(const struct tree *tree, const char *rest, struct node *node)
{
	const char *slash = strchr(rest, '/');
	size_t size = slash ? (size_t)(slash - rest) : strlen(rest);
	int rc = find_type(tree, rest, size, node);

	node->kind = NODE_LINKS;
	if (rc == 0 && slash)
		rc = find_target(tree, slash + 1, node);
	if (rc == -EINVAL) {
		node->kind = NODE_OTHER;
		rc = 0;
	}
	return rc;
}
