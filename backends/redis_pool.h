/* SPDX-License-Identifier: MIT */
/*
 * redis_pool.h - connections to one Redis server, shared by threads
 *
 * The pool opens connections as they are needed, up to a limit, and tries
 * again when the server is away: as often as it was told, but never for longer
 * than REDIS_PATIENCE_MS in all.  Once that was in vain the server counts as
 * away: for a moment everything fails at once, then one caller at a time finds
 * out, quickly, whether it is back.
 *
 * Errors:     int functions return 0 or a negative errno value.  -EIO: the
 *             server is away, which is logged once when it goes and once when
 *             it is back.
 * Threads:    any thread may call anything but redis_pool_free.
 */
#ifndef ENGRAMFS_BACKENDS_REDIS_POOL_H
#define ENGRAMFS_BACKENDS_REDIS_POOL_H

#include "backends/redis_link.h"

/* Longer than this nothing waits for a server that does not answer. */
#define REDIS_PATIENCE_MS 900

struct redis_pool;

struct redis_pool_options {
	struct redis_address address;
	int max_connections;
	int attempts;
	int delay_ms; /* before the second attempt; doubles */
};

int redis_pool_new(const struct redis_pool_options *options,
                   struct redis_pool **out);

/* Accepts NULL.  No call may be under way. */
void redis_pool_free(struct redis_pool *pool);

/*
 * What is done over one link.  -EAGAIN: the server is away or not ready; the
 * pool may call again, with another link.  Anything else is final.
 */
typedef int redis_task_fn(struct redis_link *link, void *arg);

int redis_pool_do(struct redis_pool *pool, redis_task_fn *task, void *arg);

/* Run one batch. */
int redis_pool_run(struct redis_pool *pool, struct redis_batch *batch);

/* Connect and greet once, without trying again.  As redis_link_open. */
int redis_pool_probe(struct redis_pool *pool, char why[WHY_SIZE]);

struct redis_pool_status {
	bool healthy;
	char why[WHY_SIZE];    /* where not healthy */
	char version[32];      /* of the server; "" where not known yet */
	uint64_t memory_bytes; /* used by it, a few seconds ago */
};

/* From memory. */
void redis_pool_status(struct redis_pool *pool, struct redis_pool_status *out);

#endif
