/* SPDX-License-Identifier: MIT */
#include "fs/absent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_lookup_in_vain_is_good_for_one_create(void **state)
{
	struct absent absent;

	(void)state;
	absent_init(&absent);
	absent_note(&absent, "wm/a.npy", 7, 3);
	assert_true(absent_take(&absent, "wm/a.npy", 7, 3));
	assert_false(absent_take(&absent, "wm/a.npy", 7, 3));
	absent_release(&absent);
}

static void it_is_the_threads_own_and_of_that_name(void **state)
{
	struct absent absent;

	(void)state;
	absent_init(&absent);
	absent_note(&absent, "wm/a.npy", 7, 3);
	assert_false(absent_take(&absent, "wm/a.npy", 8, 3));
	assert_false(absent_take(&absent, "wm/a.npy", 7 + ABSENT_NAMES, 3));
	assert_false(absent_take(&absent, "wm/b.npy", 7, 3));
	assert_false(absent_take(&absent, "", 0, 0));
	absent_note(&absent, "wm/b.npy", 7, 3);
	assert_false(absent_take(&absent, "wm/a.npy", 7, 3));
	assert_true(absent_take(&absent, "wm/b.npy", 7, 3));
	absent_release(&absent);
}

static void a_change_in_between_voids_it(void **state)
{
	struct absent absent;

	(void)state;
	absent_init(&absent);
	absent_note(&absent, "wm/a.npy", 7, 3);
	assert_false(absent_take(&absent, "wm/a.npy", 7, 4));
	absent_release(&absent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lookup_in_vain_is_good_for_one_create),
		cmocka_unit_test(it_is_the_threads_own_and_of_that_name),
		cmocka_unit_test(a_change_in_between_voids_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
