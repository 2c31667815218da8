/* SPDX-License-Identifier: MIT */
#include "layout/render.h"

#include "backends/json.h"
#include "backends/name.h"
#include "layout/node.h"
#include "layout/reference.h"

#include <errno.h>
#include <string.h>

static int add(struct value *dict, const char *name, struct value *item)
{
	return item ? value_dict_set(dict, name, item) : -ENOMEM;
}

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

static int add_array(struct value *dict, const struct array_info *info)
{
	int rc = add(dict, "shape", shape_value(info));

	return rc ? rc : add(dict, "dtype", dtype_value(info));
}

/* "shape" and "dtype" of a lone array, or "arrays" with those of each. */
static int add_arrays(struct value *dict, const struct collection *collection,
                      const struct record *record)
{
	const struct record_array *lone = record_array(record, "");
	struct value *all;
	int rc = 0;

	if (lone)
		return add_array(dict, &lone->info);
	if (collection->shape != RECORD_DIRECTORY)
		return 0;
	all = value_new_dict();
	if (!all)
		return -ENOMEM;
	for (size_t i = 0; rc == 0 && i < record->array_count; i++) {
		struct value *one = value_new_dict();

		rc = one ? add_array(one, &record->arrays[i].info) : -ENOMEM;
		if (rc == 0)
			rc = add(all, record->arrays[i].name, value_ref(one));
		value_unref(one);
	}
	rc = rc ? rc : add(dict, "arrays", value_ref(all));
	value_unref(all);
	return rc;
}

/* The field as the file shows it: references get their file names. */
static struct value *shown_field(const struct field_row *row,
                                 struct value *stored, struct key key)
{
	struct value *copy;

	if (row->type != FIELD_NEST)
		return value_ref(stored);
	copy = value_copy(stored);
	if (copy && reference_show(copy, key)) {
		value_unref(copy);
		return NULL;
	}
	return copy;
}

static bool is_shown(const struct field_row *row)
{
	return row->rule != FIELD_SHAPE && row->rule != FIELD_DTYPE;
}

static int add_fields(struct value *dict, const struct collection *collection,
                      const struct record *record)
{
	struct key key = { record->key.data, record->key.size };
	int rc = 0;

	for (const struct field_row *row = collection->fields;
	     rc == 0 && row->name; row++) {
		struct value *stored =
		    value_dict_get(record->fields, row->name);

		if (stored && is_shown(row))
			rc =
			    add(dict, row->name, shown_field(row, stored, key));
	}
	return rc;
}

/* The whole key, where its file name does not hold it. */
static int add_cut_key(struct value *dict, const struct record *record)
{
	struct blob name = { 0 };
	int rc = name_encode(record->key.data, record->key.size,
	                     NODE_STEM_LIMIT, &name);

	if (rc == 0 && name_is_cut(name.data, name.size, NODE_STEM_LIMIT))
		rc = add(dict, "key",
		         value_new_text(record->key.data, record->key.size));
	blob_release(&name);
	return rc;
}

int render_fields(const struct collection *collection,
                  const struct record *record, struct blob *out)
{
	struct value *dict = value_new_dict();
	int rc = dict ? add_cut_key(dict, record) : -ENOMEM;

	if (rc == 0)
		rc = add_fields(dict, collection, record);
	if (rc == 0)
		rc = add_arrays(dict, collection, record);
	if (rc == 0 && record->expires_ms)
		rc = add(dict, "expires_at",
		         value_new_float((double)record->expires_ms / 1e3));
	if (rc == 0)
		rc = json_append(dict, JSON_STYLE_FILE, JSON_ARRAYS_REFUSE,
		                 RENDER_LIMIT, out);
	value_unref(dict);
	return rc;
}
