/* SPDX-License-Identifier: MIT */
#include "layout/jobs_internal.h"

#include "backends/log.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define ASK_S 300 /* a plan is asked at least this often */

static struct timespec due_in(int64_t seconds)
{
	struct timespec due;

	clock_gettime(CLOCK_MONOTONIC, &due);
	due.tv_sec += seconds;
	return due;
}

void jobs_repeat(struct jobs *jobs, const struct job_task *task,
                 int64_t seconds)
{
	size_t i = jobs->repeated_count;

	if (seconds <= 0)
		return;
	assert(i < JOBS_REPEATED_MAX);
	jobs->repeated[i].task = *task;
	jobs->repeated[i].interval = seconds;
	jobs->repeated[i].due = due_in(seconds);
	jobs->repeated_count++;
}

void jobs_plan(struct jobs *jobs, const struct job_task *task,
               int64_t (*wait)(struct tree *tree))
{
	size_t i = jobs->repeated_count;

	assert(i < JOBS_REPEATED_MAX);
	jobs->repeated[i].task = *task;
	jobs->repeated[i].wait = wait;
	jobs->repeated[i].due = due_in(0);
	jobs->repeated_count++;
}

static void add_repeated(struct jobs *jobs, const struct job_task *task)
{
	int rc = jobs_add_locked(jobs, task, NULL);

	if (rc)
		log_warn("jobs: %s: %s", task->command,
		         rc == -EAGAIN ? "too many jobs are waiting"
		                       : strerror(-rc));
}

/* TASK waits already. */
static bool is_active(const struct jobs *jobs, const struct job_task *task)
{
	const struct job *job = jobs->first;

	while (job && (job->state >= JOB_DONE || job->run != task->run))
		job = job->next;
	return job != NULL;
}

/* How long to wait for the next time, or until asking again: the clock of the
 * wall may be set.  The lock is not held meanwhile. */
static int64_t ask(struct jobs *jobs, const struct job_task *task,
                   int64_t (*wait)(struct tree *tree), bool *due)
{
	int64_t seconds;

	pthread_mutex_unlock(&jobs->lock);
	seconds = wait(task->tree);
	pthread_mutex_lock(&jobs->lock);
	*due = seconds == 0;
	if (seconds == 0)
		return 1;
	return seconds > 0 && seconds < ASK_S ? seconds : ASK_S;
}

void jobs_add_due(struct jobs *jobs)
{
	struct timespec time = due_in(0);

	for (size_t i = 0; i < jobs->repeated_count; i++) {
		const struct job_task *task = &jobs->repeated[i].task;
		int64_t seconds = jobs->repeated[i].interval;
		bool due = true;

		if (time.tv_sec < jobs->repeated[i].due.tv_sec ||
		    (jobs->repeated[i].wait && is_active(jobs, task)))
			continue;
		if (jobs->repeated[i].wait)
			seconds = ask(jobs, task, jobs->repeated[i].wait, &due);
		jobs->repeated[i].due = due_in(seconds);
		if (due)
			add_repeated(jobs, task);
	}
}

void jobs_wait(struct jobs *jobs)
{
	const struct timespec *first = NULL;

	for (size_t i = 0; i < jobs->repeated_count; i++)
		if (!first || jobs->repeated[i].due.tv_sec < first->tv_sec)
			first = &jobs->repeated[i].due;
	if (first)
		pthread_cond_timedwait(&jobs->wake, &jobs->lock, first);
	else
		pthread_cond_wait(&jobs->wake, &jobs->lock);
}
