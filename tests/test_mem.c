/* SPDX-License-Identifier: MIT */
#include "backends/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/stat.h>

/* What the contract suite does not ask: faults on demand. */

static const struct array_row arrays[] = {
	{ .name = "", .place = "pattern" },
	{ 0 },
};
static const struct field_row fields[] = { { 0 } };
static const struct collection pairs = {
	.path = "pairs",
	.backend = "mem",
	.shape = RECORD_PAIR,
	.place = "pairs:",
	.arrays = arrays,
	.fields = fields,
};
static const struct key one = { "one", 3 };

static int set_up(void **state)
{
	char why[WHY_SIZE];

	return mem_backend.open("", NULL, (struct store **)state, why);
}

static int tear_down(void **state)
{
	mem_backend.close(*state);
	return 0;
}

static int put_one(struct store *store)
{
	static const char bytes[] = { 1, 2, 3 };
	struct array array = {
		.info = { .ndim = 1, .shape = { 3 }, .nbytes = 3 },
		.data = bytes
	};
	struct change change = { .array_action = PART_SET,
		                 .array_name = "",
		                 .array = &array,
		                 .array_mtime = { .tv_nsec = UTIME_NOW },
		                 .expires_ms = EXPIRES_KEEP };

	dtype_plain(&array.info.dtype, 'u', 1);
	return mem_backend.put(store, &pairs, one, &change, NULL);
}

static int get_one(struct store *store)
{
	struct record record = { 0 };
	int rc = mem_backend.get(store, &pairs, one, &record);

	record_release(&record);
	return rc;
}

static void the_next_call_fails_and_no_other(void **state)
{
	mem_fail_next(*state, EIO);
	assert_int_equal(get_one(*state), -EIO);
	assert_int_equal(get_one(*state), -ENOENT);
}

static void a_put_that_fails_changes_nothing(void **state)
{
	mem_fail_next(*state, ENOSPC);
	assert_int_equal(put_one(*state), -ENOSPC);
	assert_int_equal(get_one(*state), -ENOENT);
	assert_int_equal(put_one(*state), 0);
	assert_int_equal(get_one(*state), 0);
}

static void a_failure_may_come_after_some_calls(void **state)
{
	mem_fail_after(*state, 2, EIO);
	assert_int_equal(put_one(*state), 0);
	assert_int_equal(get_one(*state), 0);
	assert_int_equal(get_one(*state), -EIO);
	assert_int_equal(get_one(*state), 0);
}

static void a_failure_can_be_called_off(void **state)
{
	mem_fail_next(*state, EIO);
	mem_fail_next(*state, 0);
	assert_int_equal(get_one(*state), -ENOENT);
}

static void every_call_can_fail(void **state)
{
	struct record_list list = { 0 };
	struct cursor cursor = { 0 };
	struct store *store = *state;
	struct reader *reader;
	char byte;

	assert_int_equal(put_one(store), 0);
	mem_fail_next(store, EIO);
	assert_int_equal(mem_backend.list(store, &pairs, &cursor, 1, &list),
	                 -EIO);
	mem_fail_next(store, EIO);
	assert_int_equal(mem_backend.remove(store, &pairs, one), -EIO);
	mem_fail_next(store, EIO);
	assert_int_equal(
	    mem_backend.rename(store, &pairs, one, one, RENAME_REPLACE), -EIO);
	mem_fail_next(store, EIO);
	assert_int_equal(mem_backend.sync(store), -EIO);
	mem_fail_next(store, EIO);
	assert_int_equal(
	    mem_backend.open_array(store, &pairs, one, "", &reader), -EIO);
	assert_int_equal(
	    mem_backend.open_array(store, &pairs, one, "", &reader), 0);
	mem_fail_next(store, EIO);
	assert_int_equal(reader->ops->read(reader, 0, &byte, 1), -EIO);
	assert_int_equal(reader->ops->read(reader, 0, &byte, 1), 1);
	reader->ops->close(reader);
}

static void status_counts_the_bytes_of_arrays(void **state)
{
	struct backend_status status;

	mem_backend.status(*state, &status);
	assert_int_equal(status.bytes_used, 0);
	assert_int_equal(put_one(*state), 0);
	mem_backend.status(*state, &status);
	assert_int_equal(status.bytes_used, 3);
}

#define MEM_TEST(function)                                                     \
	cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		MEM_TEST(the_next_call_fails_and_no_other),
		MEM_TEST(a_put_that_fails_changes_nothing),
		MEM_TEST(a_failure_may_come_after_some_calls),
		MEM_TEST(a_failure_can_be_called_off),
		MEM_TEST(every_call_can_fail),
		MEM_TEST(status_counts_the_bytes_of_arrays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
