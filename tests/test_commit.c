/* SPDX-License-Identifier: MIT */
#include "tests/lab.h"

#include "backends/mem.h"
#include "layout/commit.h"
#include "layout/render.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static int set_up(void **state)
{
	*state = calloc(1, sizeof(struct lab));
	lab_init(*state);
	return 0;
}

static int tear_down(void **state)
{
	lab_release(*state);
	free(*state);
	return 0;
}

static void assert_file_has(struct lab *lab, const char *path, const char *text)
{
	struct blob file = { 0 };

	assert_true(lab_read(lab, path, &file));
	if (!strstr(file.data, text))
		fail_msg("%s lacks %s: %s", path, text, file.data);
	blob_release(&file);
}

static void assert_refused(struct lab *lab, const char *path, const char *text,
                           const char *reason)
{
	char why[WHY_SIZE];

	assert_int_equal(lab_write(lab, path, text, why), -EINVAL);
	if (!strstr(why, reason))
		fail_msg("%s: \"%s\" lacks \"%s\"", path, why, reason);
}

static void an_array_brings_its_fields(void **state)
{
	struct lab *lab = *state;

	assert_int_equal(lab_write_array(lab, "wm/a.npy", 3, 1.5), 0);
	assert_file_has(lab, "wm/a.json", "\"shape\": [3]");
	assert_file_has(lab, "wm/a.json", "\"dtype\": \"float64\"");
	assert_file_has(lab, "wm/a.json", "\"expires_at\": ");
}

static void a_file_written_back_changes_nothing(void **state)
{
	struct lab *lab = *state;
	struct blob before = { 0 };
	struct blob after = { 0 };

	assert_int_equal(lab_write_array(lab, "wm/a.npy", 3, 1.5), 0);
	assert_true(lab_read(lab, "wm/a.json", &before));
	/* No call reaches the store but the one that reads it. */
	mem_fail_after(lab->store, 1, EIO);
	assert_int_equal(lab_write(lab, "wm/a.json", before.data, NULL), 0);
	mem_fail_next(lab->store, 0);
	assert_true(lab_read(lab, "wm/a.json", &after));
	assert_true(blob_equal(&before, &after));
	blob_release(&before);
	blob_release(&after);
}

static void unknown_and_wrong_fields_are_refused_by_name(void **state)
{
	struct lab *lab = *state;

	assert_int_equal(lab_write_array(lab, "wm/a.npy", 3, 1.5), 0);
	assert_refused(lab, "wm/a.json", "{\"colour\": 1}", "colour");
	assert_refused(lab, "wm/a.json", "{\"timestamp\": \"x\"}", "timestamp");
	assert_refused(lab, "wm/a.json", "{\"shape\": [4]}", "shape");
	assert_refused(lab, "wm/a.json", "{\"dtype\": \"int8\"}", "dtype");
	assert_refused(lab, "wm/a.json", "{\"expires_at\": 1}", "past");
	assert_refused(lab, "wm/a.json", "[1]", "object");
	assert_refused(lab, "wm/a.json", "{\"metadata\": ", "line 1");
	assert_refused(lab, "wm/a.npy", "no npy", "");
}

static void data_may_be_repeated_or_left_out(void **state)
{
	struct lab *lab = *state;

	assert_int_equal(lab_write_array(lab, "wm/a.npy", 3, 1.5), 0);
	assert_int_equal(lab_write(lab, "wm/a.json",
	                           "{\"shape\": [3], \"dtype\": \"float64\", "
	                           "\"metadata\": {\"k\": 1}}",
	                           NULL),
	                 0);
	assert_file_has(lab, "wm/a.json", "\"k\": 1");
	assert_int_equal(
	    lab_write(lab, "wm/a.json", "{\"timestamp\": 5}", NULL), 0);
	assert_file_has(lab, "wm/a.json", "\"timestamp\": 5.0");
}

static void fields_that_come_first_keep_their_expiry(void **state)
{
	struct lab *lab = *state;

	assert_int_equal(lab_write(lab, "wm/a.json",
	                           "{\"expires_at\": 4000000000.125}", NULL),
	                 0);
	assert_int_equal(lab_write_array(lab, "wm/a.npy", 3, 1.5), 0);
	assert_file_has(lab, "wm/a.json", "\"expires_at\": 4000000000.125");
	assert_int_equal(lab_write_array(lab, "wm/a.npy", 3, 2.5), 0);
	assert_false(lab_exists(lab, "wm/none.json"));
	{
		struct blob file = { 0 };

		assert_true(lab_read(lab, "wm/a.json", &file));
		assert_null(strstr(file.data, "4000000000"));
		blob_release(&file);
	}
}

static void references_are_file_names_in_files(void **state)
{
	struct lab *lab = *state;

	assert_int_equal(lab_write(lab, "episodes/4.json",
	                           "{\"experience_data\": [{\"o\": {\"$npy\": "
	                           "\"4/0/o.npy\"}, \"r\": 0.5}]}",
	                           NULL),
	                 0);
	assert_false(lab_exists(lab, "episodes/4/0/o.npy"));
	assert_int_equal(lab_write_array(lab, "episodes/4/0/o.npy", 2, 1), 0);
	assert_true(lab_exists(lab, "episodes/4/0/o.npy"));
	assert_file_has(lab, "episodes/4.json", "\"$npy\": \"4/0/o.npy\"");
	assert_file_has(lab, "episodes/4.json", "\"r\": 0.5");
	assert_refused(lab, "episodes/4.json", "{\"experience_data\": []}",
	               "lost");
	assert_refused(lab, "episodes/5.json",
	               "{\"experience_data\": {\"a\": {\"$npy\": "
	               "\"5/b.npy\"}}}",
	               "place");
	assert_refused(lab, "episodes/5.json",
	               "{\"experience_data\": {\"a\": {\"$npy\": \"5/b\"}}}",
	               ".npy");
}

static void a_named_copy_becomes_one_record(void **state)
{
	struct lab *lab = *state;
	struct blob target = { 0 };

	assert_int_equal(lab_write_array(lab, "episodes/7.npy", 1, 1), 0);
	assert_int_equal(lab_write_array(lab, "episodes/run.npy", 2, 1), 0);
	assert_int_equal(lab_write(lab, "episodes/run.json",
	                           "{\"id\": 7, \"performance_score\": 0.25}",
	                           NULL),
	                 0);
	assert_int_equal(
	    spool_readlink(&lab->tree.spool, "episodes/run.npy", &target), 0);
	assert_string_equal(target.data, "8.npy");
	blob_release(&target);
	assert_int_equal(
	    spool_readlink(&lab->tree.spool, "episodes/run.json", &target), 0);
	assert_string_equal(target.data, "8.json");
	blob_release(&target);
	assert_file_has(lab, "episodes/8.json", "\"performance_score\": 0.25");
	assert_false(lab_exists(lab, "episodes/9.json"));
}

static void a_named_directory_becomes_one_record(void **state)
{
	struct lab *lab = *state;
	struct blob target = { 0 };

	assert_int_equal(spool_mkdir(&lab->tree.spool, "episodes/run", 0700),
	                 0);
	assert_int_equal(lab_write_array(lab, "episodes/run/a.npy", 2, 1), 0);
	assert_int_equal(lab_write_array(lab, "episodes/run/b.npy", 2, 1), 0);
	assert_int_equal(
	    spool_readlink(&lab->tree.spool, "episodes/run", &target), 0);
	assert_string_equal(target.data, "1");
	assert_true(lab_exists(lab, "episodes/1/a.npy"));
	assert_true(lab_exists(lab, "episodes/1/b.npy"));
	blob_release(&target);
}

static int remove_path(struct lab *lab, const char *path)
{
	struct node node;
	int rc;

	assert_int_equal(node_find(&lab->tree, path, &node), 0);
	rc = commit_remove(&lab->tree, &node);
	node_release(&node);
	return rc;
}

static void a_record_goes_with_its_last_file(void **state)
{
	struct lab *lab = *state;

	assert_int_equal(lab_write_array(lab, "wm/a.npy", 3, 1), 0);
	assert_int_equal(remove_path(lab, "wm/a.json"), 0);
	assert_false(lab_exists(lab, "wm/a.json"));
	assert_true(lab_exists(lab, "wm/a.npy"));
	assert_int_equal(remove_path(lab, "wm/a.npy"), 0);
	assert_false(lab_exists(lab, "wm/a.npy"));
	assert_int_equal(remove_path(lab, "wm/a.npy"), -ENOENT);
}

static void directories_stay_until_they_are_removed(void **state)
{
	struct lab *lab = *state;

	assert_int_equal(lab_write_array(lab, "episodes/2/0/p.npy", 3, 1), 0);
	assert_int_equal(remove_path(lab, "episodes/2/0/p.npy"), 0);
	assert_true(lab_exists(lab, "episodes/2/0"));
	assert_int_equal(spool_rmdir(&lab->tree.spool, "episodes/2/0"), 0);
	assert_false(lab_exists(lab, "episodes/2/0"));
}

static bool begun(const char *path, const void *bytes, size_t size)
{
	struct node node = { .kind = strstr(path, ".npy") ? NODE_ARRAY
		                                          : NODE_FIELDS };

	return commit_is_begun(&node, bytes, size);
}

static void only_nothing_or_a_header_is_begun(void **state)
{
	struct lab *lab = *state;
	struct blob file = { 0 };

	assert_int_equal(lab_write_array(lab, "wm/a.npy", 3, 1), 0);
	assert_true(lab_read(lab, "wm/a.npy", &file));
	assert_true(begun("a.npy", "", 0));
	assert_true(begun("a.json", "", 0));
	assert_true(begun("a.npy", file.data, 128));
	assert_false(begun("a.npy", file.data, 127));
	assert_false(begun("a.npy", file.data, 129));
	assert_false(begun("a.npy", file.data, file.size));
	assert_false(begun("a.json", "{", 1));
	blob_release(&file);
}

static void a_failing_store_changes_nothing(void **state)
{
	struct lab *lab = *state;
	struct blob before = { 0 };
	struct blob after = { 0 };

	assert_int_equal(lab_write_array(lab, "concepts/a.npy", 3, 1), 0);
	assert_true(lab_read(lab, "concepts/a.npy", &before));
	mem_fail_next(lab->store, ENOSPC);
	assert_int_equal(lab_write_array(lab, "concepts/a.npy", 4, 1), -ENOSPC);
	assert_true(lab_read(lab, "concepts/a.npy", &after));
	assert_true(blob_equal(&before, &after));
	blob_release(&before);
	blob_release(&after);
}

#define LAB_TEST(function)                                                     \
	cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(an_array_brings_its_fields),
		LAB_TEST(a_file_written_back_changes_nothing),
		LAB_TEST(unknown_and_wrong_fields_are_refused_by_name),
		LAB_TEST(data_may_be_repeated_or_left_out),
		LAB_TEST(fields_that_come_first_keep_their_expiry),
		LAB_TEST(references_are_file_names_in_files),
		LAB_TEST(a_named_copy_becomes_one_record),
		LAB_TEST(a_named_directory_becomes_one_record),
		LAB_TEST(a_record_goes_with_its_last_file),
		LAB_TEST(directories_stay_until_they_are_removed),
		LAB_TEST(only_nothing_or_a_header_is_begun),
		LAB_TEST(a_failing_store_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
