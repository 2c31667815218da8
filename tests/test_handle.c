/* SPDX-License-Identifier: MIT */
#include "tests/handle_help.h"

#include "backends/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmocka.h>

static void a_reader_sees_what_it_opened(void **state)
{
	struct lab *lab = *state;
	struct handle *handle;
	double element;

	assert_int_equal(lab_write_array(lab, "wm/a.npy", COUNT, 1.5), 0);
	handle = open_path(lab, "wm/a.npy", O_RDONLY);
	assert_int_equal(lab_write_array(lab, "wm/a.npy", COUNT, 2.5), 0);
	assert_reads(handle, 1.5);
	assert_int_equal(handle_read(handle, HEADER + 8, &element, 8), 8);
	assert_true(element == 1.5);
	assert_int_equal(handle_read(handle, SIZE, &element, 8), 0);
	assert_int_equal(finish(handle), 0);
	assert_stored(lab, "wm/a.npy", 2.5);
}

static void only_files_that_are_there_are_opened(void **state)
{
	struct lab *lab = *state;
	struct handle *handle = NULL;

	assert_int_equal(try_open(lab, "wm/a.npy", O_RDONLY, &handle), -ENOENT);
	assert_int_equal(try_open(lab, "wm/a.npy", O_WRONLY | O_TRUNC, &handle),
	                 -ENOENT);
	assert_int_equal(try_open(lab, "wm/.a.swp", O_RDWR, &handle), -ENOENT);
	assert_int_equal(try_open(lab, "wm", O_RDONLY, &handle), -EISDIR);
	assert_int_equal(
	    try_open(lab, ".engram/errors.jsonl", O_WRONLY, &handle), -EACCES);
	assert_int_equal(try_open(lab, ".engram/rejected/x", O_WRONLY, &handle),
	                 -EACCES);
	assert_int_equal(try_open(lab, ".engram/rejected/x", O_RDONLY, &handle),
	                 -ENOENT);
	assert_null(handle);
}

static void a_failing_store_fails_the_open(void **state)
{
	struct lab *lab = *state;
	struct handle *handle = NULL;

	assert_int_equal(lab_write_array(lab, "wm/a.npy", COUNT, 1), 0);
	mem_fail_after(lab->store, 1, EIO); /* stat goes well */
	assert_int_equal(try_open(lab, "wm/a.npy", O_RDONLY, &handle), -EIO);
	assert_null(handle);
}

static void writes_may_come_in_any_order(void **state)
{
	struct lab *lab = *state;
	struct handle *handle = open_new(lab, "wm/a.npy");
	struct blob file = { 0 };

	lab_npy(COUNT, 1.5, &file);
	for (size_t at = file.size; at-- > 0;)
		assert_int_equal(handle_write(handle, at, file.data + at, 1),
		                 0);
	assert_int_equal(finish(handle), 0);
	assert_stored(lab, "wm/a.npy", 1.5);
	blob_release(&file);
}

static void large_files_are_stored_too(void **state)
{
	const uint64_t count = 300000;
	struct lab *lab = *state;
	struct handle *handle = open_new(lab, "wm/a.npy");
	struct blob file = { 0 };
	struct blob stored = { 0 };

	lab_npy(count, 1.5, &file);
	for (size_t at = 0; at < file.size; at += 131072) {
		size_t rest = file.size - at;

		assert_int_equal(handle_write(handle, at, file.data + at,
		                              rest < 131072 ? rest : 131072),
		                 0);
	}
	assert_int_equal(finish(handle), 0);
	assert_true(lab_read(lab, "wm/a.npy", &stored));
	assert_true(blob_equal(&stored, &file));
	handle = open_path(lab, "wm/a.npy", O_RDWR);
	assert_int_equal(
	    handle_write(handle, file.size - 8, &(double){ 2.5 }, 8), 0);
	assert_int_equal(finish(handle), 0);
	memcpy(file.data + file.size - 8, &(double){ 2.5 }, 8);
	assert_true(lab_read(lab, "wm/a.npy", &stored));
	assert_true(blob_equal(&stored, &file));
	blob_release(&file);
	blob_release(&stored);
}

static void limit_files(rlim_t size)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = size;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Writes before the place that failed, and behind it, do not mend it. */
static void what_lacks_a_write_is_not_stored(void **state)
{
	const size_t step = (size_t)1 << 20;
	struct lab *lab = *state;
	struct handle *handle = open_new(lab, "wm/a.npy");
	struct blob file = { 0 };

	lab_npy(500000, 1.5, &file);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(handle_write(handle, 0, file.data, 2 * step), 0);
	limit_files(2 * step);
	assert_int_equal(
	    handle_write(handle, 2 * step, file.data + 2 * step, step), -EFBIG);
	limit_files(RLIM_INFINITY);
	assert_int_equal(handle_write(handle, 0, file.data, 1), 0);
	assert_int_equal(handle_write(handle, 3 * step, file.data + 3 * step,
	                              file.size - 3 * step),
	                 0);
	assert_int_equal(handle_commit(handle, false), -EFBIG);
	assert_false(is_stored(lab, "wm/a.npy"));
	assert_int_equal(
	    handle_write(handle, 2 * step, file.data + 2 * step, step), 0);
	assert_int_equal(finish(handle), 0);
	assert_true(is_stored(lab, "wm/a.npy"));
	blob_release(&file);
}

static void a_writer_reads_its_own_bytes(void **state)
{
	struct lab *lab = *state;
	struct handle *reader;
	struct handle *handle;

	assert_int_equal(lab_write_array(lab, "wm/a.npy", COUNT, 1.5), 0);
	reader = open_path(lab, "wm/a.npy", O_RDONLY);
	handle = open_path(lab, "wm/a.npy", O_RDWR);
	assert_reads(handle, 1.5);
	write_array(handle, 2.5);
	assert_reads(handle, 2.5);
	assert_reads(reader, 1.5);
	assert_int_equal(handle_commit(handle, false), 0);
	assert_reads(handle, 2.5);
	assert_reads(reader, 1.5);
	assert_int_equal(finish(handle), 0);
	assert_int_equal(finish(reader), 0);
}

static void an_element_is_changed_in_place(void **state)
{
	const double element = 7.5;
	struct lab *lab = *state;
	struct blob file = { 0 };
	struct handle *handle;

	assert_int_equal(lab_write_array(lab, "wm/a.npy", COUNT, 1.5), 0);
	handle = open_path(lab, "wm/a.npy", O_RDWR);
	assert_int_equal(handle_write(handle, HEADER + 8, &element, 8), 0);
	assert_int_equal(finish(handle), 0);
	assert_true(lab_read(lab, "wm/a.npy", &file));
	assert_memory_equal(file.data + HEADER + 8, &element, 8);
	memcpy(file.data + HEADER + 8, &(double){ 1.5 }, 8);
	assert_bytes(file.data, file.size, 1.5);
	blob_release(&file);
}

static void a_text_is_cut_and_written_anew(void **state)
{
	static const char text[] = "{\"metadata\": {\"k\": 1}}";
	struct lab *lab = *state;
	struct blob file = { 0 };
	struct handle *handle;

	assert_int_equal(lab_write_array(lab, "wm/a.npy", COUNT, 1.5), 0);
	handle = open_path(lab, "wm/a.json", O_RDWR);
	write_text(handle, 0, text);
	assert_int_equal(handle_truncate(handle, strlen(text)), 0);
	assert_int_equal(finish(handle), 0);
	assert_true(lab_read(lab, "wm/a.json", &file));
	assert_non_null(strstr(file.data, "\"k\": 1"));
	blob_release(&file);
}

static void appending_ignores_the_offset(void **state)
{
	struct lab *lab = *state;
	struct handle *handle =
	    open_path(lab, "wm/a.json", O_WRONLY | O_CREAT | O_APPEND);

	write_text(handle, 0, "{\"metadata\": ");
	write_text(handle, 3, "{}");
	write_text(handle, 0, "}");
	assert_int_equal(finish(handle), 0);
	assert_true(is_stored(lab, "wm/a.json"));
	/* To a record, white space may be appended and nothing else. */
	handle = open_path(lab, "wm/a.json", O_WRONLY | O_APPEND);
	write_text(handle, 0, "\n\n");
	assert_int_equal(finish(handle), 0);
	handle = open_path(lab, "wm/a.json", O_WRONLY | O_APPEND);
	write_text(handle, 0, "{}");
	assert_int_equal(finish(handle), -EINVAL);
	assert_int_equal(count_rejected(lab), 1);
}

static void a_scratch_file_is_a_plain_file(void **state)
{
	struct lab *lab = *state;
	struct handle *handle =
	    open_path(lab, "wm/.a.swp", O_WRONLY | O_CREAT | O_APPEND);
	struct node_info info;
	char text[16] = "";

	write_text(handle, 0, "text");
	/* The kernel gives the offset of what is appended. */
	write_text(handle, 4, "more");
	assert_int_equal(handle_read(handle, 0, text, sizeof(text)), 8);
	assert_string_equal(text, "textmore");
	assert_int_equal(begun_size(lab, "wm/.a.swp"), 8);
	assert_int_equal(handle_truncate(handle, 2), 0);
	assert_int_equal(handle_allocate(handle, 0, 0, 6), 0);
	handle_info(handle, &info);
	assert_int_equal(info.size, 6);
	assert_true(S_ISREG(info.mode));
	assert_int_equal(finish(handle), 0);
	assert_int_equal(begun_size(lab, "wm/.a.swp"), 6);
}

static void space_is_allocated_at_the_end_only(void **state)
{
	struct lab *lab = *state;
	struct handle *handle;
	struct node_info info;

	assert_int_equal(lab_write_array(lab, "wm/a.npy", COUNT, 1.5), 0);
	handle = open_path(lab, "wm/a.npy", O_RDWR);
	assert_int_equal(handle_allocate(handle, 0, 0, SIZE), 0);
	assert_false(handle->dirty);
	assert_int_equal(
	    handle_allocate(handle, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
	                    0, 1),
	    -EOPNOTSUPP);
	assert_int_equal(handle_allocate(handle, 0, SIZE, 10), 0);
	handle_info(handle, &info);
	assert_int_equal(info.size, SIZE + 10);
	assert_int_equal(handle_truncate(handle, SIZE), 0);
	assert_int_equal(finish(handle), 0);
	assert_stored(lab, "wm/a.npy", 1.5);
}

/* Who has it open, for writing or for reading, puts nothing there again. */
static void what_was_begun_waits_once(void **state)
{
	struct lab *lab = *state;
	struct handle *unused = open_new(lab, "wm/a.npy");
	struct handle *writer = open_new(lab, "wm/a.npy");
	struct handle *reader;
	struct handle *other;
	struct blob file = { 0 };

	assert_int_equal(handle_commit(writer, false), 0);
	reader = open_path(lab, "wm/a.npy", O_RDONLY);
	other = open_new(lab, "wm/a.npy");
	lab_npy(COUNT, 1.5, &file);
	assert_int_equal(handle_write(other, 0, file.data, HEADER), 0);
	assert_int_equal(handle_commit(other, false), 0);
	assert_int_equal(finish(writer), 0);
	assert_int_equal(finish(reader), 0);
	assert_int_equal(begun_size(lab, "wm/a.npy"), HEADER);
	assert_int_equal(
	    handle_write(other, HEADER, file.data + HEADER, SIZE - HEADER), 0);
	assert_int_equal(finish(other), 0);
	assert_int_equal(finish(unused), 0);
	assert_int_equal(begun_size(lab, "wm/a.npy"), -ENOENT);
	assert_stored(lab, "wm/a.npy", 1.5);
	blob_release(&file);
}

/* docs/semantics.md: what stat shows while a file is open. */
static void stat_shows_new_files_and_updates(void **state)
{
	struct lab *lab = *state;
	struct handle *handle = open_new(lab, "wm/a.npy");
	uint64_t size = 99;

	assert_true(handle_shows_size(handle, &size));
	assert_int_equal(size, 0);
	write_array(handle, 1.5);
	assert_true(handle_shows_size(handle, &size));
	assert_int_equal(size, SIZE);
	assert_int_equal(handle_commit(handle, false), 0);
	assert_false(handle_shows_size(handle, &size));
	assert_int_equal(finish(handle), 0);

	handle = open_new(lab, "wm/a.npy");
	write_text(handle, 0, "x");
	assert_false(handle_shows_size(handle, &size));
	assert_int_equal(finish(handle), -EINVAL);

	handle = open_path(lab, "wm/a.npy", O_RDWR);
	assert_false(handle_shows_size(handle, &size));
	assert_int_equal(handle_truncate(handle, 7), 0);
	assert_true(handle_shows_size(handle, &size));
	assert_int_equal(size, 7);
	assert_int_equal(finish(handle), -EINVAL);
}

#define HANDLE_TEST(function)                                                  \
	cmocka_unit_test_setup_teardown(function, handle_set_up,               \
	                                handle_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HANDLE_TEST(a_reader_sees_what_it_opened),
		HANDLE_TEST(only_files_that_are_there_are_opened),
		HANDLE_TEST(a_failing_store_fails_the_open),
		HANDLE_TEST(writes_may_come_in_any_order),
		HANDLE_TEST(large_files_are_stored_too),
		HANDLE_TEST(what_lacks_a_write_is_not_stored),
		HANDLE_TEST(a_writer_reads_its_own_bytes),
		HANDLE_TEST(an_element_is_changed_in_place),
		HANDLE_TEST(a_text_is_cut_and_written_anew),
		HANDLE_TEST(appending_ignores_the_offset),
		HANDLE_TEST(a_scratch_file_is_a_plain_file),
		HANDLE_TEST(space_is_allocated_at_the_end_only),
		HANDLE_TEST(what_was_begun_waits_once),
		HANDLE_TEST(stat_shows_new_files_and_updates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
