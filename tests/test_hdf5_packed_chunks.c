/* SPDX-License-Identifier: MIT */
/* Chunks that we pack are what h5py reads. */
#include "tests/hdf5_bench.h"
#include "tests/hdf5_chunk_peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SNAPSHOTS bench_collection("network_states", RECORD_DIRECTORY)

static int set_up(void **state)
{
	if (bench_set_up(state) != 0)
		return -1;
	bench_open(*state);
	return 0;
}

static int tear_down(void **state)
{
	bench_close(*state);
	return bench_tear_down(state);
}

/* COUNT elements of SIZE bytes, in rows of COLUMNS; the first bytes of each
 * repeat, the others do not. */
static void make_array(struct array *array, uint64_t count, uint64_t columns,
                       uint64_t size)
{
	char *data;

	*array =
	    (struct array){ .info = { .ndim = 2,
		                      .shape = { count / columns, columns } } };
	dtype_plain(&array->info.dtype, 'V', size);
	assert_int_equal(array_info_measure(&array->info), 0);
	assert_int_equal(blob_resize(&array->owned, array->info.nbytes), 0);
	array->data = array->owned.data;
	data = array->owned.data;
	for (uint64_t i = 0; i < array->info.nbytes; i++)
		data[i] =
		    i % size < size / 2 ? (char)(i / size / 100) : (char)rand();
}

static void set_compression(struct bench *bench, const char *name,
                            uint64_t chunk_size)
{
	bench_close(bench);
	free(bench->settings.hdf5.compression);
	bench->settings.hdf5.compression = strdup(name);
	bench->settings.hdf5.chunk_size_given = chunk_size > 0;
	bench->settings.hdf5.chunk_size = chunk_size ? chunk_size : 1024;
	bench_open(bench);
}

static void check_written(struct bench *bench, const char *name,
                          const struct array *array, const char *filters)
{
	struct array back = { 0 };
	char argument[512];
	char path[256];

	bench_put_array(bench, SNAPSHOTS, name, "weights", array);
	bench_read(bench, SNAPSHOTS, name, "weights", &back);
	assert_true(array_equal(&back, array));
	array_release(&back);
	if (!filters)
		return; /* h5py has them not */
	snprintf(path, sizeof(path), "%s/written.raw", bench->directory);
	bench_write_file(path, &array->owned);
	snprintf(argument, sizeof(argument), "%s %s %s", bench->directory, name,
	         filters);
	bench_close(bench);
	assert_int_equal(chunk_peer(bench, "written", argument), 0);
	bench_open(bench);
}

static void what_is_written_comes_back_and_h5py_reads_it(void **state)
{
	static const struct {
		const char *name;
		uint64_t count;
		uint64_t columns;
		uint64_t element;
		uint64_t chunk_size;
		const char *filters;
	} rows[] = {
		{ "gzip", 700 * 701, 701, 8, 0, "2,1,3" },
		{ "gzip", 700 * 701, 701, 8, 100, "2,1,3" },
		{ "gzip", 333333, 1, 7, 0, "2,1,3" },
		{ "lzf", 300 * 1301, 1301, 6, 333, "2,32000,3" },
		{ "none", 3 * 150001, 150001, 4, 0, "none" },
		{ "zstd", 700 * 701, 701, 8, 0, NULL },
		{ "szip", 700 * 701, 701, 8, 0, NULL },
	};
	struct bench *bench = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct array array;
		char name[16];

		snprintf(name, sizeof(name), "w%zu", i);
		make_array(&array, rows[i].count, rows[i].columns,
		           rows[i].element);
		set_compression(bench, rows[i].name, rows[i].chunk_size);
		check_written(bench, name, &array, rows[i].filters);
		array_release(&array);
	}
}

/* Sums of two of KINDS: what only gzip makes shorter. */
static void fill_skewed(struct blob *bytes, int kinds)
{
	for (uint64_t i = 0; i < bytes->size; i++)
		bytes->data[i] = (char)(rand() % kinds + rand() % kinds);
}

static void auto_takes_what_a_sample_tells(void **state)
{
	struct bench *bench = *state;
	struct array array;

	set_compression(bench, "auto", 0);
	make_array(&array, 200000, 100, 8);
	check_written(bench, "mixed", &array, "2,32000,3");
	fill_skewed(&array.owned, 8);
	check_written(bench, "skewed", &array, "2,1,3");
	fill_skewed(&array.owned, 256);
	check_written(bench, "noise", &array, "none");
	array_release(&array);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_written_comes_back_and_h5py_reads_it),
		TEST(auto_takes_what_a_sample_tells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
