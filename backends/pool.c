/* SPDX-License-Identifier: MIT */
#include "backends/pool.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "backends/chunk_filter.h"

#define MOST_THREADS 32

TAILQ_HEAD(task_queue, pool_task);

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct task_queue urgent;
	struct task_queue later;
	bool ending;
	unsigned int wanted;
	unsigned int started;
	pthread_t threads[MOST_THREADS];
};

static unsigned int processors(void)
{
	cpu_set_t set;
	int count = 1;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		count = CPU_COUNT(&set);
	return count > MOST_THREADS ? MOST_THREADS : (unsigned int)count;
}

static struct task_queue *queue_of(struct pool *pool,
                                   const struct pool_task *task)
{
	return task->urgent ? &pool->urgent : &pool->later;
}

static void unqueue(struct pool *pool, struct pool_task *task)
{
	TAILQ_REMOVE(queue_of(pool, task), task, link);
	task->waits = false;
}

/* NULL: there is nothing to do any more. */
static struct pool_task *next_locked(struct pool *pool)
{
	struct pool_task *task;

	for (;;) {
		task = TAILQ_FIRST(&pool->urgent);
		if (!task)
			task = TAILQ_FIRST(&pool->later);
		if (task || pool->ending)
			break;
		pthread_cond_wait(&pool->work, &pool->lock);
	}
	if (task)
		unqueue(pool, task);
	return task;
}

static void *worker(void *arg)
{
	struct pool *pool = arg;
	struct chunk_work work = { 0 };
	struct pool_task *task;

	do {
		pthread_mutex_lock(&pool->lock);
		task = next_locked(pool);
		pthread_mutex_unlock(&pool->lock);
		if (task)
			task->run(task, &work);
	} while (task);
	chunk_work_release(&work);
	return NULL;
}

int pool_new(struct pool **out)
{
	struct pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return -ENOMEM;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->work, NULL);
	TAILQ_INIT(&pool->urgent);
	TAILQ_INIT(&pool->later);
	pool->wanted = processors();
	*out = pool;
	return 0;
}

void pool_free(struct pool *pool)
{
	if (!pool)
		return;
	pthread_mutex_lock(&pool->lock);
	pool->ending = true;
	pthread_cond_broadcast(&pool->work);
	pthread_mutex_unlock(&pool->lock);
	for (unsigned int i = 0; i < pool->started; i++)
		pthread_join(pool->threads[i], NULL);
	pthread_cond_destroy(&pool->work);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

/* Fewer threads than wanted will do. */
static int start_locked(struct pool *pool)
{
	while (pool->started < pool->wanted) {
		int error = pthread_create(&pool->threads[pool->started], NULL,
		                           worker, pool);

		if (error)
			return pool->started > 0 ? 0 : -error;
		pool->started++;
	}
	return 0;
}

int pool_add(struct pool *pool, struct pool_task *task, bool urgent)
{
	int rc;

	pthread_mutex_lock(&pool->lock);
	rc = start_locked(pool);
	if (rc == 0) {
		task->waits = true;
		task->urgent = urgent;
		TAILQ_INSERT_TAIL(queue_of(pool, task), task, link);
		pthread_cond_signal(&pool->work);
	}
	pthread_mutex_unlock(&pool->lock);
	return rc;
}

void pool_hurry(struct pool *pool, struct pool_task *task)
{
	pthread_mutex_lock(&pool->lock);
	if (task->waits && !task->urgent) {
		TAILQ_REMOVE(&pool->later, task, link);
		task->urgent = true;
		TAILQ_INSERT_TAIL(&pool->urgent, task, link);
	}
	pthread_mutex_unlock(&pool->lock);
}

unsigned int pool_threads(const struct pool *pool)
{
	return pool->wanted;
}
