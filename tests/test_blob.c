/* SPDX-License-Identifier: MIT */
#include "backends/blob.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void grows_and_keeps_a_nul_behind_the_end(void **state)
{
	struct blob blob = { 0 };

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(blob_append(&blob, "abc", 3), 0);
	assert_int_equal(blob.size, 3000);
	assert_int_equal(strlen(blob.data), 3000);
	blob_release(&blob);
	assert_null(blob.data);
}

static void print_appends(void **state)
{
	struct blob blob = { 0 };

	(void)state;
	assert_int_equal(blob_append_text(&blob, "a="), 0);
	assert_int_equal(blob_printf(&blob, "%d, b=%s", 7, "x"), 0);
	assert_string_equal(blob.data, "a=7, b=x");
	blob_release(&blob);
}

static void resize_zeroes_new_bytes(void **state)
{
	struct blob blob = { 0 };

	(void)state;
	assert_int_equal(blob_set(&blob, "xyz", 3), 0);
	assert_int_equal(blob_resize(&blob, 1), 0);
	assert_int_equal(blob_resize(&blob, 3), 0);
	assert_memory_equal(blob.data, "x\0\0", 3);
	blob_release(&blob);
}

static void impossible_sizes_fail_and_change_nothing(void **state)
{
	struct blob blob = { 0 };

	(void)state;
	assert_int_equal(blob_set(&blob, "xyz", 3), 0);
	assert_true(blob_reserve(&blob, SIZE_MAX) < 0);
	assert_true(blob_append(&blob, "", SIZE_MAX - 1) < 0);
	assert_string_equal(blob.data, "xyz");
	blob_release(&blob);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_and_keeps_a_nul_behind_the_end),
		cmocka_unit_test(print_appends),
		cmocka_unit_test(resize_zeroes_new_bytes),
		cmocka_unit_test(impossible_sizes_fail_and_change_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
