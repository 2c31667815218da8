/* SPDX-License-Identifier: MIT */
#include "tests/contract.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Fields that are numbers by name. */

static const char *values_field(const struct contract *c)
{
	const struct field_row *row = c->collection.fields;

	while (row->type != FIELD_VALUES)
		row++;
	return row->name;
}

static int put_values(struct contract *c, const char *json)
{
	return put_fields(c, nth_key(c, 0),
	                  json_value("{'%s': %s}", values_field(c), json));
}

static void assert_values(struct contract *c, const char *json)
{
	assert_field(c, nth_key(c, 0), values_field(c), json);
}

static void numbers_by_name_come_back_as_floats(struct contract *c)
{
	static const char *const pairs[][2] = {
		{ "{'z': 0.85, 'a': -0.0, 'm': 1e-300}", NULL },
		{ "{'int': 3}", "{'int': 3.0}" },
		{ "{'nan': NaN, 'inf': Infinity, 'minus': -Infinity}", NULL },
		{ "{'naïve ключ': 1.5, 'a/b': 2.5, ' ': 3.5}", NULL },
		{ "{'': 0.5}", NULL },
		{ "{}", NULL },
		{ "{'again': 1.0}", NULL },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		assert_int_equal(put_values(c, pairs[i][0]), 0);
		assert_values(c, pairs[i][pairs[i][1] ? 1 : 0]);
	}
}

static void numbers_by_name_keep_their_order(struct contract *c)
{
	const struct value *dict;
	struct record record;

	assert_int_equal(put_values(c, "{'z': 1.0, 'a': 2.0, 'm': 3.0}"), 0);
	get(c, nth_key(c, 0), &record);
	dict = value_dict_get(record.fields, values_field(c));
	assert_string_equal(dict->dict.pairs[0].key->text.data, "z");
	assert_string_equal(dict->dict.pairs[1].key->text.data, "a");
	assert_string_equal(dict->dict.pairs[2].key->text.data, "m");
	record_release(&record);
}

static void there_may_be_many_numbers(struct contract *c)
{
	struct value *numbers = value_new_dict();
	struct value *fields = value_new_dict();
	struct record record;
	char name[32];

	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "metric %d", i);
		assert_int_equal(
		    value_dict_set(numbers, name, value_new_float(i / 8.0)), 0);
	}
	assert_int_equal(
	    value_dict_set(fields, values_field(c), value_ref(numbers)), 0);
	assert_int_equal(put_fields(c, nth_key(c, 0), fields), 0);
	get(c, nth_key(c, 0), &record);
	assert_true(value_equal(value_dict_get(record.fields, values_field(c)),
	                        numbers));
	record_release(&record);
	value_unref(numbers);
}

static void what_is_no_number_is_refused_by_name(struct contract *c)
{
	static const char *const bad[] = {
		"{'a': 'text'}", "{'a': [1]}", "{'a': null}", "{'a': true}",
		"[1.0]",         "1.0",        NULL
	};

	assert_int_equal(put_values(c, "{'kept': 1.0}"), 0);
	for (size_t i = 0; bad[i]; i++) {
		struct change change = no_change();
		struct value *fields =
		    json_value("{'%s': %s}", values_field(c), bad[i]);

		change.fields_action = PART_SET;
		change.fields = fields;
		assert_int_equal(put(c, nth_key(c, 0), &change), -EINVAL);
		assert_non_null(strstr(change.why, values_field(c)));
		value_unref(fields);
	}
	assert_values(c, "{'kept': 1.0}");
}

static void numbers_by_name_move_with_their_record(struct contract *c)
{
	assert_int_equal(put_values(c, "{'a': 1.0}"), 0);
	assert_int_equal(c->backend->rename(c->store, &c->collection,
	                                    nth_key(c, 0), nth_key(c, 1),
	                                    RENAME_KEEP),
	                 0);
	assert_field(c, nth_key(c, 1), values_field(c), "{'a': 1.0}");
}

static void numbers_by_name_outlive_the_store(struct contract *c)
{
	assert_int_equal(put_values(c, "{'b': 1.0, 'a': 0.1}"), 0);
	reopen(c);
	assert_values(c, "{'b': 1.0, 'a': 0.1}");
}

const struct contract_test contract_value_tests[] = {
	CONTRACT_TEST(ALL | METERED, numbers_by_name_come_back_as_floats),
	CONTRACT_TEST(ALL | METERED, numbers_by_name_keep_their_order),
	CONTRACT_TEST(ALL | METERED, there_may_be_many_numbers),
	CONTRACT_TEST(ALL | METERED, what_is_no_number_is_refused_by_name),
	CONTRACT_TEST(ALL | METERED, numbers_by_name_move_with_their_record),
	CONTRACT_TEST(ALL | METERED | DURABLE,
	              numbers_by_name_outlive_the_store),
	{ 0 },
};
