/* SPDX-License-Identifier: MIT */
#include "layout/render.h"

#include "backends/json.h"
#include "layout/reference.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* What one parse works with. */
struct parse {
	const struct collection *collection;
	const struct record *record;
	struct fields_file *file;
	char *why;
};

/* A field of the file that is not one of the collection's rows. */
struct extra_row {
	const char *name;
	int (*take)(struct parse *parse, struct value *value);
};

static int refuse(const struct parse *parse, const char *name,
                  const char *problem)
{
	snprintf(parse->why, WHY_SIZE, "%s: %s", name, problem);
	return -EINVAL;
}

/* A key that is not UTF-8 is bytes: {"$bytes": ...}. */
static int take_key(struct parse *parse, struct value *value)
{
	if (value->type != VALUE_TEXT && value->type != VALUE_BYTES)
		return refuse(parse, "key", "must be a text");
	parse->file->has_key = true;
	return blob_set(&parse->file->key, value->text.data, value->text.size);
}

static int take_expiry(struct parse *parse, struct value *value)
{
	double seconds;

	if (value->type == VALUE_BOOL || value_to_double(value, &seconds) ||
	    !(seconds > 0 && seconds < 9e15))
		return refuse(parse, "expires_at",
		              "must be a time in seconds since 1970");
	if (parse->collection->ttl == 0) /* moved to where it stays */
		return 0;
	parse->file->expires_ms = llround(seconds * 1e3);
	if (parse->record &&
	    parse->record->expires_ms == parse->file->expires_ms)
		parse->file->expires_ms = EXPIRES_KEEP;
	return 0;
}

static int same_shape(struct parse *parse, const char *name,
                      const struct array_info *info, const struct value *value)
{
	bool same =
	    value_is_list(value) && value->list.count == (size_t)info->ndim;

	for (size_t i = 0; same && i < value->list.count; i++) {
		int64_t size;

		same = value_to_int(value->list.items[i], &size) == 0 &&
		       (uint64_t)size == info->shape[i];
	}
	return same ? 0
	            : refuse(parse, name,
	                     "differs from the array, which decides it");
}

static int same_dtype(struct parse *parse, const char *name,
                      const struct array_info *info, const struct value *value)
{
	struct blob dtype = { 0 };
	int rc = dtype_append_name(&info->dtype, &dtype);

	if (rc == 0 &&
	    (value->type != VALUE_TEXT || !blob_equal(&value->text, &dtype)))
		rc = refuse(parse, name,
		            "differs from the array, which decides it");
	blob_release(&dtype);
	return rc;
}

static const struct record_array *lone_array(const struct parse *parse)
{
	return parse->record ? record_array(parse->record, "") : NULL;
}

static int take_shape(struct parse *parse, struct value *value)
{
	const struct record_array *array = lone_array(parse);

	return array ? same_shape(parse, "shape", &array->info, value) : 0;
}

static int take_dtype(struct parse *parse, struct value *value)
{
	const struct record_array *array = lone_array(parse);

	return array ? same_dtype(parse, "dtype", &array->info, value) : 0;
}

/* {"weights": {"shape": ..., "dtype": ...}, ...}; arrays may be left out. */
static int take_arrays(struct parse *parse, struct value *value)
{
	int rc = 0;

	if (value->type != VALUE_DICT)
		return refuse(parse, "arrays", "must be an object");
	for (size_t i = 0;
	     parse->record && rc == 0 && i < parse->record->array_count; i++) {
		const struct record_array *array = &parse->record->arrays[i];
		const struct value *said = value_dict_get(value, array->name);
		const struct value *shape =
		    said ? value_dict_get(said, "shape") : NULL;
		const struct value *dtype =
		    said ? value_dict_get(said, "dtype") : NULL;

		if (shape)
			rc = same_shape(parse, "arrays: shape", &array->info,
			                shape);
		if (rc == 0 && dtype)
			rc = same_dtype(parse, "arrays: dtype", &array->info,
			                dtype);
	}
	return rc;
}

static const struct extra_row pair_extras[] = {
	{ "key", take_key },
	{ "shape", take_shape },
	{ "dtype", take_dtype },
	{ "expires_at", take_expiry },
	{ 0 },
};

static const struct extra_row directory_extras[] = {
	{ "key", take_key },
	{ "arrays", take_arrays },
	{ "expires_at", take_expiry },
	{ 0 },
};

static int take_field(struct parse *parse, const char *name,
                      struct value *value)
{
	const struct field_row *row = collection_field(parse->collection, name);
	int rc = 0;

	if (row && row->type == FIELD_NEST)
		rc = reference_hide(value, parse->why);
	return rc ? rc
	          : value_dict_set(parse->file->fields, name, value_ref(value));
}

/* Rows that are not shown are extras; names that are neither are refused by
 * the backend, which has the list. */
static int take_item(struct parse *parse, const char *name, struct value *value)
{
	const struct extra_row *row =
	    parse->collection->shape == RECORD_DIRECTORY ? directory_extras
							 : pair_extras;

	for (; row->name; row++)
		if (strcmp(row->name, name) == 0)
			return row->take(parse, value);
	return take_field(parse, name, value);
}

static int take_all(struct parse *parse, const struct value *top)
{
	int rc = 0;

	if (top->type != VALUE_DICT) {
		snprintf(parse->why, WHY_SIZE,
		         "the file must hold one JSON object");
		return -EINVAL;
	}
	for (size_t i = 0; rc == 0 && i < top->dict.count; i++) {
		const struct value *key = top->dict.pairs[i].key;

		if (key->type != VALUE_TEXT ||
		    memchr(key->text.data, '\0', key->text.size)) {
			snprintf(parse->why, WHY_SIZE,
			         "a field's name must be a text");
			return -EINVAL;
		}
		rc = take_item(parse, key->text.data, top->dict.pairs[i].item);
	}
	return rc;
}

int render_parse(const struct collection *collection,
                 const struct record *record, const char *text, size_t size,
                 struct fields_file *out, char why[WHY_SIZE])
{
	struct fields_file file = { .fields = value_new_dict(),
		                    .expires_ms = EXPIRES_KEEP };
	struct parse parse = { collection, record, &file, why };
	struct value *top = NULL;
	int rc = file.fields
	             ? json_parse(text, size, JSON_ARRAYS_REFUSE, &top, why)
	             : -ENOMEM;

	if (rc == 0)
		rc = take_all(&parse, top);
	value_unref(top);
	if (rc) {
		fields_file_release(&file);
		return rc;
	}
	*out = file;
	return 0;
}

void fields_file_release(struct fields_file *file)
{
	value_unref(file->fields);
	blob_release(&file->key);
	*file = (struct fields_file){ 0 };
}
