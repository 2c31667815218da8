/* SPDX-License-Identifier: MIT */
#include "backends/sqlite_internal.h"

#include <errno.h>

/* ?1: times; ?2: when; ?3: number of the record. */
static int sql_count(const struct collection *collection, uint32_t columns,
                     struct blob *out)
{
	const char *count =
	    collection_field(collection, collection->access_count)->place;
	const char *last =
	    collection_field(collection, collection->last_access)->place;

	(void)columns;
	return blob_printf(out,
	                   "UPDATE \"%s\" SET \"%s\" = "
	                   "CAST(coalesce(\"%s\", 0) AS INTEGER) + ?1, "
	                   "\"%s\" = ?2 WHERE rowid = ?3",
	                   collection->place, count, count, last);
}

/* A record that is gone, or cannot be in this backend, is nothing to count. */
static int count_one(struct sqlite_db *db, const struct collection *collection,
                     const struct access *item)
{
	sqlite3_stmt *stmt;
	int64_t id;
	int rc = sqlite_number_of(db, collection, item->key, &id);

	if (rc)
		return rc == -ENOENT || rc == -EINVAL ? 0 : rc;
	rc = sqlite_db_prepare(db, sql_count, collection, 0, &stmt);
	if (rc)
		return rc;
	sqlite3_bind_int64(stmt, 1, item->count);
	sqlite3_bind_double(stmt, 2, item->last);
	sqlite3_bind_int64(stmt, 3, id);
	return sqlite_db_finish(db, stmt, 0);
}

static int count_locked(struct sqlite_db *db,
                        const struct collection *collection,
                        const struct access *items, size_t count)
{
	int rc = sqlite_db_begin(db);

	if (rc)
		return rc;
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = count_one(db, collection, &items[i]);
	if (rc == 0)
		rc = sqlite_db_commit(db);
	if (rc)
		sqlite_db_rollback(db);
	return rc;
}

static int sqlite_record_accesses(struct store *base,
                                  const struct collection *collection,
                                  const struct access *items, size_t count)
{
	struct sqlite_store *store = sqlite_store(base);
	int rc;

	if (store->read_only)
		return -EROFS;
	pthread_mutex_lock(&store->write_lock);
	rc = count_locked(store->writer, collection, items, count);
	pthread_mutex_unlock(&store->write_lock);
	return rc;
}

const struct access_ops sqlite_access_ops = {
	.record = sqlite_record_accesses,
};
