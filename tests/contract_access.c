/* SPDX-License-Identifier: MIT */
#include "tests/contract.h"

#include <errno.h>

#include "backends/access.h"

/* Counters of reads. */

static int record(struct contract *c, const struct access *items, size_t count)
{
	return c->backend->access->record(c->store, &c->collection, items,
	                                  count);
}

static int record_one(struct contract *c, struct key key, int64_t count,
                      double last)
{
	const struct access item = { key, count, last };

	return record(c, &item, 1);
}

static void reads_are_added_up_and_the_last_time_stays(struct contract *c)
{
	put_whole(c, nth_key(c, 0), 10);
	assert_int_equal(record_one(c, nth_key(c, 0), 3, 1700000000.25), 0);
	assert_int_equal(record_one(c, nth_key(c, 0), 2, 1700000001.5), 0);
	assert_field(c, nth_key(c, 0), c->collection.access_count, "5");
	assert_field(c, nth_key(c, 0), c->collection.last_access,
	             "1700000001.5");
}

static void reads_change_nothing_but_their_counters(struct contract *c)
{
	struct record before;
	struct record after;

	put_whole(c, nth_key(c, 0), 10);
	get(c, nth_key(c, 0), &before);
	assert_int_equal(record_one(c, nth_key(c, 0), 1, 1700000000.25), 0);
	get(c, nth_key(c, 0), &after);
	assert_whole(c, nth_key(c, 0), 10);
	assert_true(before.expires_ms == after.expires_ms);
	assert_memory_equal(&before.fields_mtime, &after.fields_mtime,
	                    sizeof(struct timespec));
	assert_memory_equal(&before.arrays[0].mtime, &after.arrays[0].mtime,
	                    sizeof(struct timespec));
	record_release(&before);
	record_release(&after);
}

static void the_atime_is_that_of_the_last_read(struct contract *c)
{
	struct record shown;

	put_whole(c, nth_key(c, 0), 10);
	get(c, nth_key(c, 0), &shown);
	assert_memory_equal(&shown.atime, &shown.fields_mtime,
	                    sizeof(struct timespec));
	record_release(&shown);
	assert_int_equal(record_one(c, nth_key(c, 0), 1, 1700000000.25), 0);
	get(c, nth_key(c, 0), &shown);
	assert_int_equal(shown.atime.tv_sec, 1700000000);
	assert_int_equal(shown.atime.tv_nsec, 250000000);
	record_release(&shown);
}

static void many_records_are_counted_at_once(struct contract *c)
{
	struct access items[3];

	for (unsigned int i = 0; i < 3; i++) {
		put_whole(c, nth_key(c, i), 10);
		items[i] = (struct access){ nth_key(c, i), 7 + i, 1.5 + i };
	}
	assert_int_equal(record(c, items, 3), 0);
	assert_field(c, nth_key(c, 0), c->collection.access_count, "7");
	assert_field(c, nth_key(c, 1), c->collection.access_count, "8");
	assert_field(c, nth_key(c, 2), c->collection.access_count, "9");
	assert_field(c, nth_key(c, 2), c->collection.last_access, "3.5");
}

static void a_record_that_is_gone_does_not_come_back(struct contract *c)
{
	const struct access items[] = { { nth_key(c, 0), 1, 2.5 },
		                        { nth_key(c, 1), 4, 2.5 } };

	put_whole(c, nth_key(c, 1), 10);
	assert_int_equal(record(c, items, 2), 0);
	assert_false(exists(c, nth_key(c, 0)));
	assert_field(c, nth_key(c, 1), c->collection.access_count, "4");
}

static void counters_survive_a_new_array(struct contract *c)
{
	put_whole(c, nth_key(c, 0), 10);
	assert_int_equal(record_one(c, nth_key(c, 0), 6, 2.5), 0);
	assert_int_equal(put_doubles(c, nth_key(c, 0), first_array(c), 3, 1),
	                 0);
	assert_field(c, nth_key(c, 0), c->collection.access_count, "6");
}

static void a_read_only_store_does_not_count(struct contract *c)
{
	put_whole(c, nth_key(c, 0), 10);
	assert_int_equal(record_one(c, nth_key(c, 0), 6, 2.5), 0);
	c->settings.read_only = true;
	reopen(c);
	assert_int_equal(record_one(c, nth_key(c, 0), 6, 2.5), -EROFS);
	assert_field(c, nth_key(c, 0), c->collection.access_count, "6");
}

const struct contract_test contract_access_tests[] = {
	CONTRACT_TEST(PAIRS | COUNTED,
	              reads_are_added_up_and_the_last_time_stays),
	CONTRACT_TEST(PAIRS | COUNTED, reads_change_nothing_but_their_counters),
	CONTRACT_TEST(PAIRS | COUNTED, the_atime_is_that_of_the_last_read),
	CONTRACT_TEST(PAIRS | COUNTED, many_records_are_counted_at_once),
	CONTRACT_TEST(PAIRS | COUNTED,
	              a_record_that_is_gone_does_not_come_back),
	CONTRACT_TEST(PAIRS | COUNTED, counters_survive_a_new_array),
	CONTRACT_TEST(PAIRS | COUNTED | DURABLE,
	              a_read_only_store_does_not_count),
	{ 0 },
};
