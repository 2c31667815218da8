/* SPDX-License-Identifier: MIT */
#include "backends/derive.h"

#include "backends/json.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* The most of a stored value that a reason quotes. */
#define QUOTE_LIMIT 100

/* Two ways to add up the same numbers agree to this part of the result. */
#define ROUNDING 1e-6

static bool is_number(const struct value *value)
{
	return value->type == VALUE_INT || value->type == VALUE_FLOAT;
}

static bool is_int(const struct value *value)
{
	return value->type == VALUE_INT;
}

static bool is_text(const struct value *value)
{
	return value->type == VALUE_TEXT;
}

static bool is_dict(const struct value *value)
{
	return value->type == VALUE_DICT;
}

static bool is_any(const struct value *value)
{
	(void)value;
	return true;
}

static bool is_dict_of_numbers(const struct value *value)
{
	if (value->type != VALUE_DICT)
		return false;
	for (size_t i = 0; i < value->dict.count; i++)
		if (!is_text(value->dict.pairs[i].key) ||
		    !is_number(value->dict.pairs[i].item))
			return false;
	return true;
}

static const struct {
	bool (*fits)(const struct value *value);
	const char *must;
} types[] = {
	[FIELD_FLOAT] = { is_number, "must be a number" },
	[FIELD_INT] = { is_int, "must be an integer of at most 64 bits" },
	[FIELD_TEXT] = { is_text, "must be a text" },
	[FIELD_JSON] = { is_any, "" },
	[FIELD_DICT] = { is_dict, "must be an object" },
	[FIELD_NEST] = { is_any, "" },
	[FIELD_VALUES] = { is_dict_of_numbers, "must be an object of numbers" },
};

static bool same(const struct value *a, const struct value *b)
{
	double left;
	double right;

	if (is_number(a) && is_number(b) && a->type != b->type)
		return value_to_double(a, &left) == 0 &&
		       value_to_double(b, &right) == 0 && left == right;
	return value_equal(a, b);
}

/* GIVEN stands for what the data decide. */
static bool agrees(const struct field_row *row, const struct value *given,
                   const struct value *decided)
{
	double left;
	double right;

	if (same(given, decided))
		return true;
	if (!is_number(given) || value_to_double(given, &left) != 0 ||
	    value_to_double(decided, &right) != 0)
		return false;
	if (row->rule == FIELD_ARRAYS)
		return is_int(given) && left > right;
	return row->type == FIELD_FLOAT &&
	       fabs(left - right) <= ROUNDING * fabs(right);
}

static int refuse_derived(const char *name, const struct value *stored,
                          char *why)
{
	struct blob text = { 0 };
	int rc = json_append(stored, JSON_STYLE_PYTHON, JSON_ARRAYS_INLINE,
	                     QUOTE_LIMIT, &text);

	if (why && rc == 0)
		snprintf(why, WHY_SIZE, "%s: is %s, decided by the data", name,
		         text.data);
	else if (why)
		snprintf(why, WHY_SIZE, "%s: is decided by the data", name);
	blob_release(&text);
	return -EINVAL;
}

static int check_field(const struct field_row *row, const struct value *given,
                       const struct value *stored, char *why)
{
	bool derived = row->rule != FIELD_GIVEN && row->rule != FIELD_NUMBER;

	if (derived && stored)
		return agrees(row, given, stored)
		           ? 0
		           : refuse_derived(row->name, stored, why);
	/* What is there may come back, whatever it is. */
	if (stored && same(given, stored))
		return 0;
	if (types[row->type].fits(given))
		return 0;
	if (why)
		snprintf(why, WHY_SIZE, "%s: %s", row->name,
		         types[row->type].must);
	return -EINVAL;
}

static int refuse_name(const struct value *key, char *why)
{
	if (!why)
		return -EINVAL;
	if (is_text(key))
		snprintf(why, WHY_SIZE, "unknown field \"%.*s\"",
		         key->text.size < 200 ? (int)key->text.size : 200,
		         key->text.data);
	else
		snprintf(why, WHY_SIZE, "the name of a field must be a text");
	return -EINVAL;
}

int derive_check(const struct collection *collection,
                 const struct value *fields, const struct value *stored,
                 char why[WHY_SIZE])
{
	int rc = 0;

	if (!is_dict(fields)) {
		if (why)
			snprintf(why, WHY_SIZE, "the fields must be an object");
		return -EINVAL;
	}
	for (size_t i = 0; rc == 0 && i < fields->dict.count; i++) {
		const struct value_pair *pair = &fields->dict.pairs[i];
		const struct field_row *row = NULL;

		if (is_text(pair->key) &&
		    strlen(pair->key->text.data) == pair->key->text.size)
			row =
			    collection_field(collection, pair->key->text.data);
		if (!row)
			return refuse_name(pair->key, why);
		rc = check_field(
		    row, pair->item,
		    stored ? value_dict_find(stored, pair->key) : NULL, why);
	}
	return rc;
}
