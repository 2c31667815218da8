/* SPDX-License-Identifier: MIT */
#include "backends/pickle_internal.h"
#include "backends/pickle_numpy.h"

#include <errno.h>
#include <math.h>

#include "backends/pickle.h"
#include "backends/utf8.h"

/* Room for an item of a collection: a pointer, its share of an index. */
#define PICKLE_ITEM_COST 32

static int convert(struct machine *machine, struct object *object, int depth,
                   struct value **out);

/* What numpy scalars became arrays cannot be hashed here either. */
static bool is_hashable(const struct value *value)
{
	if (value->type == VALUE_TUPLE) {
		for (size_t i = 0; i < value->list.count; i++)
			if (!is_hashable(value->list.items[i]))
				return false;
		return true;
	}
	return value->type != VALUE_LIST && value->type != VALUE_SET &&
	       value->type != VALUE_DICT && value->type != VALUE_ARRAY;
}

static int convert_key(struct machine *machine, struct object *object,
                       int depth, struct value **out)
{
	int rc = convert(machine, object, depth, out);

	if (rc == 0 && !is_hashable(*out)) {
		value_unref(*out);
		return machine_fail(machine, -ENOTSUP,
		                    "pickle: a key that cannot be hashed");
	}
	return rc;
}

static int convert_list(struct machine *machine, const struct object *object,
                        int depth, struct value **out)
{
	static const enum value_type types[] = {
		[OBJECT_LIST] = VALUE_LIST,
		[OBJECT_TUPLE] = VALUE_TUPLE,
		[OBJECT_SET] = VALUE_SET,
		[OBJECT_FROZENSET] = VALUE_FROZENSET,
	};
	enum value_type type = types[object->kind];
	struct value *list = value_new_list(type);
	int rc = list ? 0 : -ENOMEM;

	for (size_t i = 0; rc == 0 && i < object->list.count; i++) {
		struct object *from = object->list.items[i];
		struct value *item;

		rc = type == VALUE_LIST || type == VALUE_TUPLE
		         ? convert(machine, from, depth, &item)
		         : convert_key(machine, from, depth, &item);
		if (rc == 0)
			rc = value_list_append(list, item);
	}
	if (rc)
		value_unref(list);
	else
		*out = list;
	return rc;
}

static int convert_pair(struct machine *machine, struct object *const pair[2],
                        int depth, struct value *dict)
{
	size_t count = dict->dict.count;
	struct value *key;
	struct value *item;
	bool odd;
	int rc = convert_key(machine, pair[0], depth, &key);

	if (rc)
		return rc;
	odd = key->type == VALUE_FLOAT && isnan(key->real);
	rc = convert(machine, pair[1], depth, &item);
	if (rc) {
		value_unref(key);
		return rc;
	}
	rc = value_dict_add(dict, key, item);
	if (rc == 0 && odd && dict->dict.count == count)
		return machine_fail(machine, -ENOTSUP,
		                    "pickle: a dict with two NaN keys");
	return rc;
}

static int convert_dict(struct machine *machine, const struct object *object,
                        int depth, struct value **out)
{
	struct value *dict = value_new_dict();
	int rc = dict ? 0 : -ENOMEM;

	for (size_t i = 0; rc == 0 && i < object->list.count; i += 2)
		rc = convert_pair(machine, &object->list.items[i], depth, dict);
	if (rc)
		value_unref(dict);
	else
		*out = dict;
	return rc;
}

static int convert_text(const struct object *object, struct value **out)
{
	struct span span = object->span;
	const char *text = span.size ? (const char *)span.data : "";
	struct blob utf8 = { 0 };
	int rc = 0;

	if (object->kind == OBJECT_TEXT) {
		*out = value_new_text(text, span.size);
		return *out ? 0 : -ENOMEM;
	}
	if (object->kind != OBJECT_LATIN1) {
		*out = value_new_bytes(text, span.size);
		return *out ? 0 : -ENOMEM;
	}
	for (size_t i = 0; rc == 0 && i < span.size; i++)
		rc = utf8_append(span.data[i], &utf8);
	if (rc == 0) {
		*out = value_new_text(utf8.data ? utf8.data : "", utf8.size);
		rc = *out ? 0 : -ENOMEM;
	}
	blob_release(&utf8);
	return rc;
}

static int too_deep(struct machine *machine)
{
	return machine_fail(machine, -EINVAL,
	                    "pickle: more than %d levels deep",
	                    PICKLE_MAX_DEPTH);
}

static int make_collection(struct machine *machine, struct object *object,
                           int depth, struct value **out)
{
	int rc;

	if (object->converting)
		return machine_fail(machine, -ENOTSUP,
		                    "pickle: a collection that holds itself");
	if (depth == 0)
		return too_deep(machine);
	rc = machine_charge(machine, object->list.count * PICKLE_ITEM_COST);
	if (rc)
		return rc;
	object->converting = true;
	rc = object->kind == OBJECT_DICT
	         ? convert_dict(machine, object, depth - 1, out)
	         : convert_list(machine, object, depth - 1, out);
	object->converting = false;
	return rc;
}

/* Make the value of OBJECT, which has none yet. */
static int make(struct machine *machine, struct object *object, int depth,
                struct value **out)
{
	int rc = machine_charge(machine, PICKLE_VALUE_COST);

	if (rc)
		return rc;
	if (object_has_bytes(object)) {
		rc = machine_charge(machine, object->span.size);
		return rc ? rc : convert_text(object, out);
	}
	if (object->kind == OBJECT_ARRAY)
		return array_to_value(machine, object->array, out);
	if (object_is_collection(object))
		return make_collection(machine, object, depth, out);
	return machine_fail(machine, -ENOTSUP,
	                    "pickle: a type or function, not data");
}

static void measure_levels(struct object *object)
{
	if (!object_is_collection(object))
		return;
	object->levels = 1;
	for (size_t i = 0; i < object->list.count; i++)
		if (object->list.items[i]->levels >= object->levels)
			object->levels = object->list.items[i]->levels + 1;
}

/*
 * Objects that are used twice make one value with two holders.  They are
 * charged for each time all the same: whoever walks the value pays for it.
 */
static int convert(struct machine *machine, struct object *object, int depth,
                   struct value **out)
{
	size_t left = machine->left;
	int rc;

	if (object->value) {
		rc = object->levels > depth
		         ? too_deep(machine)
		         : machine_charge(machine, object->cost);
	} else {
		rc = make(machine, object, depth, &object->value);
		measure_levels(object);
	}
	if (rc)
		return rc;
	object->cost = object->kind == OBJECT_VALUE ? PICKLE_VALUE_COST
	                                            : left - machine->left;
	*out = value_ref(object->value);
	return 0;
}

int object_to_value(struct machine *machine, struct object *object,
                    struct value **out)
{
	return convert(machine, object, PICKLE_MAX_DEPTH, out);
}
