/* SPDX-License-Identifier: MIT */
#include "tests/contract.h"

#include <errno.h>

#include "backends/change.h"

/* A record changes its key and nothing else. */

static int move(struct contract *c, struct key from, struct key to,
                enum rename_mode mode)
{
	return c->backend->rename(c->store, &c->collection, from, to, mode);
}

static void a_renamed_record_has_all_its_parts(struct contract *c)
{
	put_whole(c, nth_key(c, 0), 10);
	assert_int_equal(move(c, nth_key(c, 0), nth_key(c, 1), RENAME_REPLACE),
	                 0);
	assert_false(exists(c, nth_key(c, 0)));
	assert_whole(c, nth_key(c, 1), 10);
	assert_int_equal(move(c, nth_key(c, 1), nth_key(c, 2), RENAME_KEEP), 0);
	assert_false(exists(c, nth_key(c, 1)));
	assert_whole(c, nth_key(c, 2), 10);
}

static void rename_replaces_a_record_as_a_whole(struct contract *c)
{
	put_whole(c, nth_key(c, 1), 20);
	assert_int_equal(put_fields(c, nth_key(c, 0), plain_fields(c, 5, 5)),
	                 0);
	assert_int_equal(move(c, nth_key(c, 0), nth_key(c, 1), RENAME_REPLACE),
	                 0);
	assert_false(exists(c, nth_key(c, 0)));
	assert_plain_fields(c, nth_key(c, 1), 5, 5);
	if (c->collection.arrays[0].place)
		assert_false(has_array(c, nth_key(c, 1), first_array(c)));
}

static void rename_may_keep_what_is_there(struct contract *c)
{
	put_whole(c, nth_key(c, 0), 10);
	put_whole(c, nth_key(c, 1), 20);
	assert_int_equal(move(c, nth_key(c, 0), nth_key(c, 1), RENAME_KEEP),
	                 -EEXIST);
	assert_whole(c, nth_key(c, 0), 10);
	assert_whole(c, nth_key(c, 1), 20);
}

static void two_records_trade_keys(struct contract *c)
{
	put_whole(c, nth_key(c, 0), 10);
	put_whole(c, nth_key(c, 1), 20);
	assert_int_equal(move(c, nth_key(c, 0), nth_key(c, 1), RENAME_SWAP), 0);
	assert_whole(c, nth_key(c, 0), 20);
	assert_whole(c, nth_key(c, 1), 10);
}

static void a_trade_needs_both(struct contract *c)
{
	put_whole(c, nth_key(c, 0), 10);
	assert_int_equal(move(c, nth_key(c, 0), nth_key(c, 1), RENAME_SWAP),
	                 -ENOENT);
	assert_int_equal(move(c, nth_key(c, 1), nth_key(c, 0), RENAME_SWAP),
	                 -ENOENT);
	assert_whole(c, nth_key(c, 0), 10);
	assert_false(exists(c, nth_key(c, 1)));
}

static void what_is_not_there_cannot_be_renamed(struct contract *c)
{
	put_whole(c, nth_key(c, 1), 20);
	assert_int_equal(move(c, nth_key(c, 0), nth_key(c, 1), RENAME_REPLACE),
	                 -ENOENT);
	assert_int_equal(move(c, nth_key(c, 0), nth_key(c, 2), RENAME_KEEP),
	                 -ENOENT);
	assert_whole(c, nth_key(c, 1), 20);
}

static void a_rename_to_itself_changes_nothing(struct contract *c)
{
	put_whole(c, nth_key(c, 0), 10);
	assert_int_equal(move(c, nth_key(c, 0), nth_key(c, 0), RENAME_REPLACE),
	                 0);
	assert_whole(c, nth_key(c, 0), 10);
}

/* A record with kept times and, where it can be, an expiry. */
static void put_timed(struct contract *c, struct key key, int64_t expires)
{
	struct value *fields = plain_fields(c, 10, 10);
	struct change change = no_change();
	struct array array;

	init_doubles(&array, 3, 10);
	change.fields_action = PART_SET;
	change.fields = fields;
	change.fields_mtime = time_at(1234567890, 123456789);
	if (c->collection.arrays[0].place) {
		change.array_action = PART_SET;
		change.array_name = first_array(c);
		change.array = &array;
		change.array_mtime = time_at(987654321, 987654321);
	}
	if (c->collection.ttl)
		change.expires_ms = expires;
	assert_int_equal(put(c, key, &change), 0);
	array_release(&array);
	value_unref(fields);
}

static void assert_timed(struct contract *c, struct key key, int64_t expires)
{
	struct record record;

	get(c, key, &record);
	assert_int_equal(record.fields_mtime.tv_sec, 1234567890);
	assert_int_equal(record.fields_mtime.tv_nsec, 123456789);
	if (record.array_count > 0) {
		assert_int_equal(record.arrays[0].mtime.tv_sec, 987654321);
		assert_int_equal(record.arrays[0].mtime.tv_nsec, 987654321);
	}
	if (c->collection.ttl)
		assert_int_equal(record.expires_ms, expires);
	record_release(&record);
}

static void times_and_expiry_move_with_the_record(struct contract *c)
{
	int64_t soon = change_now_ms() + 60000;
	int64_t later = soon + 60000;

	put_timed(c, nth_key(c, 0), soon);
	assert_int_equal(move(c, nth_key(c, 0), nth_key(c, 1), RENAME_REPLACE),
	                 0);
	assert_timed(c, nth_key(c, 1), soon);
	put_timed(c, nth_key(c, 0), later);
	assert_int_equal(move(c, nth_key(c, 0), nth_key(c, 1), RENAME_SWAP), 0);
	assert_timed(c, nth_key(c, 0), soon);
	assert_timed(c, nth_key(c, 1), later);
}

static void a_dropped_fields_file_stays_dropped(struct contract *c)
{
	struct record record;

	put_whole(c, nth_key(c, 0), 10);
	assert_int_equal(drop_fields(c, nth_key(c, 0)), 0);
	assert_int_equal(move(c, nth_key(c, 0), nth_key(c, 1), RENAME_REPLACE),
	                 0);
	get(c, nth_key(c, 1), &record);
	assert_true(record.fields_dropped);
	record_release(&record);
}

static void the_number_follows_the_key(struct contract *c)
{
	put_whole(c, text_key("7"), 10);
	put_whole(c, text_key("8"), 20);
	assert_int_equal(move(c, text_key("7"), text_key("9"), RENAME_KEEP), 0);
	assert_field(c, text_key("9"), "id", "9");
	assert_int_equal(move(c, text_key("9"), text_key("8"), RENAME_SWAP), 0);
	assert_field(c, text_key("8"), "id", "8");
	assert_field(c, text_key("9"), "id", "9");
	assert_whole(c, text_key("8"), 10);
	assert_whole(c, text_key("9"), 20);
}

static void a_number_cannot_become_a_name(struct contract *c)
{
	put_whole(c, text_key("7"), 10);
	assert_int_equal(
	    move(c, text_key("7"), text_key("seven"), RENAME_REPLACE), -EINVAL);
	assert_whole(c, text_key("7"), 10);
}

static void a_renamed_record_is_listed_under_its_new_key(struct contract *c)
{
	struct record_list list = { 0 };

	put_whole(c, nth_key(c, 0), 10);
	put_whole(c, nth_key(c, 1), 20);
	assert_int_equal(move(c, nth_key(c, 0), nth_key(c, 2), RENAME_REPLACE),
	                 0);
	list_all(c, 10, &list);
	assert_int_equal(list.count, 2);
	assert_int_equal(times_listed(&list, nth_key(c, 0)), 0);
	assert_int_equal(times_listed(&list, nth_key(c, 2)), 1);
	record_list_release(&list);
}

static void a_rename_is_there_after_the_next_open(struct contract *c)
{
	put_timed(c, nth_key(c, 0), change_now_ms() + 60000);
	assert_int_equal(move(c, nth_key(c, 0), nth_key(c, 1), RENAME_REPLACE),
	                 0);
	reopen(c);
	assert_false(exists(c, nth_key(c, 0)));
	assert_plain_fields(c, nth_key(c, 1), 10, 10);
}

const struct contract_test contract_rename_tests[] = {
	CONTRACT_TEST(ALL, a_renamed_record_has_all_its_parts),
	CONTRACT_TEST(ALL, rename_replaces_a_record_as_a_whole),
	CONTRACT_TEST(ALL, rename_may_keep_what_is_there),
	CONTRACT_TEST(ALL, two_records_trade_keys),
	CONTRACT_TEST(ALL, a_trade_needs_both),
	CONTRACT_TEST(ALL, what_is_not_there_cannot_be_renamed),
	CONTRACT_TEST(ALL, a_rename_to_itself_changes_nothing),
	CONTRACT_TEST(ALL, times_and_expiry_move_with_the_record),
	CONTRACT_TEST(ARRAYS, a_dropped_fields_file_stays_dropped),
	CONTRACT_TEST(ALL | NUMBERED, the_number_follows_the_key),
	CONTRACT_TEST(ALL | NUMBERED, a_number_cannot_become_a_name),
	CONTRACT_TEST(ALL, a_renamed_record_is_listed_under_its_new_key),
	CONTRACT_TEST(ALL | DURABLE, a_rename_is_there_after_the_next_open),
	{ 0 },
};
