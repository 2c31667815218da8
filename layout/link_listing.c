/* SPDX-License-Identifier: MIT */
#include "layout/link_listing.h"

#include <errno.h>
#include <sys/stat.h>

#define PAGE 256

static struct key blob_key(const struct blob *blob)
{
	return (struct key){ blob->data, blob->size };
}

void link_listing_release(struct link_listing *listing)
{
	relation_list_release(&listing->relations);
	match_list_release(&listing->keys);
	cursor_release(&listing->cursor);
}

static int load(struct link_listing *listing, const struct tree *tree,
                const struct node *node)
{
	const struct collection *collection = node->collection;
	struct store *store;
	const struct relation_ops *ops = link_ops(tree, collection, &store);
	int rc;

	relation_list_release(&listing->relations);
	match_list_release(&listing->keys);
	listing->next = 0;
	if (!ops)
		return -EIO;
	if (node->kind == NODE_COLLECTION)
		return ops->sources(store, collection, &listing->cursor, PAGE,
		                    &listing->keys);
	if (node->kind == NODE_LINKS) {
		rc = ops->list(store, collection, node_key(node),
		               blob_key(&node->link_type), &listing->cursor,
		               PAGE, &listing->relations);
	} else {
		rc = ops->types(store, collection, node_key(node),
		                &listing->keys);
		listing->cursor.end = true;
	}
	if (rc == -ENOENT || rc == -EINVAL) { /* a directory in the spool */
		listing->cursor.end = true;
		rc = 0;
	}
	return rc;
}

/* A directory: of a source, or of a type. */
static int give_directory(struct link_listing *listing, const struct tree *tree,
                          struct blob *name, struct node_info *info)
{
	const struct blob *key = &listing->keys.items[listing->next++].key;

	*info = (struct node_info){ .mode = S_IFDIR,
		                    .mtime = tree->since,
		                    .atime = tree->since };
	return node_part_name(blob_key(key), "", name);
}

static int give_file(struct link_listing *listing, struct blob *name,
                     struct node_info *info)
{
	const struct relation *relation =
	    &listing->relations.items[listing->next];
	struct blob text = { 0 };
	int rc = node_part_name(blob_key(&relation->target),
	                        listing->half ? "" : ".json", name);

	*info = (struct node_info){ .mode = listing->half ? S_IFLNK : S_IFREG,
		                    .mtime = relation->mtime,
		                    .atime = relation->mtime };
	if (rc == 0 && listing->half)
		rc = blob_printf(&text, "../../%s.json", name->data);
	else if (rc == 0)
		rc = link_render_fields(relation, &text);
	info->size = text.size;
	blob_release(&text);
	listing->next += listing->half ? 1 : 0;
	listing->half = !listing->half;
	return rc;
}

int link_listing_next(struct link_listing *listing, const struct tree *tree,
                      const struct node *node, struct blob *name,
                      struct node_info *info)
{
	int rc = 0;

	while (rc == 0) {
		if (listing->next < listing->keys.count)
			rc = give_directory(listing, tree, name, info);
		else if (listing->next < listing->relations.count)
			rc = give_file(listing, name, info);
		else if (listing->cursor.end)
			return 0;
		else {
			rc = load(listing, tree, node);
			continue;
		}
		return rc ? rc : 1;
	}
	return rc;
}
