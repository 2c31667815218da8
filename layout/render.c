/* SPDX-License-Identifier: MIT */
#include "layout/render.h"

#include "backends/json.h"
#include "backends/name.h"
#include "layout/node.h"
#include "layout/reference.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define MEMBERS_MAX 64 /* more than any collection has fields */
#define OWNED_MAX 5    /* key, nest, two of an array, expires_at */

static struct value *shape_value(const struct array_info *info)
{
	struct value *list = value_new_list(VALUE_LIST);

	for (int i = 0; list && i < info->ndim; i++) {
		struct value *item = value_new_int((int64_t)info->shape[i]);

		if (!item || value_list_append(list, item)) {
			value_unref(list);
			return NULL;
		}
	}
	return list;
}

static struct value *dtype_value(const struct array_info *info)
{
	struct blob name = { 0 };
	struct value *value = NULL;

	if (dtype_append_name(&info->dtype, &name) == 0)
		value = value_new_text(name.data, name.size);
	blob_release(&name);
	return value;
}

/* The file being made.  What belongs to it, and not to the record, is OWNED. */
struct shown {
	struct json_member members[MEMBERS_MAX];
	size_t count;
	struct value *owned[OWNED_MAX];
	size_t owned_count;
};

static void release(struct shown *shown)
{
	while (shown->owned_count)
		value_unref(shown->owned[--shown->owned_count]);
}

static void show(struct shown *shown, const char *name,
                 const struct value *item)
{
	assert(shown->count < MEMBERS_MAX);
	shown->members[shown->count++] = (struct json_member){ name, item };
}

/* Takes over ITEM; NULL: memory is short. */
static int show_owned(struct shown *shown, const char *name, struct value *item)
{
	if (!item)
		return -ENOMEM;
	assert(shown->owned_count < OWNED_MAX);
	shown->owned[shown->owned_count++] = item;
	show(shown, name, item);
	return 0;
}

static int add_array(struct value *dict, const struct array_info *info)
{
	int rc = value_dict_set(dict, "shape", shape_value(info));

	return rc ? rc : value_dict_set(dict, "dtype", dtype_value(info));
}

/* "arrays" of a directory, with the shape and dtype of each. */
static struct value *arrays_value(const struct record *record)
{
	struct value *all = value_new_dict();
	int rc = 0;

	for (size_t i = 0; all && rc == 0 && i < record->array_count; i++) {
		struct value *one = value_new_dict();

		rc = one ? add_array(one, &record->arrays[i].info) : -ENOMEM;
		if (rc)
			value_unref(one);
		else
			rc = value_dict_set(all, record->arrays[i].name, one);
	}
	if (rc) {
		value_unref(all);
		return NULL;
	}
	return all;
}

static int show_arrays(struct shown *shown, const struct collection *collection,
                       const struct record *record)
{
	const struct record_array *lone = record_array(record, "");
	int rc;

	if (lone) {
		rc = show_owned(shown, "shape", shape_value(&lone->info));
		return rc ? rc
		          : show_owned(shown, "dtype",
		                       dtype_value(&lone->info));
	}
	if (collection->shape != RECORD_DIRECTORY)
		return 0;
	return show_owned(shown, "arrays", arrays_value(record));
}

/* References in a nest get their file names. */
static int show_nest(struct shown *shown, const char *name,
                     const struct value *stored, struct key key)
{
	struct value *copy;

	if (!reference_is_in(stored)) {
		show(shown, name, stored);
		return 0;
	}
	copy = value_copy(stored);
	if (copy && reference_show(copy, key)) {
		value_unref(copy);
		return -ENOMEM;
	}
	return show_owned(shown, name, copy);
}

static bool is_shown(const struct field_row *row)
{
	return row->rule != FIELD_SHAPE && row->rule != FIELD_DTYPE;
}

static int show_fields(struct shown *shown, const struct collection *collection,
                       const struct record *record)
{
	struct key key = { record->key.data, record->key.size };
	int rc = 0;

	for (const struct field_row *row = collection->fields;
	     rc == 0 && row->name; row++) {
		const struct value *stored =
		    is_shown(row) ? value_dict_get(record->fields, row->name)
				  : NULL;

		if (!stored)
			continue;
		if (row->type == FIELD_NEST)
			rc = show_nest(shown, row->name, stored, key);
		else
			show(shown, row->name, stored);
	}
	return rc;
}

/* The whole key, where its file name does not hold it. */
static int show_cut_key(struct shown *shown, const struct record *record)
{
	struct blob name = { 0 };
	int rc = 0;

	/* No byte takes more than three in a name. */
	if (record->key.size <= NODE_STEM_LIMIT / 3)
		return 0;
	rc = name_encode(record->key.data, record->key.size, NODE_STEM_LIMIT,
	                 &name);
	if (rc == 0 && name_is_cut(name.data, name.size, NODE_STEM_LIMIT))
		rc = show_owned(
		    shown, "key",
		    value_new_text(record->key.data, record->key.size));
	blob_release(&name);
	return rc;
}

static int show_record(struct shown *shown, const struct collection *collection,
                       const struct record *record)
{
	int rc = show_cut_key(shown, record);

	if (rc == 0)
		rc = show_fields(shown, collection, record);
	if (rc == 0)
		rc = show_arrays(shown, collection, record);
	if (rc == 0 && record->expires_ms)
		rc = show_owned(
		    shown, "expires_at",
		    value_new_float((double)record->expires_ms / 1e3));
	return rc;
}

int render_fields(const struct collection *collection,
                  const struct record *record, struct blob *out)
{
	struct shown shown = { .count = 0 };
	int rc = show_record(&shown, collection, record);

	if (rc == 0)
		rc = json_append_file(shown.members, shown.count, RENDER_LIMIT,
		                      out);
	release(&shown);
	return rc;
}

int render_size(const struct collection *collection,
                const struct record *record, uint64_t *size)
{
	struct shown shown = { .count = 0 };
	int rc = show_record(&shown, collection, record);

	if (rc == 0)
		rc = json_measure_file(shown.members, shown.count, RENDER_LIMIT,
		                       size);
	release(&shown);
	return rc;
}
