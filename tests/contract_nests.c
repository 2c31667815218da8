/* SPDX-License-Identifier: MIT */
#include "tests/contract.h"

#include <errno.h>
#include <string.h>

/* Values with arrays anywhere inside. */

static const char *nest_field(const struct contract *c)
{
	const struct field_row *row = c->collection.fields;

	while (row->type != FIELD_NEST)
		row++;
	return row->name;
}

static int put_nest(struct contract *c, struct key key, const char *json,
                    char why[WHY_SIZE])
{
	struct value *fields = json_value("{'%s': %s}", nest_field(c), json);
	struct change change = no_change();
	int rc;

	change.fields_action = PART_SET;
	change.fields = fields;
	rc = put(c, key, &change);
	if (why)
		memcpy(why, change.why, WHY_SIZE);
	value_unref(fields);
	return rc;
}

static void assert_nest(struct contract *c, struct key key, const char *json)
{
	assert_field(c, key, nest_field(c), json);
}

static size_t array_count(struct contract *c, struct key key)
{
	struct record record;
	size_t count;

	get(c, key, &record);
	count = record.array_count;
	record_release(&record);
	return count;
}

static void a_lone_array_is_the_whole_value(struct contract *c)
{
	assert_int_equal(put_doubles(c, nth_key(c, 0), "", 3, 1), 0);
	assert_doubles(c, nth_key(c, 0), "", 3, 1);
	assert_nest(c, nth_key(c, 0), "{'$npy': ''}");
}

static void a_value_may_have_no_arrays(struct contract *c)
{
	static const char *const values[] = {
		"null",
		"[]",
		"{}",
		"7",
		"'text'",
		"[1, 2.5, 'x', null, true, {'a': []}]",
		"{'action': 'left', 'reward': 1.0, 'count': 3}",
		"{'huge': 123456789012345678901234567890, 'nan': NaN}",
	};

	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		assert_int_equal(put_nest(c, nth_key(c, 0), values[i], NULL),
		                 0);
		assert_nest(c, nth_key(c, 0), values[i]);
		assert_int_equal(array_count(c, nth_key(c, 0)), 0);
	}
}

static void arrays_may_come_before_their_references(struct contract *c)
{
	const char *json = "{'action': 'left', "
			   "'observation': {'$npy': 'observation'}, "
			   "'next': {'frame': {'$npy': 'next/frame'}}}";

	assert_int_equal(put_doubles(c, nth_key(c, 0), "observation", 3, 1), 0);
	assert_int_equal(put_doubles(c, nth_key(c, 0), "next/frame", 4, 2), 0);
	assert_nest(c, nth_key(c, 0),
	            "{'observation': {'$npy': 'observation'}, "
	            "'next': {'frame': {'$npy': 'next/frame'}}}");
	assert_int_equal(put_nest(c, nth_key(c, 0), json, NULL), 0);
	assert_nest(c, nth_key(c, 0), json);
	assert_doubles(c, nth_key(c, 0), "observation", 3, 1);
	assert_doubles(c, nth_key(c, 0), "next/frame", 4, 2);
}

static void references_may_come_before_their_arrays(struct contract *c)
{
	const char *json = "{'a': {'$npy': 'a'}, "
			   "'list': [1, {'$npy': 'list/1'}, "
			   "{'b': {'$npy': 'list/2/b'}}]}";

	assert_int_equal(put_nest(c, nth_key(c, 0), json, NULL), 0);
	assert_nest(c, nth_key(c, 0), json);
	assert_int_equal(array_count(c, nth_key(c, 0)), 0);
	assert_int_equal(put_doubles(c, nth_key(c, 0), "list/2/b", 5, 3), 0);
	assert_nest(c, nth_key(c, 0), json);
	assert_int_equal(put_doubles(c, nth_key(c, 0), "a", 3, 1), 0);
	assert_int_equal(put_doubles(c, nth_key(c, 0), "list/1", 4, 2), 0);
	assert_nest(c, nth_key(c, 0), json);
	assert_int_equal(array_count(c, nth_key(c, 0)), 3);
	assert_doubles(c, nth_key(c, 0), "a", 3, 1);
	assert_doubles(c, nth_key(c, 0), "list/1", 4, 2);
	assert_doubles(c, nth_key(c, 0), "list/2/b", 5, 3);
}

static void a_reference_to_the_whole_value_may_come_first(struct contract *c)
{
	assert_int_equal(put_nest(c, nth_key(c, 0), "{'$npy': ''}", NULL), 0);
	assert_int_equal(put_doubles(c, nth_key(c, 0), "", 3, 1), 0);
	assert_doubles(c, nth_key(c, 0), "", 3, 1);
}

static void arrays_are_in_the_order_of_the_value(struct contract *c)
{
	struct record record;

	assert_int_equal(put_nest(c, nth_key(c, 0),
	                          "{'z': {'$npy': 'z'}, 'a': {'$npy': 'a'}}",
	                          NULL),
	                 0);
	assert_int_equal(put_doubles(c, nth_key(c, 0), "a", 3, 1), 0);
	assert_int_equal(put_doubles(c, nth_key(c, 0), "z", 3, 2), 0);
	get(c, nth_key(c, 0), &record);
	assert_int_equal(record.array_count, 2);
	assert_string_equal(record.arrays[0].name, "z");
	assert_string_equal(record.arrays[1].name, "a");
	record_release(&record);
}

static void a_lost_reference_is_refused_by_its_path(struct contract *c)
{
	char why[WHY_SIZE];

	assert_int_equal(put_doubles(c, nth_key(c, 0), "kept", 3, 1), 0);
	assert_int_equal(put_doubles(c, nth_key(c, 0), "lost", 4, 2), 0);
	assert_int_equal(
	    put_nest(c, nth_key(c, 0), "{'kept': {'$npy': 'kept'}}", why),
	    -EINVAL);
	assert_non_null(strstr(why, "lost"));
	assert_doubles(c, nth_key(c, 0), "kept", 3, 1);
	assert_doubles(c, nth_key(c, 0), "lost", 4, 2);
	assert_int_equal(drop_array(c, nth_key(c, 0), "lost"), 0);
	assert_int_equal(
	    put_nest(c, nth_key(c, 0), "{'kept': {'$npy': 'kept'}}", why), 0);
}

static void a_value_left_out_keeps_its_arrays(struct contract *c)
{
	assert_int_equal(put_doubles(c, nth_key(c, 0), "a", 3, 1), 0);
	assert_int_equal(put_fields(c, nth_key(c, 0), plain_fields(c, 5, 5)),
	                 0);
	assert_doubles(c, nth_key(c, 0), "a", 3, 1);
	assert_plain_fields(c, nth_key(c, 0), 5, 5);
}

static void a_value_left_out_stays(struct contract *c)
{
	assert_int_equal(put_nest(c, nth_key(c, 0), "{'action': 'left'}", NULL),
	                 0);
	assert_int_equal(put_fields(c, nth_key(c, 0), plain_fields(c, 5, 5)),
	                 0);
	assert_nest(c, nth_key(c, 0), "{'action': 'left'}");
	assert_plain_fields(c, nth_key(c, 0), 5, 5);
}

static void an_array_does_not_replace_what_is_no_array(struct contract *c)
{
	struct change change = no_change();
	struct array array;

	assert_int_equal(put_nest(c, nth_key(c, 0),
	                          "{'action': 'left', 'list': [1, 2]}", NULL),
	                 0);
	init_doubles(&array, 3, 1);
	change.array_action = PART_SET;
	change.array_name = "action";
	change.array = &array;
	assert_int_equal(put(c, nth_key(c, 0), &change), -EINVAL);
	assert_true(strlen(change.why) > 0);
	change.array_name = "";
	assert_int_equal(put(c, nth_key(c, 0), &change), -EINVAL);
	assert_true(strlen(change.why) > 0);
	change.array_name = "action/deep";
	assert_int_equal(put(c, nth_key(c, 0), &change), -EINVAL);
	change.array_name = "list/7";
	assert_int_equal(put(c, nth_key(c, 0), &change), -EINVAL);
	array_release(&array);
	assert_nest(c, nth_key(c, 0), "{'action': 'left', 'list': [1, 2]}");
}

static void a_dropped_array_leaves_null(struct contract *c)
{
	assert_int_equal(
	    put_nest(c, nth_key(c, 0), "{'a': {'$npy': 'a'}, 'b': 2}", NULL),
	    0);
	assert_int_equal(put_doubles(c, nth_key(c, 0), "a", 3, 1), 0);
	assert_int_equal(drop_array(c, nth_key(c, 0), "a"), 0);
	assert_nest(c, nth_key(c, 0), "{'a': null, 'b': 2}");
	assert_int_equal(drop_array(c, nth_key(c, 0), "a"), -ENOENT);
	assert_int_equal(put_doubles(c, nth_key(c, 0), "a", 4, 2), 0);
	assert_doubles(c, nth_key(c, 0), "a", 4, 2);
	assert_nest(c, nth_key(c, 0), "{'a': {'$npy': 'a'}, 'b': 2}");
}

static void an_array_in_a_nest_is_replaced_alone(struct contract *c)
{
	assert_int_equal(put_doubles(c, nth_key(c, 0), "a", 3, 1), 0);
	assert_int_equal(put_doubles(c, nth_key(c, 0), "b", 4, 2), 0);
	assert_int_equal(put_doubles(c, nth_key(c, 0), "a", 500, 3), 0);
	assert_doubles(c, nth_key(c, 0), "a", 500, 3);
	assert_doubles(c, nth_key(c, 0), "b", 4, 2);
}

static void keys_of_a_value_are_encoded_in_paths(struct contract *c)
{
	const char *json = "{'a/b': {'$npy': 'a%2Fb'}, '.x': {'$npy': '%2Ex'}}";

	assert_int_equal(put_nest(c, nth_key(c, 0), json, NULL), 0);
	assert_int_equal(put_doubles(c, nth_key(c, 0), "a%2Fb", 3, 1), 0);
	assert_int_equal(put_doubles(c, nth_key(c, 0), "%2Ex", 3, 2), 0);
	assert_nest(c, nth_key(c, 0), json);
	assert_doubles(c, nth_key(c, 0), "a%2Fb", 3, 1);
	assert_doubles(c, nth_key(c, 0), "%2Ex", 3, 2);
}

static void nests_are_there_after_the_next_open(struct contract *c)
{
	const char *json = "{'a': {'$npy': 'a'}, 'later': {'$npy': 'later'}, "
			   "'list': [{'$npy': 'list/0'}, 2]}";

	assert_int_equal(put_nest(c, nth_key(c, 0), json, NULL), 0);
	assert_int_equal(put_doubles(c, nth_key(c, 0), "a", 3, 1), 0);
	assert_int_equal(put_doubles(c, nth_key(c, 0), "list/0", 400, 2), 0);
	reopen(c);
	assert_nest(c, nth_key(c, 0), json);
	assert_doubles(c, nth_key(c, 0), "a", 3, 1);
	assert_doubles(c, nth_key(c, 0), "list/0", 400, 2);
	assert_int_equal(put_doubles(c, nth_key(c, 0), "later", 5, 3), 0);
	assert_int_equal(array_count(c, nth_key(c, 0)), 3);
}

static void a_nest_without_arrays_goes_with_its_fields(struct contract *c)
{
	assert_int_equal(put_nest(c, nth_key(c, 0), "{'action': 'left'}", NULL),
	                 0);
	assert_int_equal(drop_fields(c, nth_key(c, 0)), 0);
	assert_false(exists(c, nth_key(c, 0)));
}

static void dropped_fields_leave_a_nest_in_place(struct contract *c)
{
	assert_int_equal(put_doubles(c, nth_key(c, 0), "a", 3, 1), 0);
	assert_int_equal(put_doubles(c, nth_key(c, 0), "b/c", 3, 2), 0);
	assert_int_equal(drop_fields(c, nth_key(c, 0)), 0);
	assert_doubles(c, nth_key(c, 0), "a", 3, 1);
	assert_doubles(c, nth_key(c, 0), "b/c", 3, 2);
	assert_int_equal(drop_array(c, nth_key(c, 0), "a"), 0);
	assert_true(exists(c, nth_key(c, 0)));
	assert_int_equal(drop_array(c, nth_key(c, 0), "b/c"), 0);
	assert_false(exists(c, nth_key(c, 0)));
}

const struct contract_test contract_nest_tests[] = {
	CONTRACT_TEST(NESTS, a_lone_array_is_the_whole_value),
	CONTRACT_TEST(NESTS, a_value_may_have_no_arrays),
	CONTRACT_TEST(NESTS, arrays_may_come_before_their_references),
	CONTRACT_TEST(NESTS, references_may_come_before_their_arrays),
	CONTRACT_TEST(NESTS, a_reference_to_the_whole_value_may_come_first),
	CONTRACT_TEST(NESTS, arrays_are_in_the_order_of_the_value),
	CONTRACT_TEST(NESTS, a_lost_reference_is_refused_by_its_path),
	CONTRACT_TEST(NESTS, a_value_left_out_keeps_its_arrays),
	CONTRACT_TEST(NESTS, a_value_left_out_stays),
	CONTRACT_TEST(NESTS, an_array_does_not_replace_what_is_no_array),
	CONTRACT_TEST(NESTS, a_dropped_array_leaves_null),
	CONTRACT_TEST(NESTS, an_array_in_a_nest_is_replaced_alone),
	CONTRACT_TEST(NESTS, keys_of_a_value_are_encoded_in_paths),
	CONTRACT_TEST(NESTS | DURABLE, nests_are_there_after_the_next_open),
	CONTRACT_TEST(NESTS, a_nest_without_arrays_goes_with_its_fields),
	CONTRACT_TEST(NESTS, dropped_fields_leave_a_nest_in_place),
	{ 0 },
};
