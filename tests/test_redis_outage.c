/* SPDX-License-Identifier: MIT */
/* A server that is away, refuses, is full, or holds what is not ours. */
#include "tests/redis_help.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "backends/log.h"

/* Every call fails with -EIO, none takes longer than a second, and most take
 * no time at all. */
static void assert_away(struct redis_help *help)
{
	int64_t start = help_clock_ms();
	int quick = 0;

	for (int i = 0; i < 50; i++) {
		int64_t before = help_clock_ms();

		assert_int_equal(help_try_get(help, "a"), -EIO);
		assert_true(help_clock_ms() - before < 1000);
		quick += help_clock_ms() - before < 5;
	}
	assert_true(quick >= 45);
	assert_true(help_clock_ms() - start < 2500);
}

/* It works again soon, without help. */
static void assert_back(struct redis_help *help)
{
	int64_t start = help_clock_ms();
	int rc;

	while ((rc = help_try_get(help, "a")) == -EIO &&
	       help_clock_ms() - start < 1000)
		help_sleep_ms(10);
	assert_int_equal(rc, 0);
}

static struct backend_status status_of(struct redis_help *help)
{
	struct backend_status status;

	help->store->backend->status(help->store, &status);
	return status;
}

static void a_stopped_server_is_away_within_a_second(void **state)
{
	struct redis_help *help = *state;

	help_start_server(help, "");
	help_open_external(help);
	assert_int_equal(help_put_doubles(help, "a", 3, 1), 0);
	assert_true(status_of(help).healthy);
	kill(help->pid, SIGSTOP);
	assert_away(help);
	assert_false(status_of(help).healthy);
	kill(help->pid, SIGCONT);
	assert_back(help);
	assert_true(status_of(help).healthy);
}

static void a_killed_server_is_away_and_its_successor_is_found(void **state)
{
	struct redis_help *help = *state;

	help_start_server(help, "");
	help_open_external(help);
	assert_int_equal(help_put_doubles(help, "a", 3, 1), 0);
	help_kill_server(help);
	assert_away(help);
	help_start_server(help, "");
	free(help_cli(help, "hset wm:a timestamp 1.5"));
	assert_back(help);
}

static void a_restart_between_two_calls_is_not_noticed(void **state)
{
	struct redis_help *help = *state;

	help_start_server(help, "");
	help_open_external(help);
	assert_int_equal(help_try_get(help, "a"), -ENOENT);
	help_kill_server(help);
	help_start_server(help, "");
	assert_int_equal(help_try_get(help, "a"), -ENOENT);
	assert_int_equal(help_put_doubles(help, "a", 3, 1), 0);
}

static void a_store_opens_before_its_server_is_there(void **state)
{
	struct redis_help *help = *state;

	help_open_external(help);
	assert_false(status_of(help).healthy);
	assert_int_equal(help_try_get(help, "a"), -EIO);
	help_start_server(help, "");
	free(help_cli(help, "hset wm:a timestamp 1.5"));
	assert_back(help);
}

static int try_open(struct redis_help *help, char why[WHY_SIZE])
{
	const struct backend *redis = backend_find("redis");
	int rc;

	free(help->settings.redis.host);
	help->settings.redis.host = strdup(help->socket);
	rc = redis->open(help->directory, &help->settings, &help->store, why);
	if (rc == 0)
		help_close(help);
	return rc;
}

static void a_wrong_password_is_refused_with_the_cause(void **state)
{
	struct redis_help *help = *state;
	char why[WHY_SIZE] = "";

	help_start_server(help, "--requirepass secret");
	assert_int_equal(try_open(help, why), -EACCES);
	assert_non_null(strstr(why, "NOAUTH"));
	help->settings.redis.password = strdup("wrong");
	assert_int_equal(try_open(help, why), -EACCES);
	assert_non_null(strstr(why, "WRONGPASS"));
	assert_null(strstr(why, "wrong "));
	free(help->settings.redis.password);
	help->settings.redis.password = strdup("secret");
	assert_int_equal(try_open(help, why), 0);
}

static void a_database_that_is_not_there_is_refused(void **state)
{
	struct redis_help *help = *state;
	char why[WHY_SIZE] = "";

	help_start_server(help, "");
	help->settings.redis.db = 99;
	assert_int_equal(try_open(help, why), -EINVAL);
	assert_non_null(strstr(why, "out of range"));
	help->settings.redis.db = 3;
	assert_int_equal(try_open(help, why), 0);
}

static void a_full_server_keeps_the_old_record(void **state)
{
	struct redis_help *help = *state;
	const struct backend *redis = backend_find("redis");

	help_start_server(help, "");
	help_open_external(help);
	assert_int_equal(help_put_doubles(help, "a", 3, 1), 0);
	free(help_cli(help, "config set maxmemory 1"));
	assert_int_equal(help_put_doubles(help, "a", 3, 2), -ENOSPC);
	assert_int_equal(help_put_doubles(help, "b", 3, 2), -ENOSPC);
	assert_true(help_first_double(help, "a") == 1);
	assert_int_equal(help_try_get(help, "a"), 0);
	assert_int_equal(help_try_get(help, "b"), -ENOENT);
	assert_int_equal(redis->remove(help->store, help_wm, help_key("a")), 0);
	assert_int_equal(help_try_get(help, "a"), -ENOENT);
	free(help_cli(help, "config set maxmemory 0"));
	assert_int_equal(help_put_doubles(help, "a", 3, 2), 0);
	assert_true(help_first_double(help, "a") == 2);
}

/* What a crash between a change and its removal from the spool would do. */
static void a_ticket_is_good_for_one_change(void **state)
{
	struct redis_help *help = *state;
	const struct ticket first = { "owner", 7 };
	const struct ticket second = { "owner", 8 };
	struct change change = help_change();
	const struct ticket *tickets[] = { &first, &first, &second };
	const int expected[] = { 0, -ENOENT, 0 };
	struct value *fields = value_new_dict();

	help_start_server(help, "");
	help_open_external(help);
	change.fields_action = PART_SET;
	change.fields = fields;
	for (size_t i = 0; i < 3; i++) {
		change.ticket = tickets[i];
		assert_int_equal(help_put(help, "a", &change), 0);
		assert_int_equal(help_try_get(help, "a"), expected[i]);
		free(help_cli(help, "del wm:a"));
	}
	change.fields_action = PART_DROP;
	change.ticket = &first;
	assert_int_equal(help_put_doubles(help, "a", 3, 1), 0);
	assert_int_equal(help_put(help, "a", &change), 0);
	change = help_change();
	change.array_action = PART_DROP;
	change.array_name = "";
	change.ticket = &second;
	assert_int_equal(help_put(help, "a", &change), 0);
	assert_int_equal(help_try_get(help, "a"), -ENOENT);
	assert_int_equal(help_put_doubles(help, "a", 3, 1), 0);
	assert_int_equal(help_put(help, "a", &change), 0);
	assert_int_equal(help_try_get(help, "a"), 0);
	value_unref(fields);
}

static void keys_of_other_types_are_left_alone(void **state)
{
	struct redis_help *help = *state;
	const struct backend *redis = backend_find("redis");
	struct record_list list = { 0 };
	struct cursor cursor = { 0 };
	char *text;

	help_start_server(help, "");
	help_open_external(help);
	free(help_cli(help, "set wm:text hello"));
	free(help_cli(help, "lpush wm:list 1 2"));
	assert_int_equal(help_put_doubles(help, "a", 3, 1), 0);
	while (!cursor.end)
		assert_int_equal(
		    redis->list(help->store, help_wm, &cursor, 10, &list), 0);
	assert_int_equal(list.count, 1);
	record_list_release(&list);
	cursor_release(&cursor);
	assert_int_equal(help_try_get(help, "text"), -ENOENT);
	assert_int_equal(help_put_doubles(help, "text", 3, 1), -EINVAL);
	assert_int_equal(redis->remove(help->store, help_wm, help_key("list")),
	                 -ENOENT);
	assert_int_equal(redis->rename(help->store, help_wm, help_key("a"),
	                               help_key("text"), RENAME_REPLACE),
	                 -EIO);
	text = help_cli(help, "get wm:text");
	assert_string_equal(text, "hello\n");
	free(text);
}

static void one_connection_serves_many_calls(void **state)
{
	struct redis_help *help = *state;
	char *text;

	help->settings.redis.max_connections = 1;
	help_start_server(help, "");
	help_open_external(help);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(help_put_doubles(help, "a", 3, i), 0);
		assert_int_equal(help_put_fields(help, "a", "{\"x\": 1}"),
		                 -EINVAL);
	}
	text = help_cli(help, "info stats | grep ^total_connections_received");
	assert_true(strtol(strchr(text, ':') + 1, NULL, 10) < 12);
	free(text);
}

static void a_host_that_does_not_exist_is_away(void **state)
{
	struct redis_help *help = *state;
	int64_t start = help_clock_ms();

	help->settings.redis.host = strdup("no-such-host.invalid");
	help_open_external(help);
	assert_int_equal(help_try_get(help, "a"), -EIO);
	assert_true(help_clock_ms() - start < 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		REDIS_TEST(a_stopped_server_is_away_within_a_second),
		REDIS_TEST(a_killed_server_is_away_and_its_successor_is_found),
		REDIS_TEST(a_restart_between_two_calls_is_not_noticed),
		REDIS_TEST(a_store_opens_before_its_server_is_there),
		REDIS_TEST(a_wrong_password_is_refused_with_the_cause),
		REDIS_TEST(a_database_that_is_not_there_is_refused),
		REDIS_TEST(a_full_server_keeps_the_old_record),
		REDIS_TEST(a_ticket_is_good_for_one_change),
		REDIS_TEST(keys_of_other_types_are_left_alone),
		REDIS_TEST(one_connection_serves_many_calls),
		REDIS_TEST(a_host_that_does_not_exist_is_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
