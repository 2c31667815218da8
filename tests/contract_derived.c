/* SPDX-License-Identifier: MIT */
#include "tests/contract.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* Fields that the data decide. */

static double number_of(const struct value *value)
{
	double number = 0;

	assert_non_null(value);
	assert_int_equal(value_to_double(value, &number), 0);
	return number;
}

/* What numpy says of the doubles FIRST, FIRST + 1, ... */
static void assert_derived(const struct field_row *row,
                           const struct value *value, size_t count,
                           double first)
{
	double n = (double)count;
	double mean = first + (n - 1) / 2;

	switch (row->rule) {
	case FIELD_SHAPE:
		assert_int_equal(value->list.count, 1);
		assert_true(number_of(value->list.items[0]) == n);
		break;
	case FIELD_DTYPE:
		assert_string_equal(value->text.data, "float64");
		break;
	case FIELD_COUNT:
	case FIELD_LENGTH:
	case FIELD_UNIQUE:
		assert_true(number_of(value) == n);
		break;
	case FIELD_MEAN:
		assert_true(fabs(number_of(value) - mean) < 1e-9);
		break;
	case FIELD_STD:
		mean = sqrt((n * n - 1) / 12);
		assert_true(fabs(number_of(value) - mean) < 1e-9);
		break;
	case FIELD_SUM:
		assert_true(fabs(number_of(value) - n * mean) < 1e-9);
		break;
	case FIELD_GIVEN:
	case FIELD_NUMBER:
	case FIELD_ARRAYS:
		break;
	}
}

/* Every field that follows an array fits doubles, or is absent at COUNT 0. */
static void assert_all_derived(struct contract *c, struct key key, size_t count,
                               double first)
{
	const struct field_row *row = c->collection.fields;
	struct record record;

	get(c, key, &record);
	for (; row->name; row++) {
		const struct value *value =
		    value_dict_get(record.fields, row->name);

		if (!row->array)
			continue;
		if (count == 0) {
			assert_null(value);
			continue;
		}
		assert_non_null(value);
		assert_derived(row, value, count, first);
	}
	record_release(&record);
}

static int put_everywhere(struct contract *c, struct key key, size_t count,
                          double first)
{
	const struct array_row *row = c->collection.arrays;
	int rc = 0;

	for (; rc == 0 && row->place; row++)
		rc = put_doubles(c, key, row->name, count, first);
	return rc;
}

static void derived_fields_follow_their_array(struct contract *c)
{
	const struct array_row *row = c->collection.arrays;

	assert_int_equal(put_everywhere(c, nth_key(c, 0), 4, 1), 0);
	assert_all_derived(c, nth_key(c, 0), 4, 1);
	assert_int_equal(put_everywhere(c, nth_key(c, 0), 9, -3), 0);
	assert_all_derived(c, nth_key(c, 0), 9, -3);
	assert_int_equal(put_fields(c, nth_key(c, 0), plain_fields(c, 2, 2)),
	                 0);
	assert_all_derived(c, nth_key(c, 0), 9, -3);
	for (; row->place; row++)
		assert_int_equal(drop_array(c, nth_key(c, 0), row->name), 0);
	assert_all_derived(c, nth_key(c, 0), 0, 0);
}

static const struct field_row *first_derived(const struct contract *c)
{
	const struct field_row *row = c->collection.fields;

	while (!row->array)
		row++;
	return row;
}

static void a_derived_field_must_be_equal_if_given(struct contract *c)
{
	const struct field_row *row = first_derived(c);
	struct change change = no_change();
	struct record record;
	struct value *fields;

	assert_int_equal(put_everywhere(c, nth_key(c, 0), 4, 1), 0);
	get(c, nth_key(c, 0), &record);
	assert_int_equal(put_fields(c, nth_key(c, 0), value_ref(record.fields)),
	                 0);
	record_release(&record);

	fields = json_value("{'%s': %s}", row->name,
	                    row->rule == FIELD_SHAPE ? "[5]" : "5");
	change.fields_action = PART_SET;
	change.fields = fields;
	assert_int_equal(put(c, nth_key(c, 0), &change), -EINVAL);
	assert_non_null(strstr(change.why, row->name));
	value_unref(fields);
	assert_all_derived(c, nth_key(c, 0), 4, 1);
}

/* As cp -a does: the JSON of a whole record arrives before its arrays. */
static void derived_fields_may_come_before_their_array(struct contract *c)
{
	struct record record;

	assert_int_equal(put_everywhere(c, nth_key(c, 0), 4, 1), 0);
	get(c, nth_key(c, 0), &record);
	assert_int_equal(value_unshare(&record.fields), 0);
	value_dict_remove(record.fields, "id");
	assert_int_equal(put_fields(c, nth_key(c, 1), value_ref(record.fields)),
	                 0);
	record_release(&record);
	assert_int_equal(put_everywhere(c, nth_key(c, 1), 4, 1), 0);
	assert_all_derived(c, nth_key(c, 1), 4, 1);
}

const struct contract_test contract_derived_tests[] = {
	CONTRACT_TEST(PAIRS | DIRECTORIES | DERIVING,
	              derived_fields_follow_their_array),
	CONTRACT_TEST(PAIRS | DIRECTORIES | DERIVING,
	              a_derived_field_must_be_equal_if_given),
	CONTRACT_TEST(PAIRS | DIRECTORIES | DERIVING,
	              derived_fields_may_come_before_their_array),
	{ 0 },
};
