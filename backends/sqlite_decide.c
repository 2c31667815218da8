/* SPDX-License-Identifier: MIT */
#include "backends/sqlite_put.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "backends/change_fields.h"

const struct value *sqlite_put_nest(const struct collection *collection,
                                    const struct value *fields)
{
	const struct field_row *row = change_nest_row(collection);

	return row ? value_dict_get(fields, row->name) : NULL;
}

static bool is_lone_reference(const struct value *value)
{
	const struct value *path = value_dict_get(value, "$npy");

	return path && value->dict.count == 1 && path->type == VALUE_TEXT &&
	       path->text.size == 0;
}

/* An array that is the whole value may find itself inside another. */
static bool needs_elements(const struct sqlite_putting *putting)
{
	const struct change *change = putting->change;
	const struct value *nest;

	if (change->fields_action != PART_SET)
		return false;
	nest = sqlite_put_nest(putting->collection, change->fields);
	return nest && !is_lone_reference(nest);
}

static int read_before(struct sqlite_putting *putting)
{
	int rc;

	if (!putting->key.data)
		return 0;
	rc = sqlite_row_get(putting->store, putting->store->writer,
	                    putting->collection, putting->key,
	                    needs_elements(putting) ? SQLITE_DECODED
	                                            : SQLITE_SHOWN,
	                    &putting->row);
	if (rc == -ENOENT)
		return 0;
	if (rc)
		return rc;
	putting->exists = true;
	return sqlite_row_before(putting->collection, &putting->row,
	                         &putting->before);
}

static bool is_new_number_bad(const struct sqlite_putting *putting)
{
	int64_t number;

	return !putting->exists && putting->key.data &&
	       collection_is_numbered(putting->collection) &&
	       sqlite_key_number(putting->key, &number) == 0 && number < 1;
}

static int decide(struct sqlite_putting *putting)
{
	const struct collection *collection = putting->collection;
	const struct field_row *number = change_number_row(collection);
	bool numbered = collection_is_numbered(collection);
	struct change *change = putting->change;
	int rc;

	putting->number.id = putting->row.id;
	clock_gettime(CLOCK_REALTIME, &putting->now);
	rc = change_apply(collection, putting->key, change,
	                  putting->exists ? &putting->before : NULL,
	                  &putting->result);
	if (rc || putting->result.remove)
		return rc;
	if (is_new_number_bad(putting)) {
		snprintf(change->why, WHY_SIZE, "numbers start at 1");
		return -EINVAL;
	}
	if (!number || (numbered && putting->key.data))
		return 0;
	rc = sqlite_number_decide(
	    putting->store, collection, putting->exists ? &putting->row : NULL,
	    change, putting->result.fields, &putting->number);
	if (numbered)
		putting->number.implicit = false;
	return rc;
}

/* FIELDS without the nest, which then stays as it is. */
static int leave_nest_out(const struct collection *collection,
                          const struct value *fields, struct value **out)
{
	struct value *copy = value_new_dict();
	int rc = copy ? 0 : -ENOMEM;

	for (size_t i = 0; rc == 0 && i < fields->dict.count; i++)
		rc = value_dict_add(copy, value_ref(fields->dict.pairs[i].key),
		                    value_ref(fields->dict.pairs[i].item));
	if (rc == 0)
		rc = value_dict_remove(copy, change_nest_row(collection)->name);
	if (rc) {
		value_unref(copy);
		return rc;
	}
	*out = copy;
	return 0;
}

/* An array that is the whole value, and is referred to as that, need not be
 * read: to refer to it is to leave it alone. */
static int decide_without_elements(struct sqlite_putting *putting)
{
	struct change *change = putting->change;
	const struct value *given = change->fields;
	struct value *fields;
	int rc = leave_nest_out(putting->collection, given, &fields);

	if (rc)
		return rc;
	change->fields = fields;
	rc = decide(putting);
	change->fields = given;
	value_unref(fields);
	return rc;
}

static bool refers_to_lone_array(const struct sqlite_putting *putting)
{
	return putting->change->fields_action == PART_SET &&
	       putting->row.has_array && !putting->row.nest &&
	       sqlite_put_nest(putting->collection, putting->change->fields);
}

int sqlite_put_decide(struct sqlite_putting *putting)
{
	int rc = read_before(putting);

	if (rc)
		return rc;
	return refers_to_lone_array(putting) ? decide_without_elements(putting)
	                                     : decide(putting);
}
