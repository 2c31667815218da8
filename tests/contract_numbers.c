/* SPDX-License-Identifier: MIT */
#include "tests/contract.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Records that the database numbers. */

static int64_t put_new(struct contract *c, struct value *fields)
{
	struct change change = no_change();
	struct blob key = { 0 };
	int64_t number = 0;
	char *end;

	change.fields_action = PART_SET;
	change.fields = fields;
	assert_int_equal(c->backend->put(c->store, &c->collection,
	                                 (struct key){ 0 }, &change, &key),
	                 0);
	value_unref(fields);
	number = strtoll(key.data, &end, 10);
	assert_true(key.size > 0 && *end == '\0');
	blob_release(&key);
	return number;
}

static struct key number_key(int64_t number, char buffer[24])
{
	snprintf(buffer, 24, "%lld", (long long)number);
	return text_key(buffer);
}

static void assert_numbered(struct contract *c, int64_t number, int n)
{
	struct key key;
	char buffer[24];

	key = number_key(number, buffer);
	assert_plain_fields(c, key, n, n);
	assert_field(c, key, "id", buffer);
}

static void a_record_without_a_key_gets_a_number(struct contract *c)
{
	int64_t first = put_new(c, plain_fields(c, 1, 1));
	int64_t second = put_new(c, plain_fields(c, 2, 2));

	assert_int_not_equal(first, second);
	assert_numbered(c, first, 1);
	assert_numbered(c, second, 2);
}

static void an_array_without_a_key_gets_a_number(struct contract *c)
{
	struct change change = no_change();
	struct blob key = { 0 };
	struct array array;

	init_doubles(&array, 3, 4);
	change.array_action = PART_SET;
	change.array_name = "";
	change.array = &array;
	assert_int_equal(c->backend->put(c->store, &c->collection,
	                                 (struct key){ 0 }, &change, &key),
	                 0);
	array_release(&array);
	assert_doubles(c, (struct key){ key.data, key.size }, "", 3, 4);
	blob_release(&key);
}

static void a_free_number_given_as_key_is_used(struct contract *c)
{
	int64_t next;

	assert_int_equal(put_fields(c, text_key("4711"), plain_fields(c, 1, 1)),
	                 0);
	assert_numbered(c, 4711, 1);
	next = put_new(c, plain_fields(c, 2, 2));
	assert_int_not_equal(next, 4711);
	assert_numbered(c, 4711, 1);
}

static void a_free_number_given_as_field_is_used(struct contract *c)
{
	struct value *fields = plain_fields(c, 1, 1);

	assert_int_equal(value_dict_set(fields, "id", value_new_int(815)), 0);
	assert_int_equal(put_new(c, fields), 815);
	assert_numbered(c, 815, 1);
}

/* As cp 815.json copy.json: a copy is a new record. */
static void a_taken_number_is_not_given_again(struct contract *c)
{
	struct value *fields = plain_fields(c, 2, 2);
	int64_t number;

	assert_int_equal(put_fields(c, text_key("815"), plain_fields(c, 1, 1)),
	                 0);
	assert_int_equal(value_dict_set(fields, "id", value_new_int(815)), 0);
	number = put_new(c, fields);
	assert_int_not_equal(number, 815);
	assert_numbered(c, number, 2);
	assert_numbered(c, 815, 1);
}

static void a_number_cannot_differ_from_the_key(struct contract *c)
{
	struct value *fields = plain_fields(c, 1, 1);
	struct change change = no_change();

	assert_int_equal(value_dict_set(fields, "id", value_new_int(816)), 0);
	change.fields_action = PART_SET;
	change.fields = fields;
	assert_int_equal(put(c, text_key("815"), &change), -EINVAL);
	assert_non_null(strstr(change.why, "id"));
	assert_int_equal(put(c, text_key("816"), &change), 0);
	value_unref(fields);
	assert_false(exists(c, text_key("815")));
	assert_numbered(c, 816, 1);
}

static void what_is_no_number_is_no_key(struct contract *c)
{
	static const char *const keys[] = {
		"",    "x",  "1x", "01",  "+1",
		"1.0", " 1", "1 ", "0x1", "99999999999999999999"
	};

	put_whole(c, text_key("1"), 10);
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		struct value *fields = plain_fields(c, 1, 1);
		struct change change = no_change();

		assert_false(exists(c, text_key(keys[i])));
		assert_int_equal(c->backend->remove(c->store, &c->collection,
		                                    text_key(keys[i])),
		                 -ENOENT);
		change.fields_action = PART_SET;
		change.fields = fields;
		assert_int_equal(put(c, text_key(keys[i]), &change), -EINVAL);
		assert_true(strlen(change.why) > 0);
		value_unref(fields);
	}
	assert_whole(c, text_key("1"), 10);
}

static void the_largest_number_is_a_key(struct contract *c)
{
	put_whole(c, text_key("9223372036854775807"), 10);
	assert_whole(c, text_key("9223372036854775807"), 10);
}

/* Collections with names may number their records beside (concepts). */
static bool has_number(const struct contract *c)
{
	const struct field_row *row = collection_field(&c->collection, "id");

	return row && row->rule == FIELD_NUMBER;
}

static void named_records_may_have_numbers_too(struct contract *c)
{
	struct record one;
	struct record two;

	if (!has_number(c))
		return;
	put_whole(c, nth_key(c, 0), 10);
	put_whole(c, nth_key(c, 1), 20);
	get(c, nth_key(c, 0), &one);
	get(c, nth_key(c, 1), &two);
	assert_non_null(value_dict_get(one.fields, "id"));
	assert_false(value_equal(value_dict_get(one.fields, "id"),
	                         value_dict_get(two.fields, "id")));
	put_whole(c, nth_key(c, 0), 30);
	record_release(&two);
	get(c, nth_key(c, 0), &two);
	assert_true(value_equal(value_dict_get(one.fields, "id"),
	                        value_dict_get(two.fields, "id")));
	record_release(&one);
	record_release(&two);
}

static int put_with_number(struct contract *c, struct key key, int64_t number)
{
	struct value *fields = plain_fields(c, 1, 1);

	assert_int_equal(value_dict_set(fields, "id", value_new_int(number)),
	                 0);
	return put_fields(c, key, fields);
}

static void a_named_record_keeps_the_number_it_asked_for(struct contract *c)
{
	if (!has_number(c))
		return;
	assert_int_equal(put_with_number(c, nth_key(c, 0), 815), 0);
	assert_field(c, nth_key(c, 0), "id", "815");
	assert_int_equal(put_with_number(c, nth_key(c, 0), 815), 0);
	assert_int_equal(put_with_number(c, nth_key(c, 0), 816), -EINVAL);
	assert_int_equal(put_fields(c, nth_key(c, 0), plain_fields(c, 2, 2)),
	                 0);
	assert_field(c, nth_key(c, 0), "id", "815");
}

/* As cp one.json two.json. */
static void a_named_record_shares_its_number_with_nobody(struct contract *c)
{
	struct record two;

	if (!has_number(c))
		return;
	assert_int_equal(put_with_number(c, nth_key(c, 0), 815), 0);
	assert_int_equal(put_with_number(c, nth_key(c, 1), 815), 0);
	assert_field(c, nth_key(c, 0), "id", "815");
	get(c, nth_key(c, 1), &two);
	assert_int_not_equal(value_dict_get(two.fields, "id")->integer, 815);
	record_release(&two);
}

/* As cp -a of a whole collection, arrays first. */
static void named_records_get_their_numbers_in_any_order(struct contract *c)
{
	if (!has_number(c))
		return;
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(
		    put_doubles(c, nth_key(c, i), first_array(c), 3, 1), 0);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(put_with_number(c, nth_key(c, i), 3 - i), 0);
	assert_field(c, nth_key(c, 0), "id", "3");
	assert_field(c, nth_key(c, 1), "id", "2");
	assert_field(c, nth_key(c, 2), "id", "1");
}

const struct contract_test contract_number_tests[] = {
	CONTRACT_TEST(ALL | NUMBERED, a_record_without_a_key_gets_a_number),
	CONTRACT_TEST(NESTS | NUMBERED, an_array_without_a_key_gets_a_number),
	CONTRACT_TEST(ALL | NUMBERED, a_free_number_given_as_key_is_used),
	CONTRACT_TEST(ALL | NUMBERED, a_free_number_given_as_field_is_used),
	CONTRACT_TEST(ALL | NUMBERED, a_taken_number_is_not_given_again),
	CONTRACT_TEST(ALL | NUMBERED, a_number_cannot_differ_from_the_key),
	CONTRACT_TEST(ALL | NUMBERED, what_is_no_number_is_no_key),
	CONTRACT_TEST(ALL | NUMBERED, the_largest_number_is_a_key),
	CONTRACT_TEST(PAIRS | DIRECTORIES | NAMED,
	              named_records_may_have_numbers_too),
	CONTRACT_TEST(PAIRS | DIRECTORIES | NAMED,
	              a_named_record_keeps_the_number_it_asked_for),
	CONTRACT_TEST(PAIRS | DIRECTORIES | NAMED,
	              a_named_record_shares_its_number_with_nobody),
	CONTRACT_TEST(PAIRS | DIRECTORIES | NAMED,
	              named_records_get_their_numbers_in_any_order),
	{ 0 },
};
