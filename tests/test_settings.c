/* SPDX-License-Identifier: MIT */
#include "fs/settings.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "backends/json.h"
#include "backends/log.h"

#define MAX_TEXTS 8

/* What one test has: a store, an environment, options, and what came of them. */
struct fixture {
	char directory[64];
	char *environment[MAX_TEXTS];
	const char *options[MAX_TEXTS];
	size_t option_count;
	struct settings settings;
	struct settings_origins origins;
	char why[SETTINGS_WHY_SIZE];
};

static int make_store(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	const char *base = getenv("TMPDIR");

	assert_non_null(fixture);
	snprintf(fixture->directory, sizeof(fixture->directory), "%.30s/%s",
	         base ? base : "/tmp", "settings-XXXXXX");
	assert_non_null(mkdtemp(fixture->directory));
	*state = fixture;
	return 0;
}

static void path_in_store(const struct fixture *fixture, const char *name,
                          char path[128])
{
	snprintf(path, 128, "%s/%s", fixture->directory, name);
}

static int remove_store(void **state)
{
	struct fixture *fixture = *state;
	char path[128];

	settings_release(&fixture->settings);
	path_in_store(fixture, SETTINGS_FILE, path);
	unlink(path);
	path_in_store(fixture, "secret", path);
	unlink(path);
	assert_int_equal(rmdir(fixture->directory), 0);
	free(fixture);
	return 0;
}

static void write_file(const struct fixture *fixture, const char *name,
                       const char *text)
{
	char path[128];
	FILE *file;

	path_in_store(fixture, name, path);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fchmod(fileno(file), 0600), 0);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int load(struct fixture *fixture)
{
	struct settings_sources sources = {
		.directory = fixture->directory,
		.environment = fixture->environment,
		.options = fixture->options,
		.option_count = fixture->option_count,
	};

	settings_release(&fixture->settings);
	return settings_load(&sources, &fixture->settings, &fixture->origins,
	                     fixture->why);
}

static int load_with_file(struct fixture *fixture, const char *yaml)
{
	write_file(fixture, SETTINGS_FILE, yaml);
	return load(fixture);
}

static int load_with_option(struct fixture *fixture, const char *option)
{
	fixture->options[0] = option;
	fixture->option_count = 1;
	return load(fixture);
}

static int load_with_variable(struct fixture *fixture, char *variable)
{
	fixture->environment[0] = variable;
	return load(fixture);
}

static void an_empty_store_has_the_defaults_of_the_spec(void **state)
{
	struct fixture *fixture = *state;
	const struct settings *settings = &fixture->settings;

	assert_int_equal(load(fixture), 0);
	assert_null(settings->redis.host);
	assert_int_equal(settings->redis.port, 6379);
	assert_int_equal(settings->redis.max_connections, 10);
	assert_string_equal(settings->sqlite.db_path, "godly_ai.db");
	assert_string_equal(settings->hdf5.file_path, "godly_ai_data.h5");
	assert_true(settings->hdf5.max_file_size == 10737418240);
	assert_false(settings->hdf5.chunk_size_given);
	assert_int_equal(settings->encoding, ENCODE_AUTO);
}

static void the_file_of_the_spec_is_read(void **state)
{
	struct fixture *fixture = *state;
	const struct settings *settings = &fixture->settings;

	assert_int_equal(load_with_file(fixture,
	                                "redis:\n"
	                                "  host: localhost\n"
	                                "  port: 6380\n"
	                                "  db: 3\n"
	                                "  max_connections: 4\n"
	                                "  compression_threshold: 2048\n"
	                                "sqlite:\n"
	                                "  db_path: \"./data/x.db\"\n"
	                                "  backup_interval: 60\n"
	                                "  max_backups: 2\n"
	                                "  enable_wal: no\n"
	                                "hdf5:\n"
	                                "  file_path: './data/x.h5'\n"
	                                "  compression: \"lzf\"\n"
	                                "  compression_opts: 9\n"
	                                "  chunk_size: 512\n"
	                                "  max_file_size: 1099511627776\n"),
	                 0);
	assert_string_equal(settings->redis.host, "localhost");
	assert_int_equal(settings->redis.port, 6380);
	assert_int_equal(settings->redis.db, 3);
	assert_int_equal(settings->redis.max_connections, 4);
	assert_int_equal(settings->redis.compression_threshold, 2048);
	assert_string_equal(settings->sqlite.db_path, "./data/x.db");
	assert_int_equal(settings->sqlite.backup_interval, 60);
	assert_int_equal(settings->sqlite.max_backups, 2);
	assert_false(settings->sqlite.enable_wal);
	assert_string_equal(settings->hdf5.file_path, "./data/x.h5");
	assert_string_equal(settings->hdf5.compression, "lzf");
	assert_int_equal(settings->hdf5.compression_opts, 9);
	assert_int_equal(settings->hdf5.chunk_size, 512);
	assert_true(settings->hdf5.chunk_size_given);
	assert_true(settings->hdf5.max_file_size == 1099511627776);
}

static void a_file_without_settings_changes_nothing(void **state)
{
	static const char *const files[] = {
		"",
		"# nothing yet\n",
		"---\n",
		"redis:\nsqlite: ~\n",
		"redis:\n  host: null\n  port: ~\n  password:\n",
		"hdf5: {}\n",
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		assert_int_equal(load_with_file(fixture, files[i]), 0);
		assert_null(fixture->settings.redis.host);
		assert_null(fixture->settings.redis.password);
	}
}

static void later_sources_win(void **state)
{
	struct fixture *fixture = *state;
	const struct redis_settings *redis = &fixture->settings.redis;

	assert_int_equal(load_with_file(fixture, "redis:\n"
	                                         "  host: file\n"
	                                         "  port: 1\n"
	                                         "  db: 1\n"),
	                 0);
	assert_string_equal(redis->host, "file");
	fixture->environment[0] = (char[]){ "REDIS_PORT=2" };
	fixture->environment[1] = (char[]){ "REDIS_DB=2" };
	fixture->environment[2] = (char[]){ "REDIS_HOST=" };
	assert_int_equal(load_with_option(fixture, "redis.db=3"), 0);
	assert_string_equal(redis->host, "file");
	assert_int_equal(redis->port, 2);
	assert_int_equal(redis->db, 3);
}

static void of_two_equal_options_the_last_counts(void **state)
{
	struct fixture *fixture = *state;

	fixture->options[1] = "encoding=pickle";
	fixture->options[0] = "encoding=npy";
	fixture->option_count = 2;
	assert_int_equal(load(fixture), 0);
	assert_int_equal(fixture->settings.encoding, ENCODE_PICKLE);
}

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
		  "gzip, lzf, szip, zstd, none" },
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
		  "redis, sqlite, hdf5" },
		{ "encodings: npy\n",
		  "storage.yaml:1: encodings: unknown; allowed: encoding, "
		  "redis, sqlite, hdf5" },
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
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		assert_int_equal(load_with_file(fixture, refusals[i].given),
		                 -EINVAL);
		assert_string_equal(fixture->why, refusals[i].why);
	}
}

static void broken_yaml_is_named_with_its_line(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(load_with_file(fixture, "redis:\n  port: 'x\n"),
	                 -EINVAL);
	assert_memory_equal(fixture->why, "storage.yaml:3: ", 16);
	assert_int_equal(load_with_file(fixture, "redis:\n\tport: 1\n"),
	                 -EINVAL);
	assert_memory_equal(fixture->why, "storage.yaml:2: ", 16);
}

static void a_file_that_cannot_be_read_is_an_error(void **state)
{
	struct fixture *fixture = *state;
	char path[128];

	path_in_store(fixture, SETTINGS_FILE, path);
	assert_int_equal(symlink(SETTINGS_FILE, path), 0);
	assert_int_equal(load(fixture), -EINVAL);
	assert_string_equal(fixture->why,
	                    "storage.yaml: Too many levels of symbolic links");
}

static void an_endless_reason_is_cut(void **state)
{
	struct fixture *fixture = *state;
	char yaml[2048] = "redis:\n  port: ";

	memset(yaml + strlen(yaml), 'x', 1500);
	assert_int_equal(load_with_file(fixture, yaml), -EINVAL);
	assert_memory_equal(fixture->why, "storage.yaml:2: redis.port: \"xxx",
	                    31);
	assert_int_equal(strlen(fixture->why), SETTINGS_WHY_SIZE - 1);
}

static void mistakes_in_variables_are_named(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(
	    load_with_variable(fixture,
	                       (char[]){ "REDIS_PORT=tcp://10.0.0.1:6379" }),
	    -EINVAL);
	assert_string_equal(fixture->why,
	                    "REDIS_PORT: \"tcp://10.0.0.1:6379\" is not a "
	                    "number from 1 to 65535");
	fixture->environment[1] = (char[]){ "REDIS_PASSWORD_FILE=secret" };
	assert_int_equal(
	    load_with_variable(fixture, (char[]){ "REDIS_PASSWORD=x" }),
	    -EINVAL);
	assert_string_equal(
	    fixture->why,
	    "REDIS_PASSWORD_FILE: not together with REDIS_PASSWORD");
}

static void mistakes_in_options_are_named(void **state)
{
	static const struct refusal refusals[] = {
		{ "redis.port=0", "-o redis.port: \"0\" is not a number from 1 "
		                  "to 65535" },
		{ "redis.port", "-o redis.port: a value is needed" },
		{ "hdf5.level=1",
		  "-o hdf5.level: unknown; allowed in hdf5: file_path, "
		  "compression, compression_opts, chunk_size, max_file_size, "
		  "enable_swmr" },
		{ "sqlite.compression=gzip",
		  "-o sqlite.compression: compression belongs to hdf5" },
		{ "encoding=", "-o encoding: \"\" is not one of auto, npy, "
		               "pickle" },
		{ "redis.password=hunter2",
		  "-o redis.password: every user can read a command line: use "
		  "REDIS_PASSWORD or redis.password_file" },
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		assert_int_equal(load_with_option(fixture, refusals[i].given),
		                 -EINVAL);
		assert_string_equal(fixture->why, refusals[i].why);
	}
}

static void options_that_are_settings_are_recognised(void **state)
{
	(void)state;
	assert_true(settings_is_option("redis.port=1"));
	assert_true(settings_is_option("redis.prot=1"));
	assert_true(settings_is_option("encoding=npy"));
	assert_true(settings_is_option("hdf5."));
	assert_false(settings_is_option("ro"));
	assert_false(settings_is_option("uid=0"));
	assert_false(settings_is_option("redis"));
	assert_false(settings_is_option("port=1"));
	assert_false(settings_is_option("fsname=redis.port"));
}

static void a_configured_server_implies_its_host(void **state)
{
	static const char *const options[] = { "redis.port=6380", "redis.db=1",
		                               "redis.password_file=secret" };
	struct fixture *fixture = *state;

	write_file(fixture, "secret", "x\n");
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		assert_int_equal(load_with_option(fixture, options[i]), 0);
		assert_string_equal(fixture->settings.redis.host, "localhost");
	}
	assert_int_equal(load_with_option(fixture, "redis.max_connections=2"),
	                 0);
	assert_null(fixture->settings.redis.host);
}

static void a_password_comes_from_the_first_line_of_its_file(void **state)
{
	struct fixture *fixture = *state;

	write_file(fixture, "secret", "open sesame\r\nnot this\n");
	fixture->environment[0] = (char[]){ "REDIS_PASSWORD=other" };
	assert_int_equal(
	    load_with_option(fixture, "redis.password_file=secret"), 0);
	assert_string_equal(fixture->settings.redis.password, "open sesame");
}

static void a_password_file_without_password_is_an_error(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(
	    load_with_option(fixture, "redis.password_file=secret"), -EINVAL);
	assert_string_equal(fixture->why,
	                    "-o redis.password_file: secret: No such file or "
	                    "directory; a file with the password in its first "
	                    "line is needed");
	write_file(fixture, "secret", "\n");
	assert_int_equal(load(fixture), -EINVAL);
	assert_string_equal(fixture->why,
	                    "-o redis.password_file: secret: empty; a file "
	                    "with the password in its first line is needed");
}

static struct value *config_of(struct fixture *fixture)
{
	struct blob text = { 0 };
	struct value *config = NULL;
	char why[WHY_SIZE];

	assert_int_equal(
	    settings_append_json(&fixture->settings, &fixture->origins, &text),
	    0);
	assert_null(strstr(text.data, "hunter2"));
	assert_int_equal(
	    json_parse(text.data, text.size, JSON_ARRAYS_REFUSE, &config, why),
	    0);
	blob_release(&text);
	return config;
}

static void assert_config(const struct value *config, const char *section,
                          const char *key, const char *value,
                          const char *origin)
{
	const struct value *entry =
	    value_dict_get(value_dict_get(config, section), key);
	const struct value *shown = value_dict_get(entry, "value");

	if (value)
		assert_string_equal(shown->text.data, value);
	else
		assert_int_equal(shown->type, VALUE_NULL);
	assert_string_equal(value_dict_get(entry, "origin")->text.data, origin);
}

static void config_shows_values_and_where_they_came_from(void **state)
{
	struct fixture *fixture = *state;
	struct value *config;

	fixture->environment[0] = (char[]){ "REDIS_PASSWORD=hunter2" };
	fixture->options[0] = "hdf5.compression=none";
	fixture->option_count = 1;
	assert_int_equal(load_with_file(fixture, "# ours\n"
	                                         "redis:\n"
	                                         "  host: db.lab\n"),
	                 0);
	config = config_of(fixture);
	assert_config(config, "redis", "host", "db.lab", "storage.yaml:3");
	assert_config(config, "redis", "password", "********",
	              "environment REDIS_PASSWORD");
	assert_config(config, "redis", "password_file", NULL, "default");
	assert_config(config, "hdf5", "compression", "none", "-o");
	assert_config(config, "sqlite", "db_path", "godly_ai.db", "default");
	value_unref(config);
}

static void config_masks_a_password_from_a_file(void **state)
{
	struct fixture *fixture = *state;
	struct value *config;

	write_file(fixture, "secret", "hunter2\n");
	assert_int_equal(
	    load_with_option(fixture, "redis.password_file=secret"), 0);
	config = config_of(fixture);
	assert_config(config, "redis", "password", NULL, "default");
	assert_config(config, "redis", "password_file", "********", "-o");
	value_unref(config);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, make_store, remove_store)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_empty_store_has_the_defaults_of_the_spec),
		TEST(the_file_of_the_spec_is_read),
		TEST(a_file_without_settings_changes_nothing),
		TEST(later_sources_win),
		TEST(of_two_equal_options_the_last_counts),
		TEST(mistakes_in_the_file_are_named_with_their_line),
		TEST(broken_yaml_is_named_with_its_line),
		TEST(a_file_that_cannot_be_read_is_an_error),
		TEST(an_endless_reason_is_cut),
		TEST(mistakes_in_variables_are_named),
		TEST(mistakes_in_options_are_named),
		TEST(options_that_are_settings_are_recognised),
		TEST(a_configured_server_implies_its_host),
		TEST(a_password_comes_from_the_first_line_of_its_file),
		TEST(a_password_file_without_password_is_an_error),
		TEST(config_shows_values_and_where_they_came_from),
		TEST(config_masks_a_password_from_a_file),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
