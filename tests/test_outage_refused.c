/* SPDX-License-Identifier: MIT */
/* What is not spooled while a storage is away, and what is put aside. */
#include "tests/outage_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* The path of the only change in the spool. */
static void find_change(struct outage_lab *lab, char out[600])
{
	char name[256];

	assert_int_equal(outage_lab_count_files(lab, "", name), 1);
	snprintf(out, 600, "%s/spool/outage/mem/%s", lab->scratch.path, name);
}

static void damage(const char *path, off_t offset)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	char byte;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, offset), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
	close(fd);
}

static void damaged_changes_are_put_aside(void **state)
{
	struct outage_lab *lab = *state;
	const off_t offsets[] = { 0, 20, 60, 300 };
	char path[600];
	char aside[620];

	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		mem_set_away(lab->inner, true);
		assert_int_equal(outage_lab_put(lab, "a", 1), 0);
		find_change(lab, path);
		outage_lab_close_store(lab);
		damage(path, offsets[i]);
		outage_lab_make_inner(lab);
		outage_lab_open_store(lab);
		outage_lab_wait_until_delivered(lab);
		assert_int_equal(outage_lab_try_get(lab->inner, "a"), -ENOENT);
		assert_int_equal(outage_lab_refusals(lab), (int)i + 1);
		snprintf(aside, sizeof(aside), "%s.bad", path);
		assert_int_equal(access(aside, F_OK), 0);
	}
}

static void numbered_records_are_refused(void **state)
{
	struct outage_lab *lab = *state;
	const struct collection *episodes = outage_lab_find_row("episodes");

	mem_set_away(lab->inner, true);
	assert_int_equal(
	    outage_lab_put_number(lab->store, episodes, "1", 1, EXPIRES_KEEP),
	    -EIO);
	assert_int_equal(outage_lab_figures_of(lab).changes, 0);
}

static void a_wrong_change_is_refused_at_once(void **state)
{
	struct outage_lab *lab = *state;

	mem_set_away(lab->inner, true);
	assert_int_equal(outage_lab_put_fields(lab, "a", "{\"colour\": 1}"),
	                 -EINVAL);
	assert_int_equal(outage_lab_figures_of(lab).changes, 0);
	mem_set_away(lab->inner, false);
	outage_lab_wait_until_delivered(lab);
	assert_int_equal(outage_lab_try_get(lab->inner, "a"), -ENOENT);
}

static void a_failure_while_it_is_there_is_not_spooled(void **state)
{
	struct outage_lab *lab = *state;

	mem_fail_next(lab->inner, ENOSPC);
	assert_int_equal(outage_lab_put(lab, "a", 1), -ENOSPC);
	mem_fail_next(lab->inner, EIO);
	assert_int_equal(outage_lab_put(lab, "a", 1), 0);
	assert_true(outage_lab_number_in(lab->inner, "a") == 1);
	assert_int_equal(outage_lab_figures_of(lab).changes, 0);
}

/* A replica: what is there is shown behind what was changed. */
static void a_record_that_can_only_be_read_is_seen_whole(void **state)
{
	struct outage_lab *lab = *state;

	assert_int_equal(outage_lab_put(lab, "a", 7), 0);
	mem_set_read_only(lab->inner, true);
	assert_int_equal(
	    outage_lab_put_fields(lab, "a", "{\"metadata\": {\"n\": 2}}"), 0);
	assert_true(outage_lab_number_in(lab->store, "a") == 7);
	assert_int_equal(outage_lab_try_get(lab->store, "b"), -ENOENT);
	assert_int_equal(outage_lab_drop(lab, "b", true), -ENOENT);
	mem_set_read_only(lab->inner, false);
	outage_lab_wait_until_delivered(lab);
	assert_true(outage_lab_number_in(lab->inner, "a") == 7);
}

#define OUTAGE_TEST(function)                                                  \
	cmocka_unit_test_setup_teardown(function, outage_lab_set_up,           \
	                                outage_lab_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OUTAGE_TEST(damaged_changes_are_put_aside),
		OUTAGE_TEST(numbered_records_are_refused),
		OUTAGE_TEST(a_wrong_change_is_refused_at_once),
		OUTAGE_TEST(a_failure_while_it_is_there_is_not_spooled),
		OUTAGE_TEST(a_record_that_can_only_be_read_is_seen_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
