/* SPDX-License-Identifier: MIT */
/*
 * A process that does one act (fault_lab.h) over SQLite, HDF5 and the spool -
 * Redis is away, so that changes of its collections wait in the spool - ends at
 * its first call that changes a file, at its second, and so on.  The next
 * process, as the next mount, finds all as it was or as it was to be; and what
 * was acknowledged is the latter.
 *
 * Each STRIDEth call is tried, beginning with another one in each act;
 * ENGRAMFS_FAULTS=all tries all of them.
 */
#include "tests/fault.h"
#include "tests/fault_acts.h"
#include "tests/fault_lab.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define STRIDE 11

/* How a process ends.  Sanitizers and assertions end one with 1. */
enum { DONE, ENDED = 80, FAILED };

static const struct fault_ground ground = { .name = "killed", .away = true };

/* One act; the store is made anew from a copy for each end. */
struct killing {
	struct scratch scratch;
	const struct act *act;
	struct blob before;
	struct blob after;
	struct blob found;
	long points;
};

static int run(const struct killing *killing, const char *script)
{
	char line[700];
	int status;

	snprintf(line, sizeof(line), "cd '%s' && %s", killing->scratch.path,
	         script);
	status = system(line);
	return WIFEXITED(status) ? WEXITSTATUS(status) : FAILED;
}

/* The functions below run in a process of their own, in which nothing was open
 * before, and return how it ends. */
typedef int process_fn(struct killing *killing, long at);

static void use_store(struct killing *killing, struct fault_lab *lab)
{
	size_t room = sizeof(lab->scratch.path);

	fault_lab_prepare(lab, &ground);
	if (snprintf(lab->scratch.path, room, "%s/store",
	             killing->scratch.path) >= (int)room)
		_exit(FAILED);
}

static int fill(struct killing *killing, long at)
{
	struct fault_lab lab;

	(void)at;
	use_store(killing, &lab);
	if (fault_lab_open(&lab) != 0)
		return FAILED;
	fault_lab_fill(&lab);
	fault_lab_close(&lab);
	return DONE;
}

/* AT negative: nothing happens. */
static int act(struct killing *killing, long at)
{
	const struct fault fault = { .calls = FAULT_WRITES | FAULT_NAMES,
		                     .effect = FAULT_EXIT,
		                     .error = ENDED,
		                     .at = at,
		                     .everywhere = true };
	struct fault_lab lab;
	int rc;

	use_store(killing, &lab);
	if (fault_lab_open(&lab) != 0)
		return FAILED;
	if (at >= 0)
		fault_arm(&fault);
	rc = killing->act->run(&lab, killing->act);
	fault_disarm();
	if (at < 0)
		fault_lab_close(&lab);
	return rc == 0 || rc == -EINVAL ? DONE : FAILED;
}

/* It changes something, or tries to. */
static bool is_writing(const struct act *act)
{
	static const char *const others[] = { "list ", "look ", "read ",
		                              "ask " };

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strncmp(act->name, others[i], strlen(others[i])) == 0)
			return false;
	return !(act->grounds & (NOT_AWAY | NAMED_LATER));
}

/* What moves is made under its new name before it goes under the old one: an end
 * between the two leaves both, and nothing is lost. */
static void end_move(struct fault_lab *lab, const struct act *act)
{
	struct node node;
	struct node_info info;

	if (node_find(&lab->tree, act->other, &node))
		return;
	if (node_stat(&lab->tree, &node, &info) == 0)
		act_remove_part(lab, act);
	node_release(&node);
}

/* What there is goes to the file "found". */
static int look(struct killing *killing, long at)
{
	struct fault_lab lab;
	struct blob found = { 0 };
	char path[300];
	FILE *file;
	bool written;

	(void)at;
	use_store(killing, &lab);
	if (fault_lab_open(&lab) != 0)
		return FAILED;
	if (killing->act->grounds & MAY_STAY)
		spool_unlink(&lab.tree.spool, killing->act->path);
	if (killing->act->grounds & TWO_STEPS)
		end_move(&lab, killing->act);
	fault_lab_dump(&lab, &found);
	snprintf(path, sizeof(path), "%s/found", killing->scratch.path);
	file = fopen(path, "w");
	written = file && fwrite(found.data, 1, found.size, file) == found.size;
	if (file && fclose(file) != 0)
		written = false;
	blob_release(&found);
	return written ? DONE : FAILED;
}

static int run_process(process_fn *fn, struct killing *killing, long at)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(fn(killing, at));
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : FAILED;
}

/* Directories that were made for a file that then was not may stay. */
static void find(struct killing *killing, struct blob *out)
{
	assert_int_equal(run(killing, "find store/spool/scratch -mindepth 1 "
	                              "-type d -empty -delete"),
	                 0);
	assert_int_equal(run_process(look, killing, 0), DONE);
	blob_release(out);
	assert_true(scratch_read(&killing->scratch, "found", out));
}

static void renew(const struct killing *killing)
{
	assert_int_equal(run(killing, "rm -rf store && cp -a first store"), 0);
}

/* False: there are not that many calls. */
static bool try_at(struct killing *killing, long at)
{
	const char *name = killing->act->name;
	int ended;

	renew(killing);
	ended = run_process(act, killing, at);
	if (ended != DONE && ended != ENDED)
		fail_msg("%s, call %ld: it failed", name, at);
	find(killing, &killing->found);
	if (!blob_equal(&killing->found, &killing->after) &&
	    (ended == DONE || !blob_equal(&killing->found, &killing->before)))
		fail_msg("%s, call %ld: found\n%s", name, at,
		         killing->found.data);
	killing->points += ended == ENDED;
	return ended == ENDED;
}

static void set_up(struct killing *killing)
{
	scratch_init(&killing->scratch);
	assert_int_equal(run(killing, "mkdir store"), 0);
	assert_int_equal(run_process(fill, killing, 0), DONE);
	assert_int_equal(run(killing, "mv store first"), 0);
}

static void end_at_calls(struct killing *killing, long first, long stride)
{
	renew(killing);
	find(killing, &killing->before);
	renew(killing);
	assert_int_equal(run_process(act, killing, -1), DONE);
	find(killing, &killing->after);
	for (long at = first; try_at(killing, at); at += stride)
		;
}

static void tear_down(struct killing *killing)
{
	blob_release(&killing->before);
	blob_release(&killing->after);
	blob_release(&killing->found);
	scratch_release(&killing->scratch);
}

static void an_end_at_any_call_leaves_old_or_new(void **state)
{
	const char *all = getenv("ENGRAMFS_FAULTS");
	const char *only = *state;
	long stride = all && strcmp(all, "all") == 0 ? 1 : STRIDE;
	struct killing killing = { .points = 0 };
	long number = 0;

	set_up(&killing);
	for (killing.act = acts; killing.act->name; killing.act++) {
		if (!is_writing(killing.act) ||
		    (only && strcmp(only, killing.act->name) != 0))
			continue;
		end_at_calls(&killing, number++ % stride, stride);
	}
	print_message("%ld ends\n", killing.points);
	tear_down(&killing);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(an_end_at_any_call_leaves_old_or_new,
		                          argc > 1 ? argv[1] : NULL),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
