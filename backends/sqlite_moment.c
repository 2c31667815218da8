/* SPDX-License-Identifier: MIT */
#include "backends/sqlite_internal.h"

static int sql_version(const struct collection *collection, uint32_t columns,
                       struct blob *out)
{
	(void)collection;
	(void)columns;
	return blob_append_text(out, "PRAGMA data_version");
}

/*
 * The version is a connection's own way to count what others commit; so it is
 * always the same connection that is asked, which commits nothing.  Who would
 * have to wait for a lock does not know; failures are told where data are
 * asked for.
 */
static bool connect_locked(struct sqlite_store *store)
{
	char why[WHY_SIZE];

	if (store->clock)
		return true;
	if (sqlite_store_connect(store, &store->clock, why))
		return false;
	sqlite3_busy_timeout(store->clock->handle, 0);
	return true;
}

static uint64_t ask_locked(struct sqlite_store *store)
{
	sqlite3_stmt *stmt;
	uint64_t moment = 0;

	if (!connect_locked(store) ||
	    sqlite_db_prepare(store->clock, sql_version, NULL, 0, &stmt))
		return 0;
	if (sqlite3_step(stmt) == SQLITE_ROW)
		moment = (uint64_t)sqlite3_column_int64(stmt, 0) + 1;
	sqlite_db_done(stmt);
	return moment;
}

uint64_t sqlite_moment(struct store *base)
{
	struct sqlite_store *store = sqlite_store(base);
	uint64_t moment;

	pthread_mutex_lock(&store->moment_lock);
	moment = ask_locked(store);
	pthread_mutex_unlock(&store->moment_lock);
	return moment;
}
