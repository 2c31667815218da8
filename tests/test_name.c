/* SPDX-License-Identifier: MIT */
#include "backends/name.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <xxhash.h>

static const struct {
	const char *key;
	const char *name;
} pairs[] = {
	{ "abc", "abc" },
	{ "", "%" },
	{ "%", "%25" },
	{ "a/b", "a%2Fb" },
	{ "100%", "100%25" },
	{ ".", "%2E" },
	{ "..", "%2E." },
	{ ".hidden", "%2Ehidden" },
	{ "a.b", "a.b" },
	{ "a.", "a." },
	{ "x.npy", "x%2Enpy" },
	{ "x.json", "x%2Ejson" },
	{ "x.pickle", "x%2Epickle" },
	{ "x.npy.json", "x.npy%2Ejson" },
	{ "x.NPY", "x.NPY" },
	{ ".npy", "%2Enpy" },
	{ "npy", "npy" },
	{ "a\nb\x7f\x1f", "a%0Ab%7F%1F" },
	{ "caf\xc3\xa9 \xe6\x99\x82", "caf\xc3\xa9 \xe6\x99\x82" },
	{ "bad\xff\xfe", "bad\xff\xfe" },
	{ "a:b*c?d\\e\"f~", "a:b*c?d\\e\"f~" },
};

#define PAIRS (sizeof(pairs) / sizeof(pairs[0]))

static void keys_and_names_go_both_ways(void **state)
{
	(void)state;
	for (size_t i = 0; i < PAIRS; i++) {
		struct blob name = { 0 };
		struct blob key = { 0 };

		assert_int_equal(name_encode(pairs[i].key, strlen(pairs[i].key),
		                             NAME_LIMIT, &name),
		                 0);
		assert_string_equal(name.data, pairs[i].name);
		assert_int_equal(
		    name_decode(name.data, name.size, NAME_LIMIT, &key), 0);
		assert_string_equal(key.data, pairs[i].key);
		blob_release(&name);
		blob_release(&key);
	}
}

static void nul_is_encoded(void **state)
{
	struct blob name = { 0 };
	struct blob key = { 0 };

	(void)state;
	assert_int_equal(name_encode("a\0b", 3, NAME_LIMIT, &name), 0);
	assert_string_equal(name.data, "a%00b");
	assert_int_equal(name_decode("a%00b", 5, NAME_LIMIT, &key), 0);
	assert_int_equal(key.size, 3);
	assert_memory_equal(key.data, "a\0b", 3);
	blob_release(&name);
	blob_release(&key);
}

static void names_of_no_key_are_refused(void **state)
{
	static const char *const names[] = {
		"a%2fb", "%41",   "%2",      "%2G",   "a%",
		"%%",    "a%zz",  ".hidden", "a/b",   "a\n",
		"",      "x.npy", "%2E.npy", "a%2Eb", "%2e",
	};
	struct blob key = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (name_decode(names[i], strlen(names[i]), NAME_LIMIT, &key) !=
		    -EINVAL)
			fail_msg("taken: %s", names[i]);
	assert_int_equal(key.size, 0);
}

static void fill(char *key, size_t size, const char *unit)
{
	size_t length = strlen(unit);

	for (size_t i = 0; i < size; i++)
		key[i] = unit[i % length];
}

static void long_names_are_cut_and_end_in_the_hash(void **state)
{
	char key[1000];
	struct blob name = { 0 };
	struct blob start = { 0 };
	char tail[32];

	(void)state;
	fill(key, sizeof(key), "x");
	assert_int_equal(name_encode(key, 255, NAME_LIMIT, &name), 0);
	assert_int_equal(name.size, 255);
	assert_false(name_is_cut(name.data, name.size, NAME_LIMIT));
	blob_release(&name);

	assert_int_equal(name_encode(key, 256, NAME_LIMIT, &name), 0);
	assert_int_equal(name.size, 255);
	snprintf(tail, sizeof(tail), "x~%016llx",
	         (unsigned long long)XXH3_64bits(key, 256));
	assert_string_equal(name.data + 237, tail);
	assert_true(name_is_cut(name.data, name.size, NAME_LIMIT));
	assert_false(name_is_cut(name.data, name.size, NAME_LIMIT + 20));
	assert_int_equal(name_decode_cut(name.data, name.size, &start), 0);
	assert_int_equal(start.size, 238);
	assert_memory_equal(start.data, key, start.size);
	blob_release(&name);
	blob_release(&start);
}

static void a_cut_splits_no_character_and_no_escape(void **state)
{
	static const char *const units[] = {
		"\xc3\xa9", "\xe6\x99\x82", "\xf0\x9f\x98\x80", "/", "a/",
		"\xff",     "\xc3"
	};
	char key[1000];

	(void)state;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		for (size_t limit = 60; limit < 70; limit++) {
			struct blob name = { 0 };
			struct blob start = { 0 };

			fill(key, sizeof(key), units[i]);
			assert_int_equal(name_encode(key, 600, limit, &name),
			                 0);
			assert_true(name.size <= limit);
			assert_true(name_is_cut(name.data, name.size, limit));
			assert_int_equal(
			    name_decode_cut(name.data, name.size, &start), 0);
			assert_memory_equal(start.data, key, start.size);
			assert_int_equal(start.size % strlen(units[i]) &&
			                     units[i][0] != 'a',
			                 0);
			blob_release(&name);
			blob_release(&start);
		}
	}
}

static void different_long_keys_have_different_names(void **state)
{
	char key[400];
	struct blob one = { 0 };
	struct blob two = { 0 };

	(void)state;
	fill(key, sizeof(key), "same");
	assert_int_equal(name_encode(key, 400, NAME_LIMIT, &one), 0);
	key[399] = 'X';
	assert_int_equal(name_encode(key, 400, NAME_LIMIT, &two), 0);
	assert_false(blob_equal(&one, &two));
	blob_release(&one);
	blob_release(&two);
}

static void a_name_that_looks_cut_may_be_a_key(void **state)
{
	char name[256];
	struct blob key = { 0 };

	(void)state;
	fill(name, 255, "y");
	memcpy(name + 238, "~0123456789abcdef", 17);
	assert_true(name_is_cut(name, 255, NAME_LIMIT));
	assert_int_equal(name_decode(name, 255, NAME_LIMIT, &key), 0);
	assert_int_equal(key.size, 255);
	name[254] = 'F';
	assert_false(name_is_cut(name, 255, NAME_LIMIT));
	assert_false(name_is_cut("~0123456789abcdef", 17, NAME_LIMIT));
	blob_release(&key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_and_names_go_both_ways),
		cmocka_unit_test(nul_is_encoded),
		cmocka_unit_test(names_of_no_key_are_refused),
		cmocka_unit_test(long_names_are_cut_and_end_in_the_hash),
		cmocka_unit_test(a_cut_splits_no_character_and_no_escape),
		cmocka_unit_test(different_long_keys_have_different_names),
		cmocka_unit_test(a_name_that_looks_cut_may_be_a_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
