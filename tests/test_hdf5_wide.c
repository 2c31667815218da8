/* SPDX-License-Identifier: MIT */
/*
 * Arrays whose row of chunks is larger than any cache.  Their chunks are
 * decoded by a filter of this program, which counts; make_wide of hdf5_peer.py
 * says how they are stored.
 */
#include "tests/hdf5_bench.h"

#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SNAPSHOTS bench_collection("network_states", RECORD_DIRECTORY)

#define FILTER 305 /* of the numbers for testing */
#define SHORT 3000 /* rows, or columns of the column-major array */
#define LONG 20000 /* doubles in each */
#define SIDE 1024
#define CHUNKS 60
#define ROW_OF_CHUNKS 20
#define SIZE ((uint64_t)SHORT * LONG * 8)
#define MEBIBYTE ((size_t)1 << 20)

static unsigned int decoded;

static double element(uint64_t chunk, uint64_t row, uint64_t column)
{
	return (double)(chunk * SIDE * SIDE + row * SIDE + column);
}

/* The element that is INDEX-th in the file. */
static double expected(bool fortran, uint64_t index)
{
	uint64_t row = fortran ? index % LONG : index / LONG;
	uint64_t column = fortran ? index / LONG : index % LONG;

	return element(row / SIDE * 100 + column / SIDE, row % SIDE,
	               column % SIDE);
}

static size_t decode(unsigned int flags, size_t count,
                     const unsigned int *parameters, size_t size, size_t *room,
                     void **buffer)
{
	uint64_t number;
	double *out;

	(void)count;
	(void)parameters;
	if (!(flags & H5Z_FLAG_REVERSE) || size != sizeof(number))
		return 0;
	memcpy(&number, *buffer, sizeof(number));
	out = malloc((size_t)SIDE * SIDE * sizeof(*out));
	if (!out)
		return 0;
	for (uint64_t i = 0; i < (uint64_t)SIDE * SIDE; i++)
		out[i] = element(number, i / SIDE, i % SIDE);
	free(*buffer);
	*buffer = out;
	*room = (size_t)SIDE * SIDE * sizeof(*out);
	decoded++;
	return *room;
}

static int set_up(void **state)
{
	static const H5Z_class2_t class = { .version = H5Z_CLASS_T_VERS,
		                            .id = FILTER,
		                            .encoder_present = 1,
		                            .decoder_present = 1,
		                            .name = "number",
		                            .filter = decode };
	struct bench *bench;

	if (H5Zregister(&class) < 0 || bench_set_up(state) != 0)
		return -1;
	bench = *state;
	bench_open(bench);
	bench_close(bench);
	if (bench_peer(bench, "make_wide", "%d", FILTER) != 0)
		return -1;
	bench_open(bench);
	return 0;
}

static struct reader *open_wide(struct bench *bench, bool fortran)
{
	struct reader *reader = NULL;

	assert_int_equal(
	    hdf5_backend.open_array(bench->store, SNAPSHOTS,
	                            bench_key(fortran ? "columns" : "rows"),
	                            "adjacency", &reader),
	    0);
	assert_int_equal(reader->size, SIZE);
	assert_int_equal(reader->info.fortran, fortran);
	decoded = 0;
	return reader;
}

static void check_read(struct reader *reader, uint64_t offset, size_t size)
{
	bool fortran = reader->info.fortran;
	size_t there = SIZE - offset < size ? SIZE - offset : size;
	size_t skip = offset % 8;
	uint64_t first = offset / 8;
	char *buffer = malloc(size);
	double value;

	assert_non_null(buffer);
	assert_int_equal(reader->ops->read(reader, offset, buffer, size),
	                 there);
	if (skip > 0) {
		value = expected(fortran, first++);
		skip = 8 - skip < there ? 8 - skip : there;
		assert_memory_equal(buffer, (char *)&value + offset % 8, skip);
	}
	for (; skip + 8 <= there; skip += 8) {
		memcpy(&value, buffer + skip, 8);
		if (value != expected(fortran, first++))
			fail_msg("element %lu differs", first - 1);
	}
	value = expected(fortran, first);
	assert_memory_equal(buffer + skip, &value, there - skip);
	free(buffer);
}

static void scan(struct reader *reader, size_t piece)
{
	for (uint64_t at = 0; at < SIZE; at += piece)
		check_read(reader, at, piece);
}

static void a_scan_decodes_each_chunk_once_per_strip(void **state)
{
	struct reader *reader = open_wide(*state, false);

	/* 419 rows are 64 MiB: three strips to 1024 rows.  The first request
	 * has none: whole rows and a part of one, each decoded. */
	scan(reader, MEBIBYTE);
	assert_in_range(decoded, CHUNKS, 3 * CHUNKS + 2 * ROW_OF_CHUNKS);
	reader->ops->close(reader);
}

static void a_scan_of_columns_does_so_with_half_the_memory(void **state)
{
	struct reader *reader = open_wide(*state, true);

	scan(reader, MEBIBYTE);
	assert_in_range(decoded, CHUNKS, 5 * CHUNKS + 2 * ROW_OF_CHUNKS);
	reader->ops->close(reader);
}

static void small_and_uneven_pieces_do_not_matter(void **state)
{
	struct reader *reader = open_wide(*state, false);

	/* Two requests are less than a row. */
	scan(reader, 77777);
	assert_in_range(decoded, CHUNKS, 3 * CHUNKS + 3 * ROW_OF_CHUNKS);
	reader->ops->close(reader);
}

static void requests_may_overtake_each_other(void **state)
{
	static const unsigned int order[] = { 2, 0, 3, 1 };
	struct reader *reader = open_wide(*state, false);

	for (uint64_t at = 0; at < SIZE; at += 4 * MEBIBYTE)
		for (size_t i = 0; i < 4; i++)
			if (at + order[i] * MEBIBYTE < SIZE)
				check_read(reader, at + order[i] * MEBIBYTE,
				           MEBIBYTE);
	/* The first one begins in the midst of a row. */
	assert_in_range(decoded, CHUNKS, 3 * CHUNKS + 3 * ROW_OF_CHUNKS);
	reader->ops->close(reader);
}

static void a_strip_outlives_the_open_file_but_no_change(void **state)
{
	struct bench *bench = *state;
	struct reader *reader = open_wide(bench, false);
	double changed = element(7777, 20, 0);
	unsigned int before;
	double value;

	check_read(reader, 0, MEBIBYTE);
	check_read(reader, MEBIBYTE, MEBIBYTE);
	before = decoded;
	usleep(300000); /* the file is closed */
	check_read(reader, 2 * MEBIBYTE, MEBIBYTE);
	assert_int_equal(decoded, before);
	usleep(300000);
	assert_int_equal(bench_peer(bench, "change_wide", "7777"), 0);
	assert_int_equal(
	    reader->ops->read(reader, 20UL * LONG * 8, &value, sizeof(value)),
	    sizeof(value));
	assert_memory_equal(&value, &changed, sizeof(value));
	reader->ops->close(reader);
}

static void reading_here_and_there_reads_nothing_ahead(void **state)
{
	for (int fortran = 0; fortran < 2; fortran++) {
		struct reader *reader = open_wide(*state, fortran);

		/* Half a mebibyte is whole rows and parts of two; one of the
		 * three may lie across a border of chunks. */
		srand(7);
		for (int i = 0; i < 40; i++) {
			size_t size = i % 4 ? 4096 : MEBIBYTE / 2;
			unsigned int most = i % 4 ? 4 : 4 * ROW_OF_CHUNKS;

			decoded = 0;
			check_read(reader, (uint64_t)rand() % SIZE, size);
			assert_in_range(decoded, 0, most);
		}
		reader->ops->close(reader);
	}
}

static void a_reader_who_leaves_the_order_has_a_cache_again(void **state)
{
	struct reader *reader = open_wide(*state, false);
	uint64_t far = SIZE / 2;

	for (uint64_t at = 0; at < 4 * MEBIBYTE; at += MEBIBYTE)
		check_read(reader, at, MEBIBYTE);
	decoded = 0;
	/* Together more than a row, but of one chunk in each. */
	for (uint64_t i = 0; i < 400; i++)
		check_read(reader, far + i * LONG * 8, 1024);
	assert_in_range(decoded, 1, 2);
	reader->ops->close(reader);
}

static long memory_kib(void)
{
	char line[256];
	long kib = 0;
	FILE *file = fopen("/proc/self/status", "r");

	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		if (strncmp(line, "VmRSS:", 6) == 0)
			kib = strtol(line + 6, NULL, 10);
	fclose(file);
	return kib;
}

/* The sanitizer keeps freed memory for a while. */
#if defined(__SANITIZE_ADDRESS__)
#define MEMORY_KIB (600L << 10)
#elif defined(__SANITIZE_THREAD__)
#define MEMORY_KIB (4L << 20)
#else
#define MEMORY_KIB (340L << 10)
#endif

static void many_readers_share_what_memory_there_is(void **state)
{
	enum { READERS = 8, ROUNDS = 24 };
	struct reader *readers[READERS];
	long before = memory_kib();

	for (size_t i = 0; i < READERS; i++)
		readers[i] = open_wide(*state, false);
	for (uint64_t at = 0; at < ROUNDS; at++)
		for (size_t i = 0; i < READERS; i++)
			check_read(readers[i], at * MEBIBYTE, MEBIBYTE);
	assert_true(memory_kib() - before < MEMORY_KIB);
	/* No strip is taken away again and again. */
	assert_in_range(decoded, 0, 4 * READERS * ROW_OF_CHUNKS);
	for (size_t i = 0; i < READERS; i++)
		readers[i]->ops->close(readers[i]);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, set_up, bench_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_scan_decodes_each_chunk_once_per_strip),
		TEST(a_scan_of_columns_does_so_with_half_the_memory),
		TEST(small_and_uneven_pieces_do_not_matter),
		TEST(requests_may_overtake_each_other),
		TEST(a_strip_outlives_the_open_file_but_no_change),
		TEST(reading_here_and_there_reads_nothing_ahead),
		TEST(a_reader_who_leaves_the_order_has_a_cache_again),
		TEST(many_readers_share_what_memory_there_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
