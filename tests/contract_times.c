/* SPDX-License-Identifier: MIT */
#include "tests/contract.h"

#include <errno.h>
#include <string.h>

#include "backends/change.h"

/* Times of parts, and the end of records that expire. */

static const struct timespec early = { 1234567890, 123456789 };
static const struct timespec late = { 1700000001, 999999999 };

static void assert_time(struct timespec time, struct timespec expected)
{
	assert_int_equal(time.tv_sec, expected.tv_sec);
	assert_int_equal(time.tv_nsec, expected.tv_nsec);
}

static bool is_about_now(struct timespec time)
{
	int64_t distance = change_now_ms() - (int64_t)time.tv_sec * 1000;

	return distance > -2000 && distance < 5000;
}

static struct timespec fields_time(struct contract *c, struct key key)
{
	struct timespec time;
	struct record record;

	get(c, key, &record);
	time = record.fields_mtime;
	record_release(&record);
	return time;
}

static struct timespec array_time(struct contract *c, struct key key)
{
	const struct record_array *array;
	struct timespec time;
	struct record record;

	get(c, key, &record);
	array = record_array(&record, first_array(c));
	assert_non_null(array);
	time = array->mtime;
	record_release(&record);
	return time;
}

static int touch_fields(struct contract *c, struct key key,
                        struct timespec time)
{
	struct change change = no_change();

	change.fields_action = PART_TOUCH;
	change.fields_mtime = time;
	return put(c, key, &change);
}

static int touch_array(struct contract *c, struct key key, struct timespec time)
{
	struct change change = no_change();

	change.array_action = PART_TOUCH;
	change.array_name = first_array(c);
	change.array_mtime = time;
	return put(c, key, &change);
}

static void put_fields_at(struct contract *c, struct key key,
                          struct timespec time)
{
	struct value *fields = plain_fields(c, 10, 10);
	struct change change = no_change();

	change.fields_action = PART_SET;
	change.fields = fields;
	change.fields_mtime = time;
	assert_int_equal(put(c, key, &change), 0);
	value_unref(fields);
}

static void put_array_at(struct contract *c, struct key key,
                         struct timespec time)
{
	struct change change = no_change();
	struct array array;

	init_doubles(&array, 3, 10);
	change.array_action = PART_SET;
	change.array_name = first_array(c);
	change.array = &array;
	change.array_mtime = time;
	assert_int_equal(put(c, key, &change), 0);
	array_release(&array);
}

static void a_given_time_of_fields_is_kept(struct contract *c)
{
	put_fields_at(c, nth_key(c, 0), early);
	assert_time(fields_time(c, nth_key(c, 0)), early);
	put_fields_at(c, nth_key(c, 0), late);
	assert_time(fields_time(c, nth_key(c, 0)), late);
}

static void a_given_time_of_an_array_is_kept(struct contract *c)
{
	put_array_at(c, nth_key(c, 0), early);
	assert_time(array_time(c, nth_key(c, 0)), early);
	put_array_at(c, nth_key(c, 0), late);
	assert_time(array_time(c, nth_key(c, 0)), late);
}

static void each_part_has_its_own_time(struct contract *c)
{
	put_fields_at(c, nth_key(c, 0), early);
	put_array_at(c, nth_key(c, 0), late);
	assert_time(fields_time(c, nth_key(c, 0)), early);
	assert_time(array_time(c, nth_key(c, 0)), late);
	put_fields_at(c, nth_key(c, 0), late);
	put_array_at(c, nth_key(c, 0), early);
	assert_time(fields_time(c, nth_key(c, 0)), late);
	assert_time(array_time(c, nth_key(c, 0)), early);
}

static void a_touch_sets_one_time_and_nothing_else(struct contract *c)
{
	put_whole(c, nth_key(c, 0), 10);
	assert_int_equal(touch_fields(c, nth_key(c, 0), early), 0);
	assert_time(fields_time(c, nth_key(c, 0)), early);
	if (c->collection.arrays[0].place) {
		assert_int_equal(touch_array(c, nth_key(c, 0), late), 0);
		assert_time(array_time(c, nth_key(c, 0)), late);
		assert_time(fields_time(c, nth_key(c, 0)), early);
	}
	assert_whole(c, nth_key(c, 0), 10);
}

static void what_is_written_without_a_time_is_of_now(struct contract *c)
{
	put_fields_at(c, nth_key(c, 0), early);
	assert_int_equal(put_fields(c, nth_key(c, 0), plain_fields(c, 9, 9)),
	                 0);
	assert_true(is_about_now(fields_time(c, nth_key(c, 0))));
	if (!c->collection.arrays[0].place)
		return;
	put_array_at(c, nth_key(c, 0), early);
	assert_int_equal(put_doubles(c, nth_key(c, 0), first_array(c), 3, 1),
	                 0);
	assert_true(is_about_now(array_time(c, nth_key(c, 0))));
}

static void a_touch_without_a_time_is_of_now(struct contract *c)
{
	put_fields_at(c, nth_key(c, 0), early);
	assert_int_equal(
	    touch_fields(c, nth_key(c, 0), no_change().fields_mtime), 0);
	assert_true(is_about_now(fields_time(c, nth_key(c, 0))));
}

static void times_before_1970_are_kept(struct contract *c)
{
	put_fields_at(c, nth_key(c, 0), time_at(-1000, 500));
	assert_time(fields_time(c, nth_key(c, 0)), time_at(-1000, 500));
}

static void what_is_not_there_cannot_be_touched(struct contract *c)
{
	assert_int_equal(touch_fields(c, nth_key(c, 0), early), -ENOENT);
	assert_false(exists(c, nth_key(c, 0)));
	if (!c->collection.arrays[0].place)
		return;
	assert_int_equal(touch_array(c, nth_key(c, 0), early), -ENOENT);
	put_fields_at(c, nth_key(c, 0), early);
	assert_int_equal(touch_array(c, nth_key(c, 0), early), -ENOENT);
	put_array_at(c, nth_key(c, 0), early);
	assert_int_equal(drop_fields(c, nth_key(c, 0)), 0);
	assert_int_equal(touch_fields(c, nth_key(c, 0), early), -ENOENT);
}

static void times_are_there_after_the_next_open(struct contract *c)
{
	put_fields_at(c, nth_key(c, 0), early);
	if (c->collection.arrays[0].place)
		put_array_at(c, nth_key(c, 0), late);
	reopen(c);
	assert_time(fields_time(c, nth_key(c, 0)), early);
	if (c->collection.arrays[0].place)
		assert_time(array_time(c, nth_key(c, 0)), late);
}

static void a_removed_record_takes_its_times_along(struct contract *c)
{
	put_fields_at(c, nth_key(c, 0), early);
	assert_int_equal(
	    c->backend->remove(c->store, &c->collection, nth_key(c, 0)), 0);
	assert_int_equal(put_fields(c, nth_key(c, 0), plain_fields(c, 9, 9)),
	                 0);
	assert_true(is_about_now(fields_time(c, nth_key(c, 0))));
}

const struct contract_test contract_time_tests[] = {
	CONTRACT_TEST(ALL, a_given_time_of_fields_is_kept),
	CONTRACT_TEST(ARRAYS, a_given_time_of_an_array_is_kept),
	CONTRACT_TEST(ARRAYS, each_part_has_its_own_time),
	CONTRACT_TEST(ALL, a_touch_sets_one_time_and_nothing_else),
	CONTRACT_TEST(ALL, what_is_written_without_a_time_is_of_now),
	CONTRACT_TEST(ALL, a_touch_without_a_time_is_of_now),
	CONTRACT_TEST(ALL, times_before_1970_are_kept),
	CONTRACT_TEST(ALL, what_is_not_there_cannot_be_touched),
	CONTRACT_TEST(ALL | DURABLE, times_are_there_after_the_next_open),
	CONTRACT_TEST(ALL, a_removed_record_takes_its_times_along),
	{ 0 },
};
