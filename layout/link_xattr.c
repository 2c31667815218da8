/* SPDX-License-Identifier: MIT */
#include "layout/link.h"

#include "backends/json.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

#define STRENGTH "user.strength"
#define ORIGIN "user.origin"

int link_get_xattr(const struct tree *tree, const struct node *node,
                   const char *name, struct blob *out)
{
	const struct collection *collection = node->collection;
	struct relation relation = { 0 };
	int rc = link_get(tree, node, &relation);

	if (rc == 0 && strcmp(name, STRENGTH) == 0)
		rc = json_append_double(relation.strength, out);
	else if (rc == 0 && strcmp(name, ORIGIN) == 0)
		rc = blob_printf(out, "%s:%s/%" PRId64, collection->backend,
		                 collection->relations, relation.id);
	else if (rc == 0)
		rc = -ENODATA;
	relation_release(&relation);
	return rc;
}

int link_list_xattr(const struct tree *tree, const struct node *node,
                    struct blob *out)
{
	(void)tree;
	(void)node;
	return blob_append(out, STRENGTH "\0" ORIGIN,
	                   sizeof(STRENGTH "\0" ORIGIN));
}

int link_set_xattr(struct tree *tree, const struct node *node, const char *name,
                   double number)
{
	struct relation_change change = { .set_strength = true,
		                          .strength = number,
		                          .must_exist = true };
	struct relation_name ends = link_name(node);
	struct store *store;
	const struct relation_ops *ops =
	    link_ops(tree, node->collection, &store);

	change.mtime.tv_nsec = UTIME_NOW;
	if (strcmp(name, ORIGIN) == 0)
		return -EPERM;
	if (strcmp(name, STRENGTH) != 0)
		return -EOPNOTSUPP;
	if (!isfinite(number))
		return -EINVAL;
	return ops ? ops->put(store, node->collection, &ends, &change) : -EIO;
}
