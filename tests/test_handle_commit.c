/* SPDX-License-Identifier: MIT */
#include "tests/handle_help.h"

#include "backends/mem.h"
#include "fs/inode.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static void what_was_written_is_stored_at_the_flush(void **state)
{
	struct lab *lab = *state;
	struct handle *handle = open_new(lab, "wm/a.npy");

	write_array(handle, 1.5);
	assert_false(is_stored(lab, "wm/a.npy"));
	assert_int_equal(handle_commit(handle, false), 0);
	assert_stored(lab, "wm/a.npy", 1.5);
	assert_true(is_stored(lab, "wm/a.json"));
	assert_int_equal(finish(handle), 0);
	assert_stored(lab, "wm/a.npy", 1.5);
	assert_int_equal(begun_size(lab, "wm/a.npy"), -ENOENT);
}

static void a_flush_before_any_data_commits_nothing(void **state)
{
	struct lab *lab = *state;
	struct handle *handle;

	assert_int_equal(lab_write_array(lab, "wm/a.npy", COUNT, 1.5), 0);
	handle = open_new(lab, "wm/a.npy");
	assert_int_equal(handle_commit(handle, false), 0);
	assert_stored(lab, "wm/a.npy", 1.5);
	assert_int_equal(begun_size(lab, "wm/a.npy"), -ENOENT);
	write_array(handle, 2.5);
	assert_stored(lab, "wm/a.npy", 1.5);
	assert_int_equal(finish(handle), 0);
	assert_stored(lab, "wm/a.npy", 2.5);
}

static void a_truncated_record_stays_until_there_is_data(void **state)
{
	struct lab *lab = *state;
	struct handle *handle;

	assert_int_equal(lab_write_array(lab, "wm/a.npy", COUNT, 1.5), 0);
	assert_int_equal(finish(open_new(lab, "wm/a.npy")), 0);
	assert_stored(lab, "wm/a.npy", 1.5);
	assert_false(has_errors(lab, "empty file"));
	/* Cut by itself, as truncate(1) does: that somebody should know. */
	handle = open_path(lab, "wm/a.npy", O_RDWR);
	assert_int_equal(handle_truncate(handle, 0), 0);
	assert_int_equal(handle_commit(handle, false), 0);
	assert_false(has_errors(lab, "empty file"));
	assert_int_equal(finish(handle), 0);
	assert_true(has_errors(lab, "empty file"));
	assert_stored(lab, "wm/a.npy", 1.5);
	assert_int_equal(count_rejected(lab), 0);
}

static void each_flush_commits_what_is_new(void **state)
{
	struct lab *lab = *state;
	struct handle *handle = open_new(lab, "wm/a.npy");

	write_array(handle, 1.5);
	assert_int_equal(handle_commit(handle, false), 0);
	write_array(handle, 2.5);
	assert_stored(lab, "wm/a.npy", 1.5);
	assert_int_equal(handle_commit(handle, false), 0);
	assert_stored(lab, "wm/a.npy", 2.5);
	/* Nothing was written since: what others stored stays. */
	assert_int_equal(lab_write_array(lab, "wm/a.npy", COUNT, 3.5), 0);
	assert_int_equal(finish(handle), 0);
	assert_stored(lab, "wm/a.npy", 3.5);
}

static void the_last_of_two_writers_counts(void **state)
{
	struct lab *lab = *state;
	struct handle *first = open_new(lab, "wm/a.npy");
	struct handle *second = open_new(lab, "wm/a.npy");

	write_array(first, 1.5);
	write_array(second, 2.5);
	assert_int_equal(finish(second), 0);
	assert_stored(lab, "wm/a.npy", 2.5);
	assert_int_equal(finish(first), 0);
	assert_stored(lab, "wm/a.npy", 1.5);
}

static void what_is_refused_is_kept_beside_the_old_record(void **state)
{
	struct lab *lab = *state;
	struct handle *handle;

	assert_int_equal(lab_write_array(lab, "wm/a.npy", COUNT, 1.5), 0);
	handle = open_new(lab, "wm/a.npy");
	write_text(handle, 0, "no array");
	assert_int_equal(handle_commit(handle, false), -EINVAL);
	assert_stored(lab, "wm/a.npy", 1.5);
	assert_rejected(lab, "no array", "EINVAL");
	assert_true(has_errors(lab, "/wm/a.npy"));
	/* The first to close a duplicate may not have listened. */
	assert_int_equal(handle_commit(handle, false), -EINVAL);
	assert_int_equal(count_rejected(lab), 1);
	assert_int_equal(finish(handle), 0);
	assert_rejected(lab, "no array", "EINVAL");
	assert_stored(lab, "wm/a.npy", 1.5);
}

static void a_truncated_array_is_refused(void **state)
{
	struct lab *lab = *state;
	struct handle *handle;

	assert_int_equal(lab_write_array(lab, "wm/a.npy", COUNT, 1.5), 0);
	handle = open_path(lab, "wm/a.npy", O_RDWR);
	assert_int_equal(handle_truncate(handle, SIZE - 1), 0);
	assert_int_equal(finish(handle), -EINVAL);
	assert_stored(lab, "wm/a.npy", 1.5);
	assert_int_equal(count_rejected(lab), 1);
}

static void a_second_refusal_takes_the_place_of_the_first(void **state)
{
	struct lab *lab = *state;
	struct handle *handle = open_new(lab, "wm/a.json");

	write_text(handle, 0, "{ ");
	assert_int_equal(handle_commit(handle, false), -EINVAL);
	write_text(handle, 2, "\"colour\": 1}");
	assert_int_equal(handle_commit(handle, false), -EINVAL);
	assert_rejected(lab, "{ \"colour\": 1}", "colour");
	assert_int_equal(finish(handle), 0);
	assert_int_equal(count_rejected(lab), 1);
}

static void a_later_success_takes_the_refused_bytes_away(void **state)
{
	struct lab *lab = *state;
	struct handle *handle = open_new(lab, "wm/a.json");

	write_text(handle, 0, "{\"metadata\": ");
	assert_int_equal(handle_commit(handle, false), -EINVAL);
	assert_int_equal(count_rejected(lab), 1);
	write_text(handle, 13, "{}}");
	assert_int_equal(handle_commit(handle, false), 0);
	assert_int_equal(count_rejected(lab), 0);
	assert_true(is_stored(lab, "wm/a.json"));
	assert_int_equal(finish(handle), 0);
}

static void a_full_store_keeps_old_and_new(void **state)
{
	struct lab *lab = *state;
	struct handle *handle;

	assert_int_equal(lab_write_array(lab, "wm/a.npy", COUNT, 1.5), 0);
	handle = open_new(lab, "wm/a.npy");
	write_array(handle, 2.5);
	mem_fail_next(lab->store, ENOSPC);
	assert_int_equal(handle_commit(handle, false), -ENOSPC);
	assert_stored(lab, "wm/a.npy", 1.5);
	assert_int_equal(count_rejected(lab), 1);
	assert_true(has_errors(lab, "\"ENOSPC\""));
	assert_true(has_errors(lab, "No space left on device"));
	write_array(handle, 3.5);
	assert_int_equal(finish(handle), 0);
	assert_stored(lab, "wm/a.npy", 3.5);
	assert_int_equal(count_rejected(lab), 0);
}

static void a_new_file_without_data_waits(void **state)
{
	struct lab *lab = *state;
	struct handle *handle = open_new(lab, "wm/a.npy");

	assert_int_equal(begun_size(lab, "wm/a.npy"), -ENOENT);
	assert_int_equal(finish(handle), 0);
	assert_int_equal(begun_size(lab, "wm/a.npy"), 0);
	assert_false(is_stored(lab, "wm/a.npy"));
	assert_int_equal(count_rejected(lab), 0);
	/* touch, and later the data */
	handle = open_path(lab, "wm/a.npy", O_WRONLY);
	write_array(handle, 1.5);
	assert_int_equal(finish(handle), 0);
	assert_stored(lab, "wm/a.npy", 1.5);
	assert_int_equal(begun_size(lab, "wm/a.npy"), -ENOENT);
}

/* open_memmap with "w+": the header, the size, the elements. */
static void a_header_alone_waits_for_its_elements(void **state)
{
	struct lab *lab = *state;
	struct handle *handle;
	struct blob file = { 0 };

	assert_int_equal(lab_write_array(lab, "wm/a.npy", COUNT, 1.5), 0);
	lab_npy(COUNT, 2.5, &file);
	handle = open_path(lab, "wm/a.npy", O_RDWR | O_CREAT | O_TRUNC);
	assert_int_equal(handle_write(handle, 0, file.data, HEADER), 0);
	assert_int_equal(finish(handle), 0);
	assert_int_equal(begun_size(lab, "wm/a.npy"), HEADER);
	assert_stored(lab, "wm/a.npy", 1.5);
	handle = open_path(lab, "wm/a.npy", O_RDWR);
	assert_int_equal(handle_truncate(handle, SIZE), 0);
	assert_int_equal(
	    handle_write(handle, HEADER, file.data + HEADER, SIZE - HEADER), 0);
	assert_int_equal(finish(handle), 0);
	assert_stored(lab, "wm/a.npy", 2.5);
	assert_int_equal(begun_size(lab, "wm/a.npy"), -ENOENT);
	blob_release(&file);
}

static void a_begun_file_can_be_begun_anew(void **state)
{
	struct lab *lab = *state;
	struct blob file = { 0 };
	struct handle *handle = open_new(lab, "wm/a.npy");
	char byte;

	lab_npy(COUNT, 2.5, &file);
	assert_int_equal(handle_write(handle, 0, file.data, HEADER), 0);
	assert_int_equal(finish(handle), 0);
	handle = open_path(lab, "wm/a.npy", O_RDWR | O_TRUNC);
	assert_int_equal(handle_read(handle, 0, &byte, 1), 0);
	assert_int_equal(finish(handle), 0);
	assert_int_equal(begun_size(lab, "wm/a.npy"), 0);
	blob_release(&file);
}

static void a_named_copy_says_where_it_went(void **state)
{
	struct lab *lab = *state;
	struct handle *handle = open_new(lab, "episodes/run.npy");

	write_array(handle, 1.5);
	assert_int_equal(handle_commit(handle, false), 0);
	assert_true(handle->retarget);
	assert_string_equal(handle->node.path, "episodes/1.npy");
	assert_stored(lab, "episodes/1.npy", 1.5);
	write_array(handle, 2.5);
	assert_int_equal(finish(handle), 0);
	assert_stored(lab, "episodes/1.npy", 2.5);
	assert_false(is_stored(lab, "episodes/2.npy"));
}

static struct timespec mtime_of(struct lab *lab, const char *path)
{
	struct node node;
	struct node_info info;

	assert_int_equal(node_find(&lab->tree, path, &node), 0);
	assert_int_equal(node_stat(&lab->tree, &node, &info), 0);
	node_release(&node);
	return info.mtime;
}

static void a_time_that_was_set_is_for_the_next_commit(void **state)
{
	const struct timespec then = { 1000000, 500 };
	struct lab *lab = *state;
	struct handle *handle = open_new(lab, "wm/a.npy");
	struct timespec mtime;

	write_array(handle, 1.5);
	assert_true(handle_touch_uncommitted(handle, then));
	assert_int_equal(handle_commit(handle, false), 0);
	mtime = mtime_of(lab, "wm/a.npy");
	assert_int_equal(mtime.tv_sec, then.tv_sec);
	assert_int_equal(mtime.tv_nsec, then.tv_nsec);
	assert_false(handle_touch_uncommitted(handle, then));
	write_array(handle, 2.5);
	assert_int_equal(finish(handle), 0);
	assert_true(mtime_of(lab, "wm/a.npy").tv_sec > 1600000000);
}

static void a_removed_file_does_not_come_back(void **state)
{
	struct lab *lab = *state;
	struct handle *handle = open_new(lab, "wm/a.npy");

	/* Nothing written, something written, and a record's update. */
	assert_true(handle_drop(handle));
	assert_int_equal(finish(handle), 0);
	assert_int_equal(begun_size(lab, "wm/a.npy"), -ENOENT);
	handle = open_new(lab, "wm/a.npy");
	write_array(handle, 1.5);
	assert_true(handle_drop(handle));
	assert_reads(handle, 1.5);
	assert_int_equal(finish(handle), 0);
	assert_false(is_stored(lab, "wm/a.npy"));
	assert_int_equal(lab_write_array(lab, "wm/a.npy", COUNT, 2.5), 0);
	handle = open_path(lab, "wm/a.npy", O_RDWR);
	assert_false(handle_drop(handle));
	write_array(handle, 3.5);
	assert_int_equal(finish(handle), 0);
	assert_stored(lab, "wm/a.npy", 2.5);
	assert_int_equal(count_rejected(lab), 0);
}

/* Two writers are open at an unmount, and one has committed. */
static void what_is_open_is_committed_at_the_end(void **state)
{
	struct lab *lab = *state;
	struct handle *first = open_new(lab, "wm/a.npy");
	struct handle *second = open_new(lab, "wm/a.npy");
	struct inodes inodes;
	uint64_t id;

	assert_int_equal(inodes_init(&inodes), 0);
	id = inodes_lookup(&inodes, "wm/a.npy");
	inodes_attach(&inodes, id, first);
	inodes_attach(&inodes, id, second);
	write_array(first, 1.5);
	assert_int_equal(handle_commit(first, false), 0);
	inodes_replace(&inodes, id, first);
	write_array(second, 2.5);
	inodes_close_handles(&inodes);
	assert_stored(lab, "wm/a.npy", 2.5);
	inodes_release(&inodes);
}

static void what_was_renamed_is_committed_so_at_the_end(void **state)
{
	struct lab *lab = *state;
	struct handle *handle = open_new(lab, "wm/a.npy");
	struct inodes inodes;
	uint64_t id;

	assert_int_equal(inodes_init(&inodes), 0);
	id = inodes_lookup(&inodes, "wm/a.npy");
	inodes_attach(&inodes, id, handle);
	write_array(handle, 1.5);
	assert_int_equal(inodes_rename(&inodes, "wm/a.npy", "wm/b.npy", false),
	                 0);
	inodes_close_handles(&inodes);
	assert_false(is_stored(lab, "wm/a.npy"));
	assert_stored(lab, "wm/b.npy", 1.5);
	inodes_release(&inodes);
}

#define HANDLE_TEST(function)                                                  \
	cmocka_unit_test_setup_teardown(function, handle_set_up,               \
	                                handle_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HANDLE_TEST(what_was_written_is_stored_at_the_flush),
		HANDLE_TEST(a_flush_before_any_data_commits_nothing),
		HANDLE_TEST(a_truncated_record_stays_until_there_is_data),
		HANDLE_TEST(each_flush_commits_what_is_new),
		HANDLE_TEST(the_last_of_two_writers_counts),
		HANDLE_TEST(what_is_refused_is_kept_beside_the_old_record),
		HANDLE_TEST(a_truncated_array_is_refused),
		HANDLE_TEST(a_second_refusal_takes_the_place_of_the_first),
		HANDLE_TEST(a_later_success_takes_the_refused_bytes_away),
		HANDLE_TEST(a_full_store_keeps_old_and_new),
		HANDLE_TEST(a_new_file_without_data_waits),
		HANDLE_TEST(a_header_alone_waits_for_its_elements),
		HANDLE_TEST(a_begun_file_can_be_begun_anew),
		HANDLE_TEST(a_named_copy_says_where_it_went),
		HANDLE_TEST(a_time_that_was_set_is_for_the_next_commit),
		HANDLE_TEST(a_removed_file_does_not_come_back),
		HANDLE_TEST(what_is_open_is_committed_at_the_end),
		HANDLE_TEST(what_was_renamed_is_committed_so_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
