/* SPDX-License-Identifier: MIT */
/*
 * pool.h - threads that pack and unpack chunks
 *
 * As many as the process has processors, started with the first task.  Urgent
 * tasks go first; otherwise each waits for its turn.
 *
 * Ownership:  a task is its owner's, who may free it when it runs.
 * Threads:    any thread may call; a task runs on one of the pool's.
 */
#ifndef ENGRAMFS_BACKENDS_POOL_H
#define ENGRAMFS_BACKENDS_POOL_H

#include <stdbool.h>
#include <sys/queue.h>

struct chunk_work;
struct pool;
struct pool_task;

/* WORK is the thread's own. */
typedef void pool_fn(struct pool_task *task, struct chunk_work *work);

struct pool_task {
	pool_fn *run;
	bool waits; /* in the queue; the pool's */
	bool urgent;
	TAILQ_ENTRY(pool_task) link;
};

/* -ENOMEM. */
int pool_new(struct pool **out);
/* Waits until all tasks have run.  Accepts NULL. */
void pool_free(struct pool *pool);

/* -EAGAIN and the like: there is no thread to run it. */
int pool_add(struct pool *pool, struct pool_task *task, bool urgent);
/* A task that still waits becomes urgent. */
void pool_hurry(struct pool *pool, struct pool_task *task);
unsigned int pool_threads(const struct pool *pool);

#endif
