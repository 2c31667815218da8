/* SPDX-License-Identifier: MIT */
/* Looking a record up: what comes along, and what may come in between. */
#include "tests/redis_help.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "backends/glimpse.h"

static void start(struct redis_help *help)
{
	help_start_server(help, "");
	help_open_external(help);
}

/* Whatever is wrong with the bytes. */
static void a_lookup_with_the_array_shows_what_one_without_does(void **state)
{
	struct redis_help *help = *state;
	const struct glimpse_ops *ops = backend_find("redis")->glimpse;
	static const char *const shapes[] = { "(12,)", "(3,4)", "" };

	start(help);
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		struct record record = { 0 };
		struct record along = { 0 };
		struct reader *reader = NULL;
		char command[128];

		snprintf(command, sizeof(command),
		         "hset wm:a pattern nonsense timestamp 5 "
		         "dtype float64 shape '%s'",
		         shapes[i]);
		free(help_cli(help, command));
		assert_int_equal(help_get(help, "a", &record), 0);
		assert_int_equal(ops->get(help->store, help_wm, help_key("a"),
		                          help_wm->arrays[0].name, &along,
		                          &reader),
		                 0);
		assert_null(reader);
		assert_int_equal(along.array_count, record.array_count);
		assert_int_equal(along.opaque_size, record.opaque_size);
		record_release(&record);
		record_release(&along);
	}
}

static void what_came_since_a_lookup_is_kept(void **state)
{
	struct redis_help *help = *state;
	char *text;

	start(help);
	assert_int_equal(help_try_get(help, "a"), -ENOENT);
	free(help_cli(help, "hset wm:a timestamp 5 metadata '{\"k\":1}'"));
	assert_int_equal(help_put_doubles(help, "a", 3, 1), 0);
	text = help_cli(help, "hget wm:a metadata");
	assert_string_equal(text, "{\"k\":1}\n");
	free(text);
	assert_true(help_first_double(help, "a") == 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		REDIS_TEST(a_lookup_with_the_array_shows_what_one_without_does),
		REDIS_TEST(what_came_since_a_lookup_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
