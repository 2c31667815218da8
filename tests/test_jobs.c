/* SPDX-License-Identifier: MIT */
#include "layout/command.h"
#include "layout/jobs.h"

#include "backends/json.h"
#include "tests/lab.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define PATIENCE_MS 10000

static void sleep_ms(int ms)
{
	const struct timespec time = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&time, NULL);
}

static struct value *read_job(struct jobs *jobs, uint64_t id)
{
	struct blob text = { 0 };
	struct value *job = NULL;
	char why[WHY_SIZE];

	assert_int_equal(jobs_render(jobs, id, &text), 0);
	assert_int_equal(
	    json_parse(text.data, text.size, JSON_ARRAYS_REFUSE, &job, why), 0);
	blob_release(&text);
	return job;
}

static bool has_state(struct jobs *jobs, uint64_t id, const char *state)
{
	struct value *job = read_job(jobs, id);
	const struct value *now = value_dict_get(job, "state");
	bool same = strcmp(now->text.data, state) == 0;

	value_unref(job);
	return same;
}

static void wait_for(struct jobs *jobs, uint64_t id, const char *state)
{
	int waited = 0;

	while (!has_state(jobs, id, state)) {
		assert_in_range(waited++, 0, PATIENCE_MS);
		sleep_ms(1);
	}
}

static int run_until_stopped(struct job *job, struct tree *tree,
                             const struct value *arguments)
{
	int rc = 0;

	(void)tree;
	(void)arguments;
	while (rc == 0) {
		rc = job_step(job, 0.5);
		sleep_ms(1);
	}
	return rc;
}

static int run_well(struct job *job, struct tree *tree,
                    const struct value *arguments)
{
	(void)tree;
	(void)arguments;
	job_result(job, value_new_int(7));
	return 0;
}

static int run_badly(struct job *job, struct tree *tree,
                     const struct value *arguments)
{
	(void)tree;
	(void)arguments;
	job_fail(job, "the %s", "reason");
	job_fail(job, "another");
	return -EIO;
}

static uint64_t add(struct jobs *jobs,
                    int (*run)(struct job *job, struct tree *tree,
                               const struct value *arguments))
{
	const struct job_task task = { .command = "test", .run = run };
	uint64_t id = 0;

	assert_int_equal(jobs_add(jobs, &task, &id), 0);
	return id;
}

static struct jobs *start(void)
{
	struct jobs *jobs;

	assert_int_equal(jobs_new(&jobs), 0);
	assert_int_equal(jobs_start(jobs), 0);
	return jobs;
}

static void a_job_that_is_done_has_its_result(void **state)
{
	struct jobs *jobs = start();
	uint64_t id = add(jobs, run_well);
	struct value *job;
	double progress;

	(void)state;
	wait_for(jobs, id, "done");
	job = read_job(jobs, id);
	assert_int_equal(value_dict_get(job, "result")->integer, 7);
	assert_int_equal(
	    value_to_double(value_dict_get(job, "progress"), &progress), 0);
	assert_true(progress == 1.0);
	value_unref(job);
	jobs_free(jobs);
}

static void a_job_that_fails_says_why_first(void **state)
{
	struct jobs *jobs = start();
	uint64_t id = add(jobs, run_badly);
	struct value *job;

	(void)state;
	wait_for(jobs, id, "failed");
	job = read_job(jobs, id);
	assert_string_equal(value_dict_get(job, "error")->text.data,
	                    "the reason");
	value_unref(job);
	jobs_free(jobs);
}

static void one_job_runs_and_the_next_waits(void **state)
{
	struct jobs *jobs = start();
	uint64_t first = add(jobs, run_until_stopped);
	uint64_t second = add(jobs, run_well);

	(void)state;
	wait_for(jobs, first, "running");
	assert_true(has_state(jobs, second, "queued"));
	assert_int_equal(jobs_cancel(jobs, first), 0);
	wait_for(jobs, first, "cancelled");
	wait_for(jobs, second, "done");
	assert_int_equal(jobs_cancel(jobs, first), -EALREADY);
	assert_int_equal(jobs_cancel(jobs, 99), -ENOENT);
	jobs_free(jobs);
}

static void a_job_that_waits_is_cancelled_at_once(void **state)
{
	struct jobs *jobs = start();
	uint64_t first = add(jobs, run_until_stopped);
	uint64_t second = add(jobs, run_well);

	(void)state;
	wait_for(jobs, first, "running");
	assert_int_equal(jobs_cancel(jobs, second), 0);
	assert_true(has_state(jobs, second, "cancelled"));
	jobs_free(jobs);
}

static void the_queue_ends_while_a_job_runs(void **state)
{
	struct jobs *jobs = start();
	uint64_t id = add(jobs, run_until_stopped);

	(void)state;
	add(jobs, run_until_stopped);
	wait_for(jobs, id, "running");
	jobs_free(jobs);
}

static void a_task_is_repeated_by_itself(void **state)
{
	const struct job_task task = { .command = "again", .run = run_well };
	struct blob text = { 0 };
	struct jobs *jobs;

	(void)state;
	assert_int_equal(jobs_new(&jobs), 0);
	jobs_repeat(jobs, &task, 1);
	assert_int_equal(jobs_start(jobs), 0);
	assert_int_equal(jobs_render(jobs, 1, &text), -ENOENT);
	for (int ms = 0; jobs_render(jobs, 2, &text) == -ENOENT; ms++) {
		assert_in_range(ms, 0, PATIENCE_MS);
		sleep_ms(1);
	}
	assert_non_null(strstr(text.data, "again"));
	blob_release(&text);
	jobs_free(jobs);
}

static void each_of_several_tasks_is_repeated(void **state)
{
	const struct job_task often = { .command = "often", .run = run_well };
	const struct job_task rarely = { .command = "rarely", .run = run_well };
	const struct job_task never = { .command = "never", .run = run_well };
	struct blob text = { 0 };
	struct jobs *jobs;

	(void)state;
	assert_int_equal(jobs_new(&jobs), 0);
	jobs_repeat(jobs, &often, 1);
	jobs_repeat(jobs, &never, 0);
	jobs_repeat(jobs, &rarely, 3600);
	assert_int_equal(jobs_start(jobs), 0);
	for (int ms = 0; jobs_render(jobs, 2, &text) == -ENOENT; ms++) {
		assert_in_range(ms, 0, PATIENCE_MS);
		sleep_ms(1);
	}
	assert_non_null(strstr(text.data, "often"));
	blob_release(&text);
	jobs_free(jobs);
}

static void only_so_many_jobs_wait(void **state)
{
	const struct job_task task = { .command = "test", .run = run_well };
	struct jobs *jobs;
	uint64_t id;

	(void)state;
	assert_int_equal(jobs_new(&jobs), 0);
	for (int i = 0; i < JOBS_QUEUED_MAX; i++)
		add(jobs, run_well);
	assert_int_equal(jobs_add(jobs, &task, &id), -EAGAIN);
	assert_int_equal(jobs_cancel(jobs, 1), 0);
	assert_int_equal(jobs_add(jobs, &task, &id), 0);
	jobs_free(jobs);
}

static void only_the_last_ended_jobs_are_remembered(void **state)
{
	struct jobs *jobs = start();
	struct blob text = { 0 };
	uint64_t id = 0;

	(void)state;
	for (int i = 0; i < JOBS_KEPT + 5; i++) {
		id = add(jobs, run_well);
		wait_for(jobs, id, "done");
	}
	assert_int_equal(jobs_render(jobs, 5, &text), -ENOENT);
	assert_int_equal(jobs_render(jobs, 6, &text), 0);
	blob_release(&text);
	jobs_free(jobs);
}

/* Commands */

static void jobs_lab_init(struct lab *lab)
{
	lab_init(lab);
	assert_int_equal(jobs_new(&lab->tree.jobs), 0);
	assert_int_equal(jobs_start(lab->tree.jobs), 0);
}

static void jobs_lab_release(struct lab *lab)
{
	jobs_free(lab->tree.jobs);
	lab_release(lab);
}

static void a_malformed_command_is_refused_with_a_reason(void **state)
{
	static const struct {
		const char *line;
		const char *why;
	} cases[] = {
		{ "\n", "unknown command" },
		{ "vacum\n", "unknown command vacum" },
		{ "vacuum now\n", "unknown parameter now" },
		{ "vacuum\ncompact\n", "one line" },
		{ "vac\xff\n", "one line" },
		{ "cleanup\n", "retention_days is missing" },
		{ "cleanup retention_days=soon\n", "must be a number" },
		{ "cleanup retention_days=-1\n", "must be a number" },
		{ "cleanup retention_days=nan\n", "must be a number" },
		{ "cleanup retention_days=1 retention_days=2\n", "twice" },
		{ "cleanup retention_days=1 collections=wm,nix\n",
		  "nix is no collection" },
		{ "cancel\n", "job is missing" },
		{ "cancel 12\n", "job 12 does not exist" },
		{ "flush\n", "sure is missing" },
		{ "flush no\n", "needs the word yes" },
	};
	struct blob reply = { 0 };
	struct lab lab;

	(void)state;
	jobs_lab_init(&lab);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char why[WHY_SIZE] = "";

		assert_int_equal(command_write(&lab.tree, cases[i].line,
		                               strlen(cases[i].line), &reply,
		                               why),
		                 -EINVAL);
		if (!strstr(why, cases[i].why))
			fail_msg("%s: %s", cases[i].line, why);
	}
	assert_int_equal(reply.size, 0);
	jobs_lab_release(&lab);
}

static void run_line(struct lab *lab, const char *line, uint64_t id)
{
	struct blob reply = { 0 };
	char expected[64];
	char why[WHY_SIZE] = "";

	assert_int_equal(
	    command_write(&lab->tree, line, strlen(line), &reply, why), 0);
	snprintf(expected, sizeof(expected), "{\"job\": %d}\n", (int)id);
	assert_string_equal(reply.data, expected);
	blob_release(&reply);
	wait_for(lab->tree.jobs, id, "done");
}

static void write_dated(struct lab *lab, const char *path, double age)
{
	char text[64];

	snprintf(text, sizeof(text), "{\"timestamp\": %.3f}\n",
	         (double)time(NULL) - age);
	assert_int_equal(lab_write(lab, path, text, NULL), 0);
}

static void cleanup_removes_what_is_older_and_nothing_else(void **state)
{
	struct lab lab;
	struct value *job;

	(void)state;
	jobs_lab_init(&lab);
	write_dated(&lab, "network_states/old/metadata.json", 3 * 86400);
	write_dated(&lab, "network_states/new/metadata.json", 86400);
	write_dated(&lab, "episodes/7.json", 3 * 86400);
	run_line(&lab, "cleanup retention_days=2\n", 1);
	assert_false(lab_exists(&lab, "network_states/old"));
	assert_true(lab_exists(&lab, "network_states/new"));
	assert_true(lab_exists(&lab, "episodes/7.json"));
	job = read_job(lab.tree.jobs, 1);
	assert_int_equal(
	    value_dict_get(value_dict_get(job, "result"), "network_states")
		->integer,
	    1);
	value_unref(job);
	run_line(&lab, "cleanup retention_days=2 collections=episodes", 2);
	assert_false(lab_exists(&lab, "episodes/7.json"));
	jobs_lab_release(&lab);
}

static void the_tree_shows_jobs_and_commands(void **state)
{
	struct blob text = { 0 };
	struct lab lab;

	(void)state;
	jobs_lab_init(&lab);
	assert_false(lab_exists(&lab, ".engram/jobs/1.json"));
	run_line(&lab, "cleanup retention_days=1\n", 1);
	assert_true(lab_exists(&lab, ".engram/jobs/1.json"));
	assert_false(lab_exists(&lab, ".engram/jobs/01.json"));
	assert_false(lab_exists(&lab, ".engram/jobs/2.json"));
	assert_true(lab_read(&lab, ".engram/control", &text));
	assert_non_null(strstr(text.data, "cleanup retention_days=NUMBER"));
	blob_release(&text);
	jobs_lab_release(&lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_job_that_is_done_has_its_result),
		cmocka_unit_test(a_job_that_fails_says_why_first),
		cmocka_unit_test(one_job_runs_and_the_next_waits),
		cmocka_unit_test(a_job_that_waits_is_cancelled_at_once),
		cmocka_unit_test(the_queue_ends_while_a_job_runs),
		cmocka_unit_test(a_task_is_repeated_by_itself),
		cmocka_unit_test(each_of_several_tasks_is_repeated),
		cmocka_unit_test(only_so_many_jobs_wait),
		cmocka_unit_test(only_the_last_ended_jobs_are_remembered),
		cmocka_unit_test(a_malformed_command_is_refused_with_a_reason),
		cmocka_unit_test(
		    cleanup_removes_what_is_older_and_nothing_else),
		cmocka_unit_test(the_tree_shows_jobs_and_commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
