/* SPDX-License-Identifier: MIT */
/* Records that the Python classes share with us, on a real server. */
#include "tests/redis_help.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backends/change.h"
#include "backends/json.h"
#include "backends/npy.h"

#define WITNESS TESTS_DIRECTORY "/data/redis_witness.py"

/* Collections that the Python classes keep beside the working memory. */
static const struct array_row attention_arrays[] = {
	{ .name = "", .place = "weights" },
	{ 0 },
};
static const struct field_row attention_fields[] = {
	{ .name = "timestamp",
	  .type = FIELD_FLOAT,
	  .place = "timestamp",
	  .fallback = DEFAULT_NOW },
	{ .name = "sum",
	  .type = FIELD_FLOAT,
	  .place = "sum",
	  .rule = FIELD_SUM,
	  .array = "" },
	{ .name = "shape",
	  .type = FIELD_JSON,
	  .place = "shape",
	  .rule = FIELD_SHAPE,
	  .array = "" },
	{ 0 },
};
static const struct array_row spike_arrays[] = {
	{ .name = "", .place = "spikes" },
	{ 0 },
};
static const struct field_row spike_fields[] = {
	{ .name = "cached_at",
	  .type = FIELD_FLOAT,
	  .place = "cached_at",
	  .fallback = DEFAULT_NOW },
	{ .name = "neuron_ids",
	  .type = FIELD_JSON,
	  .place = "neuron_ids",
	  .fallback = DEFAULT_ABSENT },
	{ .name = "shape",
	  .type = FIELD_JSON,
	  .place = "shape",
	  .rule = FIELD_SHAPE,
	  .array = "" },
	{ .name = "dtype",
	  .type = FIELD_TEXT,
	  .place = "dtype",
	  .rule = FIELD_DTYPE,
	  .array = "" },
	{ 0 },
};
static const struct collection attention = {
	.path = "attention",
	.backend = "redis",
	.shape = RECORD_PAIR,
	.place = "attention:",
	.ttl = 600,
	.arrays = attention_arrays,
	.fields = attention_fields,
	.timestamp = "timestamp",
};
static const struct collection spikes = {
	.path = "spike_cache",
	.backend = "redis",
	.shape = RECORD_PAIR,
	.place = "spikes:",
	.ttl = 300,
	.arrays = spike_arrays,
	.fields = spike_fields,
	.timestamp = "cached_at",
};

static void load_legacy(struct redis_help *help)
{
	char line[512];

	snprintf(line, sizeof(line),
	         "redis-cli -s %s --pipe < " TESTS_DIRECTORY
	         "/data/legacy/redis_commands.resp",
	         help->socket);
	free(help_run("sh", "-c", line, NULL));
}

static void write_file(const char *directory, const struct blob *name,
                       const char *suffix, const struct blob *bytes)
{
	struct blob path = { 0 };
	FILE *file;

	assert_int_equal(blob_printf(&path, "%s/", directory), 0);
	for (size_t i = 0; i < name->size; i++)
		assert_int_equal(
		    blob_printf(&path, "%02x", (unsigned char)name->data[i]),
		    0);
	assert_int_equal(blob_append_text(&path, suffix), 0);
	file = fopen(path.data, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes->data, 1, bytes->size, file),
	                 bytes->size);
	assert_int_equal(fclose(file), 0);
	blob_release(&path);
}

static void read_npy(struct redis_help *help, const struct collection *row,
                     struct key key, struct blob *out)
{
	struct reader *reader = NULL;
	size_t header;

	assert_int_equal(help->store->backend->open_array(help->store, row, key,
	                                                  "", &reader),
	                 0);
	assert_int_equal(npy_append_header(&reader->info, out), 0);
	header = out->size;
	assert_int_equal(blob_resize(out, header + reader->size), 0);
	assert_int_equal(
	    reader->ops->read(reader, 0, out->data + header, reader->size),
	    reader->size);
	reader->ops->close(reader);
}

static uint64_t npy_size(const struct record *record)
{
	uint64_t size;

	assert_int_equal(record->array_count, 1);
	assert_int_equal(npy_file_size(&record->arrays[0].info, &size), 0);
	return size;
}

/* Everything that we say of one record, for the witness. */
static void dump_record(struct redis_help *help, const struct collection *row,
                        const struct record *listed, const char *directory)
{
	struct key key = { listed->key.data, listed->key.size };
	struct record record = { 0 };
	struct blob name = { 0 };
	struct blob json = { 0 };
	struct blob npy = { 0 };

	assert_int_equal(
	    help->store->backend->get(help->store, row, key, &record), 0);
	read_npy(help, row, key, &npy);
	assert_int_equal(record.expires_ms, listed->expires_ms);
	assert_int_equal(blob_printf(&json,
	                             "{\"size\": %llu, \"listed_size\": %llu, "
	                             "\"expires_ms\": %lld, \"fields\": ",
	                             (unsigned long long)npy_size(&record),
	                             (unsigned long long)npy_size(listed),
	                             (long long)record.expires_ms),
	                 0);
	assert_int_equal(json_append(record.fields, JSON_STYLE_PYTHON,
	                             JSON_ARRAYS_REFUSE, 1 << 20, &json),
	                 0);
	assert_int_equal(blob_append_text(&json, "}"), 0);
	assert_int_equal(blob_printf(&name, "%s", row->place), 0);
	assert_int_equal(blob_append(&name, key.data, key.size), 0);
	write_file(directory, &name, ".npy", &npy);
	write_file(directory, &name, ".json", &json);
	record_release(&record);
	blob_release(&name);
	blob_release(&json);
	blob_release(&npy);
}

static size_t list(struct redis_help *help, const struct collection *row,
                   struct record_list *out)
{
	struct cursor cursor = { 0 };

	while (!cursor.end)
		assert_int_equal(help->store->backend->list(help->store, row,
		                                            &cursor, 5, out),
		                 0);
	cursor_release(&cursor);
	return out->count;
}

static void assert_witness(struct redis_help *help, const char *form,
                           const char *count)
{
	const struct collection *const rows[] = { help_wm, &attention, &spikes,
		                                  NULL };
	char directory[128];
	char *said;

	snprintf(directory, sizeof(directory), "%s/shown", help->directory);
	assert_int_equal(mkdir(directory, 0700), 0);
	for (size_t r = 0; rows[r]; r++) {
		struct record_list all = { 0 };

		list(help, rows[r], &all);
		for (size_t i = 0; i < all.count; i++)
			dump_record(help, rows[r], &all.items[i], directory);
		record_list_release(&all);
	}
	said = help_run("/usr/bin/python3", WITNESS, "compare", help->socket,
	                directory, form, NULL);
	if (strncmp(said, count, strlen(count)) != 0)
		fail_msg("%s", said);
	free(said);
}

static void a_store_of_the_python_classes_is_what_python_reads(void **state)
{
	struct redis_help *help = *state;

	help_start_server(help, "");
	load_legacy(help);
	help_open_external(help);
	assert_witness(help, NULL, "13\n");
}

/* How often COMMAND was called, for the whole array. */
static long calls(struct redis_help *help, const char *command)
{
	char line[128];
	char *text;
	long count = 0;

	snprintf(line, sizeof(line),
	         "info commandstats | sed -n s/^cmdstat_%s:calls=//p", command);
	text = help_cli(help, line);
	count = strtol(text, NULL, 10);
	free(text);
	return count;
}

static void listing_reads_no_arrays(void **state)
{
	struct redis_help *help = *state;
	struct record_list all = { 0 };
	long before;

	help_start_server(help, "");
	load_legacy(help);
	help_open_external(help);
	before = calls(help, "hget");
	assert_int_equal(list(help, help_wm, &all), 9);
	assert_int_equal(calls(help, "hget"), before);
	record_list_release(&all);
}

static int put_file(struct redis_help *help, const char *path, const char *name)
{
	struct change change = help_change();
	struct array array = { 0 };
	struct blob bytes = { 0 };
	char why[WHY_SIZE] = "";
	FILE *file = fopen(path, "rb");
	int rc;

	assert_non_null(file);
	assert_int_equal(blob_resize(&bytes, 1 << 20), 0);
	assert_int_equal(
	    blob_resize(&bytes, fread(bytes.data, 1, bytes.size, file)), 0);
	fclose(file);
	assert_int_equal(npy_parse(bytes.data, bytes.size, &array, why), 0);
	change.array_action = PART_SET;
	change.array = &array;
	rc = help_put(help, name, &change);
	array_release(&array);
	blob_release(&bytes);
	return rc;
}

/* One record for each kind of array that numpy can save. */
static size_t put_arrays(struct redis_help *help)
{
	char directory[128];
	struct dirent *entry;
	size_t count = 0;
	DIR *dir;

	snprintf(directory, sizeof(directory), "%s/arrays", help->directory);
	assert_int_equal(mkdir(directory, 0700), 0);
	free(help_run("/usr/bin/python3",
	              TESTS_DIRECTORY "/data/make_arrays.py", directory, NULL));
	dir = opendir(directory);
	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		char path[512];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		assert_int_equal(put_file(help, path, entry->d_name), 0);
		count++;
	}
	closedir(dir);
	return count;
}

static void assert_python_reads(struct redis_help *help, const char *form)
{
	char count[32];

	help_start_server(help, "");
	help_open_external(help);
	assert_int_equal(help_put_doubles(help, "long", 1000, 0), 0);
	snprintf(count, sizeof(count), "%zu\n", put_arrays(help) + 1);
	assert_witness(help, form, count);
}

static void python_reads_what_is_written_as_npy(void **state)
{
	assert_python_reads(*state, "npy");
}

static void python_reads_what_is_written_as_pickle(void **state)
{
	struct redis_help *help = *state;

	help->settings.encoding = ENCODE_PICKLE;
	assert_python_reads(help, "pickle");
}

static char *form_of(struct redis_help *help, const char *key)
{
	static const char code[] =
	    "import sys, redis, zlib\n"
	    "r = redis.Redis(unix_socket_path=sys.argv[1])\n"
	    "d = r.hget(sys.argv[2], 'pattern')\n"
	    "try: d = zlib.decompress(d)\n"
	    "except zlib.error: pass\n"
	    "print('pickle' if d[:1] == b'\\x80' else 'npy', end='')\n";

	return help_run("/usr/bin/python3", "-c", code, help->socket, key,
	                NULL);
}

static void assert_form(struct redis_help *help, const char *key,
                        const char *form)
{
	char *text = form_of(help, key);

	assert_string_equal(text, form);
	free(text);
}

static void a_store_with_pickles_keeps_getting_pickles(void **state)
{
	struct redis_help *help = *state;

	help_start_server(help, "");
	load_legacy(help);
	help_open_external(help);
	assert_int_equal(help_put_doubles(help, "new", 3, 1), 0);
	assert_int_equal(help_put_doubles(help, "bigendian", 3, 1), 0);
	assert_form(help, "wm:new", "pickle");
	assert_form(help, "wm:bigendian", "pickle");
}

static void a_pickle_among_npy_stays_a_pickle(void **state)
{
	struct redis_help *help = *state;

	help_start_server(help, "");
	help_open_external(help);
	assert_int_equal(help_put_doubles(help, "new", 3, 1), 0);
	free(help_run("/usr/bin/python3", WITNESS, "store", help->socket,
	              "wm:theirs", "5", NULL));
	assert_int_equal(help_put_doubles(help, "new", 3, 2), 0);
	assert_int_equal(help_put_doubles(help, "theirs", 3, 2), 0);
	assert_form(help, "wm:new", "npy");
	assert_form(help, "wm:theirs", "pickle");
	assert_int_equal(help_put_doubles(help, "theirs", 3, 3), 0);
	assert_form(help, "wm:theirs", "pickle");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		REDIS_TEST(a_store_of_the_python_classes_is_what_python_reads),
		REDIS_TEST(listing_reads_no_arrays),
		REDIS_TEST(python_reads_what_is_written_as_npy),
		REDIS_TEST(python_reads_what_is_written_as_pickle),
		REDIS_TEST(a_store_with_pickles_keeps_getting_pickles),
		REDIS_TEST(a_pickle_among_npy_stays_a_pickle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
