/* SPDX-License-Identifier: MIT */
#include "fs/copier.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cmocka.h>

static void copying_programs_are_known_by_name(void **state)
{
	(void)state;
	assert_true(copier_has_name("cp"));
	assert_true(copier_has_name("rsync"));
	assert_true(copier_has_name("7z"));
	assert_true(copier_has_name("zip"));
	assert_true(copier_has_name("tracker-miner-f"));
	assert_false(copier_has_name("python3"));
	assert_false(copier_has_name("cat"));
	assert_false(copier_has_name("c"));
	assert_false(copier_has_name(""));
}

static void a_process_is_asked_for_its_name(void **state)
{
	(void)state;
	assert_false(copier_is(getpid()));
	assert_int_equal(prctl(PR_SET_NAME, "rsync"), 0);
	assert_true(copier_is(getpid()));
}

static void a_process_that_cannot_be_seen_is_none(void **state)
{
	(void)state;
	assert_false(copier_is(0));
	assert_false(copier_is(-1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copying_programs_are_known_by_name),
		cmocka_unit_test(a_process_is_asked_for_its_name),
		cmocka_unit_test(a_process_that_cannot_be_seen_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
