/* SPDX-License-Identifier: MIT */
#include "tests/hdf5_bench.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/json.h"
#include "backends/npy.h"
#include "layout/tree.h"

#define PYTHON "/usr/bin/python3"

int bench_set_up(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	const char *parent = getenv("TMPDIR");

	if (!bench)
		return -1;
	snprintf(bench->directory, sizeof(bench->directory), "%s/hdf5-XXXXXX",
	         parent ? parent : "/tmp");
	if (!mkdtemp(bench->directory) || settings_init(&bench->settings) != 0)
		return -1;
	bench->settings.hdf5.sync_commits = false; /* takes time */
	snprintf(bench->file, sizeof(bench->file), "%s/godly_ai_data.h5",
	         bench->directory);
	*state = bench;
	return 0;
}

static int remove_one(const char *path, const struct stat *stat, int type,
                      struct FTW *ftw)
{
	(void)stat;
	(void)type;
	(void)ftw;
	return remove(path);
}

int bench_tear_down(void **state)
{
	struct bench *bench = *state;
	int rc;

	bench_close(bench);
	settings_release(&bench->settings);
	rc = nftw(bench->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(bench);
	return rc;
}

void bench_open(struct bench *bench)
{
	char why[WHY_SIZE] = "";
	int rc = hdf5_backend.open(bench->directory, &bench->settings,
	                           &bench->store, why);

	if (rc)
		fail_msg("open: %s %s", strerror(-rc), why);
}

void bench_close(struct bench *bench)
{
	hdf5_backend.close(bench->store);
	bench->store = NULL;
}

void bench_use_legacy(struct bench *bench)
{
	struct blob bytes = { 0 };

	bench_read_file(TESTS_DIRECTORY "/data/legacy/godly_ai_data.h5",
	                &bytes);
	bench_write_file(bench->file, &bytes);
	blob_release(&bytes);
}

int bench_peer(const struct bench *bench, const char *command,
               const char *format, ...)
{
	char arguments[512];
	char line[1024];
	va_list args;
	int status;

	va_start(args, format);
	vsnprintf(arguments, sizeof(arguments), format, args);
	va_end(args);
	snprintf(line, sizeof(line), PYTHON " %s/hdf5_peer.py %s %s %s",
	         TESTS_DIRECTORY, command, bench->file, arguments);
	status = system(line);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

const struct collection *bench_collection(const char *path,
                                          enum record_shape shape)
{
	const struct collection *row = tree_collections;

	while (row->path &&
	       (strcmp(row->path, path) != 0 || row->shape != shape))
		row++;
	assert_non_null(row->path);
	return row;
}

struct key bench_key(const char *text)
{
	return (struct key){ text, strlen(text) };
}

static void put(struct bench *bench, const struct collection *collection,
                const char *key, struct change *change)
{
	int rc = hdf5_backend.put(bench->store, collection, bench_key(key),
	                          change, NULL);

	if (rc)
		fail_msg("put %s: %s %s", key, strerror(-rc), change->why);
}

void bench_put_array(struct bench *bench, const struct collection *collection,
                     const char *key, const char *name,
                     const struct array *array)
{
	struct change change = { .array_action = PART_SET,
		                 .array_name = name,
		                 .array = array,
		                 .array_mtime = { .tv_nsec = UTIME_NOW },
		                 .expires_ms = EXPIRES_KEEP };

	put(bench, collection, key, &change);
}

void bench_put_fields(struct bench *bench, const struct collection *collection,
                      const char *key, const char *json)
{
	struct change change = { .fields_action = PART_SET,
		                 .fields_mtime = { .tv_nsec = UTIME_NOW },
		                 .expires_ms = EXPIRES_KEEP };
	struct value *fields = NULL;

	assert_int_equal(
	    json_parse(json, strlen(json), JSON_ARRAYS_REFUSE, &fields, NULL),
	    0);
	change.fields = fields;
	put(bench, collection, key, &change);
	value_unref(fields);
}

void bench_get(struct bench *bench, const struct collection *collection,
               const char *key, struct record *out)
{
	assert_int_equal(
	    hdf5_backend.get(bench->store, collection, bench_key(key), out), 0);
}

void bench_doubles(struct array *array, uint64_t count, uint64_t columns)
{
	*array = (struct array){ .info = { .ndim = columns ? 2 : 1,
		                           .shape = { columns ? count / columns
		                                              : count,
		                                      columns } } };
	dtype_plain(&array->info.dtype, 'f', sizeof(double));
	assert_int_equal(array_info_measure(&array->info), 0);
	assert_int_equal(blob_resize(&array->owned, array->info.nbytes), 0);
	array->data = array->owned.data;
	for (uint64_t i = 0; i < count; i++) {
		double element = (double)i;

		memcpy(array->owned.data + i * sizeof(element), &element,
		       sizeof(element));
	}
}

void bench_put_snapshot(struct bench *bench, const char *key)
{
	const char *json =
	    "{\"timestamp\": 1730000000.25, \"metadata\": {\"flag\": true, "
	    "\"number\": 7, \"real\": 1.0, \"text\": \"gr\\u00fcn\", "
	    "\"list\": [1, null, {\"a\": \"b\"}], \"none\": null}}";
	static const char *const names[] = { "adjacency", "weights", "states" };
	const struct collection *collection =
	    bench_collection("network_states", RECORD_DIRECTORY);
	struct array array;

	bench_doubles(&array, 12, 4);
	bench_put_fields(bench, collection, key, json);
	for (size_t i = 0; i < 3; i++)
		bench_put_array(bench, collection, key, names[i], &array);
	array_release(&array);
}

void bench_read(struct bench *bench, const struct collection *collection,
                const char *key, const char *name, struct array *out)
{
	struct array array = { 0 };
	struct reader *reader;

	assert_int_equal(hdf5_backend.open_array(bench->store, collection,
	                                         bench_key(key), name, &reader),
	                 0);
	assert_int_equal(array_info_copy(&array.info, &reader->info), 0);
	assert_int_equal(reader->size, array.info.nbytes);
	assert_int_equal(blob_resize(&array.owned, reader->size), 0);
	array.data = array.owned.data;
	assert_int_equal(
	    reader->ops->read(reader, 0, array.owned.data, reader->size),
	    reader->size);
	reader->ops->close(reader);
	*out = array;
}

void bench_write_file(const char *path, const struct blob *bytes)
{
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes->data, 1, bytes->size, file),
	                 bytes->size);
	assert_int_equal(fclose(file), 0);
}

void bench_read_file(const char *path, struct blob *out)
{
	struct stat status;
	FILE *file = fopen(path, "rb");

	if (!file)
		fail_msg("cannot open %s", path);
	assert_int_equal(fstat(fileno(file), &status), 0);
	assert_int_equal(blob_resize(out, (size_t)status.st_size), 0);
	assert_int_equal(fread(out->data, 1, out->size, file), out->size);
	fclose(file);
}

static void export_array(struct bench *bench,
                         const struct collection *collection,
                         const struct record *record, const char *name,
                         const char *directory)
{
	struct array array;
	struct blob bytes = { 0 };
	char path[512];

	bench_read(bench, collection, record->key.data, name, &array);
	assert_int_equal(npy_append(&array, &bytes), 0);
	snprintf(path, sizeof(path), "%s/%s.npy", directory, name);
	bench_write_file(path, &bytes);
	blob_release(&bytes);
	array_release(&array);
}

/* The directories of PATH below OUT. */
static void make_directories(const char *out, const char *path)
{
	char directory[384];
	const char *end = path;

	do {
		end += strcspn(end, "/");
		snprintf(directory, sizeof(directory), "%s/%.*s", out,
		         (int)(end - path), path);
		mkdir(directory, 0700);
	} while (*end++);
}

static void export_record(struct bench *bench,
                          const struct collection *collection,
                          const struct record *record, const char *out)
{
	struct blob text = { 0 };
	char directory[384];
	char path[512];

	make_directories(out, collection->path);
	snprintf(directory, sizeof(directory), "%s/%s/%s", out,
	         collection->path, record->key.data);
	assert_int_equal(mkdir(directory, 0700), 0);
	for (size_t i = 0; i < record->array_count; i++)
		export_array(bench, collection, record, record->arrays[i].name,
		             directory);
	assert_int_equal(json_append(record->fields, JSON_STYLE_FILE,
	                             JSON_ARRAYS_REFUSE, 1 << 20, &text),
	                 0);
	snprintf(path, sizeof(path), "%s/fields.json", directory);
	bench_write_file(path, &text);
	blob_release(&text);
}

static void export_collection(struct bench *bench,
                              const struct collection *collection,
                              const char *out)
{
	struct record_list list = { 0 };
	struct cursor cursor = { 0 };

	while (!cursor.end)
		assert_int_equal(hdf5_backend.list(bench->store, collection,
		                                   &cursor, 2, &list),
		                 0);
	for (size_t i = 0; i < list.count; i++)
		export_record(bench, collection, &list.items[i], out);
	cursor_release(&cursor);
	record_list_release(&list);
}

void bench_export(struct bench *bench, const char *out)
{
	mkdir(out, 0700);
	for (const struct collection *row = tree_collections; row->path; row++)
		if (strcmp(row->backend, "hdf5") == 0)
			export_collection(bench, row, out);
}
