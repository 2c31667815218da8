/* SPDX-License-Identifier: MIT */
#include "backends/json_forms.h"

#include "backends/base64.h"
#include "backends/npy.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* What ITEM under its key stands for; 0 with *OUT NULL: nothing. */
typedef int form_fn(const struct value *item, struct value **out);

static int hand_out(struct value *value, struct value **out)
{
	*out = value;
	return value ? 0 : -ENOMEM;
}

static bool is_text(const struct value *value, const char *text)
{
	return value->type == VALUE_TEXT && value->text.size == strlen(text) &&
	       memcmp(value->text.data, text, value->text.size) == 0;
}

static int read_float(const struct value *item, struct value **out)
{
	static const struct {
		const char *name;
		double real;
	} rows[] = {
		{ "NaN", (double)NAN },
		{ "Infinity", (double)INFINITY },
		{ "-Infinity", -(double)INFINITY },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (is_text(item, rows[i].name))
			return hand_out(value_new_float(rows[i].real), out);
	return 0;
}

static int read_bytes(const struct value *item, struct value **out)
{
	struct blob bytes = { 0 };
	int rc;

	if (item->type != VALUE_TEXT)
		return 0;
	rc = base64_decode(item->text.data, item->text.size, &bytes);
	if (rc == 0)
		rc = hand_out(value_new_bytes(bytes.data, bytes.size), out);
	blob_release(&bytes);
	return rc == -EINVAL ? 0 : rc;
}

/* A member or key: no list can be one, so it was a tuple. */
static struct value *hashable(struct value *item)
{
	struct value *tuple;

	if (item->type != VALUE_LIST)
		return value_ref(item);
	tuple = value_new_list(VALUE_TUPLE);
	for (size_t i = 0; tuple && i < item->list.count; i++) {
		if (value_list_append(tuple, hashable(item->list.items[i]))) {
			value_unref(tuple);
			return NULL;
		}
	}
	return tuple;
}

static int read_members(enum value_type type, const struct value *item,
                        struct value **out)
{
	struct value *set;

	if (item->type != VALUE_LIST)
		return 0;
	set = value_new_list(type);
	for (size_t i = 0; set && i < item->list.count; i++) {
		if (value_list_append(set, hashable(item->list.items[i]))) {
			value_unref(set);
			return -ENOMEM;
		}
	}
	return hand_out(set, out);
}

static int read_set(const struct value *item, struct value **out)
{
	return read_members(VALUE_SET, item, out);
}

static int read_frozenset(const struct value *item, struct value **out)
{
	return read_members(VALUE_FROZENSET, item, out);
}

static bool is_pairs(const struct value *item)
{
	if (item->type != VALUE_LIST)
		return false;
	for (size_t i = 0; i < item->list.count; i++) {
		const struct value *pair = item->list.items[i];

		if (pair->type != VALUE_LIST || pair->list.count != 2)
			return false;
	}
	return true;
}

static int read_dict(const struct value *item, struct value **out)
{
	struct value *dict;

	if (!is_pairs(item))
		return 0;
	dict = value_new_dict();
	for (size_t i = 0; dict && i < item->list.count; i++) {
		struct value **pair = item->list.items[i]->list.items;

		if (value_dict_add(dict, hashable(pair[0]),
		                   value_ref(pair[1]))) {
			value_unref(dict);
			return -ENOMEM;
		}
	}
	if (dict && dict->dict.count != item->list.count) {
		/* Equal keys: a dict would lose data. */
		value_unref(dict);
		return 0;
	}
	return hand_out(dict, out);
}

static int read_array(const struct value *item, struct value **out)
{
	struct array array = { 0 };
	struct array copy = { 0 };
	struct blob bytes = { 0 };
	int rc;

	if (item->type != VALUE_TEXT)
		return 0;
	rc = base64_decode(item->text.data, item->text.size, &bytes);
	if (rc == 0)
		rc = npy_parse(bytes.data, bytes.size, &array, NULL);
	if (rc == 0)
		rc = array_copy(&copy, &array);
	if (rc == 0)
		rc = hand_out(value_new_array(&copy), out);
	array_release(&array);
	array_release(&copy);
	blob_release(&bytes);
	return rc == -EINVAL ? 0 : rc;
}

static const struct {
	const char *key;
	form_fn *read;
	bool array;
} forms[] = {
	{ "$float", read_float, false },
	{ "$bytes", read_bytes, false },
	{ "$set", read_set, false },
	{ "$frozenset", read_frozenset, false },
	{ "$dict", read_dict, false },
	{ "$npy", read_array, true },
};

#define FORMS (sizeof(forms) / sizeof(forms[0]))

/* The row of the one key of DICT, or FORMS. */
static size_t find_form(const struct value *dict, enum json_arrays arrays)
{
	const struct value *key;

	if (dict->type != VALUE_DICT || dict->dict.count != 1)
		return FORMS;
	key = dict->dict.pairs[0].key;
	for (size_t i = 0; i < FORMS; i++)
		if (is_text(key, forms[i].key) &&
		    (!forms[i].array || arrays == JSON_ARRAYS_INLINE))
			return i;
	return FORMS;
}

bool json_form_is(const struct value *dict, enum json_arrays arrays)
{
	return find_form(dict, arrays) != FORMS;
}

int json_form_read(struct value **value, enum json_arrays arrays)
{
	size_t form = find_form(*value, arrays);
	struct value *meant = NULL;
	int rc;

	if (form == FORMS)
		return 0;
	rc = forms[form].read((*value)->dict.pairs[0].item, &meant);
	if (rc || !meant)
		return rc;
	value_unref(*value);
	*value = meant;
	return 0;
}
