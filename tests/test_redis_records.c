/* SPDX-License-Identifier: MIT */
/* What a record has that other programs do not know of, and what they do. */
#include "tests/redis_help.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/change.h"

#define WITNESS TESTS_DIRECTORY "/data/redis_witness.py"

static void start(struct redis_help *help)
{
	help_start_server(help, "");
	help_open_external(help);
}

static void store_as_python(struct redis_help *help, const char *key,
                            const char *seed)
{
	free(help_run("/usr/bin/python3", WITNESS, "store", help->socket, key,
	              seed, NULL));
}

static long ttl(struct redis_help *help, const char *key)
{
	char command[64];
	char *text;
	long ms;

	snprintf(command, sizeof(command), "pttl %s", key);
	text = help_cli(help, command);
	ms = strtol(text, NULL, 10);
	free(text);
	return ms;
}

static struct timespec array_time(struct redis_help *help, const char *key)
{
	struct record record = { 0 };
	struct timespec time;

	assert_int_equal(help_get(help, key, &record), 0);
	assert_int_equal(record.array_count, 1);
	time = record.arrays[0].mtime;
	record_release(&record);
	return time;
}

static void kept_times_are_void_once_another_program_writes(void **state)
{
	struct redis_help *help = *state;
	struct change change = help_change();

	start(help);
	store_as_python(help, "wm:a", "5");
	assert_int_equal(array_time(help, "a").tv_sec, 1005);
	change.array_action = PART_TOUCH;
	change.array_mtime = (struct timespec){ 77, 123456789 };
	assert_int_equal(help_put(help, "a", &change), 0);
	assert_int_equal(array_time(help, "a").tv_sec, 77);
	assert_int_equal(array_time(help, "a").tv_nsec, 123456789);
	store_as_python(help, "wm:a", "6");
	assert_int_equal(array_time(help, "a").tv_sec, 1006);
}

static void fields_of_other_programs_are_left_alone(void **state)
{
	struct redis_help *help = *state;
	char *text;

	start(help);
	assert_int_equal(help_put_doubles(help, "a", 3, 1), 0);
	free(help_cli(help, "hset wm:a priority 12"));
	assert_int_equal(help_put_doubles(help, "a", 5, 1), 0);
	assert_int_equal(help_put_fields(help, "a", "{\"timestamp\": 5}"), 0);
	text = help_cli(help, "hget wm:a priority");
	assert_string_equal(text, "12\n");
	free(text);
}

/* They are fields of the collection: a write of the fields replaces them. */
static void counters_of_the_python_classes_are_fields(void **state)
{
	struct redis_help *help = *state;
	char *text;

	start(help);
	assert_int_equal(help_put_doubles(help, "a", 3, 1), 0);
	free(help_cli(help, "hset wm:a access_count 12"));
	assert_int_equal(help_put_doubles(help, "a", 5, 1), 0);
	text = help_cli(help, "hget wm:a access_count");
	assert_string_equal(text, "12\n");
	free(text);
	assert_int_equal(help_put_fields(help, "a", "{\"access_count\": 7}"),
	                 0);
	text = help_cli(help, "hget wm:a access_count");
	assert_string_equal(text, "7\n");
	free(text);
	assert_int_equal(help_put_fields(help, "a", "{\"timestamp\": 5}"), 0);
	text = help_cli(help, "hexists wm:a access_count");
	assert_string_equal(text, "0\n");
	free(text);
}

static void unchanged_fields_keep_their_bytes(void **state)
{
	struct redis_help *help = *state;
	char *text;

	start(help);
	free(help_cli(help, "hset wm:a timestamp 1.50e0 metadata '{ }'"));
	assert_int_equal(help_put_fields(help, "a",
	                                 "{\"timestamp\": 1.5, "
	                                 "\"metadata\": {}}"),
	                 0);
	text = help_cli(help, "hmget wm:a timestamp metadata");
	assert_string_equal(text, "1.50e0\n{ }\n");
	free(text);
}

/* What is left of MS, on a busy machine. */
static void assert_ttl(struct redis_help *help, const char *key, int64_t ms)
{
	assert_in_range(ttl(help, key), ms - 100000, ms);
}

static void no_write_makes_a_record_immortal(void **state)
{
	struct redis_help *help = *state;
	struct change change = help_change();

	start(help);
	assert_int_equal(help_put_fields(help, "a", "{\"timestamp\": 5}"), 0);
	assert_ttl(help, "wm:a", 3600000);
	free(help_cli(help, "pexpire wm:a 500000"));
	assert_int_equal(help_put_fields(help, "a", "{\"timestamp\": 6}"), 0);
	assert_ttl(help, "wm:a", 500000);
	/* The array that the fields waited for, and then another. */
	assert_int_equal(help_put_doubles(help, "a", 5, 1), 0);
	assert_ttl(help, "wm:a", 500000);
	assert_int_equal(help_put_doubles(help, "a", 5, 2), 0);
	assert_ttl(help, "wm:a", 3600000);
	change.expires_ms = change_now_ms() + 200000;
	assert_int_equal(help_put(help, "a", &change), 0);
	assert_ttl(help, "wm:a", 200000);
	change = help_change();
	change.array_action = PART_DROP;
	assert_int_equal(help_put(help, "a", &change), 0);
	assert_ttl(help, "wm:a", 200000);
	assert_int_equal(
	    help->store->backend->rename(help->store, help_wm, help_key("a"),
	                                 help_key("b"), RENAME_REPLACE),
	    0);
	assert_ttl(help, "wm:b", 200000);
}

static int64_t expiry(struct redis_help *help, const char *key)
{
	struct record record = { 0 };
	int64_t ms;

	assert_int_equal(help_get(help, key, &record), 0);
	ms = record.expires_ms;
	record_release(&record);
	return ms;
}

static void the_expiry_is_exact_on_an_old_server(void **state)
{
	struct redis_help *help = *state;
	int64_t asked = change_now_ms() + 55555;
	struct change change = help_change();
	struct record_list list = { 0 };
	struct cursor cursor = { 0 };

	help_start_server(help, "--rename-command PEXPIRETIME NONE");
	help_open_external(help);
	assert_int_equal(help_put_doubles(help, "a", 3, 1), 0);
	change.expires_ms = asked;
	assert_int_equal(help_put(help, "a", &change), 0);
	for (int i = 0; i < 5000; i++)
		assert_true(expiry(help, "a") == asked);
	assert_int_equal(help->store->backend->list(help->store, help_wm,
	                                            &cursor, 10, &list),
	                 0);
	assert_int_equal(list.count, 1);
	assert_true(list.items[0].expires_ms == asked);
	record_list_release(&list);
	cursor_release(&cursor);
}

/* A pickle of a class, which is no data. */
static void store_opaque(struct redis_help *help)
{
	static const char code[] =
	    "import sys, redis, pickle, collections\n"
	    "r = redis.Redis(unix_socket_path=sys.argv[1])\n"
	    "d = pickle.dumps(collections.Counter('abc'))\n"
	    "r.hset('wm:a', mapping={'pattern': d, 'timestamp': '5.0'})\n";

	free(help_run("/usr/bin/python3", "-c", code, help->socket, NULL));
}

static void what_is_no_array_is_offered_whole(void **state)
{
	struct redis_help *help = *state;
	const struct backend *redis = backend_find("redis");
	struct change change = help_change();
	struct record record = { 0 };
	struct reader *reader = NULL;
	char byte = 0;

	start(help);
	store_opaque(help);
	assert_int_equal(help_get(help, "a", &record), 0);
	assert_int_equal(record.array_count, 0);
	assert_true(record.opaque_size > 10);
	assert_int_equal(
	    redis->open_opaque(help->store, help_wm, help_key("a"), &reader),
	    0);
	assert_true(reader->size == record.opaque_size);
	assert_int_equal(reader->ops->read(reader, 0, &byte, 1), 1);
	assert_int_equal((unsigned char)byte, 0x80);
	reader->ops->close(reader);
	record_release(&record);
	assert_int_equal(help_put_doubles(help, "a", 3, 1), -EINVAL);
	change.array_action = PART_DROP;
	assert_int_equal(help_put(help, "a", &change), 0);
	assert_int_equal(help_put_doubles(help, "a", 3, 1), 0);
	assert_int_equal(
	    redis->open_opaque(help->store, help_wm, help_key("a"), &reader),
	    -ENOENT);
}

static void an_array_without_shape_and_dtype_is_looked_at(void **state)
{
	struct redis_help *help = *state;
	struct record record = { 0 };

	start(help);
	store_as_python(help, "wm:a", "5");
	free(help_cli(help, "hdel wm:a shape"));
	free(help_cli(help, "hset wm:a dtype 'no such type'"));
	assert_int_equal(help_get(help, "a", &record), 0);
	assert_int_equal(record.array_count, 1);
	assert_int_equal(record.arrays[0].info.ndim, 2);
	assert_int_equal(record.arrays[0].info.shape[1], 4);
	assert_int_equal(record.arrays[0].info.nbytes, 96);
	record_release(&record);
}

static void keys_with_glob_characters_are_only_themselves(void **state)
{
	static const struct field_row fields[] = { { 0 } };
	static const struct array_row arrays[] = {
		{ .name = "", .place = "pattern" },
		{ 0 },
	};
	static const struct collection odd = {
		.path = "odd",
		.backend = "redis",
		.shape = RECORD_PAIR,
		.place = "w*[a]?\\:",
		.arrays = arrays,
		.fields = fields,
	};
	struct redis_help *help = *state;
	struct record_list list = { 0 };
	struct cursor cursor = { 0 };

	start(help);
	free(help_cli(help, "hset 'w*[a]?\\:b' x 1"));
	free(help_cli(help, "hset 'wm:a' x 1"));
	free(help_cli(help, "hset 'wxab:b' x 1"));
	while (!cursor.end)
		assert_int_equal(help->store->backend->list(help->store, &odd,
		                                            &cursor, 10, &list),
		                 0);
	assert_int_equal(list.count, 1);
	assert_string_equal(list.items[0].key.data, "b");
	record_list_release(&list);
	cursor_release(&cursor);
}

static void a_read_only_store_changes_nothing(void **state)
{
	struct redis_help *help = *state;
	const struct backend *redis = backend_find("redis");

	help->settings.read_only = true;
	start(help);
	store_as_python(help, "wm:a", "5");
	assert_int_equal(help_put_doubles(help, "a", 3, 1), -EROFS);
	assert_int_equal(redis->remove(help->store, help_wm, help_key("a")),
	                 -EROFS);
	assert_int_equal(redis->rename(help->store, help_wm, help_key("a"),
	                               help_key("b"), RENAME_REPLACE),
	                 -EROFS);
	assert_true(help_first_double(help, "a") == 5);
}

static bool was_asked(struct redis_help *help, const char *command)
{
	char *text = help_cli(help, "info commandstats");
	char name[32];
	bool found;

	snprintf(name, sizeof(name), "cmdstat_%s:", command);
	found = strstr(text, name);
	free(text);
	return found;
}

static void a_record_that_was_missing_is_made_at_once(void **state)
{
	struct redis_help *help = *state;

	start(help);
	assert_int_equal(help_try_get(help, "a"), -ENOENT);
	free(help_cli(help, "config resetstat"));
	assert_int_equal(help_put_doubles(help, "a", 3, 1), 0);
	assert_true(was_asked(help, "eval"));
	assert_false(was_asked(help, "watch"));
	assert_true(ttl(help, "wm:a") > 0);
	assert_true(help_first_double(help, "a") == 1);
	assert_int_equal(help_put_doubles(help, "a", 3, 2), 0);
	assert_true(help_first_double(help, "a") == 2);
}

static void a_server_without_scripts_will_do(void **state)
{
	struct redis_help *help = *state;

	help_start_server(help, "--rename-command EVAL ''");
	help_open_external(help);
	assert_int_equal(help_try_get(help, "a"), -ENOENT);
	assert_int_equal(help_put_doubles(help, "a", 3, 1), 0);
	assert_true(was_asked(help, "watch"));
	assert_true(ttl(help, "wm:a") > 0);
	assert_true(help_first_double(help, "a") == 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		REDIS_TEST(kept_times_are_void_once_another_program_writes),
		REDIS_TEST(fields_of_other_programs_are_left_alone),
		REDIS_TEST(counters_of_the_python_classes_are_fields),
		REDIS_TEST(unchanged_fields_keep_their_bytes),
		REDIS_TEST(no_write_makes_a_record_immortal),
		REDIS_TEST(the_expiry_is_exact_on_an_old_server),
		REDIS_TEST(what_is_no_array_is_offered_whole),
		REDIS_TEST(an_array_without_shape_and_dtype_is_looked_at),
		REDIS_TEST(keys_with_glob_characters_are_only_themselves),
		REDIS_TEST(a_read_only_store_changes_nothing),
		REDIS_TEST(a_record_that_was_missing_is_made_at_once),
		REDIS_TEST(a_server_without_scripts_will_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
