/* SPDX-License-Identifier: MIT */
#include "backends/value_hash.h"

#include <math.h>
#include <string.h>

#include <xxhash.h>

#define HASH_ITEMS 8
#define HASH_DEPTH 4

static uint64_t hash_real(double real)
{
	double same = isnan(real) ? (double)NAN : real + 0.0; /* -0.0 is 0.0 */

	return XXH3_64bits(&same, sizeof(same));
}

static uint64_t hash_within(const struct value *value, int depth);

/* Of the first few items only: a pickle may share parts so often that all of
 * them never end. */
static uint64_t hash_list(const struct value *value, int depth)
{
	bool ordered = value->type == VALUE_LIST || value->type == VALUE_TUPLE;
	uint64_t hash = value->list.count;

	if (!ordered || depth == HASH_DEPTH)
		return hash;
	for (size_t i = 0; i < value->list.count && i < HASH_ITEMS; i++)
		hash = hash * 31 + hash_within(value->list.items[i], depth + 1);
	return hash;
}

static uint64_t hash_within(const struct value *value, int depth)
{
	switch (value->type) {
	case VALUE_NULL:
		return 0;
	case VALUE_BOOL:
		return value->boolean;
	case VALUE_INT:
		return XXH3_64bits(&value->integer, sizeof(value->integer));
	case VALUE_FLOAT:
		return hash_real(value->real);
	case VALUE_DICT:
		return value->dict.count;
	case VALUE_ARRAY:
		return value->array.info.nbytes;
	case VALUE_BIGINT:
	case VALUE_TEXT:
	case VALUE_BYTES:
		return XXH3_64bits(value->text.data, value->text.size);
	default:
		return hash_list(value, depth);
	}
}

uint64_t value_hash(const struct value *value)
{
	return hash_within(value, 0) * 31 + (uint64_t)value->type;
}

static bool lists_equal(const struct value *a, const struct value *b)
{
	if (a->list.count != b->list.count)
		return false;
	for (size_t i = 0; i < a->list.count; i++)
		if (!value_equal(a->list.items[i], b->list.items[i]))
			return false;
	return true;
}

/* Members in any order: those of B become the keys of a dict. */
static bool sets_equal(const struct value *a, const struct value *b)
{
	struct value *members;
	bool equal = a->list.count == b->list.count;

	if (!equal || lists_equal(a, b))
		return equal;
	members = value_new_dict();
	for (size_t i = 0; members && i < b->list.count; i++)
		if (value_dict_add(members, value_ref(b->list.items[i]),
		                   value_ref(b->list.items[i])))
			goto out;
	for (size_t i = 0; members && i < a->list.count; i++)
		if (!value_dict_find(members, a->list.items[i]))
			goto out;
	value_unref(members);
	return members != NULL;

out:
	value_unref(members);
	return false;
}

static bool dicts_equal(const struct value *a, const struct value *b)
{
	if (a->dict.count != b->dict.count)
		return false;
	for (size_t i = 0; i < a->dict.count; i++) {
		const struct value *other =
		    value_dict_find(b, a->dict.pairs[i].key);

		if (!other || !value_equal(a->dict.pairs[i].item, other))
			return false;
	}
	return true;
}

bool value_equal(const struct value *a, const struct value *b)
{
	if (a == b)
		return true;
	if (a->type != b->type)
		return false;
	switch (a->type) {
	case VALUE_NULL:
		return true;
	case VALUE_BOOL:
		return a->boolean == b->boolean;
	case VALUE_INT:
		return a->integer == b->integer;
	case VALUE_FLOAT:
		return a->real == b->real || (isnan(a->real) && isnan(b->real));
	case VALUE_DICT:
		return dicts_equal(a, b);
	case VALUE_ARRAY:
		return array_equal(&a->array, &b->array);
	case VALUE_LIST:
	case VALUE_TUPLE:
		return lists_equal(a, b);
	case VALUE_SET:
	case VALUE_FROZENSET:
		return sets_equal(a, b);
	default:
		return blob_equal(&a->text, &b->text);
	}
}
