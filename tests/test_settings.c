/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "backends/json.h"
#include "backends/log.h"
#include "tests/settings_help.h"

static void an_empty_store_has_the_defaults_of_the_spec(void **state)
{
	struct settings_help *help = *state;
	const struct settings *settings = &help->settings;

	assert_int_equal(settings_reload(help), 0);
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
	struct settings_help *help = *state;
	const struct settings *settings = &help->settings;

	assert_int_equal(settings_load_file(help,
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
	struct settings_help *help = *state;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		assert_int_equal(settings_load_file(help, files[i]), 0);
		assert_null(help->settings.redis.host);
		assert_null(help->settings.redis.password);
	}
}

static void later_sources_win(void **state)
{
	struct settings_help *help = *state;
	const struct redis_settings *redis = &help->settings.redis;

	assert_int_equal(settings_load_file(help, "redis:\n"
	                                          "  host: file\n"
	                                          "  port: 1\n"
	                                          "  db: 1\n"),
	                 0);
	assert_string_equal(redis->host, "file");
	help->environment[0] = (char[]){ "REDIS_PORT=2" };
	help->environment[1] = (char[]){ "REDIS_DB=2" };
	help->environment[2] = (char[]){ "REDIS_HOST=" };
	assert_int_equal(settings_load_option(help, "redis.db=3"), 0);
	assert_string_equal(redis->host, "file");
	assert_int_equal(redis->port, 2);
	assert_int_equal(redis->db, 3);
}

static void of_two_equal_options_the_last_counts(void **state)
{
	struct settings_help *help = *state;

	help->options[1] = "encoding=pickle";
	help->options[0] = "encoding=npy";
	help->option_count = 2;
	assert_int_equal(settings_reload(help), 0);
	assert_int_equal(help->settings.encoding, ENCODE_PICKLE);
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
	struct settings_help *help = *state;

	settings_write(help, "secret", "x\n");
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		assert_int_equal(settings_load_option(help, options[i]), 0);
		assert_string_equal(help->settings.redis.host, "localhost");
	}
	assert_int_equal(settings_load_option(help, "redis.max_connections=2"),
	                 0);
	assert_null(help->settings.redis.host);
}

static void a_password_comes_from_the_first_line_of_its_file(void **state)
{
	struct settings_help *help = *state;

	settings_write(help, "secret", "open sesame\r\nnot this\n");
	help->environment[0] = (char[]){ "REDIS_PASSWORD=other" };
	assert_int_equal(
	    settings_load_option(help, "redis.password_file=secret"), 0);
	assert_string_equal(help->settings.redis.password, "open sesame");
}

static struct value *config_of(struct settings_help *help)
{
	struct blob text = { 0 };
	struct value *config = NULL;
	char why[WHY_SIZE];

	assert_int_equal(
	    settings_append_json(&help->settings, &help->origins, &text), 0);
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
	struct settings_help *help = *state;
	struct value *config;

	help->environment[0] = (char[]){ "REDIS_PASSWORD=hunter2" };
	help->options[0] = "hdf5.compression=none";
	help->option_count = 1;
	assert_int_equal(settings_load_file(help, "# ours\n"
	                                          "redis:\n"
	                                          "  host: db.lab\n"),
	                 0);
	config = config_of(help);
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
	struct settings_help *help = *state;
	struct value *config;

	settings_write(help, "secret", "hunter2\n");
	assert_int_equal(
	    settings_load_option(help, "redis.password_file=secret"), 0);
	config = config_of(help);
	assert_config(config, "redis", "password", NULL, "default");
	assert_config(config, "redis", "password_file", "********", "-o");
	value_unref(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SETTINGS_TEST(an_empty_store_has_the_defaults_of_the_spec),
		SETTINGS_TEST(the_file_of_the_spec_is_read),
		SETTINGS_TEST(a_file_without_settings_changes_nothing),
		SETTINGS_TEST(later_sources_win),
		SETTINGS_TEST(of_two_equal_options_the_last_counts),
		SETTINGS_TEST(options_that_are_settings_are_recognised),
		SETTINGS_TEST(a_configured_server_implies_its_host),
		SETTINGS_TEST(a_password_comes_from_the_first_line_of_its_file),
		SETTINGS_TEST(config_shows_values_and_where_they_came_from),
		SETTINGS_TEST(config_masks_a_password_from_a_file),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
