/* SPDX-License-Identifier: MIT */
/* The file of a store while other programs have it, change it, or kill us. */
#include "tests/hdf5_bench.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SNAPSHOTS bench_collection("network_states", RECORD_DIRECTORY)

static void other_programs_open_the_file_beside_an_idle_store(void **state)
{
	struct bench *bench = *state;
	struct record record;

	bench_open(bench);
	bench_put_snapshot(bench, "mine");
	bench_get(bench, SNAPSHOTS, "mine", &record);
	record_release(&record);
	assert_int_equal(bench_peer(bench, "open_within", "0.5"), 0);
}

static void a_file_that_another_program_holds_is_an_error_in_time(void **state)
{
	struct bench *bench = *state;
	struct record record = { 0 };
	struct timespec begin;
	struct timespec end;
	char ready[192];

	bench_open(bench);
	bench_put_snapshot(bench, "mine");
	usleep(300000);
	snprintf(ready, sizeof(ready), "%s/ready", bench->directory);
	assert_int_equal(bench_peer(bench, "hold", "3 %s &", ready), 0);
	while (access(ready, F_OK) != 0)
		usleep(10000);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	assert_int_equal(hdf5_backend.get(bench->store, SNAPSHOTS,
	                                  bench_key("mine"), &record),
	                 -EIO);
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_true(end.tv_sec - begin.tv_sec <= 2);
	usleep(2500000);
	bench_get(bench, SNAPSHOTS, "mine", &record);
	record_release(&record);
}

static size_t count_snapshots(struct bench *bench)
{
	struct record_list list = { 0 };
	struct cursor cursor = { 0 };
	size_t count;

	assert_int_equal(
	    hdf5_backend.list(bench->store, SNAPSHOTS, &cursor, 100, &list), 0);
	assert_true(cursor.end);
	count = list.count;
	cursor_release(&cursor);
	record_list_release(&list);
	return count;
}

static void what_h5py_changes_is_seen(void **state)
{
	struct bench *bench = *state;
	struct reader *reader;
	struct record record;
	struct array array;

	bench_open(bench);
	bench_put_snapshot(bench, "mine");
	assert_int_equal(hdf5_backend.open_array(bench->store, SNAPSHOTS,
	                                         bench_key("mine"), "weights",
	                                         &reader),
	                 0);
	assert_int_equal(count_snapshots(bench), 1);
	usleep(300000);
	assert_int_equal(bench_peer(bench, "change", "mine"), 0);
	assert_int_equal(count_snapshots(bench), 2);

	bench_get(bench, SNAPSHOTS, "mine", &record);
	assert_int_equal(record.fields_mtime.tv_sec, 1740000000);
	assert_int_equal(record.fields_mtime.tv_nsec, 500000000);
	assert_int_equal(record_array(&record, "weights")->info.shape[0], 2);
	assert_int_equal(record_array(&record, "adjacency")->mtime.tv_sec,
	                 1740000000);
	record_release(&record);
	bench_read(bench, SNAPSHOTS, "mine", "weights", &array);
	assert_true(*(const double *)array.data == 9.0);
	array_release(&array);
	reader->ops->close(reader);
}

static void what_is_not_edited_keeps_its_stored_form(void **state)
{
	struct bench *bench = *state;

	bench_open(bench);
	bench_put_fields(bench, SNAPSHOTS, "mine", "{\"timestamp\": 1.5}");
	usleep(300000);
	assert_int_equal(bench_peer(bench, "odd_attributes", "mine"), 0);
	bench_put_fields(bench, SNAPSHOTS, "mine",
	                 "{\"timestamp\": 1.5, \"metadata\": {\"array\": "
	                 "[[1, 2], [3, 4]], \"big\": 9223372036854775808, "
	                 "\"fixed\": \"fixed\", \"small\": 3, \"added\": 1}}");
	usleep(300000);
	assert_int_equal(bench_peer(bench, "check_odd_attributes", "mine"), 0);
}

/* The process is gone the moment that put has returned. */
static void put_and_die(struct bench *bench)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		bench_open(bench);
		bench_put_snapshot(bench, "mine");
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void what_put_acknowledged_survives_sigkill(void **state)
{
	struct bench *bench = *state;

	put_and_die(bench);
	assert_int_equal(bench_peer(bench, "check_snapshot", "mine"), 0);
}

static void other_files_are_not_followed(void **state)
{
	struct bench *bench = *state;
	struct record_list list = { 0 };
	struct cursor cursor = { 0 };

	bench_open(bench);
	usleep(300000);
	assert_int_equal(
	    bench_peer(bench, "make_links", "%s/outside.h5", bench->directory),
	    0);
	assert_int_equal(
	    hdf5_backend.list(bench->store, SNAPSHOTS, &cursor, 100, &list), 0);
	assert_true(cursor.end);
	assert_int_equal(list.count, 1);
	assert_string_equal(list.items[0].key.data, "inside");
	assert_int_equal(list.items[0].array_count, 0);
	cursor_release(&cursor);
	record_list_release(&list);
}

static void types_of_other_programs_are_read_or_left_out(void **state)
{
	struct bench *bench = *state;
	static const char *const left_out[] = { "varlen", "reference", "null" };
	struct record record;
	struct array array;

	bench_open(bench);
	usleep(300000);
	assert_int_equal(bench_peer(bench, "make_foreign", " "), 0);
	for (size_t i = 0; i < 3; i++) {
		bench_get(bench, SNAPSHOTS, left_out[i], &record);
		assert_int_equal(record.array_count, 0);
		record_release(&record);
	}
	bench_read(bench, SNAPSHOTS, "enum", "adjacency", &array);
	assert_int_equal(array.info.dtype.kind, 'u');
	assert_int_equal(((const uint16_t *)array.data)[1], 7);
	array_release(&array);
	bench_read(bench, SNAPSHOTS, "subarray", "adjacency", &array);
	assert_int_equal(array.info.ndim, 2);
	assert_int_equal(array.info.shape[1], 3);
	array_release(&array);
}

/* Doubles that do not compress. */
static void make_noise(struct array *array, uint64_t count)
{
	bench_doubles(array, count, 0);
	for (size_t i = 0; i < array->owned.size; i++)
		array->owned.data[i] = (char)(rand() >> 8);
}

static void fill_disk(struct bench *bench)
{
	char path[192];
	FILE *file;

	bench_open(bench);
	snprintf(path, sizeof(path), "%s/ballast", bench->directory);
	file = fopen(path, "wb");
	assert_non_null(file);
	while (fputc(0, file) != EOF)
		continue;
	fclose(file);
}

/* What is too much for the disk changes nothing. */
static void a_full_disk_leaves_the_old_record(void **state)
{
	struct bench *bench = *state;
	struct change change = { .array_action = PART_SET,
		                 .array_name = "weights",
		                 .expires_ms = EXPIRES_KEEP };
	struct array array;
	struct array back;

	if (mount("engramfs-test", bench->directory, "tmpfs", 0, "size=3m"))
		skip();
	bench_open(bench);
	bench_put_snapshot(bench, "mine");
	make_noise(&array, 1 << 20);
	change.array = &array;
	assert_int_equal(hdf5_backend.put(bench->store, SNAPSHOTS,
	                                  bench_key("mine"), &change, NULL),
	                 -ENOSPC);
	bench_read(bench, SNAPSHOTS, "mine", "weights", &back);
	assert_int_equal(back.info.nbytes, 96);
	array_release(&back);
	bench_close(bench);
	assert_int_equal(bench_peer(bench, "check_snapshot", "mine"), 0);
	fill_disk(bench);
	change.array_name = "states";
	assert_int_equal(hdf5_backend.put(bench->store, SNAPSHOTS,
	                                  bench_key("mine"), &change, NULL),
	                 -ENOSPC);
	bench_close(bench);
	assert_int_equal(bench_peer(bench, "check_snapshot", "mine"), 0);
	array_release(&array);
}

static int unmount(void **state)
{
	struct bench *bench = *state;

	bench_close(bench);
	umount(bench->directory);
	return bench_tear_down(state);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, bench_set_up, bench_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(other_programs_open_the_file_beside_an_idle_store),
		TEST(a_file_that_another_program_holds_is_an_error_in_time),
		TEST(what_h5py_changes_is_seen),
		TEST(what_is_not_edited_keeps_its_stored_form),
		cmocka_unit_test_setup_teardown(
		    a_full_disk_leaves_the_old_record, bench_set_up, unmount),
		TEST(what_put_acknowledged_survives_sigkill),
		TEST(other_files_are_not_followed),
		TEST(types_of_other_programs_are_read_or_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
