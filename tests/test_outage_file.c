/* SPDX-License-Identifier: MIT */
/* Files of the spool when the disk fails at any call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "backends/outage_file.h"
#include "tests/fault.h"
#include "tests/scratch.h"

static size_t files_in(int directory)
{
	uint64_t *numbers = NULL;
	size_t count = 0;

	assert_int_equal(outage_file_list(directory, &numbers, &count), 0);
	free(numbers);
	return count;
}

static int write_with_fault(int directory, int at)
{
	const struct fault fault = { .calls = FAULT_WRITES | FAULT_NAMES,
		                     .effect = FAULT_FAIL,
		                     .error = EIO,
		                     .at = at };
	struct blob bytes = { 0 };
	int rc;

	assert_int_equal(blob_append_text(&bytes, "a change"), 0);
	fault_arm(&fault);
	rc = outage_file_write(directory, 7, &bytes);
	fault_disarm();
	blob_release(&bytes);
	return rc;
}

static void a_change_that_was_refused_is_not_in_the_spool(void **state)
{
	struct scratch scratch;
	int directory;
	int at = 0;

	(void)state;
	scratch_init(&scratch);
	directory = open(scratch.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(directory >= 0);
	while (write_with_fault(directory, at) == -EIO) {
		assert_int_equal(files_in(directory), 0);
		at++;
	}
	assert_true(at >= 5); /* open, write, sync, rename, sync */
	assert_int_equal(files_in(directory), 1);
	close(directory);
	scratch_release(&scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_change_that_was_refused_is_not_in_the_spool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
