/* SPDX-License-Identifier: MIT */
#include "tests/sqlite_tests.h"

#include <stdlib.h>
#include <string.h>

static const struct CMUnitTest *const groups[] = {
	sqlite_legacy_tests, sqlite_store_tests, sqlite_number_tests,
	sqlite_note_tests,   sqlite_group_tests, NULL,
};

int main(void)
{
	const size_t most = 128;
	struct CMUnitTest *tests = calloc(most, sizeof(*tests));
	size_t count = 0;
	int failed;

	if (!tests)
		return EXIT_FAILURE;
	for (size_t g = 0; groups[g]; g++)
		for (size_t t = 0; groups[g][t].name && count < most; t++)
			tests[count++] = groups[g][t];
	failed = _cmocka_run_group_tests("sqlite", tests, count, NULL, NULL);
	free(tests);
	return failed;
}
