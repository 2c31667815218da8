/* SPDX-License-Identifier: MIT */
#include "tests/contract.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Keys are any bytes. */

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
	KEY("a/b", "hdf5"),
	KEY("/a", "hdf5"),
	KEY("a/", "hdf5"),
	KEY("a%2Fb", ""),
	KEY("%", ""),
	KEY("%%", ""),
	KEY("%00", ""),
	KEY(".", "hdf5"),
	KEY("..", "hdf5"),
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

const struct contract_test contract_key_tests[] = {
	CONTRACT_TEST(ALL | NAMED, every_odd_key_has_a_record_of_its_own),
	CONTRACT_TEST(ALL | NAMED | DURABLE,
	              odd_keys_are_there_after_the_next_open),
	CONTRACT_TEST(ALL | NAMED,
	              records_of_odd_keys_can_be_renamed_and_removed),
	CONTRACT_TEST(ARRAYS | NAMED, odd_keys_hold_arrays),
	CONTRACT_TEST(ALL | NAMED, a_key_may_have_a_thousand_bytes),
	{ 0 },
};
