/* SPDX-License-Identifier: MIT */
/*
 * jobs_internal.h - what the files of jobs share
 */
#ifndef ENGRAMFS_LAYOUT_JOBS_INTERNAL_H
#define ENGRAMFS_LAYOUT_JOBS_INTERNAL_H

#include "layout/jobs.h"

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

enum job_state {
	JOB_QUEUED,
	JOB_RUNNING,
	JOB_DONE,
	JOB_FAILED,
	JOB_CANCELLED,
};

struct job {
	struct job *next; /* the one that was added after it */
	struct jobs *jobs;
	uint64_t id;
	char *command;
	struct tree *tree;
	struct value *arguments;
	int (*run)(struct job *job, struct tree *tree,
	           const struct value *arguments);
	enum job_state state;
	bool stop;
	double progress;
	double started;
	double ended;
	struct value *result;
	char why[WHY_SIZE];
};

struct jobs {
	pthread_t worker;
	bool has_worker;
	pthread_mutex_t lock; /* everything but TREE, ARGUMENTS, RUN of jobs */
	pthread_cond_t wake;
	bool ending;
	struct job *first; /* oldest */
	uint64_t last_id;
	size_t ended_count;
	size_t queued_count;
	struct value *figures; /* or NULL */

	struct {
		struct job_task task;
		int64_t interval; /* seconds */
		/* Or NULL; DUE is when it is asked again. */
		int64_t (*wait)(struct tree *tree);
		struct timespec due;
	} repeated[JOBS_REPEATED_MAX];

	size_t repeated_count;
};

/* With the lock held.  NULL: no such job. */
struct job *jobs_find(const struct jobs *jobs, uint64_t id);

/* With the lock held.  ID may be NULL. */
int jobs_add_locked(struct jobs *jobs, const struct job_task *task,
                    uint64_t *id);

/* jobs_plan.c; with the lock held, for the thread of jobs: add what is due, and
 * wait until something is, or has come.  The first lets go of the lock for a
 * while. */
void jobs_add_due(struct jobs *jobs);
void jobs_wait(struct jobs *jobs);

#endif
