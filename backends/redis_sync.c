/* SPDX-License-Identifier: MIT */
#include "backends/log.h"
#include "backends/redis_internal.h"

#include <errno.h>

/*
 * With `everysec` the server may hold back writes while an fsync is under way.
 * It does not with `always`, and so has written everything to its files when it
 * answers; those we sync ourselves, for `always` alone says nothing of what was
 * written before.
 */
static int set_fsync(struct redis_link *link, void *arg)
{
	struct redis_batch batch = { 0 };
	int rc;

	redis_batch_line(&batch, arg);
	rc = redis_link_run(link, &batch);
	if (rc == 0)
		rc = redis_link_check(link, batch.replies[0]);
	redis_batch_release(&batch);
	return rc;
}

static int sync_locked(struct redis_store *redis)
{
	char always[] = "CONFIG SET appendfsync always";
	char everysec[] = "CONFIG SET appendfsync everysec";
	int rc = redis_pool_do(redis->pool, set_fsync, always);
	int reset;

	if (rc == 0)
		rc = redis_server_sync(redis->server);
	reset = redis_pool_do(redis->pool, set_fsync, everysec);
	return rc ? rc : reset;
}

int redis_sync_server(struct redis_store *redis)
{
	int rc;

	pthread_mutex_lock(&redis->syncing);
	rc = sync_locked(redis);
	pthread_mutex_unlock(&redis->syncing);
	return rc;
}
