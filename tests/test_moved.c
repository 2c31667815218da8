/* SPDX-License-Identifier: MIT */
#include "fs/moved.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static int set_up(void **state)
{
	*state = calloc(1, sizeof(struct moved));
	assert_non_null(*state);
	moved_init(*state);
	return 0;
}

static int tear_down(void **state)
{
	moved_release(*state);
	free(*state);
	return 0;
}

static void assert_leads(struct moved *moved, const char *from, const char *to)
{
	char *found = moved_find(moved, from);

	assert_non_null(found);
	assert_string_equal(found, to);
	free(found);
}

static void an_old_name_leads_to_the_new_one(void **state)
{
	struct moved *moved = *state;

	moved_add(moved, "wm/a.json", "wm/b.json");
	assert_leads(moved, "wm/a.json", "wm/b.json");
	assert_leads(moved, "wm/a.json", "wm/b.json");
	assert_null(moved_find(moved, "wm/b.json"));
	assert_null(moved_find(moved, "wm/a.jso"));
	assert_null(moved_find(moved, ""));
}

static void the_last_rename_counts(void **state)
{
	struct moved *moved = *state;

	moved_add(moved, "wm/a.json", "wm/b.json");
	moved_add(moved, "wm/a.json", "wm/c.json");
	assert_leads(moved, "wm/a.json", "wm/c.json");
	moved_drop(moved, "wm/a.json");
	assert_null(moved_find(moved, "wm/a.json"));
}

static void a_dropped_name_leads_nowhere(void **state)
{
	struct moved *moved = *state;

	moved_add(moved, "wm/a.json", "wm/b.json");
	moved_add(moved, "wm/c.json", "wm/d.json");
	moved_drop(moved, "wm/a.json");
	moved_drop(moved, "wm/a.json");
	moved_drop(moved, "wm/never.json");
	assert_null(moved_find(moved, "wm/a.json"));
	assert_leads(moved, "wm/c.json", "wm/d.json");
}

/* The clock is not waited for: the note is made as old as it would be. */
static void age(struct moved *moved, time_t seconds)
{
	for (size_t i = 0; i < MOVED_MAX; i++)
		moved->names[i].until -= seconds;
}

static void a_name_leads_on_for_a_minute(void **state)
{
	struct moved *moved = *state;

	moved_add(moved, "wm/a.json", "wm/b.json");
	age(moved, MOVED_SECONDS - 10);
	assert_leads(moved, "wm/a.json", "wm/b.json");
	age(moved, 11);
	assert_null(moved_find(moved, "wm/a.json"));
	moved_add(moved, "wm/a.json", "wm/c.json");
	assert_leads(moved, "wm/a.json", "wm/c.json");
}

static void add_many(struct moved *moved, int first, int count)
{
	for (int i = first; i < first + count; i++) {
		char from[32];
		char to[32];

		snprintf(from, sizeof(from), "wm/%d.json", i);
		snprintf(to, sizeof(to), "wm/%d-new.json", i);
		moved_add(moved, from, to);
	}
}

static void the_oldest_name_makes_room(void **state)
{
	struct moved *moved = *state;

	add_many(moved, 0, MOVED_MAX);
	assert_leads(moved, "wm/0.json", "wm/0-new.json");
	add_many(moved, MOVED_MAX, 2);
	assert_null(moved_find(moved, "wm/0.json"));
	assert_null(moved_find(moved, "wm/1.json"));
	assert_leads(moved, "wm/2.json", "wm/2-new.json");
	assert_leads(moved, "wm/65.json", "wm/65-new.json");
}

#define MOVED_TEST(function)                                                   \
	cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		MOVED_TEST(an_old_name_leads_to_the_new_one),
		MOVED_TEST(the_last_rename_counts),
		MOVED_TEST(a_dropped_name_leads_nowhere),
		MOVED_TEST(a_name_leads_on_for_a_minute),
		MOVED_TEST(the_oldest_name_makes_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
