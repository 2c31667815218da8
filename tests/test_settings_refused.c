/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "backends/log.h"
#include "tests/settings_help.h"

struct refusal {
	const char *given;
	const char *why;
};

static void mistakes_in_the_file_are_named_with_their_line(void **state)
{
	static const struct refusal refusals[] = {
		{ "redis:\n  port: abc\n",
		  "storage.yaml:2: redis.port: \"abc\" is not a number from 1 "
		  "to 65535" },
		{ "redis:\n  port: 65536\n",
		  "storage.yaml:2: redis.port: \"65536\" is not a number from "
		  "1 to 65535" },
		{ "redis:\n\n  port: 99999999999999999999\n",
		  "storage.yaml:3: redis.port: \"99999999999999999999\" is not "
		  "a number from 1 to 65535" },
		{ "redis:\n  port: 1.5\n",
		  "storage.yaml:2: redis.port: \"1.5\" is not a number from 1 "
		  "to 65535" },
		{ "redis:\n  retry_delay: nan\n",
		  "storage.yaml:2: redis.retry_delay: \"nan\" is not a number "
		  "of seconds from 0 to 3600" },
		{ "hdf5:\n  compression: bzip2\n",
		  "storage.yaml:2: hdf5.compression: \"bzip2\" is not one of "
		  "gzip, lzf, szip, zstd, none, auto" },
		{ "encoding: Npy\n",
		  "storage.yaml:1: encoding: \"Npy\" is not one of auto, npy, "
		  "pickle" },
		{ "sqlite:\n  enable_wal: 2\n",
		  "storage.yaml:2: sqlite.enable_wal: \"2\" is not true or "
		  "false" },
		{ "sqlite:\n  db_path: ''\n",
		  "storage.yaml:2: sqlite.db_path: an empty text is not "
		  "allowed" },
		{ "sqlite:\n  max_backup: 3\n",
		  "storage.yaml:2: sqlite.max_backup: unknown; allowed in "
		  "sqlite: db_path, backup_interval, max_backups, enable_wal, "
		  "connection_timeout" },
		{ "redis:\n  db_path: x\n",
		  "storage.yaml:2: redis.db_path: db_path belongs to sqlite" },
		{ "port: 1\n", "storage.yaml:1: port: port belongs to redis" },
		{ "\npostgres: {}\n",
		  "storage.yaml:2: postgres: unknown; allowed: encoding, "
		  "scratch_quota, read_ahead, redis, sqlite, hdf5, backup" },
		{ "encodings: npy\n",
		  "storage.yaml:1: encodings: unknown; allowed: encoding, "
		  "scratch_quota, read_ahead, redis, sqlite, hdf5, backup" },
		{ "redis:\n  port: 1\n  db: 0\n  port: 1\n",
		  "storage.yaml:4: redis.port: line 2 has already set port" },
		{ "redis:\n  port: 1\nredis:\n  port: 2\n",
		  "storage.yaml:4: redis.port: line 2 has already set port" },
		{ "redis: 6379\n",
		  "storage.yaml:1: redis: keys and their values are needed" },
		{ "redis:\n  host: [a, b]\n",
		  "storage.yaml:2: redis.host: a single value is needed" },
		{ "redis:\n  host: \"a\\0b\"\n",
		  "storage.yaml:2: redis.host: a single value is needed" },
		{ "- redis\n",
		  "storage.yaml:1: keys and their values are needed" },
		{ "redis:\n  [1]: 2\n", "storage.yaml:2: a name is needed" },
		{ "redis:\n  port: 1\n---\nredis:\n  port: 2\n",
		  "storage.yaml:4: a second document" },
		{ "redis:\n  port: 1\n  password: x\n  password_file: secret\n",
		  "storage.yaml:4: redis.password_file: line 3 has already set "
		  "password" },
	};
	struct settings_help *help = *state;

	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		assert_int_equal(settings_load_file(help, refusals[i].given),
		                 -EINVAL);
		assert_string_equal(help->why, refusals[i].why);
	}
}

static void broken_yaml_is_named_with_its_line(void **state)
{
	struct settings_help *help = *state;

	assert_int_equal(settings_load_file(help, "redis:\n  port: 'x\n"),
	                 -EINVAL);
	assert_memory_equal(help->why, "storage.yaml:3: ", 16);
	assert_int_equal(settings_load_file(help, "redis:\n\tport: 1\n"),
	                 -EINVAL);
	assert_memory_equal(help->why, "storage.yaml:2: ", 16);
}

static void a_file_that_cannot_be_read_is_an_error(void **state)
{
	struct settings_help *help = *state;
	char path[128];

	settings_path(help, SETTINGS_FILE, path);
	assert_int_equal(symlink(SETTINGS_FILE, path), 0);
	assert_int_equal(settings_reload(help), -EINVAL);
	assert_string_equal(help->why,
	                    "storage.yaml: Too many levels of symbolic links");
}

static void an_endless_reason_is_cut(void **state)
{
	struct settings_help *help = *state;
	char yaml[2048] = "redis:\n  port: ";

	memset(yaml + strlen(yaml), 'x', 1500);
	assert_int_equal(settings_load_file(help, yaml), -EINVAL);
	assert_memory_equal(help->why, "storage.yaml:2: redis.port: \"xxx", 31);
	assert_int_equal(strlen(help->why), SETTINGS_WHY_SIZE - 1);
}

static void mistakes_in_variables_are_named(void **state)
{
	struct settings_help *help = *state;

	assert_int_equal(
	    settings_load_variable(
		help, (char[]){ "REDIS_PORT=tcp://10.0.0.1:6379" }),
	    -EINVAL);
	assert_string_equal(help->why,
	                    "REDIS_PORT: \"tcp://10.0.0.1:6379\" is not a "
	                    "number from 1 to 65535");
	help->environment[1] = (char[]){ "REDIS_PASSWORD_FILE=secret" };
	assert_int_equal(
	    settings_load_variable(help, (char[]){ "REDIS_PASSWORD=x" }),
	    -EINVAL);
	assert_string_equal(
	    help->why, "REDIS_PASSWORD_FILE: not together with REDIS_PASSWORD");
}

static void mistakes_in_options_are_named(void **state)
{
	static const struct refusal refusals[] = {
		{ "redis.port=0", "-o redis.port: \"0\" is not a number from 1 "
		                  "to 65535" },
		{ "redis.port", "-o redis.port: a value is needed" },
		{ "hdf5.level=1",
		  "-o hdf5.level: unknown; allowed in hdf5: file_path, "
		  "compression, compression_opts, chunk_size, cache_size, "
		  "max_file_size, enable_swmr, sync_commits" },
		{ "sqlite.compression=gzip",
		  "-o sqlite.compression: compression belongs to hdf5" },
		{ "encoding=", "-o encoding: \"\" is not one of auto, npy, "
		               "pickle" },
		{ "redis.password=hunter2",
		  "-o redis.password: every user can read a command line: use "
		  "REDIS_PASSWORD or redis.password_file" },
	};
	struct settings_help *help = *state;

	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		assert_int_equal(settings_load_option(help, refusals[i].given),
		                 -EINVAL);
		assert_string_equal(help->why, refusals[i].why);
	}
}

static void a_password_file_without_password_is_an_error(void **state)
{
	struct settings_help *help = *state;

	assert_int_equal(
	    settings_load_option(help, "redis.password_file=secret"), -EINVAL);
	assert_string_equal(help->why,
	                    "-o redis.password_file: secret: No such file or "
	                    "directory; a file with the password in its first "
	                    "line is needed");
	settings_write(help, "secret", "\n");
	assert_int_equal(settings_reload(help), -EINVAL);
	assert_string_equal(help->why,
	                    "-o redis.password_file: secret: empty; a file "
	                    "with the password in its first line is needed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SETTINGS_TEST(mistakes_in_the_file_are_named_with_their_line),
		SETTINGS_TEST(broken_yaml_is_named_with_its_line),
		SETTINGS_TEST(a_file_that_cannot_be_read_is_an_error),
		SETTINGS_TEST(an_endless_reason_is_cut),
		SETTINGS_TEST(mistakes_in_variables_are_named),
		SETTINGS_TEST(mistakes_in_options_are_named),
		SETTINGS_TEST(a_password_file_without_password_is_an_error),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
