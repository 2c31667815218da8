/* SPDX-License-Identifier: MIT */
#include "layout/commit.h"

#include "backends/npy.h"
#include "backends/outage.h"
#include "layout/ask.h"
#include "layout/link.h"
#include "layout/metrics.h"
#include "layout/named_copy.h"
#include "layout/render.h"
#include "layout/upkeep.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int put(struct tree *tree, const struct node *node,
               struct change *change, struct blob *key_out, char *why)
{
	struct store *store = stores_get(&tree->stores, node->collection);
	struct key key = node->named_copy && node->key.size == 0
	                     ? (struct key){ 0 }
	                     : node_key(node);
	int rc;

	rc = ask_put(&tree->stores, node->collection, key, change, key_out);
	if (rc == -EINVAL && why)
		snprintf(why, WHY_SIZE, "%s", change->why);
	if (rc == 0)
		upkeep_after_change(tree, store);
	return rc;
}

static int get(const struct tree *tree, const struct node *node,
               struct record *record)
{
	if (node->named_copy && node->key.size == 0)
		return -ENOENT;
	return ask_get(&tree->stores, node->collection, node_key(node), record);
}

/* One commit of a part. */
struct commit {
	struct tree *tree;
	struct node *node;
	const struct part *part;
	struct blob key; /* out: of the record that it went to */
	char *why;
};

static int commit_array(struct commit *commit)
{
	const struct node *node = commit->node;
	struct array array = { 0 };
	struct array_file file;
	struct change change = {
		.array_action = PART_SET,
		.array_name = node->array,
		.array = &array,
		.array_mtime = commit->part->mtime,
		.expires_ms =
		    node->collection->ttl ? EXPIRES_ANEW : EXPIRES_KEEP,
	};
	int rc = npy_parse(commit->part->bytes, commit->part->size, &array,
	                   commit->why);

	array.packed = commit->part->packed;
	if (rc == 0 && commit->part->fd > 0 && !array.owned.data) {
		file.fd = commit->part->fd;
		file.offset = (uint64_t)((const char *)array.data -
		                         (const char *)commit->part->bytes);
		array.file = &file;
	}
	if (rc == 0)
		rc =
		    put(commit->tree, node, &change, &commit->key, commit->why);
	array_release(&array);
	return rc;
}

/* The file says which key it belongs to, and its name had to be cut: a record
 * that was begun under the cut name gets its whole key. */
static int adopt_key(struct tree *tree, struct node *node, struct blob *key,
                     char *why)
{
	struct blob names[2] = { 0 };
	struct key whole = { key->data, key->size };
	int rc;

	if (blob_equal(key, &node->key))
		return 0;
	rc = node_part_name(whole, "", &names[0]);
	if (rc == 0)
		rc = node_part_name(node_key(node), "", &names[1]);
	if (rc == 0 && !blob_equal(&names[0], &names[1])) {
		snprintf(why, WHY_SIZE,
		         "key: is not the key of this file name; leave it out");
		rc = -EINVAL;
	}
	if (rc == 0) {
		rc = ask_rename(&tree->stores, node->collection, node_key(node),
		                whole, RENAME_KEEP);
		rc = rc == -ENOENT ? 0 : rc;
	}
	if (rc == 0)
		rc = blob_set(&node->key, key->data, key->size);
	blob_release(&names[0]);
	blob_release(&names[1]);
	return rc;
}

/* Written back unchanged, a file changes nothing. */
static bool is_unchanged(const struct node *node, const struct record *record,
                         const void *bytes, size_t size)
{
	struct blob now = { 0 };
	bool same = !record->fields_dropped &&
	            render_fields(node->collection, record, &now) == 0 &&
	            now.size == size && memcmp(now.data, bytes, size) == 0;

	blob_release(&now);
	return same;
}

/* A copy has a number of its own, whatever its file says. */
static void forget_number(const struct node *node, struct value *fields)
{
	for (const struct field_row *row = node->collection->fields; row->name;
	     row++)
		if (row->rule == FIELD_NUMBER)
			value_dict_remove(fields, row->name);
}

static int put_fields(struct commit *commit, struct fields_file *file)
{
	struct node *node = commit->node;
	struct change change = {
		.fields_action = PART_SET,
		.fields = file->fields,
		.fields_mtime = commit->part->mtime,
		.expires_ms = file->expires_ms,
	};
	int rc = 0;

	if (file->has_key)
		rc = adopt_key(commit->tree, node, &file->key, commit->why);
	if (node->named_copy)
		forget_number(node, file->fields);
	if (rc == 0)
		rc =
		    put(commit->tree, node, &change, &commit->key, commit->why);
	return rc;
}

static int commit_fields(struct commit *commit)
{
	struct node *node = commit->node;
	struct record record = { 0 };
	struct fields_file file = { 0 };
	int rc = get(commit->tree, node, &record);
	bool is_new = rc == -ENOENT;

	if (rc == -EIO && outage_takes_unknown(stores_get(&commit->tree->stores,
	                                                  node->collection)))
		is_new = true;
	if (rc && !is_new)
		return rc;
	if (!is_new && is_unchanged(node, &record, commit->part->bytes,
	                            commit->part->size)) {
		record_release(&record);
		return blob_set(&commit->key, node->key.data, node->key.size);
	}
	rc = render_parse(node->collection, is_new ? NULL : &record,
	                  commit->part->bytes, commit->part->size, &file,
	                  commit->why);
	if (rc == 0)
		rc = put_fields(commit, &file);
	fields_file_release(&file);
	record_release(&record);
	return rc;
}

static int commit_to_key(struct commit *commit)
{
	switch (commit->node->kind) {
	case NODE_ARRAY:
		return commit_array(commit);
	case NODE_FIELDS:
		return commit_fields(commit);
	default:
		snprintf(commit->why, WHY_SIZE,
		         "a .pickle file shows what is stored and cannot be "
		         "written");
		return -EINVAL;
	}
}

/* What the storage says that is wrong with it. */
static void explain(const struct commit *commit, int rc)
{
	struct store *store =
	    stores_get(&commit->tree->stores, commit->node->collection);
	struct backend_status status = { .healthy = true };

	if (store)
		store->backend->status(store, &status);
	if (!status.healthy && commit->why[0] == '\0')
		snprintf(commit->why, WHY_SIZE, "%s: %.200s", strerror(-rc),
		         status.detail);
}

/* Relationships may have waited for the record.  What goes wrong with them is
 * noted, and no fault of the record. */
static void announce(struct tree *tree, const struct node *node)
{
	if (node->collection->relations)
		link_arrived(tree, node->collection, node_key(node));
}

/* The record has no name yet: where it gets none, it goes again. */
static int settle_copy(struct commit *commit, bool is_new)
{
	struct tree *tree = commit->tree;
	struct key key = { commit->key.data, commit->key.size };
	const struct collection *collection = commit->node->collection;
	int rc = named_copy_settle(tree, commit->node, &commit->key);

	if (rc && is_new && ask_remove(&tree->stores, collection, key))
		spool_error(&tree->spool, commit->node->path, "write", rc,
		            "it is stored under its number");
	return rc;
}

static int store_part(struct tree *tree, struct node *node,
                      const struct part *part, char why[WHY_SIZE])
{
	struct commit commit = { .tree = tree, .node = node, .part = part };
	bool is_new;
	int rc;

	commit.why = why;
	if (node->kind == NODE_LINK_FIELDS)
		return link_commit(tree, node, part->bytes, part->size,
		                   part->mtime, why);
	if (!node->named_copy) {
		rc = commit_to_key(&commit);
		if (rc)
			explain(&commit, rc);
		else
			announce(tree, node);
		blob_release(&commit.key);
		return rc;
	}
	pthread_mutex_lock(&tree->copies);
	rc = named_copy_refresh(tree, node);
	is_new = node->key.size == 0;
	if (rc == 0)
		rc = commit_to_key(&commit);
	if (rc == 0)
		rc = settle_copy(&commit, is_new);
	pthread_mutex_unlock(&tree->copies);
	if (rc)
		explain(&commit, rc);
	blob_release(&commit.key);
	return rc;
}

int commit_part(struct tree *tree, struct node *node, const struct part *part,
                char why[WHY_SIZE])
{
	uint64_t started = metrics_now();
	int rc = store_part(tree, node, part, why);

	metrics_done(tree->stores.metrics, METRIC_COMMIT, started);
	return rc;
}

bool commit_is_begun(const struct node *node, const void *bytes, size_t size)
{
	struct array_info info = { 0 };
	size_t header = 0;
	char why[WHY_SIZE];
	bool begun;

	if (size == 0)
		return true;
	if (node->kind != NODE_ARRAY ||
	    npy_parse_header(bytes, size, &info, &header, why))
		return false;
	begun = header == size && info.nbytes > 0;
	array_info_release(&info);
	return begun;
}

int commit_remove(struct tree *tree, const struct node *node)
{
	struct change change = { .must_exist = true,
		                 .expires_ms = EXPIRES_KEEP };
	int rc;

	if (node->kind == NODE_LINK_FIELDS)
		return link_reset(tree, node);
	if (node->kind == NODE_FIELDS) {
		change.fields_action = PART_DROP;
	} else {
		change.array_action = PART_DROP;
		change.array_name = node->kind == NODE_ARRAY ? node->array : "";
	}
	rc = put(tree, node, &change, NULL, NULL);
	if (rc == 0 && node->kind == NODE_ARRAY && node->array[0])
		commit_keep_directory(tree, node);
	return rc;
}

int commit_touch(struct tree *tree, const struct node *node,
                 struct timespec mtime)
{
	struct change change = { .must_exist = true,
		                 .expires_ms = EXPIRES_KEEP };

	if (node->kind == NODE_LINK_FIELDS)
		return link_touch(tree, node, mtime);
	if (node->kind == NODE_ARRAY) {
		change.array_action = PART_TOUCH;
		change.array_name = node->array;
		change.array_mtime = mtime;
	} else {
		change.fields_action = PART_TOUCH;
		change.fields_mtime = mtime;
	}
	return put(tree, node, &change, NULL, NULL);
}

int commit_expiry(struct tree *tree, const struct node *node,
                  int64_t expires_ms, char why[WHY_SIZE])
{
	struct change change = { .must_exist = true, .expires_ms = expires_ms };

	return put(tree, node, &change, NULL, why);
}

int commit_mkdir(struct tree *tree, const struct node *node, char why[WHY_SIZE])
{
	struct change change = { .exclusive = true,
		                 .expires_ms = EXPIRES_KEEP };

	return put(tree, node, &change, NULL, why);
}

int commit_rmdir(struct tree *tree, const struct node *node)
{
	struct record record = { 0 };
	int rc = get(tree, node, &record);

	if (rc == 0 && (record.array_count || !record.fields_dropped))
		rc = -ENOTEMPTY;
	if (rc == 0)
		rc =
		    ask_remove(&tree->stores, node->collection, node_key(node));
	record_release(&record);
	return rc;
}

int commit_rename(struct tree *tree, const struct node *from,
                  const struct node *to, enum rename_mode mode)
{
	bool follows = from->collection->relations && mode != RENAME_SWAP;
	int rc = follows ? link_follow(tree, from, to) : 0;

	if (rc)
		return rc;
	rc = ask_rename(&tree->stores, from->collection, node_key(from),
	                node_key(to), mode);
	if (follows)
		link_followed(tree, from, to, rc == 0);
	if (rc == 0)
		announce(tree, to);
	return rc;
}
