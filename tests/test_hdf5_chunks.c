/* SPDX-License-Identifier: MIT */
/*
 * Chunks that are decoded outside of the library are what the library reads,
 * however they are stored.
 */
#include "tests/hdf5_bench.h"
#include "tests/hdf5_chunk_peer.h"
#include "tests/loan_help.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SNAPSHOTS bench_collection("network_states", RECORD_DIRECTORY)
#define MEBIBYTE ((size_t)1 << 20)

/* One file for all tests: they leave it as it was, but for "changed". */
static int set_up_all(void **state)
{
	struct bench *bench;

	if (bench_set_up(state) != 0)
		return -1;
	bench = *state;
	bench_open(bench);
	bench_close(bench);
	return chunk_peer(bench, "make", bench->directory) == 0 ? 0 : -1;
}

static int set_up(void **state)
{
	struct bench *bench = *state;

	bench->settings.hdf5.cache_size = (uint64_t)128 << 20;
	bench_open(bench);
	return 0;
}

static int close_store(void **state)
{
	bench_close(*state);
	return 0;
}

static struct reader *open_key(struct bench *bench, const char *key)
{
	struct reader *reader = NULL;
	int rc = hdf5_backend.open_array(bench->store, SNAPSHOTS,
	                                 bench_key(key), "adjacency", &reader);

	if (rc)
		fail_msg("%s: %s", key, strerror(-rc));
	return reader;
}

static void load_expected(const struct bench *bench, const char *key,
                          struct blob *out)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s.bin", bench->directory, key);
	bench_read_file(path, out);
}

typedef ssize_t read_fn(struct reader *reader, uint64_t offset, void *buffer,
                        size_t size);

static void check_way(struct reader *reader, read_fn *way, const char *key,
                      const struct blob *expected, uint64_t offset, size_t size)
{
	size_t there = expected->size - offset;
	char *buffer = malloc(size + 1);
	ssize_t got;

	assert_non_null(buffer);
	if (there > size)
		there = size;
	memset(buffer, 0x55, size + 1);
	got = way(reader, offset, buffer, size);
	if (got != (ssize_t)there)
		fail_msg("%s: %zd bytes at %lu", key, got, offset);
	if (memcmp(buffer, expected->data + offset, there) != 0)
		fail_msg("%s: %zu bytes at %lu differ", key, there, offset);
	assert_int_equal(buffer[there], 0x55);
	free(buffer);
}

static void check_range(struct reader *reader, const char *key,
                        const struct blob *expected, uint64_t offset,
                        size_t size)
{
	check_way(reader, reader->ops->read, key, expected, offset, size);
	check_way(reader, read_by_loan, key, expected, offset, size);
}

/* All at once, in order, here and there. */
static void check_key(struct bench *bench, const char *key)
{
	struct reader *reader = open_key(bench, key);
	struct blob expected = { 0 };

	load_expected(bench, key, &expected);
	if (reader->size != expected.size)
		fail_msg("%s: %lu bytes", key, reader->size);
	for (uint64_t at = 0; at < expected.size; at += 131072)
		check_range(reader, key, &expected, at, 131072);
	check_range(reader, key, &expected, 0, expected.size + 9);
	for (int i = 0; i < 60; i++)
		check_range(reader, key, &expected,
		            (uint64_t)rand() % expected.size,
		            (size_t)rand() % (i % 2 ? 100 : 100000));
	reader->ops->close(reader);
	blob_release(&expected);
}

static void check_all(struct bench *bench)
{
	DIR *directory = opendir(bench->directory);
	struct dirent *entry;
	unsigned int count = 0;

	assert_non_null(directory);
	while ((entry = readdir(directory))) {
		char *dot = strstr(entry->d_name, ".bin");

		if (!dot)
			continue;
		*dot = '\0';
		check_key(bench, entry->d_name);
		count++;
	}
	closedir(directory);
	assert_true(count > 90);
}

static void every_way_to_store_chunks_is_read(void **state)
{
	check_all(*state);
}

static void so_it_is_with_a_cache_that_holds_few_chunks(void **state)
{
	struct bench *bench = *state;

	bench_close(bench);
	bench->settings.hdf5.cache_size = MEBIBYTE;
	bench_open(bench);
	check_all(bench);
}

static void so_it_is_by_the_library_alone(void **state)
{
	struct bench *bench = *state;

	bench_close(bench);
	bench->settings.hdf5.cache_size = 0;
	bench_open(bench);
	check_all(bench);
}

static void readers_that_need_more_than_the_cache_share_it(void **state)
{
	enum { READERS = 5 };
	struct bench *bench = *state;
	struct reader *readers[READERS];
	struct blob expected = { 0 };

	bench_close(bench);
	bench->settings.hdf5.cache_size = 6 * MEBIBYTE;
	bench_open(bench);
	load_expected(bench, "wide", &expected);
	for (size_t i = 0; i < READERS; i++)
		readers[i] = open_key(bench, "wide");
	for (uint64_t at = 0; at < expected.size; at += 131071)
		for (size_t i = 0; i < READERS; i++)
			check_range(readers[i], "wide", &expected, at, 131071);
	/* Back, and out of order. */
	for (uint64_t at = MEBIBYTE; at < expected.size; at += MEBIBYTE)
		for (size_t i = 0; i < READERS; i++)
			check_range(readers[i], "wide", &expected,
			            at - i * 100003, 131072);
	for (size_t i = 0; i < READERS; i++)
		readers[i]->ops->close(readers[i]);
	blob_release(&expected);
}

/* Each row of "wide" is in 8 chunks of 512 KiB; 5 MiB may be lent. */
static void what_can_be_lent_in_part_only_is_read(void **state)
{
	enum { ROW = 2000 * 8, BAND = 256 * ROW };
	struct bench *bench = *state;
	struct reader *reader;
	struct blob expected = { 0 };
	struct loan first;
	char row[ROW];

	bench_close(bench);
	bench->settings.hdf5.cache_size = 10 * MEBIBYTE;
	bench_open(bench);
	reader = open_key(bench, "wide");
	load_expected(bench, "wide", &expected);
	loan_init(&first);
	assert_int_equal(loan_from_reader(&first, reader, 0, ROW), ROW);
	check_way(reader, read_by_loan, "wide", &expected, BAND, ROW);
	copy_loan(&first, row, ROW);
	assert_memory_equal(row, expected.data, ROW);
	loan_end(&first);
	reader->ops->close(reader);
	blob_release(&expected);
}

static ssize_t read_damaged(struct bench *bench, uint64_t row, uint64_t column)
{
	struct reader *reader = open_key(bench, "damaged");
	char bytes[64];
	ssize_t got = reader->ops->read(reader, (row * 700 + column) * 8, bytes,
	                                sizeof(bytes));

	reader->ops->close(reader);
	return got;
}

static void a_bad_chunk_is_an_error_and_its_neighbours_are_not(void **state)
{
	static const char *const ways[] = { "flip", "flip_sum", "short",
		                            "cut",  "less",     "more",
		                            "bomb", "nothing",  "tiny" };
	struct bench *bench = *state;

	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		usleep(300000); /* the file is closed */
		assert_int_equal(chunk_peer(bench, "damage", ways[i]), 0);
		assert_int_equal(read_damaged(bench, 128, 200), -EIO);
		assert_int_equal(read_damaged(bench, 191, 292), -EIO);
		assert_int_equal(read_damaged(bench, 127, 200), 64);
		assert_int_equal(read_damaged(bench, 192, 300), 64);
	}
	usleep(300000);
	assert_int_equal(chunk_peer(bench, "damage", "restore"), 0);
	check_key(bench, "damaged");
}

static void a_chunk_that_fails_again_is_read_again(void **state)
{
	struct bench *bench = *state;
	struct reader *reader = open_key(bench, "damaged");
	struct blob expected = { 0 };
	char byte;

	load_expected(bench, "damaged", &expected);
	usleep(300000);
	assert_int_equal(chunk_peer(bench, "damage", "flip"), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(
		    reader->ops->read(reader, (130 * 700 + 210) * 8, &byte, 1),
		    -EIO);
	usleep(300000);
	assert_int_equal(chunk_peer(bench, "damage", "restore"), 0);
	check_range(reader, "damaged", &expected, 130 * 700 * 8, 5600);
	reader->ops->close(reader);
	blob_release(&expected);
}

static void what_is_in_the_cache_does_not_outlive_our_change(void **state)
{
	struct bench *bench = *state;
	struct reader *reader = open_key(bench, "changed");
	struct blob expected = { 0 };
	struct array array;

	load_expected(bench, "changed", &expected);
	check_range(reader, "changed", &expected, 0, expected.size);
	bench_doubles(&array, 700000, 700);
	bench_put_array(bench, SNAPSHOTS, "changed", "adjacency", &array);
	assert_int_equal(reader->ops->read(reader, 0, expected.data, 5600),
	                 -ESTALE);
	reader->ops->close(reader);
	assert_int_equal(expected.size, array.info.nbytes);
	memcpy(expected.data, array.data, expected.size);
	reader = open_key(bench, "changed");
	check_range(reader, "changed", &expected, 0, expected.size);
	reader->ops->close(reader);
	blob_release(&expected);
	array_release(&array);
}

static void another_programs_change_is_seen_by_the_next_open(void **state)
{
	struct bench *bench = *state;

	check_key(bench, "damaged");
	usleep(300000);
	assert_int_equal(chunk_peer(bench, "damage", "flip"), 0);
	assert_int_equal(read_damaged(bench, 128, 200), -EIO);
	usleep(300000);
	assert_int_equal(chunk_peer(bench, "damage", "restore"), 0);
	check_key(bench, "damaged");
}

static void
a_chunk_that_claims_gibibytes_is_the_librarys_to_refuse(void **state)
{
	struct reader *reader = open_key(*state, "huge");
	char zeros[100] = { 0 };
	char bytes[100];

	/* Nothing is stored of it. */
	assert_int_equal(reader->ops->read(reader, 12345, bytes, 100), 100);
	assert_memory_equal(bytes, zeros, 100);
	reader->ops->close(reader);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, close_store)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_way_to_store_chunks_is_read),
		TEST(so_it_is_with_a_cache_that_holds_few_chunks),
		TEST(so_it_is_by_the_library_alone),
		TEST(readers_that_need_more_than_the_cache_share_it),
		TEST(what_can_be_lent_in_part_only_is_read),
		TEST(a_bad_chunk_is_an_error_and_its_neighbours_are_not),
		TEST(a_chunk_that_fails_again_is_read_again),
		TEST(what_is_in_the_cache_does_not_outlive_our_change),
		TEST(another_programs_change_is_seen_by_the_next_open),
		TEST(a_chunk_that_claims_gibibytes_is_the_librarys_to_refuse),
	};

	return cmocka_run_group_tests(tests, set_up_all, bench_tear_down);
}
