/* SPDX-License-Identifier: MIT */
#include "tests/contract.h"

#include <errno.h>
#include <string.h>

/* Records come, change as a whole, and go with their last part. */

static void a_new_store_is_empty(struct contract *c)
{
	struct record_list list = { 0 };
	struct reader *reader;

	assert_false(exists(c, nth_key(c, 0)));
	assert_int_equal(c->backend->open_array(c->store, &c->collection,
	                                        nth_key(c, 0), first_array(c),
	                                        &reader),
	                 -ENOENT);
	list_all(c, 10, &list);
	assert_int_equal(list.count, 0);
	record_list_release(&list);
}

static void an_array_that_comes_first_makes_a_record(struct contract *c)
{
	struct record record;

	assert_int_equal(put_doubles(c, nth_key(c, 0), first_array(c), 5, 1),
	                 0);
	assert_doubles(c, nth_key(c, 0), first_array(c), 5, 1);
	get(c, nth_key(c, 0), &record);
	assert_int_equal(record.array_count, 1);
	assert_false(record.fields_dropped);
	assert_int_equal(record.opaque_size, 0);
	record_release(&record);
}

static void fields_that_come_first_make_a_record(struct contract *c)
{
	struct record record;

	assert_int_equal(put_fields(c, nth_key(c, 0), plain_fields(c, 7.5, 7)),
	                 0);
	assert_plain_fields(c, nth_key(c, 0), 7.5, 7);
	get(c, nth_key(c, 0), &record);
	assert_int_equal(record.array_count, 0);
	assert_false(record.fields_dropped);
	record_release(&record);
}

static void an_array_joins_fields_that_came_first(struct contract *c)
{
	assert_int_equal(put_fields(c, nth_key(c, 0), plain_fields(c, 7.5, 7)),
	                 0);
	assert_int_equal(put_doubles(c, nth_key(c, 0), first_array(c), 5, 1),
	                 0);
	assert_plain_fields(c, nth_key(c, 0), 7.5, 7);
	assert_doubles(c, nth_key(c, 0), first_array(c), 5, 1);
}

static void fields_join_an_array_that_came_first(struct contract *c)
{
	assert_int_equal(put_doubles(c, nth_key(c, 0), first_array(c), 5, 1),
	                 0);
	assert_int_equal(put_fields(c, nth_key(c, 0), plain_fields(c, 7.5, 7)),
	                 0);
	assert_plain_fields(c, nth_key(c, 0), 7.5, 7);
	assert_doubles(c, nth_key(c, 0), first_array(c), 5, 1);
}

static void fields_and_an_array_may_come_in_one_change(struct contract *c)
{
	struct value *fields = plain_fields(c, 7.5, 7);
	struct change change = no_change();
	struct array array;

	init_doubles(&array, 4, 2);
	change.fields_action = PART_SET;
	change.fields = fields;
	change.array_action = PART_SET;
	change.array_name = first_array(c);
	change.array = &array;
	assert_int_equal(put(c, nth_key(c, 0), &change), 0);
	array_release(&array);
	value_unref(fields);
	assert_plain_fields(c, nth_key(c, 0), 7.5, 7);
	assert_doubles(c, nth_key(c, 0), first_array(c), 4, 2);
}

static void a_record_with_all_its_parts_comes_back(struct contract *c)
{
	put_whole(c, nth_key(c, 0), 10);
	put_whole(c, nth_key(c, 1), 20);
	assert_whole(c, nth_key(c, 0), 10);
	assert_whole(c, nth_key(c, 1), 20);
}

static void arrays_are_in_the_order_of_their_rows(struct contract *c)
{
	const struct array_row *rows = c->collection.arrays;
	struct record record;
	size_t count = 0;

	while (rows[count].name)
		count++;
	for (size_t i = count; i-- > 0;)
		assert_int_equal(
		    put_doubles(c, nth_key(c, 0), rows[i].name, 3, (double)i),
		    0);
	if (count == 0)
		return;
	get(c, nth_key(c, 0), &record);
	assert_int_equal(record.array_count, count);
	for (size_t i = 0; i < count; i++)
		assert_string_equal(record.arrays[i].name, rows[i].name);
	record_release(&record);
}

static void a_new_array_replaces_the_old_as_a_whole(struct contract *c)
{
	put_whole(c, nth_key(c, 0), 10);
	assert_int_equal(put_doubles(c, nth_key(c, 0), first_array(c), 2, 50),
	                 0);
	assert_doubles(c, nth_key(c, 0), first_array(c), 2, 50);
	assert_int_equal(
	    put_doubles(c, nth_key(c, 0), first_array(c), 2000, 60), 0);
	assert_doubles(c, nth_key(c, 0), first_array(c), 2000, 60);
	assert_plain_fields(c, nth_key(c, 0), 10, 10);
}

static void fields_do_not_touch_the_arrays(struct contract *c)
{
	put_whole(c, nth_key(c, 0), 10);
	assert_int_equal(put_fields(c, nth_key(c, 0), plain_fields(c, 8, 8)),
	                 0);
	assert_doubles(c, nth_key(c, 0), first_array(c), 3, 10);
	assert_plain_fields(c, nth_key(c, 0), 8, 8);
}

static void an_exclusive_put_refuses_what_exists(struct contract *c)
{
	struct value *fields = plain_fields(c, 1, 1);
	struct change change = no_change();

	change.fields_action = PART_SET;
	change.fields = fields;
	change.exclusive = true;
	assert_int_equal(put(c, nth_key(c, 0), &change), 0);
	assert_int_equal(put(c, nth_key(c, 0), &change), -EEXIST);
	assert_int_equal(put(c, nth_key(c, 1), &change), 0);
	value_unref(fields);
}

static void a_put_that_must_exist_makes_nothing(struct contract *c)
{
	struct value *fields = plain_fields(c, 1, 1);
	struct change change = no_change();

	change.fields_action = PART_SET;
	change.fields = fields;
	change.must_exist = true;
	assert_int_equal(put(c, nth_key(c, 0), &change), -ENOENT);
	assert_false(exists(c, nth_key(c, 0)));
	put_whole(c, nth_key(c, 0), 3);
	assert_int_equal(put(c, nth_key(c, 0), &change), 0);
	assert_plain_fields(c, nth_key(c, 0), 1, 1);
	value_unref(fields);
}

static void an_unknown_array_is_refused_with_a_reason(struct contract *c)
{
	struct change change = no_change();
	struct array array;

	if (!c->collection.arrays[0].name)
		return;
	init_doubles(&array, 1, 0);
	change.array_action = PART_SET;
	change.array_name = "no_such_array";
	change.array = &array;
	assert_int_equal(put(c, nth_key(c, 0), &change), -EINVAL);
	assert_non_null(strstr(change.why, "no_such_array"));
	assert_false(exists(c, nth_key(c, 0)));
	array_release(&array);
}

static void a_dropped_array_leaves_the_fields(struct contract *c)
{
	put_whole(c, nth_key(c, 0), 10);
	assert_int_equal(drop_array(c, nth_key(c, 0), first_array(c)), 0);
	assert_false(has_array(c, nth_key(c, 0), first_array(c)));
	assert_plain_fields(c, nth_key(c, 0), 10, 10);
	assert_int_equal(drop_array(c, nth_key(c, 0), first_array(c)), -ENOENT);
}

static void a_dropped_array_leaves_the_others(struct contract *c)
{
	const struct array_row *rows = c->collection.arrays;

	put_whole(c, nth_key(c, 0), 10);
	assert_int_equal(drop_array(c, nth_key(c, 0), first_array(c)), 0);
	for (size_t i = 1; rows[0].name && rows[i].name; i++)
		assert_doubles(c, nth_key(c, 0), rows[i].name, 3, 10);
}

static void dropped_fields_leave_the_arrays(struct contract *c)
{
	struct record record;

	put_whole(c, nth_key(c, 0), 10);
	assert_int_equal(drop_fields(c, nth_key(c, 0)), 0);
	get(c, nth_key(c, 0), &record);
	assert_true(record.fields_dropped);
	record_release(&record);
	assert_doubles(c, nth_key(c, 0), first_array(c), 3, 10);
	assert_int_equal(drop_fields(c, nth_key(c, 0)), -ENOENT);
}

static void dropped_fields_forget_what_was_given(struct contract *c)
{
	put_whole(c, nth_key(c, 0), 10);
	assert_int_equal(drop_fields(c, nth_key(c, 0)), 0);
	assert_field(c, nth_key(c, 0), dict_field(c), "{}");
}

static void dropped_fields_return_with_either_part(struct contract *c)
{
	struct record record;

	put_whole(c, nth_key(c, 0), 10);
	assert_int_equal(drop_fields(c, nth_key(c, 0)), 0);
	assert_int_equal(put_doubles(c, nth_key(c, 0), first_array(c), 2, 5),
	                 0);
	get(c, nth_key(c, 0), &record);
	assert_false(record.fields_dropped);
	record_release(&record);
	assert_int_equal(drop_fields(c, nth_key(c, 0)), 0);
	assert_int_equal(put_fields(c, nth_key(c, 0), plain_fields(c, 4, 4)),
	                 0);
	get(c, nth_key(c, 0), &record);
	assert_false(record.fields_dropped);
	record_release(&record);
	assert_plain_fields(c, nth_key(c, 0), 4, 4);
}

static void a_record_goes_with_its_last_part(struct contract *c)
{
	bool has_arrays = c->collection.shape != RECORD_FIELDS;

	put_whole(c, nth_key(c, 0), 10);
	put_whole(c, nth_key(c, 1), 20);
	if (has_arrays)
		assert_int_equal(drop_array(c, nth_key(c, 0), first_array(c)),
		                 0);
	assert_int_equal(drop_fields(c, nth_key(c, 0)), 0);
	assert_false(exists(c, nth_key(c, 0)));
	assert_int_equal(drop_fields(c, nth_key(c, 1)), 0);
	assert_int_equal(exists(c, nth_key(c, 1)), has_arrays);
	if (has_arrays)
		assert_int_equal(drop_array(c, nth_key(c, 1), first_array(c)),
		                 0);
	assert_false(exists(c, nth_key(c, 1)));
}

static void an_empty_directory_stays(struct contract *c)
{
	const struct array_row *rows = c->collection.arrays;
	struct record record;

	put_whole(c, nth_key(c, 0), 10);
	assert_int_equal(drop_fields(c, nth_key(c, 0)), 0);
	for (size_t i = 0; rows[i].place; i++)
		assert_int_equal(
		    drop_array(c, nth_key(c, 0),
		               rows[i].name ? rows[i].name : first_array(c)),
		    0);
	get(c, nth_key(c, 0), &record);
	assert_int_equal(record.array_count, 0);
	assert_true(record.fields_dropped);
	record_release(&record);
	put_whole(c, nth_key(c, 0), 30);
	assert_whole(c, nth_key(c, 0), 30);
}

static void nothing_at_all_makes_an_empty_directory(struct contract *c)
{
	struct change change = no_change();
	struct record record;

	change.exclusive = true;
	assert_int_equal(put(c, nth_key(c, 0), &change), 0);
	get(c, nth_key(c, 0), &record);
	assert_int_equal(record.array_count, 0);
	assert_true(record.fields_dropped);
	record_release(&record);
	assert_int_equal(put(c, nth_key(c, 0), &change), -EEXIST);
	assert_int_equal(put_doubles(c, nth_key(c, 0), first_array(c), 3, 1),
	                 0);
	assert_doubles(c, nth_key(c, 0), first_array(c), 3, 1);
}

static void a_removed_record_is_gone_with_all_parts(struct contract *c)
{
	put_whole(c, nth_key(c, 0), 10);
	put_whole(c, nth_key(c, 1), 20);
	assert_int_equal(
	    c->backend->remove(c->store, &c->collection, nth_key(c, 0)), 0);
	assert_false(exists(c, nth_key(c, 0)));
	assert_int_equal(
	    c->backend->remove(c->store, &c->collection, nth_key(c, 0)),
	    -ENOENT);
	assert_whole(c, nth_key(c, 1), 20);
	assert_int_equal(put_fields(c, nth_key(c, 0), plain_fields(c, 1, 1)),
	                 0);
	assert_false(c->collection.arrays[0].place &&
	             has_array(c, nth_key(c, 0), first_array(c)));
}

const struct contract_test contract_record_tests[] = {
	CONTRACT_TEST(ALL, a_new_store_is_empty),
	CONTRACT_TEST(ARRAYS, an_array_that_comes_first_makes_a_record),
	CONTRACT_TEST(ALL, fields_that_come_first_make_a_record),
	CONTRACT_TEST(ARRAYS, an_array_joins_fields_that_came_first),
	CONTRACT_TEST(ARRAYS, fields_join_an_array_that_came_first),
	CONTRACT_TEST(ARRAYS, fields_and_an_array_may_come_in_one_change),
	CONTRACT_TEST(ALL, a_record_with_all_its_parts_comes_back),
	CONTRACT_TEST(DIRECTORIES, arrays_are_in_the_order_of_their_rows),
	CONTRACT_TEST(ARRAYS, a_new_array_replaces_the_old_as_a_whole),
	CONTRACT_TEST(ARRAYS, fields_do_not_touch_the_arrays),
	CONTRACT_TEST(ALL, an_exclusive_put_refuses_what_exists),
	CONTRACT_TEST(ALL, a_put_that_must_exist_makes_nothing),
	CONTRACT_TEST(PAIRS | DIRECTORIES,
	              an_unknown_array_is_refused_with_a_reason),
	CONTRACT_TEST(ARRAYS, a_dropped_array_leaves_the_fields),
	CONTRACT_TEST(DIRECTORIES, a_dropped_array_leaves_the_others),
	CONTRACT_TEST(ARRAYS, dropped_fields_leave_the_arrays),
	CONTRACT_TEST(ARRAYS | NOTED, dropped_fields_forget_what_was_given),
	CONTRACT_TEST(ARRAYS, dropped_fields_return_with_either_part),
	CONTRACT_TEST(PAIRS | NESTS | FIELDS_ONLY,
	              a_record_goes_with_its_last_part),
	CONTRACT_TEST(DIRECTORIES, an_empty_directory_stays),
	CONTRACT_TEST(DIRECTORIES, nothing_at_all_makes_an_empty_directory),
	CONTRACT_TEST(ALL, a_removed_record_is_gone_with_all_parts),
	{ 0 },
};
