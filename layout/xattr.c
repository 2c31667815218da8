/* SPDX-License-Identifier: MIT */
#include "layout/xattr.h"

#include "backends/json.h"
#include "layout/ask.h"
#include "layout/commit.h"
#include "layout/link.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct xattr_row {
	const char *name;
	int (*render)(const struct node *node, const struct record *record,
	              struct blob *out);
	int (*set)(struct tree *tree, const struct node *node, double number);
};

static const struct record_array *array_of(const struct node *node,
                                           const struct record *record)
{
	return record_array(record,
	                    node->kind == NODE_ARRAY ? node->array : "");
}

static int render_timestamp(const struct node *node,
                            const struct record *record, struct blob *out)
{
	const struct value *value =
	    value_dict_get(record->fields, node->collection->timestamp);
	double seconds;

	if (!value || value_to_double(value, &seconds))
		return -ENODATA;
	return json_append_double(seconds, out);
}

static int render_dtype(const struct node *node, const struct record *record,
                        struct blob *out)
{
	const struct record_array *array = array_of(node, record);

	return array ? dtype_append_name(&array->info.dtype, out) : -ENODATA;
}

/* As Python writes a tuple. */
static int render_shape(const struct node *node, const struct record *record,
                        struct blob *out)
{
	const struct record_array *array = array_of(node, record);
	int rc = array ? blob_append_text(out, "(") : -ENODATA;

	for (int i = 0; rc == 0 && i < array->info.ndim; i++)
		rc = blob_printf(out, "%s%" PRIu64, i ? ", " : "",
		                 array->info.shape[i]);
	if (rc == 0)
		rc = blob_append_text(out, array->info.ndim == 1 ? ",)" : ")");
	return rc;
}

static int render_expires_at(const struct node *node,
                             const struct record *record, struct blob *out)
{
	(void)node;
	if (record->expires_ms == 0)
		return -ENODATA;
	return json_append_double((double)record->expires_ms / 1e3, out);
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_REALTIME, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* In thousandths, so that it grows no longer while it is being asked for:
 * programs ask for the size first. */
static int render_ttl(const struct node *node, const struct record *record,
                      struct blob *out)
{
	int64_t left = record->expires_ms - llround(now() * 1e3);

	(void)node;
	if (record->expires_ms == 0)
		return -ENODATA;
	if (left < 0)
		left = 0;
	return blob_printf(out, "%" PRId64 ".%03" PRId64, left / 1000,
	                   left % 1000);
}

static int set_ttl(struct tree *tree, const struct node *node, double seconds)
{
	char why[WHY_SIZE] = "";
	int rc;

	if (node->collection->ttl == 0)
		return -EPERM;
	if (!(seconds > 0 && seconds < 1e10))
		return -EINVAL;
	rc = commit_expiry(tree, node, llround((now() + seconds) * 1e3), why);
	if (rc == -EINVAL)
		spool_error(&tree->spool, node->path, "setxattr", rc, why);
	return rc;
}

/* A place with the key in it: '$' in the rows of HDF5, behind the collection's
 * place elsewhere. */
static int append_place(const char *place, struct key key, const char *between,
                        struct blob *out)
{
	const char *dollar = strchr(place, '$');
	int rc = blob_append(out, place,
	                     dollar ? (size_t)(dollar - place) : strlen(place));

	if (rc == 0 && !dollar)
		rc = blob_append_text(out, between);
	if (rc == 0)
		rc = blob_append(out, key.data, key.size);
	if (rc == 0 && dollar)
		rc = blob_append_text(out, dollar + 1);
	return rc;
}

static int render_origin(const struct node *node, const struct record *record,
                         struct blob *out)
{
	const struct collection *collection = node->collection;
	const struct value *id = value_dict_get(record->fields, "id");
	const char *place = collection->place;
	struct key key = { record->key.data, record->key.size };
	char number[32];
	int rc = blob_printf(out, "%s:", collection->backend);

	if (rc)
		return rc;
	if (strchr(place, '$')) {
		const struct array_row *row =
		    node->kind == NODE_ARRAY
			? collection_array(collection, node->array)
			: NULL;

		if (record->volume.size)
			rc = blob_printf(out, "%s:", record->volume.data);
		if (rc == 0)
			rc = blob_append_text(out, "/");
		if (rc == 0)
			rc = append_place(row ? row->place : place, key, "",
			                  out);
		if (rc == 0 && row && !row->name)
			rc = blob_append_text(out, node->array);
		return rc;
	}
	if (id && id->type == VALUE_INT) {
		key.data = number;
		key.size = (size_t)snprintf(number, sizeof(number), "%" PRId64,
		                            id->integer);
	}
	return append_place(place, key, collection->key_field ? "/" : "", out);
}

static const struct xattr_row rows[] = {
	{ "user.timestamp", render_timestamp, NULL },
	{ "user.dtype", render_dtype, NULL },
	{ "user.shape", render_shape, NULL },
	{ "user.expires_at", render_expires_at, NULL },
	{ "user.ttl", render_ttl, set_ttl },
	{ "user.origin", render_origin, NULL },
	{ 0 },
};

static const struct xattr_row *find(const char *name)
{
	for (const struct xattr_row *row = rows; row->name; row++)
		if (strcmp(row->name, name) == 0)
			return row;
	return NULL;
}

static int get_record(const struct tree *tree, const struct node *node,
                      struct record *record)
{
	return ask_get(&tree->stores, node->collection, node_key(node), record);
}

int xattr_get(const struct tree *tree, const struct node *node,
              const char *name, struct blob *out)
{
	const struct xattr_row *row = find(name);
	struct record record = { 0 };
	int rc;

	if (node->kind == NODE_LINK_FIELDS)
		return link_get_xattr(tree, node, name, out);
	if (!row)
		return -ENODATA;
	rc = get_record(tree, node, &record);
	if (rc == 0)
		rc = row->render(node, &record, out);
	record_release(&record);
	return rc;
}

int xattr_list(const struct tree *tree, const struct node *node,
               struct blob *out)
{
	struct record record = { 0 };
	int rc;

	if (node->kind == NODE_LINK_FIELDS)
		return link_list_xattr(tree, node, out);
	rc = get_record(tree, node, &record);
	for (const struct xattr_row *row = rows; rc == 0 && row->name; row++) {
		struct blob value = { 0 };

		if (row->render(node, &record, &value) == 0)
			rc = blob_append(out, row->name, strlen(row->name) + 1);
		blob_release(&value);
	}
	record_release(&record);
	return rc;
}

int xattr_set(struct tree *tree, const struct node *node, const char *name,
              const char *value, size_t size)
{
	const struct xattr_row *row = find(name);
	char text[64];
	char *end;
	double number;
	bool link = node->kind == NODE_LINK_FIELDS;

	if (!row && !link)
		return -EOPNOTSUPP;
	if (!link && !row->set)
		return -EPERM;
	if (size == 0 || size >= sizeof(text))
		return -EINVAL;
	memcpy(text, value, size);
	text[size] = '\0';
	number = strtod(text, &end);
	if (end != text + size)
		return -EINVAL;
	return link ? link_set_xattr(tree, node, name, number)
	            : row->set(tree, node, number);
}
