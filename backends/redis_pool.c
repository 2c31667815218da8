/* SPDX-License-Identifier: MIT */
#include "backends/redis_pool.h"

#include "backends/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define AWAY_MS 200     /* how long everything fails at once */
#define PROBE_MS 250    /* patience with a server that was away */
#define BUSY_MS 10000   /* how long to wait for a connection in use */
#define REFRESH_MS 3000 /* age of the figures in the status */

struct redis_pool {
	struct redis_pool_options options;
	pthread_mutex_t lock; /* for everything below */
	pthread_cond_t given; /* a link is idle, or one less is open */
	struct redis_link **idle;
	int idle_count;
	int open_count;
	bool away;
	bool probing;     /* away: somebody is finding out */
	int64_t retry_at; /* away: when to find out again */
	int64_t refresh_at;
	struct redis_pool_status status;
};

static void wait_ms(int64_t ms)
{
	struct timespec pause = { .tv_sec = (time_t)(ms / 1000),
		                  .tv_nsec = (long)(ms % 1000) * 1000000L };

	while (nanosleep(&pause, &pause) && errno == EINTR)
		;
}

int redis_pool_new(const struct redis_pool_options *options,
                   struct redis_pool **out)
{
	struct redis_pool *pool = calloc(1, sizeof(*pool));
	pthread_condattr_t attr;

	if (!pool)
		return -ENOMEM;
	pool->options = *options;
	if (pool->options.max_connections < 1)
		pool->options.max_connections = 1;
	pool->idle = calloc((size_t)pool->options.max_connections,
	                    sizeof(struct redis_link *));
	if (!pool->idle) {
		free(pool);
		return -ENOMEM;
	}
	pthread_mutex_init(&pool->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&pool->given, &attr);
	pthread_condattr_destroy(&attr);
	pool->status.healthy = true;
	*out = pool;
	return 0;
}

void redis_pool_free(struct redis_pool *pool)
{
	if (!pool)
		return;
	for (int i = 0; i < pool->idle_count; i++)
		redis_link_close(pool->idle[i]);
	free(pool->idle);
	pthread_cond_destroy(&pool->given);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

void redis_pool_status(struct redis_pool *pool, struct redis_pool_status *out)
{
	pthread_mutex_lock(&pool->lock);
	*out = pool->status;
	pthread_mutex_unlock(&pool->lock);
}

/* One request: how long it may take, and what it learns. */
struct attempt {
	int64_t deadline;
	bool probe; /* the server was away */
	bool lost;  /* and is */
	struct redis_link *link;
	char why[WHY_SIZE];
};

/* While the server is away only one may enter, and not too soon. */
static int enter_locked(struct redis_pool *pool, struct attempt *attempt)
{
	if (!pool->away)
		return 0;
	if (pool->probing || redis_clock_ms() < pool->retry_at)
		return -EIO;
	pool->probing = true;
	attempt->probe = true;
	return 0;
}

static bool slot_is_free_locked(const struct redis_pool *pool)
{
	return pool->idle_count > 0 ||
	       pool->open_count < pool->options.max_connections;
}

/* An idle link, or (without one) the right to open one.  A pool may be busy for
 * long with large arrays; those who wait give up when the server goes. */
static int reserve_locked(struct redis_pool *pool, struct attempt *attempt)
{
	int64_t limit = redis_clock_ms() + BUSY_MS;
	struct timespec until = { .tv_sec = (time_t)(limit / 1000),
		                  .tv_nsec = (long)(limit % 1000) * 1000000L };
	int rc = enter_locked(pool, attempt);

	while (rc == 0 && !slot_is_free_locked(pool)) {
		rc = -pthread_cond_timedwait(&pool->given, &pool->lock, &until);
		if (pool->away && !attempt->probe)
			return -EIO;
	}
	if (rc == -ETIMEDOUT && attempt->probe)
		pool->probing = false;
	if (rc)
		return rc;
	attempt->link = NULL;
	if (pool->idle_count > 0)
		attempt->link = pool->idle[--pool->idle_count];
	else
		pool->open_count++;
	return 0;
}

static int reserve(struct redis_pool *pool, struct attempt *attempt)
{
	int rc;

	pthread_mutex_lock(&pool->lock);
	rc = reserve_locked(pool, attempt);
	pthread_mutex_unlock(&pool->lock);
	if (rc == -ETIMEDOUT) {
		log_error("redis: all %d connections are busy",
		          pool->options.max_connections);
		return -EIO;
	}
	if (attempt->deadline == 0)
		attempt->deadline =
		    redis_clock_ms() +
		    (attempt->probe ? PROBE_MS : REDIS_PATIENCE_MS);
	return rc;
}

/* Make sure of a link that works, as far as can be seen. */
static int hold_link(struct redis_pool *pool, struct attempt *attempt)
{
	if (attempt->link && !redis_link_is_alive(attempt->link)) {
		redis_link_close(attempt->link);
		attempt->link = NULL;
	}
	if (attempt->link) {
		attempt->link->deadline = attempt->deadline;
		return 0;
	}
	return redis_link_open(&pool->options.address, attempt->deadline,
	                       &attempt->link, attempt->why);
}

static uint64_t info_number(const char *info, const char *name)
{
	const char *found = strstr(info, name);

	return found ? strtoull(found + strlen(name), NULL, 10) : 0;
}

/* The figures of the status, every few seconds, behind somebody's request. */
static void refresh(struct redis_pool *pool, struct redis_link *link)
{
	static const char version[] = "redis_version:";
	struct redis_batch batch = { 0 };
	const char *found;

	redis_batch_line(&batch, "INFO server");
	redis_batch_line(&batch, "INFO memory");
	if (redis_link_run(link, &batch) ||
	    batch.replies[0]->type != REDIS_REPLY_STRING ||
	    batch.replies[1]->type != REDIS_REPLY_STRING)
		goto out;
	found = strstr(batch.replies[0]->str, version);
	pthread_mutex_lock(&pool->lock);
	if (found)
		snprintf(pool->status.version, sizeof(pool->status.version),
		         "%.*s",
		         (int)strcspn(found, "\r\n") - (int)strlen(version),
		         found + strlen(version));
	pool->status.memory_bytes =
	    info_number(batch.replies[1]->str, "used_memory:");
	pthread_mutex_unlock(&pool->lock);
out:
	redis_batch_release(&batch);
}

static bool refresh_is_due(struct redis_pool *pool)
{
	int64_t now = redis_clock_ms();
	bool due;

	pthread_mutex_lock(&pool->lock);
	due = now >= pool->refresh_at;
	if (due)
		pool->refresh_at = now + REFRESH_MS;
	pthread_mutex_unlock(&pool->lock);
	return due;
}

static void give(struct redis_pool *pool, struct redis_link *link)
{
	bool keep = link && !link->broken && !link->watching;

	if (keep && refresh_is_due(pool))
		refresh(pool, link);
	keep = keep && !link->broken;
	if (!keep)
		redis_link_close(link);
	pthread_mutex_lock(&pool->lock);
	if (keep)
		pool->idle[pool->idle_count++] = link;
	else
		pool->open_count--;
	pthread_cond_signal(&pool->given);
	pthread_mutex_unlock(&pool->lock);
}

/* What the last attempt of a request has shown. */
static void conclude(struct redis_pool *pool, const struct attempt *attempt)
{
	bool news;

	pthread_mutex_lock(&pool->lock);
	news = pool->away != attempt->lost;
	pool->away = attempt->lost;
	if (attempt->probe)
		pool->probing = false;
	if (attempt->lost) {
		pool->retry_at = redis_clock_ms() + AWAY_MS;
		snprintf(pool->status.why, WHY_SIZE, "%s", attempt->why);
		pthread_cond_broadcast(&pool->given);
	}
	pool->status.healthy = !attempt->lost;
	pthread_mutex_unlock(&pool->lock);
	if (news && attempt->lost)
		log_error("redis: %s", attempt->why);
	else if (news)
		log_info("redis: %s answers again", pool->options.address.host);
}

static int use_link(struct redis_pool *pool, struct attempt *attempt,
                    redis_task_fn *task, void *arg)
{
	int rc = hold_link(pool, attempt);

	attempt->lost = rc && rc != -ENOMEM;
	if (rc == 0) {
		rc = task(attempt->link, arg);
		attempt->lost =
		    rc == -EAGAIN || (rc == -EIO && attempt->link->broken);
		if (attempt->lost)
			snprintf(attempt->why, WHY_SIZE, "%.80s: %.160s",
			         pool->options.address.host,
			         attempt->link->why);
	}
	give(pool, attempt->link);
	return rc;
}

static bool try_again(const struct redis_pool *pool, int number,
                      const struct attempt *attempt)
{
	int64_t pause = (int64_t)pool->options.delay_ms << (number - 1);

	if (attempt->probe || number >= pool->options.attempts ||
	    redis_clock_ms() + pause >= attempt->deadline)
		return false;
	wait_ms(pause);
	return true;
}

int redis_pool_do(struct redis_pool *pool, redis_task_fn *task, void *arg)
{
	struct attempt attempt = { 0 };
	int number = 0;
	int rc;

	do {
		rc = reserve(pool, &attempt);
		if (rc)
			return rc;
		rc = use_link(pool, &attempt, task, arg);
	} while (rc == -EAGAIN && try_again(pool, ++number, &attempt));
	conclude(pool, &attempt);
	return attempt.lost ? -EIO : rc;
}

static int run_batch(struct redis_link *link, void *arg)
{
	struct redis_batch *batch = arg;

	redis_batch_forget(batch);
	return redis_link_run(link, batch);
}

int redis_pool_run(struct redis_pool *pool, struct redis_batch *batch)
{
	return redis_pool_do(pool, run_batch, batch);
}

static int do_nothing(struct redis_link *link, void *arg)
{
	(void)link;
	(void)arg;
	return 0;
}

int redis_pool_probe(struct redis_pool *pool, char why[WHY_SIZE])
{
	struct attempt attempt = { 0 };
	int rc = reserve(pool, &attempt);

	if (rc)
		return rc;
	rc = use_link(pool, &attempt, do_nothing, NULL);
	pthread_mutex_lock(&pool->lock);
	pool->status.healthy = rc == 0;
	snprintf(pool->status.why, WHY_SIZE, "%s", attempt.why);
	pthread_mutex_unlock(&pool->lock);
	if (rc)
		snprintf(why, WHY_SIZE, "%s", attempt.why);
	return rc;
}
