/* SPDX-License-Identifier: MIT */
/*
 * The directions of all arrays of a table are read once and kept.  Afterwards:
 *
 *   - what this store writes is noted, row by row, by SQLite's update hook on
 *     the writer's connection, and read anew for the next question;
 *   - when another connection wrote (PRAGMA data_version), everything is;
 *   - a row that was found and is not there says that deletions went unnoticed
 *     (SQLite reports none for DELETE without WHERE): everything is read anew.
 */
#include "backends/sqlite_near.h"

#include "backends/sqlite_query.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int append_select(const struct collection *collection, struct blob *out)
{
	const char *array = sqlite_sql_blob(collection);
	const char *key = collection_is_numbered(collection)
	                      ? "rowid"
	                      : collection->key_field;

	return blob_printf(out, "SELECT rowid, \"%s\", \"%s\" FROM \"%s\"", key,
	                   array, collection->place);
}

static int sql_all(const struct collection *collection, uint32_t columns,
                   struct blob *out)
{
	(void)columns;
	return append_select(collection, out);
}

int sqlite_near_sql_one(const struct collection *collection, uint32_t columns,
                        struct blob *out)
{
	int rc = append_select(collection, out);

	(void)columns;
	return rc ? rc : blob_append_text(out, " WHERE rowid = ?1");
}

static int sql_version(const struct collection *collection, uint32_t columns,
                       struct blob *out)
{
	(void)collection;
	(void)columns;
	return blob_append_text(out, "PRAGMA data_version");
}

int sqlite_near_read(sqlite3_stmt *stmt, struct sqlite_vector *out)
{
	const void *bytes = sqlite3_column_blob(stmt, SQLITE_NEAR_ARRAY);
	int size = sqlite3_column_bytes(stmt, SQLITE_NEAR_ARRAY);

	if (!bytes)
		return size ? -ENOMEM : -ENODATA;
	return sqlite_vector_decode(bytes, (size_t)size, out);
}

static int visit_row(sqlite3_stmt *stmt, sqlite_vector_fn *visit, void *arg)
{
	struct sqlite_vector vector;
	int rc = sqlite_near_read(stmt, &vector);

	if (rc)
		return rc == -ENODATA ? 0 : rc;
	rc = visit(sqlite3_column_int64(stmt, SQLITE_NEAR_ID), &vector, arg);
	sqlite_vector_release(&vector);
	return rc;
}

int sqlite_near_visit(struct sqlite_db *db, const struct collection *collection,
                      sqlite_vector_fn *visit, void *arg)
{
	sqlite3_stmt *stmt;
	int rc = sqlite_db_prepare(db, sql_all, collection, 0, &stmt);

	if (rc)
		return rc;
	while ((rc = sqlite_db_step(db, stmt)) == 1) {
		rc = visit_row(stmt, visit, arg);
		if (rc)
			break;
	}
	sqlite_db_done(stmt);
	return rc;
}

static int keep(int64_t id, const struct sqlite_vector *vector, void *arg)
{
	struct sqlite_near *near = arg;

	return sqlite_vectors_add(&near->vectors, id, vector, near->limit);
}

static int load_all(struct sqlite_db *db, struct sqlite_near *near)
{
	int rc;

	sqlite_vectors_release(&near->vectors);
	near->streams = false;
	rc = sqlite_near_visit(db, near->collection, keep, near);
	if (rc == -EFBIG) {
		sqlite_vectors_release(&near->vectors);
		near->streams = true;
		rc = 0;
	}
	near->valid = rc == 0;
	return rc;
}

static int load_one(struct sqlite_db *db, struct sqlite_near *near, int64_t id)
{
	sqlite3_stmt *stmt;
	int rc = sqlite_db_prepare(db, sqlite_near_sql_one, near->collection, 0,
	                           &stmt);

	if (rc)
		return rc;
	sqlite_vectors_remove(&near->vectors, id);
	sqlite3_bind_int64(stmt, 1, id);
	rc = sqlite_db_step(db, stmt);
	if (rc == 1)
		rc = visit_row(stmt, keep, near);
	sqlite_db_done(stmt);
	return rc;
}

/* ---- what changed ---- */

static void note_change(void *arg, int operation, const char *schema,
                        const char *table, sqlite3_int64 id)
{
	struct sqlite_near *near = arg;
	struct sqlite_changed *changed = &near->changed;

	(void)operation;
	(void)schema;
	if (strcmp(table, near->collection->place) != 0)
		return;
	if (changed->count > 0 && changed->ids[changed->count - 1] == id)
		return;
	if (changed->count == SQLITE_NEAR_CHANGES)
		changed->all = true;
	else
		changed->ids[changed->count++] = id;
}

/* Between two transactions: everything noted so far can be read. */
static int take_changes(struct sqlite_store *store, struct sqlite_near *near,
                        struct sqlite_changed *out)
{
	int64_t version = near->version;
	int rc;

	pthread_mutex_lock(&store->write_lock);
	rc = sqlite_db_number(store->writer ? store->writer : near->witness,
	                      sql_version, &version);
	*out = near->changed;
	near->changed = (struct sqlite_changed){ 0 };
	pthread_mutex_unlock(&store->write_lock);
	if (version != near->version || out->all)
		near->valid = false;
	near->version = version;
	return rc;
}

int sqlite_near_refresh(struct sqlite_store *store, struct sqlite_db *db,
                        struct sqlite_near *near)
{
	struct sqlite_changed changed;
	int rc = take_changes(store, near, &changed);

	if (rc)
		return rc;
	if (!near->valid)
		return load_all(db, near);
	if (near->streams)
		return 0;
	for (size_t i = 0; rc == 0 && i < changed.count; i++)
		rc = load_one(db, near, changed.ids[i]);
	if (rc == -EFBIG)
		return load_all(db, near);
	near->valid = rc == 0;
	return rc;
}

int sqlite_near_get(struct sqlite_store *store,
                    const struct collection *collection,
                    struct sqlite_near **out)
{
	struct sqlite_near *near = store->near;
	int rc = 0;

	if (!near) {
		near = calloc(1, sizeof(*near));
		if (!near)
			return -ENOMEM;
		near->collection = collection;
		near->limit = SQLITE_NEAR_LIMIT;
		if (!store->writer)
			rc = sqlite_pool_take(store, &near->witness);
		if (rc) {
			free(near);
			return rc;
		}
		pthread_mutex_lock(&store->write_lock);
		if (store->writer)
			sqlite3_update_hook(store->writer->handle, note_change,
			                    near);
		store->near = near;
		pthread_mutex_unlock(&store->write_lock);
	}
	if (near->collection != collection) {
		pthread_mutex_lock(&store->write_lock);
		near->collection = collection;
		near->changed.all = true;
		pthread_mutex_unlock(&store->write_lock);
	}
	*out = near;
	return 0;
}

void sqlite_near_free(struct sqlite_near *near)
{
	if (!near)
		return;
	sqlite_vectors_release(&near->vectors);
	sqlite_db_close(near->witness);
	free(near);
}
