/* SPDX-License-Identifier: MIT */
#include "tests/hdf5_bench.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/npy.h"

#define SNAPSHOTS bench_collection("network_states", RECORD_DIRECTORY)
#define TRAINS bench_collection("spike_trains", RECORD_DIRECTORY)

static void what_the_python_classes_stored_is_what_h5py_reads(void **state)
{
	struct bench *bench = *state;
	char out[192];

	bench_use_legacy(bench);
	bench_open(bench);
	snprintf(out, sizeof(out), "%s/out", bench->directory);
	bench_export(bench, out);
	assert_int_equal(bench_peer(bench, "compare", "%s", out), 0);
}

static void a_new_file_has_the_groups_and_attributes_of_the_spec(void **state)
{
	struct bench *bench = *state;

	bench_open(bench);
	bench_close(bench);
	assert_int_equal(bench_peer(bench, "check_new_file", " "), 0);
}

static void what_is_stored_is_what_the_python_classes_retrieve(void **state)
{
	struct bench *bench = *state;
	struct array array;

	bench_use_legacy(bench);
	bench_open(bench);
	bench_put_snapshot(bench, "mine");
	bench_doubles(&array, 12, 0);
	bench_put_array(bench, TRAINS, "train", "spike_times", &array);
	bench_put_array(bench, TRAINS, "train", "neuron_ids", &array);
	array_release(&array);
	assert_int_equal(bench_peer(bench, "open_within", "0.5"), 0);
	assert_int_equal(bench_peer(bench, "check_snapshot", "mine"), 0);
	assert_int_equal(bench_peer(bench, "check_train", "train"), 0);
}

static void put_sample(struct bench *bench, const char *directory,
                       const char *name)
{
	struct blob bytes = { 0 };
	struct array array = { 0 };
	struct array back = { 0 };
	char path[512];
	char key[128];
	char why[WHY_SIZE];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	snprintf(key, sizeof(key), "%.*s", (int)strlen(name) - 4, name);
	bench_read_file(path, &bytes);
	if (npy_parse(bytes.data, bytes.size, &array, why) != 0)
		fail_msg("%s: %s", name, why);
	bench_put_array(bench, SNAPSHOTS, key, "weights", &array);
	bench_read(bench, SNAPSHOTS, key, "weights", &back);
	if (!array_equal(&array, &back))
		fail_msg("%s came back as something else", name);
	array_release(&back);
	array_release(&array);
	blob_release(&bytes);
}

static void put_samples(struct bench *bench, const char *directory)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;
	size_t count = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		put_sample(bench, directory, entry->d_name);
		count++;
	}
	closedir(dir);
	assert_true(count > 30);
}

static void h5py_reads_every_type_as_numpy_has_it(void **state)
{
	struct bench *bench = *state;
	struct bench at = *bench;

	snprintf(at.file, sizeof(at.file), "%s/samples", bench->directory);
	mkdir(at.file, 0700);
	assert_int_equal(bench_peer(&at, "make_samples", " "), 0);
	bench_open(bench);
	put_samples(bench, at.file);
	assert_int_equal(bench_peer(bench, "open_within", "0.5"), 0);
	assert_int_equal(bench_peer(bench, "check_samples", " "), 0);
}

/* SHAPE is two axes; elements of SIZE bytes, each byte its own. */
static void make_bytes(struct array *array, const uint64_t shape[2],
                       uint64_t size, bool fortran)
{
	*array = (struct array){ .info = { .ndim = 2,
		                           .shape = { shape[0], shape[1] },
		                           .fortran = fortran } };
	dtype_plain(&array->info.dtype, 'V', size);
	assert_int_equal(array_info_measure(&array->info), 0);
	assert_int_equal(blob_resize(&array->owned, array->info.nbytes), 0);
	array->data = array->owned.data;
	for (uint64_t i = 0; i < array->info.nbytes; i++)
		array->owned.data[i] = (char)((i * 2654435761U) >> 13);
}

static void check_ranges(struct bench *bench, const struct array *array)
{
	const char *whole = array->data;
	struct reader *reader;
	char *buffer = malloc(array->info.nbytes);

	assert_non_null(buffer);
	assert_int_equal(hdf5_backend.open_array(bench->store, SNAPSHOTS,
	                                         bench_key("r"), "weights",
	                                         &reader),
	                 0);
	assert_int_equal(reader->size, array->info.nbytes);
	for (int i = 0; i < 60; i++) {
		uint64_t offset = (uint64_t)rand() % reader->size;
		size_t size = (size_t)rand() % (i % 2 ? 100 : 700000) + 1;
		size_t there = reader->size - offset;
		ssize_t got = reader->ops->read(reader, offset, buffer, size);

		assert_int_equal(got, size < there ? size : there);
		assert_memory_equal(buffer, whole + offset, (size_t)got);
		if (i == 30)
			usleep(
			    300000); /* the file is closed and opened again */
	}
	assert_int_equal(reader->ops->read(reader, reader->size, buffer, 1), 0);
	reader->ops->close(reader);
	free(buffer);
}

static void any_range_is_that_part_of_the_whole(void **state)
{
	static const struct {
		uint64_t shape[2];
		uint64_t size;
		bool fortran;
		uint64_t chunk;
	} kinds[] = {
		{ { 700, 900 }, 8, false, 0 },  { { 700, 900 }, 8, true, 0 },
		{ { 701, 307 }, 7, false, 0 },  { { 701, 307 }, 7, true, 0 },
		{ { 3, 500000 }, 3, false, 0 }, { { 500000, 3 }, 3, true, 0 },
		{ { 5, 1 }, 300001, false, 0 }, { { 700, 900 }, 4, false, 64 },
		{ { 700, 900 }, 4, true, 64 },
	};
	struct bench *bench = *state;

	srand(20);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		struct array array;

		bench->settings.hdf5.chunk_size_given = kinds[i].chunk > 0;
		bench->settings.hdf5.chunk_size = kinds[i].chunk;
		bench_open(bench);
		make_bytes(&array, kinds[i].shape, kinds[i].size,
		           kinds[i].fortran);
		bench_put_array(bench, SNAPSHOTS, "r", "weights", &array);
		check_ranges(bench, &array);
		array_release(&array);
		bench_close(bench);
	}
}

static long peak_kib(void)
{
	char line[256];
	long kib = 0;
	FILE *file = fopen("/proc/self/status", "r");

	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		if (strncmp(line, "VmHWM:", 6) == 0)
			kib = strtol(line + 6, NULL, 10);
	fclose(file);
	return kib;
}

/* The sanitizers keep freed memory for a while, or notes of all of it. */
#if defined(__SANITIZE_ADDRESS__)
#define MEMORY_KIB (560L << 10)
#elif defined(__SANITIZE_THREAD__)
#define MEMORY_KIB (4L << 20)
#else
#define MEMORY_KIB (190L << 10)
#endif

static void memory_does_not_grow_with_the_array(void **state)
{
	struct bench *bench = *state;
	static char buffer[1 << 17];
	struct reader *reader;
	long before;

	bench_open(bench);
	usleep(300000);
	assert_int_equal(bench_peer(bench, "make_large", " "), 0);
	before = peak_kib();
	assert_int_equal(hdf5_backend.open_array(bench->store, SNAPSHOTS,
	                                         bench_key("large"),
	                                         "adjacency", &reader),
	                 0);
	assert_int_equal(reader->size, (uint64_t)8192 * 8192 * 8);
	for (uint64_t at = 0; at < reader->size; at += sizeof(buffer) * 64) {
		uint64_t row = at / 65536;
		double first;

		assert_int_equal(
		    reader->ops->read(reader, at, buffer, sizeof(buffer)),
		    sizeof(buffer));
		memcpy(&first, buffer, sizeof(first));
		if (row % 1024 == 0) {
			row /= 1024;
			assert_true(first == (double)row);
		}
	}
	reader->ops->close(reader);
	assert_true(peak_kib() - before < MEMORY_KIB);
}

static void try_compression(struct bench *bench, const char *name,
                            const char *ids)
{
	struct array array;
	struct array back;

	free(bench->settings.hdf5.compression);
	bench->settings.hdf5.compression = strdup(name);
	bench_open(bench);
	bench_doubles(&array, 300000, 1000);
	bench_put_array(bench, SNAPSHOTS, name, "weights", &array);
	bench_close(bench);
	bench_open(bench);
	bench_read(bench, SNAPSHOTS, name, "weights", &back);
	assert_true(array_equal(&array, &back));
	array_release(&array);
	array_release(&back);
	bench_close(bench);
	assert_int_equal(bench_peer(bench, "check_filter", "%s %s", name, ids),
	                 0);
}

static void every_compression_reads_back(void **state)
{
	struct bench *bench = *state;

	try_compression(bench, "gzip", "2 1 3");
	try_compression(bench, "szip", "2 4 3");
	try_compression(bench, "zstd", "2 32015 3");
	try_compression(bench, "none", "");
}

static void refuse_open(struct bench *bench, int expected, const char *words)
{
	char why[WHY_SIZE] = "";

	assert_int_equal(hdf5_backend.open(bench->directory, &bench->settings,
	                                   &bench->store, why),
	                 expected);
	assert_non_null(strstr(why, words));
}

static void an_unknown_compression_is_refused(void **state)
{
	struct bench *bench = *state;

	free(bench->settings.hdf5.compression);
	bench->settings.hdf5.compression = strdup("best");
	refuse_open(bench, -EINVAL, "best");
}

static void a_file_of_another_format_is_refused(void **state)
{
	struct bench *bench = *state;
	struct blob bytes = { 0 };

	assert_int_equal(blob_resize(&bytes, 5000), 0);
	bench_write_file(bench->file, &bytes);
	refuse_open(bench, -EIO, "godly_ai_data.h5");
	blob_release(&bytes);
}

static void a_listing_has_every_record_once(void **state)
{
	struct bench *bench = *state;
	struct cursor cursor = { 0 };
	struct record_list list = { 0 };
	size_t count = 0;
	char key[32];

	bench_open(bench);
	for (int i = 0; i < 2000; i++) {
		snprintf(key, sizeof(key), "k%05d", i);
		bench_put_fields(bench, TRAINS, key, "{\"timestamp\": 1.0}");
	}
	while (!cursor.end) {
		assert_int_equal(hdf5_backend.list(bench->store, TRAINS,
		                                   &cursor, 100, &list),
		                 0);
		count += list.count;
		record_list_release(&list);
	}
	assert_int_equal(count, 2000);
	cursor_release(&cursor);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, bench_set_up, bench_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_the_python_classes_stored_is_what_h5py_reads),
		TEST(a_new_file_has_the_groups_and_attributes_of_the_spec),
		TEST(what_is_stored_is_what_the_python_classes_retrieve),
		TEST(h5py_reads_every_type_as_numpy_has_it),
		TEST(any_range_is_that_part_of_the_whole),
		TEST(memory_does_not_grow_with_the_array),
		TEST(every_compression_reads_back),
		TEST(an_unknown_compression_is_refused),
		TEST(a_file_of_another_format_is_refused),
		TEST(a_listing_has_every_record_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
