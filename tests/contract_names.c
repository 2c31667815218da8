/* SPDX-License-Identifier: MIT */
#include "tests/contract.h"

#include <errno.h>
#include <string.h>

#include "backends/change_arrays.h"

/* Directories whose arrays have any name. */

static const char *const names[] = {
	"layer",      "encoder/layer1", "encoder/layer2", "encoder/deep/er",
	"with space", "per%cent",       ".hidden",        "metadata.json",
	"a.npy",      "naïve/层",       "timestamp",      NULL
};

static size_t put_all(struct contract *c, struct key key)
{
	size_t count = 0;

	for (; names[count]; count++)
		assert_int_equal(
		    put_doubles(c, key, names[count], count + 1, (double)count),
		    0);
	return count;
}

static void assert_count(struct contract *c, struct key key, size_t count)
{
	const struct field_row *row = c->collection.fields;
	struct record record;
	int64_t number;

	get(c, key, &record);
	assert_int_equal(record.array_count, count);
	for (; row->name; row++) {
		if (row->rule != FIELD_ARRAYS)
			continue;
		assert_int_equal(
		    value_to_int(value_dict_get(record.fields, row->name),
		                 &number),
		    0);
		assert_int_equal(number, count);
	}
	record_release(&record);
}

static void arrays_may_have_any_name(struct contract *c)
{
	size_t count = put_all(c, nth_key(c, 0));

	assert_count(c, nth_key(c, 0), count);
	for (size_t i = 0; i < count; i++)
		assert_doubles(c, nth_key(c, 0), names[i], i + 1, (double)i);
	assert_false(has_array(c, nth_key(c, 0), "encoder"));
	assert_false(has_array(c, nth_key(c, 0), "encoder/layer"));
}

static void arrays_of_any_name_go_one_by_one(struct contract *c)
{
	size_t count = put_all(c, nth_key(c, 0));

	for (size_t i = 0; i < count; i++) {
		assert_int_equal(drop_array(c, nth_key(c, 0), names[i]), 0);
		assert_int_equal(drop_array(c, nth_key(c, 0), names[i]),
		                 -ENOENT);
		assert_count(c, nth_key(c, 0), count - i - 1);
	}
	assert_int_equal(put_doubles(c, nth_key(c, 0), "encoder", 3, 1), 0);
	assert_doubles(c, nth_key(c, 0), "encoder", 3, 1);
}

static void refuses(struct contract *c, const char *name, const char *reason)
{
	struct change change = no_change();
	struct array array;

	init_doubles(&array, 3, 1);
	change.array_action = PART_SET;
	change.array_name = name;
	change.array = &array;
	assert_int_equal(put(c, nth_key(c, 0), &change), -EINVAL);
	if (!strstr(change.why, reason))
		fail_msg("'%s': %s", name, change.why);
	array_release(&array);
}

static void an_array_is_no_group_of_arrays(struct contract *c)
{
	assert_int_equal(put_doubles(c, nth_key(c, 0), "a", 3, 1), 0);
	assert_int_equal(put_doubles(c, nth_key(c, 0), "g/b", 3, 2), 0);
	refuses(c, "a/b", "'a'");
	refuses(c, "a/b/c", "'a'");
	refuses(c, "g", "'g/b'");
	assert_int_equal(put_doubles(c, nth_key(c, 0), "ab", 3, 3), 0);
	assert_int_equal(put_doubles(c, nth_key(c, 0), "g/bc", 3, 4), 0);
	assert_doubles(c, nth_key(c, 0), "a", 3, 1);
	assert_doubles(c, nth_key(c, 0), "g/b", 3, 2);
	assert_count(c, nth_key(c, 0), 4);
}

static void names_with_parts_that_lead_nowhere_are_refused(struct contract *c)
{
	static const char *const bad[] = { "",      "/a",   "a/",   "a//b",
		                           ".",     "..",   "a/..", "./a",
		                           "a/./b", "../a", NULL };

	for (size_t i = 0; bad[i]; i++)
		refuses(c, bad[i], "'.'");
	assert_false(exists(c, nth_key(c, 0)));
}

static void groups_are_only_so_deep(struct contract *c)
{
	char name[2 * CHANGE_ARRAY_DEPTH + 4];

	for (size_t i = 0; i < sizeof(name); i++)
		name[i] = i % 2 ? '/' : 'g';
	name[sizeof(name) - 1] = '\0';
	refuses(c, name, "too many groups");
	name[sizeof(name) - 3] = '\0';
	assert_int_equal(put_doubles(c, nth_key(c, 0), name, 3, 1), 0);
	assert_doubles(c, nth_key(c, 0), name, 3, 1);
}

/* As cp does it where the JSON file comes before the last arrays. */
static void arrays_may_be_announced_and_not_denied(struct contract *c)
{
	struct change change = no_change();
	struct value *fields = json_value("{'num_layers': 1}");

	assert_int_equal(put_doubles(c, nth_key(c, 0), "a", 3, 1), 0);
	assert_int_equal(
	    put_fields(c, nth_key(c, 0), json_value("{'num_layers': 3}")), 0);
	assert_count(c, nth_key(c, 0), 1);
	assert_int_equal(put_doubles(c, nth_key(c, 0), "b", 3, 1), 0);
	assert_count(c, nth_key(c, 0), 2);
	change.fields_action = PART_SET;
	change.fields = fields;
	assert_int_equal(put(c, nth_key(c, 0), &change), -EINVAL);
	assert_non_null(strstr(change.why, "num_layers"));
	value_unref(fields);
}

static void arrays_of_any_name_move_with_their_record(struct contract *c)
{
	size_t count = put_all(c, nth_key(c, 0));

	assert_int_equal(c->backend->rename(c->store, &c->collection,
	                                    nth_key(c, 0), nth_key(c, 1),
	                                    RENAME_KEEP),
	                 0);
	assert_false(exists(c, nth_key(c, 0)));
	assert_count(c, nth_key(c, 1), count);
	for (size_t i = 0; i < count; i++)
		assert_doubles(c, nth_key(c, 1), names[i], i + 1, (double)i);
	assert_int_equal(
	    c->backend->remove(c->store, &c->collection, nth_key(c, 1)), 0);
	assert_false(exists(c, nth_key(c, 1)));
}

static void arrays_of_any_name_outlive_the_store(struct contract *c)
{
	size_t count = put_all(c, nth_key(c, 0));

	reopen(c);
	assert_count(c, nth_key(c, 0), count);
	for (size_t i = 0; i < count; i++)
		assert_doubles(c, nth_key(c, 0), names[i], i + 1, (double)i);
}

const struct contract_test contract_name_tests[] = {
	CONTRACT_TEST(DIRECTORIES | FREE, arrays_may_have_any_name),
	CONTRACT_TEST(DIRECTORIES | FREE, arrays_of_any_name_go_one_by_one),
	CONTRACT_TEST(DIRECTORIES | FREE, an_array_is_no_group_of_arrays),
	CONTRACT_TEST(DIRECTORIES | FREE,
	              names_with_parts_that_lead_nowhere_are_refused),
	CONTRACT_TEST(DIRECTORIES | FREE, groups_are_only_so_deep),
	CONTRACT_TEST(DIRECTORIES | FREE,
	              arrays_may_be_announced_and_not_denied),
	CONTRACT_TEST(DIRECTORIES | FREE,
	              arrays_of_any_name_move_with_their_record),
	CONTRACT_TEST(DIRECTORIES | FREE | DURABLE,
	              arrays_of_any_name_outlive_the_store),
	{ 0 },
};
