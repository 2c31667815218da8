/* SPDX-License-Identifier: MIT */
/*
 * What one call or allocation that fails does to each act (fault_lab.h): its
 * first, its second, ... to the last.
 *
 *   test_fault GROUND [ACT]
 *
 * ENGRAMFS_FAULTS=all tries every call of every act; else a part of them is
 * tried, always the same.
 *
 * The act fails with the right error and changes nothing, or succeeds and has
 * done all; done once more without the fault it succeeds.  Nothing is left
 * allocated.
 */
#include "tests/fault.h"
#include "tests/fault_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SKIPPED 77

static const struct fault_ground grounds[] = {
	{ .name = "mem", .mem = true, .stride = 5, .sparse = 1 },
	{ .name = "stores", .away = true, .stride = 17, .sparse = 5 },
	{ .name = "pickles",
	  .encoding = ENCODE_PICKLE,
	  .away = true,
	  .stride = 17,
	  .sparse = 7 },
};

/* One way in which calls go wrong, and what an act may return then. */
struct mishap {
	const char *name;
	struct fault fault;
	int answers[3]; /* errno values; 0: no more */
};

static const struct mishap mishaps[] = {
	{ "no memory",
	  { .calls = FAULT_ALLOCATIONS, .effect = FAULT_FAIL, .error = ENOMEM },
	  { ENOMEM } },
	{ "no descriptor",
	  { .calls = FAULT_OPENS, .effect = FAULT_FAIL, .error = EMFILE },
	  { EMFILE, EIO } },
	{ "no mapping",
	  { .calls = FAULT_MAPS, .effect = FAULT_FAIL, .error = ENOMEM },
	  { ENOMEM, EIO } },
	{ "a full disk",
	  { .calls = FAULT_WRITES, .effect = FAULT_FAIL, .error = ENOSPC },
	  { ENOSPC } },
	{ "a disk full from then on",
	  { .calls = FAULT_WRITES,
	    .effect = FAULT_FAIL,
	    .error = ENOSPC,
	    .stays = true },
	  { ENOSPC } },
	{ "a broken disk",
	  { .calls = FAULT_WRITES | FAULT_NAMES,
	    .effect = FAULT_FAIL,
	    .error = EIO },
	  { EIO } },
	{ "a broken disk, reading",
	  { .calls = FAULT_READS, .effect = FAULT_FAIL, .error = EIO },
	  { EIO } },
	{ "a short write",
	  { .calls = FAULT_DATA, .effect = FAULT_PART },
	  { 0 } },
	{ "a short read",
	  { .calls = FAULT_READS, .effect = FAULT_PART },
	  { 0 } },
};

#define MISHAPS (sizeof(mishaps) / sizeof(mishaps[0]))

/* One act under one mishap. */
struct trial {
	struct fault_lab lab;
	const struct act *act;
	const struct mishap *mishap;
	struct blob before;
	struct blob now;
	struct blob after; /* of a success */
	int wanted;        /* what the act returns without a fault */
	uint64_t answer;   /* and reads */
	long points;
	long calls;
};

/* From the line on in which WANTED and FOUND begin to differ. */
static size_t first_difference(const struct blob *wanted,
                               const struct blob *found)
{
	size_t line = 0;

	for (size_t i = 0; i < wanted->size && i < found->size &&
	                   wanted->data[i] == found->data[i];
	     i++)
		if (wanted->data[i] == '\n')
			line = i + 1;
	return line;
}

static void compare(struct trial *trial, const struct blob *wanted, long at,
                    const char *what)
{
	size_t from;

	fault_lab_dump(&trial->lab, &trial->now);
	if (blob_equal(&trial->now, wanted))
		return;
	from = first_difference(wanted, &trial->now);
	fail_msg("%s, %s, call %ld: %s\n--- wanted\n%.300s\n--- found\n%.300s",
	         trial->act->name, trial->mishap->name, at, what,
	         wanted->data + from, trial->now.data + from);
}

static bool may_answer(const struct mishap *mishap, int rc)
{
	for (const int *answer = mishap->answers; *answer; answer++)
		if (rc == -*answer)
			return true;
	return false;
}

static void start(struct trial *trial, const struct fault_ground *ground)
{
	fault_lab_init(&trial->lab, ground);
	fault_lab_fill(&trial->lab);
	fault_lab_dump(&trial->lab, &trial->before);
}

/* The act has succeeded, with the fault or without.  What it left for the next
 * mount is done then. */
static void check_success(struct trial *trial, long at)
{
	if (trial->lab.answer != trial->answer)
		fail_msg("%s, %s, call %ld: another answer", trial->act->name,
		         trial->mishap->name, at);
	fault_lab_dump(&trial->lab, &trial->now);
	if (!blob_equal(&trial->now, &trial->after)) {
		if (trial->act->grounds & MAY_STAY)
			spool_unlink(&trial->lab.tree.spool, trial->act->path);
		fault_lab_close(&trial->lab);
		assert_int_equal(fault_lab_open(&trial->lab), 0);
	}
	compare(trial, &trial->after, at, "it was not done");
}

/* False: there are not that many calls. */
static bool try_at(struct trial *trial, long at)
{
	struct fault fault = trial->mishap->fault;
	long hits;
	int rc;

	fault.at = at;
	trial->lab.answer = 0;
	fault_arm(&fault);
	rc = trial->act->run(&trial->lab, trial->act);
	trial->calls += fault_disarm();
	hits = fault_hits();
	if (hits == 0) {
		if (rc != trial->wanted)
			fail_msg("%s, %s, after %ld faults: %s",
			         trial->act->name, trial->mishap->name, at,
			         strerror(-rc));
		check_success(trial, at);
		return false;
	}
	trial->points++;
	if (rc == trial->wanted) {
		check_success(trial, at);
	} else if (may_answer(trial->mishap, rc)) {
		compare(trial, &trial->before, at, strerror(-rc));
	} else {
		fail_msg("%s, %s, call %ld: %s", trial->act->name,
		         trial->mishap->name, at, strerror(-rc));
	}
	return true;
}

static bool tries_all(void)
{
	const char *all = getenv("ENGRAMFS_FAULTS");

	return all && strcmp(all, "all") == 0;
}

static void measure(struct trial *trial, const struct fault_ground *ground)
{
	start(trial, ground);
	trial->wanted = trial->act->run(&trial->lab, trial->act);
	if (trial->wanted && trial->wanted != -EINVAL &&
	    trial->wanted != -ENOENT)
		fail_msg("%s: %s", trial->act->name, strerror(-trial->wanted));
	trial->answer = trial->lab.answer;
	fault_lab_dump(&trial->lab, &trial->after);
	fault_lab_release(&trial->lab);
}

static void run_trial(struct trial *trial, const struct fault_ground *ground)
{
	const bool changes = !blob_equal(&trial->before, &trial->after);
	bool many = trial->mishap->fault.calls & FAULT_ALLOCATIONS;
	long stride = many && !tries_all() ? ground->stride : 1;
	bool hit = true;

	start(trial, ground);
	for (long at = (trial->act - acts) % stride; hit; at += stride) {
		hit = try_at(trial, at);
		if (hit && changes &&
		    (trial->act->grounds & ONCE ||
		     !blob_equal(&trial->now, &trial->before))) {
			fault_lab_release(&trial->lab);
			start(trial, ground);
		}
	}
	fault_lab_release(&trial->lab);
}

/* A cmocka test. */
struct test {
	const struct fault_ground *ground;
	const struct act *act;
	const struct mishap *mishap;
	char name[160];
	long points;
	long calls;
};

static void run_case(void **state)
{
	struct test *test = *state;
	struct trial trial = { .act = test->act, .mishap = test->mishap };
	long allocated = fault_allocated();

	measure(&trial, test->ground);
	run_trial(&trial, test->ground);
	blob_release(&trial.before);
	blob_release(&trial.now);
	blob_release(&trial.after);
	assert_int_equal(fault_allocated(), allocated);
	test->points = trial.points;
	test->calls = trial.calls;
}

static bool is_wanted(const struct fault_ground *ground, const struct act *act,
                      const char *name)
{
	if (ground->mem && act->grounds & NOT_IN_MEM)
		return false;
	if (ground->away && act->grounds & NOT_AWAY)
		return false;
	return !name || strcmp(name, act->name) == 0;
}

static void tell_figures(const struct test *tests, size_t count)
{
	for (size_t i = 0; i < MISHAPS; i++) {
		long points = 0;
		long calls = 0;

		for (size_t t = 0; t < count; t++) {
			if (tests[t].mishap != &mishaps[i])
				continue;
			points += tests[t].points;
			calls += tests[t].calls;
		}
		print_message("%s: %ld points, %ld calls\n", mishaps[i].name,
		              points, calls);
	}
}

static int run_ground(const struct fault_ground *ground, const char *name)
{
	const size_t most = MISHAPS * 128;
	struct test *tests = calloc(most, sizeof(*tests));
	struct CMUnitTest *units = calloc(most, sizeof(*units));
	size_t count = 0;
	int failed = 1;

	for (const struct act *act = acts; tests && units && act->name; act++)
		for (size_t i = 0; i < MISHAPS; i++) {
			struct test *test = &tests[count];

			if (!is_wanted(ground, act, name) ||
			    (act->grounds & TWICE && mishaps[i].fault.stays) ||
			    (!name && !tries_all() &&
			     (act - acts + (long)i) % ground->sparse != 0))
				continue;
			*test = (struct test){ .ground = ground,
				               .act = act,
				               .mishap = &mishaps[i] };
			snprintf(test->name, sizeof(test->name), "%s: %s",
			         act->name, mishaps[i].name);
			units[count++] =
			    (struct CMUnitTest){ test->name, run_case, NULL,
				                 NULL, test };
		}
	if (count) {
		failed = _cmocka_run_group_tests(ground->name, units, count,
		                                 NULL, NULL);
		tell_figures(tests, count);
	}
	free(tests);
	free(units);
	return failed;
}

int main(int argc, char **argv)
{
	const size_t count = sizeof(grounds) / sizeof(grounds[0]);

	for (size_t i = 0; argc > 1 && i < count; i++)
		if (strcmp(grounds[i].name, argv[1]) == 0)
			return run_ground(&grounds[i],
			                  argc > 2 ? argv[2] : NULL);
	fprintf(stderr, "usage: %s GROUND [ACT]\n", argv[0]);
	return 2;
}
