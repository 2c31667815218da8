/* SPDX-License-Identifier: MIT */
/* Changes of an outage where a disk stays broken, memory fails, or something
 * comes in between. */
#include "tests/fault.h"
#include "tests/outage_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "layout/spool.h"
#include "layout/tree.h"

static const struct fault unreadable = { .calls = FAULT_READS,
	                                 .effect = FAULT_FAIL,
	                                 .error = EIO,
	                                 .everywhere = true,
	                                 .stays = true };

static void what_can_never_be_read_is_put_aside(void **state)
{
	struct outage_lab *lab = *state;
	char name[256];

	mem_set_away(lab->inner, true);
	assert_int_equal(outage_lab_put(lab, "a", 1), 0);
	assert_int_equal(outage_lab_put(lab, "b", 2), 0);
	fault_arm(&unreadable);
	mem_set_away(lab->inner, false);
	outage_lab_wait_until(lab, outage_lab_is_done);
	fault_disarm();
	assert_int_equal(outage_lab_refusals(lab), 2);
	assert_int_equal(outage_lab_count_files(lab, ".bad", name), 2);
	assert_int_equal(outage_lab_try_get(lab->inner, "a"), -ENOENT);
}

static void what_somebody_removed_keeps_nothing_waiting(void **state)
{
	struct outage_lab *lab = *state;
	char name[256];
	int fd;

	mem_set_away(lab->inner, true);
	assert_int_equal(outage_lab_put(lab, "a", 1), 0);
	assert_int_equal(outage_lab_count_files(lab, "", name), 1);
	assert_int_equal(outage_lab_put(lab, "b", 2), 0);
	fd = outage_lab_open_spool(lab);
	assert_int_equal(unlinkat(fd, name, 0), 0);
	close(fd);
	mem_set_away(lab->inner, false);
	outage_lab_wait_until(lab, outage_lab_is_done);
	assert_int_equal(outage_lab_refusals(lab), 1);
	assert_int_equal(outage_lab_try_get(lab->inner, "a"), -ENOENT);
	assert_true(outage_lab_number_in(lab->inner, "b") == 2);
}

static int rename_without_memory(struct outage_lab *lab, long at)
{
	const struct fault fault = { .calls = FAULT_ALLOCATIONS,
		                     .effect = FAULT_FAIL,
		                     .error = ENOMEM,
		                     .at = at };
	int rc;

	fault_arm(&fault);
	rc = lab->store->backend->rename(lab->store, lab->wm,
	                                 outage_lab_key_of("a"),
	                                 outage_lab_key_of("c"), RENAME_KEEP);
	fault_disarm();
	return rc;
}

static void a_rename_that_was_not_spooled_changes_nothing(void **state)
{
	struct outage_lab *lab = *state;
	struct blob before = { 0 };
	struct blob after = { 0 };
	long at = 0;

	mem_set_away(lab->inner, true);
	assert_int_equal(outage_lab_put(lab, "a", 1), 0);
	assert_int_equal(outage_lab_put(lab, "b", 2), 0);
	outage_lab_dump(lab, lab->store, &before);
	while (rename_without_memory(lab, at) == -ENOMEM) {
		outage_lab_dump(lab, lab->store, &after);
		assert_string_equal(after.data, before.data);
		blob_release(&after);
		at++;
	}
	assert_true(at > 0);
	assert_true(outage_lab_number_in(lab->store, "c") == 1);
	blob_release(&before);
}

static void read_owner(struct outage_lab *lab, struct blob *out)
{
	assert_true(scratch_read(&lab->scratch, "spool/outage/mem/owner", out));
}

/* A new name would have changes made again that were made. */
static void the_name_of_the_store_stays_when_it_cannot_be_read(void **state)
{
	struct outage_lab *lab = *state;
	const struct outage_options options = { .directory = lab->scratch.path,
		                                .rows = tree_collections };
	struct blob before = { 0 };
	struct blob after = { 0 };

	read_owner(lab, &before);
	outage_lab_close_store(lab);
	outage_lab_make_inner(lab);
	fault_arm(&unreadable);
	assert_int_equal(outage_open(&options, lab->inner, &lab->store), -EIO);
	fault_disarm();
	outage_lab_open_store(lab);
	read_owner(lab, &after);
	assert_true(blob_equal(&before, &after));
	blob_release(&before);
	blob_release(&after);
}

/* For the callback, which is told nothing. */
static struct outage_lab *interrupted;

/* While a change is being written to the spool all others are handed on; then
 * nothing is any more. */
static enum fault_effect hand_on_others(unsigned int call, int *error)
{
	struct outage_lab *lab = interrupted;

	(void)call;
	(void)error;
	interrupted = NULL;
	if (lab) {
		mem_set_away(lab->inner, false);
		outage_lab_wait_until(lab, outage_lab_is_done);
		mem_set_read_only(lab->inner, true);
	}
	return FAULT_NONE;
}

static void what_was_handed_on_meanwhile_is_seen_behind_a_change(void **state)
{
	struct outage_lab *lab = *state;
	const struct fault fault = { .calls = FAULT_WRITES,
		                     .choose = hand_on_others };

	assert_int_equal(outage_lab_put(lab, "a", 7), 0);
	mem_set_away(lab->inner, true);
	assert_int_equal(outage_lab_put_fields(lab, "a", "{}"), 0);
	interrupted = lab;
	fault_arm(&fault);
	assert_int_equal(
	    outage_lab_put_fields(lab, "a", "{\"metadata\": {\"n\": 2}}"), 0);
	fault_disarm();
	assert_null(interrupted);
	assert_int_equal(outage_lab_figures_of(lab).changes, 1);
	assert_true(outage_lab_number_in(lab->store, "a") == 7);
}

static int reject_with_fault(struct spool *spool, long at)
{
	const struct fault fault = { .calls = FAULT_WRITES,
		                     .effect = FAULT_FAIL,
		                     .error = EIO,
		                     .at = at };
	const struct refusal refusal = { .path = "wm/a.npy",
		                         .bytes = "bytes",
		                         .size = 5,
		                         .cause = -ESTALE,
		                         .reason = "late",
		                         .lasting = true };
	int rc;

	fault_arm(&fault);
	rc = spool_reject(spool, &refusal, NULL);
	fault_disarm();
	return rc;
}

/* The change in the spool goes for it. */
static void what_is_refused_has_reached_the_disk(void **state)
{
	struct outage_lab *lab = *state;
	struct spool spool;
	long at = 0;

	assert_int_equal(spool_open(lab->scratch.path, false, &spool, NULL), 0);
	while (reject_with_fault(&spool, at) == -EIO)
		at++;
	/* Two files are opened, written and synced, and the directory is. */
	assert_int_equal(at, 7);
	spool_close(&spool);
}

#define OUTAGE_TEST(function)                                                  \
	cmocka_unit_test_setup_teardown(function, outage_lab_set_up,           \
	                                outage_lab_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OUTAGE_TEST(what_can_never_be_read_is_put_aside),
		OUTAGE_TEST(what_somebody_removed_keeps_nothing_waiting),
		OUTAGE_TEST(a_rename_that_was_not_spooled_changes_nothing),
		OUTAGE_TEST(
		    what_was_handed_on_meanwhile_is_seen_behind_a_change),
		OUTAGE_TEST(what_is_refused_has_reached_the_disk),
		OUTAGE_TEST(the_name_of_the_store_stays_when_it_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
