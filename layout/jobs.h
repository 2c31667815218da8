/* SPDX-License-Identifier: MIT */
/*
 * jobs.h - long work, one piece after the other
 *
 * A thread of its own runs jobs in the order in which they were added.  A job
 * goes forward in short steps: between two of them it says how far it is
 * (job_step) and learns whether it is to stop.
 *
 * Errors:     int functions return 0 or a negative errno value.
 * Ownership:  a job belongs to its queue, which remembers the last ones that
 *             have ended.
 * Threads:    any thread may call anything but jobs_free; job_* are for the
 *             function that runs the job.
 */
#ifndef ENGRAMFS_LAYOUT_JOBS_H
#define ENGRAMFS_LAYOUT_JOBS_H

#include "backends/blob.h"
#include "backends/maintenance.h"
#include "backends/value.h"

#include <stdint.h>

#define JOBS_KEPT 100      /* ended jobs that are remembered */
#define JOBS_QUEUED_MAX 64 /* jobs that wait */

struct job;
struct jobs;
struct tree;

/* What is to be done. */
struct job_task {
	const char *command; /* as it was given */
	struct tree *tree;
	const struct value *arguments; /* dict; may be NULL */
	/* -ECANCELED: it was asked to stop.  Errors: job_fail says why. */
	int (*run)(struct job *job, struct tree *tree,
	           const struct value *arguments);
};

/* No job is run before jobs_start. */
int jobs_new(struct jobs **out);
int jobs_start(struct jobs *jobs);
/* Cancels what runs, waits for it, and forgets everything.  Accepts NULL. */
void jobs_free(struct jobs *jobs);

#define JOBS_REPEATED_MAX 4

/* Add TASK every SECONDS, the first time that long from now; never for 0.  Its
 * strings must outlive JOBS.  Before jobs_start, JOBS_REPEATED_MAX times at the
 * most. */
void jobs_repeat(struct jobs *jobs, const struct job_task *task,
                 int64_t seconds);

/* Add TASK whenever it is due: WAIT, which is called by the jobs' thread, says
 * in how many seconds that is; 0: now; -1: never.  As jobs_repeat. */
void jobs_plan(struct jobs *jobs, const struct job_task *task,
               int64_t (*wait)(struct tree *tree));

/* -EAGAIN: too many wait.  ID receives the job's number. */
int jobs_add(struct jobs *jobs, const struct job_task *task, uint64_t *id);

/* A job of that COMMAND waits or runs. */
bool jobs_has(struct jobs *jobs, const char *command);

/* -ENOENT: no such job.  -EALREADY: it has ended. */
int jobs_cancel(struct jobs *jobs, uint64_t id);

/* The job as JSON.  -ENOENT. */
int jobs_render(struct jobs *jobs, uint64_t id, struct blob *out);

/* Call VISIT with the number of each job, oldest first, until it fails. */
int jobs_visit(struct jobs *jobs, int (*visit)(uint64_t id, void *arg),
               void *arg);

/* The job that runs as {"id", "command", "progress"}, or null. */
struct value *jobs_running(struct jobs *jobs);

/* A copy of FIGURES, which status.json shows until there are others. */
int jobs_publish(struct jobs *jobs, const struct value *figures);
/* The last figures, or null. */
struct value *jobs_published(struct jobs *jobs);

/* How far the job is (0 to 1).  -ECANCELED: stop. */
int job_step(struct job *job, double progress);

/* For backends: steps of a part of the job, from FROM to TO. */
struct work job_work(struct job *job, double from, double to);

/* What the job has found out: the last one counts.  Takes RESULT over. */
void job_result(struct job *job, struct value *result);

/* Why the job fails; the first one counts. */
void job_fail(struct job *job, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
