/* SPDX-License-Identifier: MIT */
/*
 * What one call or allocation that fails does to changes that are handed on
 * after an outage: the first, the second, ... to the last.  Of the allocations a
 * part is tried; ENGRAMFS_FAULTS=all tries all of them.
 *
 * All changes are made all the same, once, and nothing of them is left.  Those
 * that are refused reach the user, or stay in the spool as files put aside.
 */
#include "tests/fault.h"
#include "tests/outage_hurry.h"
#include "tests/outage_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STRIDE 7 /* of the allocations that are tried, unless all are */

/* Of the only change that waits. */
static void damage_change(struct outage_lab *lab)
{
	char name[256];
	int directory;
	int fd;

	assert_int_equal(outage_lab_count_files(lab, "", name), 1);
	directory = outage_lab_open_spool(lab);
	fd = openat(directory, name, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, "?", 1, 100), 1);
	close(fd);
	close(directory);
}

/* ---- what is done ---- */

static void put_all(struct outage_lab *lab)
{
	assert_int_equal(outage_lab_put(lab, "a", 1), 0);
	assert_int_equal(
	    outage_lab_put_fields(lab, "a", "{\"metadata\": {\"n\": [1]}}"), 0);
	assert_int_equal(outage_lab_put(lab, "b", 2), 0);
}

static void put_anew(struct outage_lab *lab)
{
	assert_int_equal(outage_lab_put(lab, "a", 3), 0);
	assert_int_equal(outage_lab_put_fields(lab, "b", "{}"), 0);
	assert_int_equal(outage_lab_put(lab, "a", 4), 0);
}

static void drop_parts(struct outage_lab *lab)
{
	assert_int_equal(outage_lab_drop(lab, "a", true), 0);
	assert_int_equal(outage_lab_drop(lab, "b", false), 0);
	assert_int_equal(outage_lab_drop(lab, "b", true), 0);
}

static void remove_one(struct outage_lab *lab)
{
	assert_int_equal(lab->store->backend->remove(lab->store, lab->wm,
	                                             outage_lab_key_of("a")),
	                 0);
}

static void rename_one(struct outage_lab *lab)
{
	assert_int_equal(outage_lab_put(lab, "c", 5), 0);
	assert_int_equal(lab->store->backend->rename(
			     lab->store, lab->wm, outage_lab_key_of("c"),
			     outage_lab_key_of("a"), RENAME_REPLACE),
	                 0);
}

/* Another program writes the same a moment later. */
static void come_too_late(struct outage_lab *lab)
{
	assert_int_equal(outage_lab_put(lab, "a", 6), 0);
	outage_lab_pause_ms(2);
	outage_hurry_hold();
	mem_set_away(lab->inner, false);
	assert_int_equal(
	    outage_lab_put_number(lab->inner, lab->wm, "a", 7, EXPIRES_KEEP),
	    0);
	mem_set_away(lab->inner, true);
	outage_hurry_release();
}

static void come_too_late_for_all(struct outage_lab *lab)
{
	lab->answer = -ENOSPC;
	come_too_late(lab);
}

static void be_damaged(struct outage_lab *lab)
{
	assert_int_equal(outage_lab_put(lab, "a", 8), 0);
	damage_change(lab);
}

struct act {
	const char *name;
	void (*before)(struct outage_lab *lab);
	void (*run)(struct outage_lab *lab); /* while it is away */
};

static const struct act acts[] = {
	{ "make records", NULL, put_all },
	{ "change records", put_all, put_anew },
	{ "remove parts", put_all, drop_parts },
	{ "remove a record", put_all, remove_one },
	{ "rename a record", put_all, rename_one },
	{ "refuse a change", put_all, come_too_late },
	{ "keep a refused change", put_all, come_too_late_for_all },
	{ "put a damaged change aside", NULL, be_damaged },
};

struct mishap {
	const char *name;
	struct fault fault;
};

static const struct mishap mishaps[] = {
	{
	    "no memory",
	    { .calls = FAULT_ALLOCATIONS,
	      .effect = FAULT_FAIL,
	      .error = ENOMEM },
	},
	{ "no descriptor",
	  { .calls = FAULT_OPENS, .effect = FAULT_FAIL, .error = EMFILE } },
	{ "a broken disk",
	  { .calls = FAULT_WRITES | FAULT_NAMES,
	    .effect = FAULT_FAIL,
	    .error = EIO } },
	{ "a broken disk, reading",
	  { .calls = FAULT_READS, .effect = FAULT_FAIL, .error = EIO } },
	{ "a short read", { .calls = FAULT_READS, .effect = FAULT_PART } },
};

/* ---- what came of it ---- */

/* Who could not keep the bytes of a refusal may be told again. */
static void dump_all(struct outage_lab *lab, struct blob *out)
{
	int refused = lab->refused ? lab->refused : 1;
	char name[256];

	outage_lab_dump(lab, lab->inner, out);
	blob_append_text(out, "--\n");
	outage_lab_dump(lab, lab->store, out);
	blob_printf(out, "refused: %s, %zu bytes; aside: %d\n",
	            lab->refused ? "yes" : "no",
	            lab->refused_bytes / (size_t)refused,
	            outage_lab_count_files(lab, ".bad", name));
}

/* ---- trials ---- */

static bool has_no_files(struct outage_lab *lab)
{
	char name[256];

	return outage_lab_count_files(lab, "", name) == 0;
}

/* How many calls went wrong. */
static long run_act(const struct act *act, const struct fault *fault,
                    struct blob *out)
{
	void *state = NULL;
	struct outage_lab *lab;
	long hits;

	assert_int_equal(outage_lab_set_up(&state), 0);
	lab = state;
	if (act->before)
		act->before(lab);
	mem_set_away(lab->inner, true);
	act->run(lab);
	fault_arm(fault);
	mem_set_away(lab->inner, false);
	outage_lab_wait_until(lab, outage_lab_is_done);
	fault_disarm();
	hits = fault_hits();
	outage_lab_wait_until(lab, has_no_files);
	dump_all(lab, out);
	assert_int_equal(outage_lab_tear_down(&state), 0);
	return hits;
}

/* As test_fault.c. */
static long stride_of(const struct fault *fault)
{
	const char *all = getenv("ENGRAMFS_FAULTS");

	return fault->calls & FAULT_ALLOCATIONS &&
	               !(all && strcmp(all, "all") == 0)
	           ? STRIDE
	           : 1;
}

static void try_all(const struct act *act, const struct mishap *mishap)
{
	struct fault fault = mishap->fault;
	struct blob wanted = { 0 };
	struct blob found = { 0 };
	long allocated = fault_allocated();
	long stride = stride_of(&fault);
	long hits;

	fault.everywhere = true;
	fault.at = -1;
	assert_int_equal(run_act(act, &fault, &wanted), 0);
	fault.at = (act - acts) % stride;
	do {
		hits = run_act(act, &fault, &found);
		if (!blob_equal(&wanted, &found))
			fail_msg(
			    "%s, %s, call %ld\n--- wanted\n%s--- found\n%s",
			    act->name, mishap->name, fault.at, wanted.data,
			    found.data);
		blob_release(&found);
		fault.at += stride;
	} while (hits);
	blob_release(&wanted);
	assert_int_equal(fault_allocated(), allocated);
}

static void changes_arrive_whatever_fails_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		for (size_t k = 0; k < sizeof(mishaps) / sizeof(mishaps[0]);
		     k++)
			try_all(&acts[i], &mishaps[k]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_arrive_whatever_fails_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
