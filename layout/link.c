/* SPDX-License-Identifier: MIT */
#include "layout/link.h"

#include "backends/name.h"
#include "backends/query.h"
#include "layout/commit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define UP "../../"
#define SUFFIX ".json"

static const struct timespec no_time = { 0, UTIME_OMIT };

const struct relation_ops *link_ops(const struct tree *tree,
                                    const struct collection *collection,
                                    struct store **store)
{
	*store = stores_get(&tree->stores, collection);
	return *store ? (*store)->backend->relations : NULL;
}

static struct key blob_key(const struct blob *blob)
{
	return (struct key){ blob->data, blob->size };
}

struct relation_name link_name(const struct node *node)
{
	return (struct relation_name){ blob_key(&node->key),
		                       blob_key(&node->link_type),
		                       blob_key(&node->link_target) };
}

bool link_owns(const struct node *node)
{
	return node->kind == NODE_LINKS || node->kind == NODE_LINK ||
	       node->kind == NODE_LINK_FIELDS;
}

bool link_is_directory(const struct node *node)
{
	return node->kind == NODE_LINKS ||
	       (node->kind == NODE_RECORD && node->collection->relations);
}

int link_text(const struct node *node, struct blob *out)
{
	int rc = blob_append_text(out, UP);

	return rc ? rc
	          : node_part_name(blob_key(&node->link_target), SUFFIX, out);
}

int link_get(const struct tree *tree, const struct node *node,
             struct relation *out)
{
	struct relation_name name = link_name(node);
	struct store *store;
	const struct relation_ops *ops =
	    link_ops(tree, node->collection, &store);

	return ops ? ops->get(store, node->collection, &name, out) : -EIO;
}

/* 0 where there is one of this type. */
static int has_type(const struct tree *tree, const struct node *node)
{
	struct relation_list list = { 0 };
	struct cursor cursor = { 0 };
	struct store *store;
	const struct relation_ops *ops =
	    link_ops(tree, node->collection, &store);
	int rc = ops ? ops->list(store, node->collection, node_key(node),
	                         blob_key(&node->link_type), &cursor, 1, &list)
	             : -EIO;

	if (rc == 0 && list.count == 0)
		rc = -ENOENT;
	cursor_release(&cursor);
	relation_list_release(&list);
	return rc;
}

int link_has_any(const struct tree *tree, const struct node *node)
{
	struct match_list types = { 0 };
	struct store *store;
	const struct relation_ops *ops =
	    link_ops(tree, node->collection, &store);
	int rc =
	    ops ? ops->types(store, node->collection, node_key(node), &types)
		: -EIO;

	if (rc == 0 && types.count == 0)
		rc = -ENOENT;
	match_list_release(&types);
	return rc;
}

static int size_of(const struct node *node, const struct relation *relation,
                   uint64_t *out)
{
	struct blob text = { 0 };
	int rc = node->kind == NODE_LINK ? link_text(node, &text)
	                                 : link_render_fields(relation, &text);

	*out = text.size;
	blob_release(&text);
	return rc;
}

int link_stat(const struct tree *tree, const struct node *node,
              struct node_info *out)
{
	struct node_info info = { .mode = S_IFDIR,
		                  .mtime = tree->since,
		                  .atime = tree->since };
	struct relation relation = { 0 };
	int rc;

	if (node->kind == NODE_LINKS) {
		rc = has_type(tree, node);
	} else {
		info.mode = node->kind == NODE_LINK ? S_IFLNK : S_IFREG;
		rc = link_get(tree, node, &relation);
		info.mtime = info.atime = relation.mtime;
		if (rc == 0)
			rc = size_of(node, &relation, &info.size);
	}
	relation_release(&relation);
	if (rc == 0)
		*out = info;
	return rc == -EINVAL ? -ENOENT : rc;
}

int link_readlink(const struct tree *tree, const struct node *node,
                  struct blob *out)
{
	struct relation relation = { 0 };
	int rc = link_get(tree, node, &relation);

	if (rc == 0)
		rc = link_text(node, out);
	relation_release(&relation);
	return rc;
}

int link_render(const struct tree *tree, const struct node *node,
                struct blob *out)
{
	struct relation relation = { 0 };
	int rc = link_get(tree, node, &relation);

	if (rc == 0)
		rc = link_render_fields(&relation, out);
	relation_release(&relation);
	return rc;
}

static int put(struct tree *tree, const struct node *node,
               const struct relation_change *change)
{
	struct relation_name name = link_name(node);
	struct store *store;
	const struct relation_ops *ops =
	    link_ops(tree, node->collection, &store);

	return ops ? ops->put(store, node->collection, &name, change) : -EIO;
}

/* The name in TARGET, "../../<name>" with or without SUFFIX, in the
 * directory of the collection.  NULL: it leads elsewhere. */
static const char *name_in_target(const char *target, size_t *size)
{
	const char *name = target + strlen(UP);

	if (strncmp(target, UP, strlen(UP)) != 0 || name[0] == '.' ||
	    strchr(name, '/'))
		return NULL;
	*size = strlen(name);
	if (*size > strlen(SUFFIX) &&
	    strcmp(name + *size - strlen(SUFFIX), SUFFIX) == 0)
		*size -= strlen(SUFFIX);
	return name;
}

/* -EINVAL: TARGET is not the name of a record of the collection. */
static int check_target(const char *target, char why[WHY_SIZE])
{
	struct blob key = { 0 };
	size_t size;
	const char *name = name_in_target(target, &size);
	int rc =
	    name ? name_decode(name, size, NODE_STEM_LIMIT, &key) : -EINVAL;

	blob_release(&key);
	if (rc == -EINVAL)
		snprintf(why, WHY_SIZE,
		         "a relationship is a link to ../../ and the name of "
		         "what it leads to, and has that name itself");
	return rc;
}

bool link_leads_to_its_name(const struct node *node, const char *target)
{
	const char *own = strrchr(node->path, '/') + 1;
	size_t size;
	const char *name = name_in_target(target, &size);

	return name && strlen(own) == size && memcmp(name, own, size) == 0;
}

/* It is to become a relationship when both records are there. */
static int make_waiting(struct tree *tree, const struct node *node)
{
	struct blob text = { 0 };
	int rc = link_text(node, &text);

	if (rc == 0)
		rc = link_expect(tree, node);
	if (rc == 0)
		rc = spool_symlink(&tree->spool, text.data, node->path);
	blob_release(&text);
	if (rc == 0)
		link_settle(tree, node);
	return rc;
}

int link_recall(const struct tree *tree, const struct node *node,
                struct relation_change *out)
{
	struct relation relation = { 0 };
	int rc = link_get(tree, node, &relation);

	if (rc == 0)
		*out = (struct relation_change){
			.set_strength = true,
			.strength = relation.strength,
			.set_created = true,
			.created = relation.created,
			.mtime = relation.mtime,
		};
	relation_release(&relation);
	return rc;
}

int link_make(struct tree *tree, const struct node *node, const char *target,
              const struct relation_change *change, char why[WHY_SIZE])
{
	int rc = check_target(target, why);

	if (rc)
		return rc;
	if (!link_leads_to_its_name(node, target))
		return spool_symlink(&tree->spool, target, node->path);
	rc = put(tree, node, change);
	return rc == -ENOENT ? make_waiting(tree, node) : rc;
}

int link_commit(struct tree *tree, const struct node *node, const void *bytes,
                size_t size, struct timespec mtime, char why[WHY_SIZE])
{
	struct relation_change change = { .mtime = mtime };
	struct blob now = { 0 };
	bool same = link_render(tree, node, &now) == 0 && now.size == size &&
	            memcmp(now.data, bytes, size) == 0;
	int rc;

	blob_release(&now);
	if (same && mtime.tv_nsec == UTIME_NOW)
		return 0;
	rc = link_parse(bytes, size, &change, why);
	return rc ? rc : put(tree, node, &change);
}

/* 1 or 0, or a negative errno value. */
static int is_missing(const struct tree *tree, const struct node *node,
                      struct key key)
{
	struct store *store = stores_get(&tree->stores, node->collection);
	struct record record = { 0 };
	int rc =
	    store ? store->backend->get(store, node->collection, key, &record)
		  : -EIO;

	record_release(&record);
	return rc == -ENOENT ? 1 : rc;
}

int link_is_awaited(const struct tree *tree, const struct node *node,
                    const void *bytes, size_t size)
{
	struct relation_change change = { .mtime = no_time };
	char why[WHY_SIZE];
	int rc;

	if (node->kind != NODE_LINK_FIELDS)
		return 0;
	rc = is_missing(tree, node, node_key(node));
	if (rc == 0)
		rc = is_missing(tree, node, blob_key(&node->link_target));
	if (rc <= 0)
		return rc;
	rc = link_parse(bytes, size, &change, why);
	return rc == -EINVAL ? 0 : rc ? rc : 1;
}

int link_remove(struct tree *tree, const struct node *node)
{
	struct relation_name name = link_name(node);
	struct store *store;
	const struct relation_ops *ops =
	    link_ops(tree, node->collection, &store);
	int rc = ops ? ops->remove(store, node->collection, &name) : -EIO;

	if (rc == 0)
		commit_keep_directory(tree, node);
	return rc;
}

int link_reset(struct tree *tree, const struct node *node)
{
	const struct relation_change change = { .set_strength = true,
		                                .strength = RELATION_STRENGTH,
		                                .mtime = no_time,
		                                .must_exist = true };

	return put(tree, node, &change);
}

int link_touch(struct tree *tree, const struct node *node,
               struct timespec mtime)
{
	const struct relation_change change = { .mtime = mtime,
		                                .must_exist = true };

	return put(tree, node, &change);
}

int link_rename(struct tree *tree, const struct node *from,
                const struct node *to, bool keep, char why[WHY_SIZE])
{
	struct relation_name names[] = { link_name(from), link_name(to) };
	struct store *store;
	const struct relation_ops *ops =
	    link_ops(tree, from->collection, &store);
	int rc;

	if (!blob_equal(&from->link_target, &to->link_target)) {
		snprintf(why, WHY_SIZE,
		         "a relationship's files have the name of what it "
		         "leads to");
		return -EINVAL;
	}
	if (!ops)
		return -EIO;
	rc = ops->rename(store, from->collection, &names[0], &names[1], keep);
	if (rc == 0)
		commit_keep_directory(tree, from);
	return rc;
}

int link_rmdir(struct tree *tree, const struct node *node)
{
	struct node_info info;
	bool record = node->kind == NODE_RECORD;
	int rc = record ? link_has_any(tree, node) : has_type(tree, node);

	if (rc == 0)
		return -ENOTEMPTY;
	if (rc != -ENOENT)
		return rc;
	rc = spool_rmdir(&tree->spool, node->path);
	if (rc == -ENOENT && record)
		rc = node_stat_stored(tree, node, &info);
	return rc;
}
