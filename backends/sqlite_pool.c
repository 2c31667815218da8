/* SPDX-License-Identifier: MIT */
#include "backends/sqlite_internal.h"

#include "backends/log.h"

/* More connections than this are closed when they are given back. */
#define MAX_IDLE 8

static struct sqlite_db *take_idle(struct sqlite_pool *pool)
{
	struct sqlite_db *db;

	pthread_mutex_lock(&pool->lock);
	db = pool->idle;
	if (db) {
		pool->idle = db->next;
		pool->idle_count--;
	}
	pthread_mutex_unlock(&pool->lock);
	return db;
}

int sqlite_pool_take(struct sqlite_store *store, struct sqlite_db **out)
{
	struct sqlite_db *db = take_idle(&store->pool);
	char why[WHY_SIZE];
	int rc = 0;

	if (!db) {
		rc = sqlite_store_connect(store, &db, why);
		if (rc)
			log_error("sqlite: %s", why);
	}
	if (rc == 0)
		*out = db;
	return rc;
}

void sqlite_pool_give(struct sqlite_store *store, struct sqlite_db *db)
{
	struct sqlite_pool *pool = &store->pool;
	bool kept;

	if (!db)
		return;
	pthread_mutex_lock(&pool->lock);
	kept = pool->idle_count < MAX_IDLE;
	if (kept) {
		db->next = pool->idle;
		pool->idle = db;
		pool->idle_count++;
	}
	pthread_mutex_unlock(&pool->lock);
	if (!kept)
		sqlite_db_close(db);
}

void sqlite_pool_close(struct sqlite_pool *pool)
{
	struct sqlite_db *db;

	while ((db = take_idle(pool)))
		sqlite_db_close(db);
}
