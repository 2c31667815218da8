/* SPDX-License-Identifier: MIT */
#include "backends/change_fields.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "backends/change.h"
#include "backends/change_arrays.h"
#include "backends/derive.h"
#include "backends/nest.h"

const struct field_row *change_nest_row(const struct collection *collection)
{
	for (const struct field_row *row = collection->fields; row->name; row++)
		if (row->type == FIELD_NEST)
			return row;
	return NULL;
}

const struct field_row *change_number_row(const struct collection *collection)
{
	for (const struct field_row *row = collection->fields; row->name; row++)
		if (row->rule == FIELD_NUMBER)
			return row;
	return NULL;
}

/* What the fields of one change are made from. */
struct merge {
	const struct collection *collection;
	struct change *change;
	const struct record *before; /* or NULL */
	struct value
	    *known; /* dict: what the data decide, and what is stored */
};

static struct value *stored_field(const struct merge *merge, const char *name)
{
	return merge->before ? value_dict_get(merge->before->fields, name)
	                     : NULL;
}

static struct value *given_field(const struct merge *merge, const char *name)
{
	return value_dict_get(merge->change->fields, name);
}

/* Take over VALUE (NULL: no such field); the stored one is kept if equal. */
static int set_field(const struct merge *merge, struct value *dict,
                     const char *name, struct value *value)
{
	struct value *stored = stored_field(merge, name);

	if (!value)
		return 0;
	if (stored && stored != value && value_equal(stored, value)) {
		value_unref(value);
		value = value_ref(stored);
	}
	return value_dict_set(dict, name, value);
}

static int keep_field(const struct merge *merge, struct value *dict,
                      const struct field_row *row)
{
	struct value *stored = stored_field(merge, row->name);

	return stored ? value_dict_set(dict, row->name, value_ref(stored)) : 0;
}

static bool is_derived(const struct field_row *row)
{
	return row->rule != FIELD_GIVEN && row->rule != FIELD_NUMBER;
}

static bool follows_change(const struct merge *merge,
                           const struct field_row *row)
{
	enum part_action action = merge->change->array_action;

	if (row->rule == FIELD_ARRAYS && !stored_field(merge, row->name))
		return true;
	if (action != PART_SET && action != PART_DROP)
		return false;
	return row->rule == FIELD_ARRAYS ||
	       (row->array &&
	        strcmp(row->array, merge->change->array_name) == 0);
}

static int derive(const struct merge *merge, const struct field_row *row,
                  struct value **out)
{
	const struct change *change = merge->change;

	if (row->rule != FIELD_ARRAYS)
		return change->array_action == PART_SET
		           ? derive_field(row->rule, change->array, out)
		           : 0;
	*out =
	    value_new_int((int64_t)change_array_count(change, merge->before));
	return *out ? 0 : -ENOMEM;
}

/* The derived field of ROW as it is after the change. */
static int know_derived(struct merge *merge, const struct field_row *row)
{
	struct value *value = NULL;
	int rc = 0;

	if (!follows_change(merge, row)) {
		value = stored_field(merge, row->name);
		if (value)
			value_ref(value);
	} else {
		rc = derive(merge, row, &value);
	}
	if (rc == -ENODATA)
		return 0;
	return rc ? rc : set_field(merge, merge->known, row->name, value);
}

/* The number of a record: its key's, or the stored one. */
static int know_number(struct merge *merge, const struct field_row *row,
                       struct key key)
{
	struct value *value = stored_field(merge, row->name);
	int64_t number;
	int rc;

	if (value)
		value_ref(value);
	else if (collection_is_numbered(merge->collection) && key.data) {
		rc = change_key_number(key, &number);
		if (rc)
			return rc;
		value = value_new_int(number);
		if (!value)
			return -ENOMEM;
	}
	return set_field(merge, merge->known, row->name, value);
}

static int know(struct merge *merge, struct key key)
{
	const struct field_row *row = merge->collection->fields;
	int rc = 0;

	merge->known = value_new_dict();
	if (!merge->known)
		return -ENOMEM;
	for (; rc == 0 && row->name; row++) {
		if (row->rule == FIELD_NUMBER)
			rc = know_number(merge, row, key);
		else if (is_derived(row))
			rc = know_derived(merge, row);
		else if (row->type != FIELD_NEST)
			rc = keep_field(merge, merge->known, row);
	}
	return rc;
}

static int fallback_field(const struct merge *merge, struct value *dict,
                          const struct field_row *row)
{
	struct value *value = NULL;
	int rc = derive_fallback_at(row, merge->change->written, &value);

	return rc ? rc : set_field(merge, dict, row->name, value);
}

static bool is_shown(const struct merge *merge)
{
	return !merge->before || merge->before->opaque_size == 0;
}

/* The value of a nest that is given with references for its arrays. */
static int give_nest(const struct merge *merge, struct value *dict,
                     const struct field_row *row, const struct value *given)
{
	struct value *stored = stored_field(merge, row->name);
	struct value *value;
	int rc;

	if (!is_shown(merge)) {
		snprintf(merge->change->why, WHY_SIZE,
		         "%s: what is stored cannot be shown and would be lost",
		         row->name);
		return -EINVAL;
	}
	rc = nest_from_references(given, stored, &value, merge->change->why);
	return rc ? rc : set_field(merge, dict, row->name, value);
}

static int leave_out_nest(const struct merge *merge, struct value *dict,
                          const struct field_row *row)
{
	if (!is_shown(merge))
		return 0;
	if (stored_field(merge, row->name))
		return keep_field(merge, dict, row);
	return fallback_field(merge, dict, row);
}

static int give_field(const struct merge *merge, struct value *dict,
                      const struct field_row *row)
{
	struct value *given = given_field(merge, row->name);
	struct value *value;
	int rc;

	if (row->type == FIELD_NEST)
		return given ? give_nest(merge, dict, row, given)
		             : leave_out_nest(merge, dict, row);
	if (!given)
		return fallback_field(merge, dict, row);
	rc = derive_cast(row, given, &value);
	return rc ? rc : set_field(merge, dict, row->name, value);
}

/* DROP: back to the fallback, unless it is what dates or makes the record. */
static int reset_field(const struct merge *merge, struct value *dict,
                       const struct field_row *row)
{
	if (row->type == FIELD_NEST || row->fallback == DEFAULT_NOW ||
	    row->fallback == DEFAULT_JULIAN)
		return keep_field(merge, dict, row);
	return fallback_field(merge, dict, row);
}

static int merge_free_field(const struct merge *merge, struct value *dict,
                            const struct field_row *row)
{
	if (merge->change->fields_action == PART_SET)
		return give_field(merge, dict, row);
	if (merge->change->fields_action == PART_DROP)
		return reset_field(merge, dict, row);
	if (merge->before)
		return keep_field(merge, dict, row);
	return fallback_field(merge, dict, row);
}

static int merge_field(const struct merge *merge, struct value *dict,
                       const struct field_row *row)
{
	struct value *value;

	if (row->rule == FIELD_GIVEN)
		return merge_free_field(merge, dict, row);
	value = value_dict_get(merge->known, row->name);
	if (!value && row->rule == FIELD_NUMBER &&
	    merge->change->fields_action == PART_SET)
		value = given_field(merge, row->name);
	return value ? value_dict_set(dict, row->name, value_ref(value)) : 0;
}

static bool is_reference(const struct value *value)
{
	const struct value *path = value_dict_get(value, "$npy");

	return path && path->type == VALUE_TEXT && value->dict.count == 1;
}

/* An array that becomes the whole value must not take other data's place. */
static int check_whole(struct change *change, const struct value *nest)
{
	if (*change->array_name || nest->type == VALUE_NULL ||
	    nest->type == VALUE_ARRAY || is_reference(nest))
		return 0;
	snprintf(change->why, WHY_SIZE,
	         "what is stored is no array and would be lost");
	return -EINVAL;
}

static int set_in_nest(struct change *change, struct value **nest)
{
	struct array copy = { 0 };
	struct value *value;
	int rc = check_whole(change, *nest);

	if (rc == 0)
		rc = array_copy(&copy, change->array);
	if (rc)
		return rc;
	value = value_new_array(&copy);
	if (!value) {
		array_release(&copy);
		return -ENOMEM;
	}
	return nest_set(nest, change->array_name, value, change->why);
}

/* The array of the change goes into, or out of, the FIELD_NEST of DICT. */
static int change_nest(const struct merge *merge, struct value *dict)
{
	const struct field_row *row = change_nest_row(merge->collection);
	struct change *change = merge->change;
	struct value *nest;
	int rc = 0;

	if (!row)
		return 0;
	nest = value_dict_get(dict, row->name);
	nest = nest ? value_ref(nest) : value_new_null();
	if (!nest)
		return -ENOMEM;
	if (change->array_action == PART_SET)
		rc = set_in_nest(change, &nest);
	else if (is_shown(merge))
		rc = nest_drop(&nest, change->array_name);
	if (rc) {
		value_unref(nest);
		return rc;
	}
	return value_dict_set(dict, row->name, nest);
}

/* A number that is known cannot be another one. */
static int check_number(const struct merge *merge)
{
	const struct field_row *row = change_number_row(merge->collection);
	const struct value *known;
	const struct value *given;
	int64_t number;

	if (!row)
		return 0;
	known = value_dict_get(merge->known, row->name);
	given = given_field(merge, row->name);
	if (!known || !given || value_equal(known, given) ||
	    value_to_int(known, &number) != 0)
		return 0;
	snprintf(merge->change->why, WHY_SIZE,
	         "%s: is %" PRId64 " and cannot be changed", row->name, number);
	return -EINVAL;
}

static int check_given(const struct merge *merge)
{
	int rc = derive_check(merge->collection, merge->change->fields,
	                      merge->known, merge->change->why);

	return rc ? rc : check_number(merge);
}

static int merge_all(const struct merge *merge, struct value *dict)
{
	const struct field_row *row = merge->collection->fields;
	enum part_action action = merge->change->array_action;
	int rc = 0;

	if (merge->change->fields_action == PART_SET)
		rc = check_given(merge);
	for (; rc == 0 && row->name; row++)
		rc = merge_field(merge, dict, row);
	if (rc == 0 && (action == PART_SET || action == PART_DROP))
		rc = change_nest(merge, dict);
	return rc;
}

int change_fields(const struct collection *collection, struct key key,
                  struct change *change, const struct record *before,
                  struct value **out)
{
	struct merge merge = { .collection = collection,
		               .change = change,
		               .before = before };
	struct value *dict = value_new_dict();
	int rc = dict ? know(&merge, key) : -ENOMEM;

	if (rc == 0)
		rc = merge_all(&merge, dict);
	value_unref(merge.known);
	if (rc) {
		value_unref(dict);
		return rc;
	}
	*out = dict;
	return 0;
}
