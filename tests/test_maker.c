/* SPDX-License-Identifier: MIT */
#include "fs/maker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static int set_up(void **state)
{
	*state = calloc(1, sizeof(struct makers));
	assert_non_null(*state);
	makers_init(*state);
	return 0;
}

static int tear_down(void **state)
{
	makers_release(*state);
	free(*state);
	return 0;
}

static void only_the_process_that_makes_a_record_is_its_maker(void **state)
{
	struct makers *makers = *state;

	makers_add(makers, "wm/a.json", 7);
	assert_true(makers_has(makers, "wm/a.json", 7));
	assert_true(makers_has(makers, "wm/a.json", 7));
	assert_false(makers_has(makers, "wm/a.json", 8));
	assert_false(makers_has(makers, "wm/b.json", 7));
	assert_false(makers_has(makers, "", 0));
}

static void a_process_may_make_several_records(void **state)
{
	struct makers *makers = *state;

	makers_add(makers, "wm/a.json", 7);
	makers_add(makers, "wm/b.json", 7);
	makers_add(makers, "wm/c.json", 8);
	assert_true(makers_has(makers, "wm/a.json", 7));
	assert_true(makers_has(makers, "wm/b.json", 7));
	assert_true(makers_has(makers, "wm/c.json", 8));
}

static void the_last_maker_of_a_record_counts(void **state)
{
	struct makers *makers = *state;

	makers_add(makers, "wm/a.json", 7);
	makers_add(makers, "wm/a.json", 8);
	assert_false(makers_has(makers, "wm/a.json", 7));
	assert_true(makers_has(makers, "wm/a.json", 8));
	makers_drop(makers, "wm/a.json");
	assert_false(makers_has(makers, "wm/a.json", 7));
	assert_false(makers_has(makers, "wm/a.json", 8));
}

static void a_file_that_was_made_has_no_maker_any_more(void **state)
{
	struct makers *makers = *state;

	makers_add(makers, "wm/a.json", 7);
	makers_add(makers, "wm/b.json", 7);
	makers_drop(makers, "wm/a.json");
	makers_drop(makers, "wm/a.json");
	makers_drop(makers, "wm/never.json");
	assert_false(makers_has(makers, "wm/a.json", 7));
	assert_true(makers_has(makers, "wm/b.json", 7));
	makers_add(makers, "wm/a.json", 9);
	assert_true(makers_has(makers, "wm/a.json", 9));
}

static void add_many(struct makers *makers, int first, int count)
{
	for (int i = first; i < first + count; i++) {
		char path[32];

		snprintf(path, sizeof(path), "wm/%d.json", i);
		makers_add(makers, path, 100 + i);
	}
}

static void the_oldest_note_makes_room(void **state)
{
	struct makers *makers = *state;

	add_many(makers, 0, MAKERS_MAX);
	assert_true(makers_has(makers, "wm/0.json", 100));
	add_many(makers, MAKERS_MAX, 2);
	assert_false(makers_has(makers, "wm/0.json", 100));
	assert_false(makers_has(makers, "wm/1.json", 101));
	assert_true(makers_has(makers, "wm/2.json", 102));
	assert_true(makers_has(makers, "wm/65.json", 165));
}

static void a_note_is_forgotten_after_its_time(void **state)
{
	struct makers *makers = *state;

	makers_add(makers, "wm/a.json", 7);
	makers->notes[0].until -= MAKERS_SECONDS + 1;
	assert_false(makers_has(makers, "wm/a.json", 7));
	makers_add(makers, "wm/a.json", 7);
	assert_true(makers_has(makers, "wm/a.json", 7));
}

#define MAKER_TEST(function)                                                   \
	cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		MAKER_TEST(only_the_process_that_makes_a_record_is_its_maker),
		MAKER_TEST(a_process_may_make_several_records),
		MAKER_TEST(the_last_maker_of_a_record_counts),
		MAKER_TEST(a_file_that_was_made_has_no_maker_any_more),
		MAKER_TEST(the_oldest_note_makes_room),
		MAKER_TEST(a_note_is_forgotten_after_its_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
