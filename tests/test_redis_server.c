/* SPDX-License-Identifier: MIT */
/* The embedded server: it comes and goes with the store, and keeps its data. */
#include "tests/redis_help.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/change.h"

static bool is_there(const char *directory, const char *name)
{
	char path[512];
	struct stat stat;

	snprintf(path, sizeof(path), "%s/redis/%s", directory, name);
	return lstat(path, &stat) == 0;
}

static void assert_nothing_left(const char *directory)
{
	for (int i = 0; i < 200 && help_find_server(directory); i++)
		help_sleep_ms(10);
	assert_int_equal(help_find_server(directory), 0);
	assert_false(is_there(directory, "redis.sock"));
}

static void what_has_not_expired_is_there_after_reopening(void **state)
{
	struct redis_help *help = *state;
	struct record before = { 0 };
	struct record after = { 0 };

	help_open_embedded(help, help->directory);
	assert_int_equal(help_put_doubles(help, "a", 1000, 7), 0);
	assert_int_equal(help_put_fields(help, "b", "{\"timestamp\": 5.5}"), 0);
	assert_int_equal(help_get(help, "a", &before), 0);
	assert_int_equal(help->store->backend->sync(help->store), 0);
	help_close(help);
	assert_nothing_left(help->directory);

	help_open_embedded(help, help->directory);
	assert_int_equal(help_get(help, "a", &after), 0);
	assert_int_equal(after.expires_ms, before.expires_ms);
	assert_true(help_first_double(help, "a") == 7);
	assert_int_equal(help_try_get(help, "b"), 0);
	record_release(&before);
	record_release(&after);
}

static void what_expires_while_closed_is_gone(void **state)
{
	struct redis_help *help = *state;
	struct change change = help_change();

	help_open_embedded(help, help->directory);
	assert_int_equal(help_put_doubles(help, "a", 3, 7), 0);
	change.expires_ms = change_now_ms() + 300;
	assert_int_equal(help_put(help, "a", &change), 0);
	help_close(help);
	help_sleep_ms(300);
	help_open_embedded(help, help->directory);
	assert_int_equal(help_try_get(help, "a"), -ENOENT);
}

static void the_directory_and_the_socket_are_private(void **state)
{
	struct redis_help *help = *state;
	char path[256];
	struct stat stat;
	char *ports;

	help_open_embedded(help, help->directory);
	snprintf(path, sizeof(path), "%s/redis", help->directory);
	assert_int_equal(lstat(path, &stat), 0);
	assert_int_equal(stat.st_mode & 0777, 0700);
	snprintf(path, sizeof(path), "%s/redis/redis.sock", help->directory);
	assert_int_equal(lstat(path, &stat), 0);
	assert_int_equal(stat.st_mode & 0777, 0700);
	snprintf(path, sizeof(path),
	         "redis-cli -s %s/redis/redis.sock config get port",
	         help->directory);
	ports = help_run("sh", "-c", path, NULL);
	assert_string_equal(ports, "port\n0\n");
	free(ports);
}

static void a_terminal_does_not_reach_the_server(void **state)
{
	struct redis_help *help = *state;
	pid_t server;

	help_open_embedded(help, help->directory);
	server = help_find_server(help->directory);
	assert_true(server > 0);
	assert_int_equal(getsid(server), server);
	assert_int_not_equal(getpgid(server), getpgid(0));
}

static void a_long_path_is_no_obstacle(void **state)
{
	struct redis_help *help = *state;
	char parent[256];
	char path[400];

	snprintf(parent, sizeof(parent), "%s/%0100d", help->directory, 1);
	assert_int_equal(mkdir(parent, 0700), 0);
	snprintf(path, sizeof(path), "%s/with space and 'quotes\" ", parent);
	assert_int_equal(mkdir(path, 0700), 0);
	help_open_embedded(help, path);
	assert_int_equal(help_put_doubles(help, "a", 3, 7), 0);
	assert_true(help_first_double(help, "a") == 7);
	help_close(help);
	assert_nothing_left(path);
}

static void a_second_mount_of_a_store_is_refused(void **state)
{
	struct redis_help *help = *state;
	struct store *second = NULL;
	char why[WHY_SIZE] = "";

	help_open_embedded(help, help->directory);
	assert_int_equal(help->store->backend->open(
			     help->directory, &help->settings, &second, why),
	                 -EBUSY);
	assert_non_null(strstr(why, "another mount"));
	assert_int_equal(help_put_doubles(help, "a", 3, 7), 0);
}

static void a_missing_program_is_named(void **state)
{
	struct redis_help *help = *state;
	const struct backend *redis = backend_find("redis");
	char why[WHY_SIZE] = "";

	free(help->settings.redis.server);
	help->settings.redis.server = strdup("no-such-redis-server");
	assert_int_equal(
	    redis->open(help->directory, &help->settings, &help->store, why),
	    -ENOENT);
	assert_non_null(strstr(why, "no-such-redis-server"));
	assert_null(help->store);
}

static void a_server_that_cannot_start_is_an_error(void **state)
{
	struct redis_help *help = *state;
	const struct backend *redis = backend_find("redis");
	char why[WHY_SIZE] = "";
	int64_t start = help_clock_ms();

	free(help->settings.redis.server);
	help->settings.redis.server = strdup("false");
	assert_int_equal(
	    redis->open(help->directory, &help->settings, &help->store, why),
	    -EIO);
	assert_non_null(strstr(why, "status 1"));
	assert_true(help_clock_ms() - start < 2000);
}

static void a_server_that_dies_is_started_again(void **state)
{
	struct redis_help *help = *state;
	int64_t start;
	pid_t server;
	int rc;

	help_open_embedded(help, help->directory);
	assert_int_equal(help_put_doubles(help, "a", 3, 7), 0);
	server = help_find_server(help->directory);
	kill(server, SIGKILL);
	start = help_clock_ms();
	while ((rc = help_try_get(help, "a")) == -EIO &&
	       help_clock_ms() - start < 3000)
		help_sleep_ms(10);
	assert_int_equal(rc, 0);
	assert_true(help_first_double(help, "a") == 7);
	help_close(help);
	assert_nothing_left(help->directory);
}

static void a_stopped_server_is_ended_all_the_same(void **state)
{
	struct redis_help *help = *state;

	help_open_embedded(help, help->directory);
	assert_int_equal(help_put_doubles(help, "a", 3, 7), 0);
	kill(help_find_server(help->directory), SIGSTOP);
	help_close(help);
	assert_nothing_left(help->directory);
	help_open_embedded(help, help->directory);
	assert_true(help_first_double(help, "a") == 7);
}

/* A process that opens the store, writes and is killed without warning. */
static void write_and_be_killed(struct redis_help *help)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		help_open_embedded(help, help->directory);
		if (help_put_doubles(help, "a", 100000, 7))
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void what_was_acknowledged_survives_a_killed_mount(void **state)
{
	struct redis_help *help = *state;

	write_and_be_killed(help);
	help_open_embedded(help, help->directory);
	assert_true(help_first_double(help, "a") == 7);
	help_close(help);
	assert_nothing_left(help->directory);
}

static void the_server_of_a_killed_mount_ends_by_itself(void **state)
{
	struct redis_help *help = *state;

	write_and_be_killed(help);
	assert_nothing_left(help->directory);
}

/* As if an earlier mount had left it: it has the store's socket and data. */
static void a_left_over_server_is_ended_and_replaced(void **state)
{
	struct redis_help *help = *state;
	char options[128];

	snprintf(options, sizeof(options), "--dir %s/redis", help->directory);
	assert_int_equal(mkdir(options + strlen("--dir "), 0700), 0);
	snprintf(help->socket, sizeof(help->socket), "%s/redis/redis.sock",
	         help->directory);
	help_start_server(help, options);
	free(help_cli(help, "config set appendonly yes"));
	free(help_cli(help, "hset wm:a timestamp 1.5"));
	/* A child of the test stays a zombie until it is waited for. */
	help_open_embedded(help, help->directory);
	assert_int_equal(help_try_get(help, "a"), 0);
	assert_int_equal(waitpid(help->pid, NULL, WNOHANG), help->pid);
	help->pid = 0;
}

static void the_status_tells_version_and_memory(void **state)
{
	struct redis_help *help = *state;
	struct backend_status status;

	help_open_embedded(help, help->directory);
	assert_int_equal(help_try_get(help, "a"), -ENOENT);
	help->store->backend->status(help->store, &status);
	assert_true(status.healthy);
	assert_non_null(strstr(status.detail, "redis "));
	assert_non_null(strstr(status.detail, ", embedded"));
	assert_true(status.bytes_used > 100000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		REDIS_TEST(what_has_not_expired_is_there_after_reopening),
		REDIS_TEST(what_expires_while_closed_is_gone),
		REDIS_TEST(the_directory_and_the_socket_are_private),
		REDIS_TEST(a_terminal_does_not_reach_the_server),
		REDIS_TEST(a_long_path_is_no_obstacle),
		REDIS_TEST(a_second_mount_of_a_store_is_refused),
		REDIS_TEST(a_missing_program_is_named),
		REDIS_TEST(a_server_that_cannot_start_is_an_error),
		REDIS_TEST(a_server_that_dies_is_started_again),
		REDIS_TEST(a_stopped_server_is_ended_all_the_same),
		REDIS_TEST(what_was_acknowledged_survives_a_killed_mount),
		REDIS_TEST(the_server_of_a_killed_mount_ends_by_itself),
		REDIS_TEST(a_left_over_server_is_ended_and_replaced),
		REDIS_TEST(the_status_tells_version_and_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
