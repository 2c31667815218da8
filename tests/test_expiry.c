/* SPDX-License-Identifier: MIT */
#include "fs/expiry.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT 2000

static void assert_next(struct expiry *expiry, int64_t now, const char *path)
{
	char *taken = expiry_take(expiry, now);

	assert_non_null(taken);
	assert_string_equal(taken, path);
	free(taken);
}

static void what_expires_first_comes_first(void **state)
{
	struct expiry expiry;
	int64_t ms;

	(void)state;
	assert_int_equal(expiry_init(&expiry), 0);
	assert_false(expiry_next(&expiry, &ms));
	assert_int_equal(expiry_note(&expiry, "wm/b", 20), 0);
	assert_int_equal(expiry_note(&expiry, "wm/a", 10), 0);
	assert_int_equal(expiry_note(&expiry, "wm/c", 30), 0);
	assert_true(expiry_next(&expiry, &ms));
	assert_int_equal(ms, 10);
	assert_null(expiry_take(&expiry, 9));
	assert_next(&expiry, 10, "wm/a");
	assert_next(&expiry, 99, "wm/b");
	assert_next(&expiry, 99, "wm/c");
	assert_null(expiry_take(&expiry, 99));
	expiry_release(&expiry);
}

static void the_last_word_counts(void **state)
{
	struct expiry expiry;

	(void)state;
	assert_int_equal(expiry_init(&expiry), 0);
	expiry_note(&expiry, "wm/a", 10);
	expiry_note(&expiry, "wm/b", 20);
	expiry_note(&expiry, "wm/a", 30);
	assert_next(&expiry, 99, "wm/b");
	expiry_note(&expiry, "wm/b", 40);
	expiry_note(&expiry, "wm/b", 5);
	assert_next(&expiry, 99, "wm/b");
	assert_next(&expiry, 99, "wm/a");
	expiry_release(&expiry);
}

static void what_was_dropped_does_not_come(void **state)
{
	struct expiry expiry;

	(void)state;
	assert_int_equal(expiry_init(&expiry), 0);
	expiry_note(&expiry, "wm/a", 10);
	expiry_note(&expiry, "wm/b", 20);
	assert_true(expiry_has(&expiry, "wm/a"));
	expiry_drop(&expiry, "wm/a");
	expiry_drop(&expiry, "wm/none");
	assert_false(expiry_has(&expiry, "wm/a"));
	assert_next(&expiry, 99, "wm/b");
	assert_null(expiry_take(&expiry, 99));
	expiry_release(&expiry);
}

static void many_come_in_order(void **state)
{
	struct expiry expiry;
	char path[32];
	int64_t last = 0;
	int64_t ms = 0;
	size_t count = 0;
	char *taken;

	(void)state;
	assert_int_equal(expiry_init(&expiry), 0);
	srand(1);
	for (int i = 0; i < 3 * COUNT; i++) {
		snprintf(path, sizeof(path), "wm/%d", rand() % COUNT);
		if (rand() % 4 == 0)
			expiry_drop(&expiry, path);
		else
			assert_int_equal(
			    expiry_note(&expiry, path, rand() % 1000), 0);
	}
	for (; expiry_next(&expiry, &ms); count++) {
		assert_true(ms >= last);
		last = ms;
		taken = expiry_take(&expiry, 1000);
		assert_non_null(taken);
		assert_false(expiry_has(&expiry, taken));
		free(taken);
	}
	assert_in_range(count, COUNT / 2, COUNT);
	expiry_release(&expiry);
}

static void there_is_a_bound(void **state)
{
	struct expiry expiry;
	char path[32];

	(void)state;
	assert_int_equal(expiry_init(&expiry), 0);
	for (size_t i = 0; i < EXPIRY_MAX; i++) {
		snprintf(path, sizeof(path), "wm/%zu", i);
		assert_int_equal(expiry_note(&expiry, path, 1), 0);
	}
	assert_int_equal(expiry_note(&expiry, "wm/more", 1), -ENOSPC);
	assert_int_equal(expiry_note(&expiry, "wm/7", 2), 0);
	expiry_drop(&expiry, "wm/8");
	assert_int_equal(expiry_note(&expiry, "wm/more", 1), 0);
	expiry_release(&expiry);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_expires_first_comes_first),
		cmocka_unit_test(the_last_word_counts),
		cmocka_unit_test(what_was_dropped_does_not_come),
		cmocka_unit_test(many_come_in_order),
		cmocka_unit_test(there_is_a_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
