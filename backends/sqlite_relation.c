/* SPDX-License-Identifier: MIT */
#include "backends/sqlite_relation.h"

#include "backends/query.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

/* Where relationships that were made now are dated, a moment later. */
#define SAME_MOMENT 10000000 /* nanoseconds */

static int sql_insert(const struct collection *collection, uint32_t columns,
                      struct blob *out)
{
	(void)columns;
	return blob_printf(out,
	                   "INSERT INTO \"%s\" (source_concept_id, "
	                   "target_concept_id, relationship_type, strength, "
	                   "created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
	                   collection->relations);
}

static int sql_update(const struct collection *collection, uint32_t columns,
                      struct blob *out)
{
	(void)columns;
	return blob_printf(out,
	                   "UPDATE \"%s\" SET source_concept_id = ?1, "
	                   "target_concept_id = ?2, relationship_type = ?3, "
	                   "strength = ?4, created_at = ?5 WHERE id = ?6",
	                   collection->relations);
}

static int sql_delete(const struct collection *collection, uint32_t columns,
                      struct blob *out)
{
	(void)columns;
	return blob_printf(out, "DELETE FROM \"%s\" WHERE id = ?1",
	                   collection->relations);
}

/* Insert RELATION (id 0), which gets its number, or update it. */
static int write_row(struct sqlite_db *db, const struct collection *collection,
                     const struct sqlite_ends *ends, struct relation *relation)
{
	sqlite3_stmt *stmt;
	int rc = sqlite_db_prepare(db, relation->id ? sql_update : sql_insert,
	                           collection, 0, &stmt);

	if (rc)
		return rc;
	rc = sqlite_relation_bind(stmt, ends);
	sqlite3_bind_double(stmt, 4, relation->strength);
	sqlite3_bind_double(stmt, 5, relation->created);
	if (relation->id)
		sqlite3_bind_int64(stmt, 6, relation->id);
	rc = sqlite_db_finish(db, stmt, rc);
	if (rc == 0 && !relation->id)
		relation->id = sqlite3_last_insert_rowid(db->handle);
	return rc;
}

static int delete_row(struct sqlite_db *db, const struct collection *collection,
                      int64_t id)
{
	sqlite3_stmt *stmt;
	int rc = sqlite_db_prepare(db, sql_delete, collection, 0, &stmt);

	if (rc)
		return rc;
	sqlite3_bind_int64(stmt, 1, id);
	return sqlite_db_finish(db, stmt, 0);
}

/* A lost time is no reason to call a change failed that was made. */
static void keep_time(struct sqlite_store *store,
                      const struct collection *collection,
                      const struct relation *relation)
{
	struct timespec made = relation_time(relation->created);
	struct value *stamp = value_new_float(relation->strength);
	struct sqlite_notes notes = { 0 };
	bool shown = made.tv_sec == relation->mtime.tv_sec &&
	             labs(made.tv_nsec - relation->mtime.tv_nsec) < SAME_MOMENT;

	if (shown)
		sqlite_side_forget(store->side, collection->relations,
		                   relation->id);
	else if (stamp && sqlite_notes_set(&notes, SQLITE_NOTE_FIELDS, "",
	                                   relation->mtime) == 0)
		(void)sqlite_side_save(store->side, collection->relations,
		                       relation->id, stamp, &notes);
	sqlite_notes_release(&notes);
	value_unref(stamp);
}

/* What CHANGE makes of RELATION. */
static void apply(const struct relation_change *change,
                  struct relation *relation)
{
	if (change->set_strength)
		relation->strength = change->strength;
	if (change->set_created)
		relation->created = change->created;
	if (change->mtime.tv_nsec != UTIME_OMIT)
		relation->mtime = change_mtime(change->mtime);
}

static int put_in_transaction(struct sqlite_store *store,
                              const struct collection *collection,
                              const struct relation_name *name,
                              const struct relation_change *change,
                              struct relation *relation)
{
	struct sqlite_db *db = store->writer;
	struct sqlite_ends ends;
	int rc = sqlite_relation_locate(db, collection, name, &ends);

	if (rc)
		return rc;
	rc = sqlite_relation_find(store, db, collection, &ends, relation);
	if (rc == 0 && change->exclusive)
		return -EEXIST;
	if (rc == -ENOENT && !change->must_exist) {
		relation->strength = RELATION_STRENGTH;
		relation->created = relation_now();
		relation->mtime = relation_time(relation->created);
		rc = 0;
	}
	if (rc)
		return rc;
	apply(change, relation);
	return write_row(db, collection, &ends, relation);
}

static int put_locked(struct sqlite_store *store,
                      const struct collection *collection,
                      const struct relation_name *name,
                      const struct relation_change *change)
{
	struct relation relation = { 0 };
	struct sqlite_db *db = store->writer;
	int rc = sqlite_db_begin(db);

	if (rc)
		return rc;
	rc = put_in_transaction(store, collection, name, change, &relation);
	if (rc == 0)
		rc = sqlite_db_commit(db);
	if (rc)
		sqlite_db_rollback(db);
	else
		keep_time(store, collection, &relation);
	relation_release(&relation);
	return rc;
}

int sqlite_relation_put(struct store *base, const struct collection *collection,
                        const struct relation_name *name,
                        const struct relation_change *change)
{
	struct sqlite_store *store = sqlite_store(base);
	int rc;

	if (store->read_only)
		return -EROFS;
	pthread_mutex_lock(&store->write_lock);
	rc = put_locked(store, collection, name, change);
	pthread_mutex_unlock(&store->write_lock);
	return rc;
}

static int remove_locked(struct sqlite_store *store,
                         const struct collection *collection,
                         const struct relation_name *name)
{
	struct relation relation = { 0 };
	struct sqlite_db *db = store->writer;
	struct sqlite_ends ends;
	int rc = sqlite_db_begin(db);

	if (rc)
		return rc;
	rc = sqlite_relation_locate(db, collection, name, &ends);
	if (rc == 0)
		rc = sqlite_relation_find(store, db, collection, &ends,
		                          &relation);
	if (rc == 0)
		rc = delete_row(db, collection, relation.id);
	if (rc == 0)
		rc = sqlite_db_commit(db);
	if (rc)
		sqlite_db_rollback(db);
	else
		sqlite_side_forget(store->side, collection->relations,
		                   relation.id);
	relation_release(&relation);
	return rc;
}

int sqlite_relation_remove(struct store *base,
                           const struct collection *collection,
                           const struct relation_name *name)
{
	struct sqlite_store *store = sqlite_store(base);
	int rc;

	if (store->read_only)
		return -EROFS;
	pthread_mutex_lock(&store->write_lock);
	rc = remove_locked(store, collection, name);
	pthread_mutex_unlock(&store->write_lock);
	return rc;
}

/* The relationship that has the name TO makes room. */
static int make_room(struct sqlite_store *store,
                     const struct collection *collection,
                     const struct sqlite_ends *to, int64_t id, bool keep)
{
	struct relation other = { 0 };
	int rc =
	    sqlite_relation_find(store, store->writer, collection, to, &other);

	if (rc == 0 && other.id != id)
		rc = keep ? -EEXIST
		          : delete_row(store->writer, collection, other.id);
	relation_release(&other);
	return rc == -ENOENT ? 0 : rc;
}

static int rename_locked(struct sqlite_store *store,
                         const struct collection *collection,
                         const struct relation_name *from,
                         const struct relation_name *to, bool keep)
{
	struct relation relation = { 0 };
	struct sqlite_db *db = store->writer;
	struct sqlite_ends old;
	struct sqlite_ends new;
	int rc = sqlite_db_begin(db);

	if (rc)
		return rc;
	rc = sqlite_relation_locate(db, collection, from, &old);
	if (rc == 0)
		rc = sqlite_relation_locate(db, collection, to, &new);
	if (rc == 0)
		rc = sqlite_relation_find(store, db, collection, &old,
		                          &relation);
	if (rc == 0)
		rc = make_room(store, collection, &new, relation.id, keep);
	if (rc == 0)
		rc = write_row(db, collection, &new, &relation);
	if (rc == 0)
		rc = sqlite_db_commit(db);
	if (rc)
		sqlite_db_rollback(db);
	relation_release(&relation);
	return rc;
}

int sqlite_relation_rename(struct store *base,
                           const struct collection *collection,
                           const struct relation_name *from,
                           const struct relation_name *to, bool keep)
{
	struct sqlite_store *store = sqlite_store(base);
	int rc;

	if (store->read_only)
		return -EROFS;
	pthread_mutex_lock(&store->write_lock);
	rc = rename_locked(store, collection, from, to, keep);
	pthread_mutex_unlock(&store->write_lock);
	return rc;
}
