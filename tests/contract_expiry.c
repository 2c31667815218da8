/* SPDX-License-Identifier: MIT */
#include "tests/contract.h"

#include <errno.h>
#include <string.h>

#include "backends/change.h"

/* Records of a collection with a TTL go when their time has come. */

#define SLACK_MS 100 /* from the end of the TTL to the end of the record */

static int64_t expiry(struct contract *c, struct key key)
{
	struct record record;
	int64_t expires;

	get(c, key, &record);
	expires = record.expires_ms;
	record_release(&record);
	return expires;
}

static int set_expiry(struct contract *c, struct key key, int64_t expires)
{
	struct change change = no_change();

	change.expires_ms = expires;
	return put(c, key, &change);
}

static bool is_whole_ttl(const struct contract *c, int64_t expires)
{
	int64_t left = expires - change_now_ms();
	int64_t ttl = (int64_t)c->collection.ttl * 1000;

	return left <= ttl && left > ttl - 5000;
}

static void a_new_record_gets_the_ttl_of_its_collection(struct contract *c)
{
	assert_int_equal(put_doubles(c, nth_key(c, 0), first_array(c), 3, 1),
	                 0);
	assert_true(is_whole_ttl(c, expiry(c, nth_key(c, 0))));
	assert_int_equal(put_fields(c, nth_key(c, 1), plain_fields(c, 1, 1)),
	                 0);
	assert_true(is_whole_ttl(c, expiry(c, nth_key(c, 1))));
}

static void a_given_expiry_is_kept_to_the_millisecond(struct contract *c)
{
	int64_t soon = change_now_ms() + 123457;

	put_whole(c, nth_key(c, 0), 10);
	assert_int_equal(set_expiry(c, nth_key(c, 0), soon), 0);
	assert_int_equal(expiry(c, nth_key(c, 0)), soon);
	assert_whole(c, nth_key(c, 0), 10);
}

static void a_change_may_keep_what_is_left(struct contract *c)
{
	int64_t soon = change_now_ms() + 123457;

	put_whole(c, nth_key(c, 0), 10);
	assert_int_equal(set_expiry(c, nth_key(c, 0), soon), 0);
	assert_int_equal(put_fields(c, nth_key(c, 0), plain_fields(c, 1, 1)),
	                 0);
	assert_int_equal(put_doubles(c, nth_key(c, 0), first_array(c), 9, 1),
	                 0);
	assert_int_equal(drop_fields(c, nth_key(c, 0)), 0);
	assert_int_equal(expiry(c, nth_key(c, 0)), soon);
}

static void a_change_may_start_the_ttl_anew(struct contract *c)
{
	put_whole(c, nth_key(c, 0), 10);
	assert_int_equal(set_expiry(c, nth_key(c, 0), change_now_ms() + 60000),
	                 0);
	assert_int_equal(set_expiry(c, nth_key(c, 0), EXPIRES_ANEW), 0);
	assert_true(is_whole_ttl(c, expiry(c, nth_key(c, 0))));
	assert_whole(c, nth_key(c, 0), 10);
}

static void an_expiry_in_the_past_is_refused(struct contract *c)
{
	struct change change = no_change();
	int64_t before;

	put_whole(c, nth_key(c, 0), 10);
	before = expiry(c, nth_key(c, 0));
	change.expires_ms = change_now_ms() - 1000;
	assert_int_equal(put(c, nth_key(c, 0), &change), -EINVAL);
	assert_true(strlen(change.why) > 0);
	assert_int_equal(expiry(c, nth_key(c, 0)), before);
	assert_whole(c, nth_key(c, 0), 10);
}

static void an_expiry_needs_a_record(struct contract *c)
{
	assert_int_equal(set_expiry(c, nth_key(c, 0), change_now_ms() + 60000),
	                 -ENOENT);
	assert_false(exists(c, nth_key(c, 0)));
}

/* Record 0 goes in MS milliseconds; record 1 stays. */
static int64_t put_short(struct contract *c, int64_t ms)
{
	int64_t end;

	put_whole(c, nth_key(c, 0), 10);
	put_whole(c, nth_key(c, 1), 20);
	end = change_now_ms() + ms;
	assert_int_equal(set_expiry(c, nth_key(c, 0), end), 0);
	return end;
}

static void wait_past(int64_t end)
{
	while (change_now_ms() < end + SLACK_MS)
		sleep_ms(5);
}

static void a_record_goes_when_its_time_has_come(struct contract *c)
{
	int64_t end = put_short(c, 500);
	int64_t last_seen = 0;
	int64_t before;

	do {
		before = change_now_ms();
		if (!exists(c, nth_key(c, 0)))
			break;
		last_seen = before;
		sleep_ms(5);
	} while (before < end + 5000);
	assert_true(last_seen > 0 && last_seen < end + SLACK_MS);
	assert_true(change_now_ms() >= end);
	assert_whole(c, nth_key(c, 1), 20);
}

static void an_expired_record_is_nowhere(struct contract *c)
{
	struct record_list list = { 0 };
	struct reader *reader;

	wait_past(put_short(c, 200));
	assert_int_equal(c->backend->open_array(c->store, &c->collection,
	                                        nth_key(c, 0), first_array(c),
	                                        &reader),
	                 -ENOENT);
	list_all(c, 10, &list);
	assert_int_equal(list.count, 1);
	assert_int_equal(times_listed(&list, nth_key(c, 1)), 1);
	record_list_release(&list);
	assert_int_equal(c->backend->rename(c->store, &c->collection,
	                                    nth_key(c, 0), nth_key(c, 2),
	                                    RENAME_REPLACE),
	                 -ENOENT);
	assert_int_equal(set_expiry(c, nth_key(c, 0), EXPIRES_ANEW), -ENOENT);
	assert_int_equal(
	    c->backend->remove(c->store, &c->collection, nth_key(c, 0)),
	    -ENOENT);
}

static void an_expired_record_leaves_nothing_to_the_next(struct contract *c)
{
	struct value *fields = plain_fields(c, 1, 1);
	struct change change = no_change();

	wait_past(put_short(c, 200));
	change.fields_action = PART_SET;
	change.fields = fields;
	change.exclusive = true;
	assert_int_equal(put(c, nth_key(c, 0), &change), 0);
	value_unref(fields);
	assert_false(has_array(c, nth_key(c, 0), first_array(c)));
	assert_true(is_whole_ttl(c, expiry(c, nth_key(c, 0))));
}

static void expiries_are_there_after_the_next_open(struct contract *c)
{
	int64_t soon = change_now_ms() + 123457;

	put_whole(c, nth_key(c, 0), 10);
	assert_int_equal(set_expiry(c, nth_key(c, 0), soon), 0);
	reopen(c);
	assert_int_equal(expiry(c, nth_key(c, 0)), soon);
}

static void records_without_a_ttl_do_not_expire(struct contract *c)
{
	struct change change = no_change();

	put_whole(c, nth_key(c, 0), 10);
	assert_int_equal(set_expiry(c, nth_key(c, 0), EXPIRES_ANEW), 0);
	assert_int_equal(expiry(c, nth_key(c, 0)), 0);
	change.expires_ms = change_now_ms() + 60000;
	assert_int_equal(put(c, nth_key(c, 0), &change), -EINVAL);
	assert_true(strlen(change.why) > 0);
	assert_int_equal(expiry(c, nth_key(c, 0)), 0);
}

const struct contract_test contract_expiry_tests[] = {
	CONTRACT_TEST(ARRAYS | EXPIRING,
	              a_new_record_gets_the_ttl_of_its_collection),
	CONTRACT_TEST(ARRAYS | EXPIRING,
	              a_given_expiry_is_kept_to_the_millisecond),
	CONTRACT_TEST(ARRAYS | EXPIRING, a_change_may_keep_what_is_left),
	CONTRACT_TEST(ARRAYS | EXPIRING, a_change_may_start_the_ttl_anew),
	CONTRACT_TEST(ARRAYS | EXPIRING, an_expiry_in_the_past_is_refused),
	CONTRACT_TEST(PAIRS | NESTS | FIELDS_ONLY | EXPIRING,
	              an_expiry_needs_a_record),
	CONTRACT_TEST(ARRAYS | EXPIRING, a_record_goes_when_its_time_has_come),
	CONTRACT_TEST(ARRAYS | EXPIRING, an_expired_record_is_nowhere),
	CONTRACT_TEST(ARRAYS | EXPIRING,
	              an_expired_record_leaves_nothing_to_the_next),
	CONTRACT_TEST(ALL | EXPIRING | DURABLE,
	              expiries_are_there_after_the_next_open),
	CONTRACT_TEST(ALL | LASTING, records_without_a_ttl_do_not_expire),
	{ 0 },
};
