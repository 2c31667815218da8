/* SPDX-License-Identifier: MIT */
#include "tests/contract.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Keys are any bytes, or numbers. */

/*
 * A key, and the backends whose storage cannot hold it.  Those refuse it with
 * -EINVAL; nobody stores it under another key.
 */
struct odd_key {
	const char *data;
	size_t size;
	const char *refused_by;
};

#define KEY(text, backends)                                                    \
	{                                                                      \
		(text), sizeof(text) - 1, (backends)                           \
	}

static const struct odd_key odd_keys[] = {
	KEY("a", ""),
	KEY("A", ""),
	KEY("a ", ""),
	KEY(" a", ""),
	KEY("a/b", ""),
	KEY("/a", ""),
	KEY("a/", ""),
	KEY("a%2Fb", ""),
	KEY("%", ""),
	KEY("%%", ""),
	KEY("%00", ""),
	KEY(".", ""),
	KEY("..", ""),
	KEY(".hidden", ""),
	KEY("a.npy", ""),
	KEY("a.json", ""),
	KEY("a:b", ""),
	KEY("wm:a", ""),
	KEY("*", ""),
	KEY("?", ""),
	KEY("[a]", ""),
	KEY("\\", ""),
	KEY("$", ""),
	KEY("'; --", ""),
	KEY("\"", ""),
	KEY("tab\there", ""),
	KEY("line\nbreak", ""),
	KEY("del\x7f", ""),
	KEY("007", ""),
	KEY("7", ""),
	KEY("-7", ""),
	KEY("1e3", ""),
	KEY("caf\xc3\xa9", ""),
	KEY("cafe\xcc\x81", ""),
	KEY("\xe4\xb8\xad\xe6\x96\x87", ""),
	KEY("\xf0\x9f\x98\x80", ""),
	KEY("", "sqlite hdf5"),
	KEY("a\0b", "sqlite hdf5"),
	KEY("a\0", "sqlite hdf5"),
	KEY("\0", "sqlite hdf5"),
	KEY("\xff\xfe", "sqlite hdf5"),
	KEY("caf\xe9", "sqlite hdf5"),
};

#define ODD_KEYS (sizeof(odd_keys) / sizeof(*odd_keys))

static struct key odd_key(size_t index)
{
	return (struct key){ odd_keys[index].data, odd_keys[index].size };
}

static bool may_refuse(const struct contract *c, size_t index)
{
	return strstr(odd_keys[index].refused_by, c->backend->name) != NULL;
}

/* Store it or see it refused: then it is nowhere. */
static bool put_odd(struct contract *c, size_t index)
{
	struct value *fields = plain_fields(c, (double)index, (int)index);
	struct change change = no_change();
	int rc;

	change.fields_action = PART_SET;
	change.fields = fields;
	rc = put(c, odd_key(index), &change);
	value_unref(fields);
	if (rc == 0)
		return true;
	if (rc != -EINVAL || !may_refuse(c, index))
		fail_msg("key %zu (%s): %d %s", index, odd_keys[index].data, rc,
		         change.why);
	assert_true(strlen(change.why) > 0);
	assert_false(exists(c, odd_key(index)));
	return false;
}

static void every_odd_key_has_a_record_of_its_own(struct contract *c)
{
	struct record_list list = { 0 };
	bool stored[ODD_KEYS];
	size_t count = 0;

	for (size_t i = 0; i < ODD_KEYS; i++) {
		stored[i] = put_odd(c, i);
		count += stored[i];
	}
	list_all(c, 10, &list);
	assert_int_equal(list.count, count);
	for (size_t i = 0; i < ODD_KEYS; i++) {
		assert_int_equal(times_listed(&list, odd_key(i)), stored[i]);
		if (stored[i])
			assert_plain_fields(c, odd_key(i), (double)i, (int)i);
	}
	record_list_release(&list);
}

static void odd_keys_are_there_after_the_next_open(struct contract *c)
{
	bool stored[ODD_KEYS];

	for (size_t i = 0; i < ODD_KEYS; i++)
		stored[i] = put_odd(c, i);
	reopen(c);
	for (size_t i = 0; i < ODD_KEYS; i++)
		if (stored[i])
			assert_plain_fields(c, odd_key(i), (double)i, (int)i);
}

static void records_of_odd_keys_can_be_renamed_and_removed(struct contract *c)
{
	for (size_t i = 0; i < ODD_KEYS; i++) {
		if (!put_odd(c, i))
			continue;
		assert_int_equal(
		    c->backend->rename(c->store, &c->collection, odd_key(i),
		                       text_key("plain"), RENAME_KEEP),
		    0);
		assert_false(exists(c, odd_key(i)));
		assert_int_equal(c->backend->rename(c->store, &c->collection,
		                                    text_key("plain"),
		                                    odd_key(i), RENAME_KEEP),
		                 0);
		assert_plain_fields(c, odd_key(i), (double)i, (int)i);
		assert_int_equal(
		    c->backend->remove(c->store, &c->collection, odd_key(i)),
		    0);
		assert_false(exists(c, odd_key(i)));
	}
}

static void odd_keys_hold_arrays(struct contract *c)
{
	for (size_t i = 0; i < ODD_KEYS; i++) {
		if (!put_odd(c, i))
			continue;
		assert_int_equal(
		    put_doubles(c, odd_key(i), first_array(c), 3, (double)i),
		    0);
	}
	for (size_t i = 0; i < ODD_KEYS; i++)
		if (exists(c, odd_key(i)))
			assert_doubles(c, odd_key(i), first_array(c), 3,
			               (double)i);
}

static void a_key_may_have_a_thousand_bytes(struct contract *c)
{
	char bytes[1000];
	struct key key = { bytes, sizeof(bytes) };
	struct key shorter = { bytes, sizeof(bytes) - 1 };

	memset(bytes, 'k', sizeof(bytes));
	put_whole(c, key, 10);
	put_whole(c, shorter, 20);
	assert_whole(c, key, 10);
	assert_whole(c, shorter, 20);
}

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

static void a_taken_number_is_refused_by_name(struct contract *c)
{
	struct value *fields = plain_fields(c, 2, 2);
	struct change change = no_change();

	assert_int_equal(put_fields(c, text_key("815"), plain_fields(c, 1, 1)),
	                 0);
	assert_int_equal(value_dict_set(fields, "id", value_new_int(815)), 0);
	change.fields_action = PART_SET;
	change.fields = fields;
	assert_int_equal(c->backend->put(c->store, &c->collection,
	                                 (struct key){ 0 }, &change, NULL),
	                 -EINVAL);
	assert_non_null(strstr(change.why, "815"));
	value_unref(fields);
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

static void a_named_record_keeps_to_its_number(struct contract *c)
{
	struct value *fields = plain_fields(c, 1, 1);

	if (has_number(c)) {
		assert_int_equal(
		    value_dict_set(fields, "id", value_new_int(815)), 0);
		assert_int_equal(
		    put_fields(c, nth_key(c, 0), value_ref(fields)), 0);
		assert_field(c, nth_key(c, 0), "id", "815");
		assert_int_equal(
		    put_fields(c, nth_key(c, 1), value_ref(fields)), -EINVAL);
		assert_int_equal(
		    value_dict_set(fields, "id", value_new_int(816)), 0);
		assert_int_equal(
		    put_fields(c, nth_key(c, 0), value_ref(fields)), -EINVAL);
		assert_field(c, nth_key(c, 0), "id", "815");
	}
	value_unref(fields);
}

const struct contract_test contract_key_tests[] = {
	CONTRACT_TEST(ALL | NAMED, every_odd_key_has_a_record_of_its_own),
	CONTRACT_TEST(ALL | NAMED | DURABLE,
	              odd_keys_are_there_after_the_next_open),
	CONTRACT_TEST(ALL | NAMED,
	              records_of_odd_keys_can_be_renamed_and_removed),
	CONTRACT_TEST(ARRAYS | NAMED, odd_keys_hold_arrays),
	CONTRACT_TEST(ALL | NAMED, a_key_may_have_a_thousand_bytes),
	CONTRACT_TEST(ALL | NUMBERED, a_record_without_a_key_gets_a_number),
	CONTRACT_TEST(NESTS | NUMBERED, an_array_without_a_key_gets_a_number),
	CONTRACT_TEST(ALL | NUMBERED, a_free_number_given_as_key_is_used),
	CONTRACT_TEST(ALL | NUMBERED, a_free_number_given_as_field_is_used),
	CONTRACT_TEST(ALL | NUMBERED, a_taken_number_is_refused_by_name),
	CONTRACT_TEST(ALL | NUMBERED, a_number_cannot_differ_from_the_key),
	CONTRACT_TEST(ALL | NUMBERED, what_is_no_number_is_no_key),
	CONTRACT_TEST(ALL | NUMBERED, the_largest_number_is_a_key),
	CONTRACT_TEST(PAIRS | DIRECTORIES | NAMED,
	              named_records_may_have_numbers_too),
	CONTRACT_TEST(PAIRS | DIRECTORIES | NAMED,
	              a_named_record_keeps_to_its_number),
	{ 0 },
};
