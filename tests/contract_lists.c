/* SPDX-License-Identifier: MIT */
#include "tests/contract.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Listing goes on while records come and go. */

#define SOME 240 /* more than one step of any backend */

static void put_number(struct contract *c, unsigned int n)
{
	char buffer[24];

	assert_int_equal(
	    put_fields(c, made_key(c, n, buffer), plain_fields(c, n, (int)n)),
	    0);
}

static void remove_number(struct contract *c, unsigned int n)
{
	char buffer[24];

	assert_int_equal(c->backend->remove(c->store, &c->collection,
	                                    made_key(c, n, buffer)),
	                 0);
}

static size_t times_number(const struct contract *c,
                           const struct record_list *list, unsigned int n)
{
	char buffer[24];

	return times_listed(list, made_key(c, n, buffer));
}

static void every_record_is_listed_once_with_any_limit(struct contract *c)
{
	static const size_t limits[] = { 1, 7, SOME - 1, SOME, 1000 };

	for (unsigned int n = 0; n < SOME; n++)
		put_number(c, n);
	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		struct record_list list = { 0 };

		list_all(c, limits[i], &list);
		assert_int_equal(list.count, SOME);
		for (unsigned int n = 0; n < SOME; n++)
			assert_int_equal(times_number(c, &list, n), 1);
		record_list_release(&list);
	}
}

static void a_limit_is_about_kept(struct contract *c)
{
	const size_t limit = 5;
	struct record_list list = { 0 };
	struct cursor cursor = { 0 };

	for (unsigned int n = 0; n < SOME; n++)
		put_number(c, n);
	assert_int_equal(
	    c->backend->list(c->store, &c->collection, &cursor, limit, &list),
	    0);
	assert_true(list.count < SOME);
	assert_false(cursor.end);
	cursor_release(&cursor);
	record_list_release(&list);
}

static void listed_records_are_what_get_returns(struct contract *c)
{
	struct record_list list = { 0 };

	put_whole(c, nth_key(c, 0), 10);
	put_whole(c, nth_key(c, 1), 20);
	list_all(c, 10, &list);
	assert_int_equal(list.count, 2);
	for (size_t i = 0; i < list.count; i++) {
		const struct record *listed = &list.items[i];
		struct record got;

		get(c, (struct key){ listed->key.data, listed->key.size },
		    &got);
		assert_true(value_equal(listed->fields, got.fields));
		assert_memory_equal(&listed->fields_mtime, &got.fields_mtime,
		                    sizeof(got.fields_mtime));
		assert_int_equal(listed->expires_ms, got.expires_ms);
		assert_int_equal(listed->array_count, got.array_count);
		for (size_t k = 0; k < got.array_count; k++) {
			assert_string_equal(listed->arrays[k].name,
			                    got.arrays[k].name);
			assert_true(array_info_equal(&listed->arrays[k].info,
			                             &got.arrays[k].info));
		}
		record_release(&got);
	}
	record_list_release(&list);
}

/* Odd numbers go and numbers from SOME on come while the listing is at work;
 * even ones are there all the time. */
static void a_cursor_goes_on_while_records_come_and_go(struct contract *c)
{
	struct record_list list = { 0 };
	struct cursor cursor = { 0 };
	unsigned int step = 0;

	for (unsigned int n = 0; n < SOME; n++)
		put_number(c, n);
	while (!cursor.end) {
		assert_int_equal(c->backend->list(c->store, &c->collection,
		                                  &cursor, 3, &list),
		                 0);
		for (unsigned int k = 0; step < 10 && k < SOME / 20; k++)
			remove_number(c, 2 * (step * SOME / 20 + k) + 1);
		for (unsigned int k = 0; step < 10 && k < SOME / 20; k++)
			put_number(c, SOME + step * SOME / 20 + k);
		assert_true(++step < 10 * SOME);
	}
	for (unsigned int n = 0; n < SOME; n += 2)
		assert_int_equal(times_number(c, &list, n), 1);
	for (unsigned int n = 1; n < SOME; n += 2)
		assert_true(times_number(c, &list, n) <= 1);
	for (unsigned int n = SOME; n < 2 * SOME; n++)
		assert_true(times_number(c, &list, n) <= 1);
	cursor_release(&cursor);
	record_list_release(&list);
}

static void a_cursor_may_be_given_up(struct contract *c)
{
	struct record_list list = { 0 };
	struct cursor cursor = { 0 };

	for (unsigned int n = 0; n < 10; n++)
		put_number(c, n);
	assert_int_equal(
	    c->backend->list(c->store, &c->collection, &cursor, 2, &list), 0);
	cursor_release(&cursor);
	record_list_release(&list);
	put_number(c, 10);
}

/* What a match function saw. */
struct search {
	const char *wanted; /* NULL: nothing */
	const char *prefix;
	unsigned int calls;
	bool stray; /* some key did not begin with PREFIX */
};

static bool matches(struct key key, void *arg)
{
	struct search *search = arg;
	size_t length = strlen(search->prefix);

	search->calls++;
	if (key.size < length || memcmp(key.data, search->prefix, length) != 0)
		search->stray = true;
	return search->wanted && strlen(search->wanted) == key.size &&
	       memcmp(search->wanted, key.data, key.size) == 0;
}

static int find(struct contract *c, struct search *search, struct blob *out)
{
	return c->backend->find(c->store, &c->collection,
	                        text_key(search->prefix), matches, search, out);
}

static void find_asks_for_keys_with_the_prefix_alone(struct contract *c)
{
	static const char *const keys[] = { "apple", "apricot", "a*b", "axb",
		                            "[ab]c", "ac",      "b",   "a" };
	struct search search = { .prefix = "ap" };
	struct blob key = { 0 };

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		assert_int_equal(
		    put_fields(c, text_key(keys[i]), plain_fields(c, 1, 1)), 0);
	assert_int_equal(find(c, &search, &key), -ENOENT);
	assert_int_equal(search.calls, 2);
	assert_false(search.stray);

	search = (struct search){ .prefix = "ap", .wanted = "apricot" };
	assert_int_equal(find(c, &search, &key), 0);
	assert_string_equal(key.data, "apricot");

	search = (struct search){ .prefix = "a*" };
	assert_int_equal(find(c, &search, &key), -ENOENT);
	assert_int_equal(search.calls, 1);

	search = (struct search){ .prefix = "[ab]", .wanted = "[ab]c" };
	assert_int_equal(find(c, &search, &key), 0);
	assert_string_equal(key.data, "[ab]c");

	search = (struct search){ .prefix = "", .wanted = "b" };
	assert_int_equal(find(c, &search, &key), 0);
	assert_string_equal(key.data, "b");
	blob_release(&key);
}

static void find_of_an_unused_prefix_asks_nothing(struct contract *c)
{
	struct search search = { .prefix = "zzz", .wanted = "zzz" };
	struct blob key = { 0 };

	put_whole(c, nth_key(c, 0), 1);
	assert_int_equal(find(c, &search, &key), -ENOENT);
	assert_int_equal(search.calls, 0);
	assert_null(key.data);
}

const struct contract_test contract_list_tests[] = {
	CONTRACT_TEST(ALL, every_record_is_listed_once_with_any_limit),
	CONTRACT_TEST(ALL, a_limit_is_about_kept),
	CONTRACT_TEST(ALL, listed_records_are_what_get_returns),
	CONTRACT_TEST(ALL, a_cursor_goes_on_while_records_come_and_go),
	CONTRACT_TEST(ALL, a_cursor_may_be_given_up),
	CONTRACT_TEST(ALL | NAMED, find_asks_for_keys_with_the_prefix_alone),
	CONTRACT_TEST(ALL | NAMED, find_of_an_unused_prefix_asks_nothing),
	{ 0 },
};
