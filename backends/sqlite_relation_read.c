/* SPDX-License-Identifier: MIT */
#include "backends/sqlite_relation.h"

#include <errno.h>

/* The row of relationship ?3 (type) from ?1 to ?2. */
static int sql_get(const struct collection *collection, uint32_t columns,
                   struct blob *out)
{
	(void)columns;
	return blob_printf(
	    out,
	    "SELECT id, relationship_type, strength, created_at, ?2 "
	    "FROM \"%s\" WHERE source_concept_id = ?1 AND "
	    "target_concept_id = ?2 AND relationship_type = ?3",
	    collection->relations);
}

int sqlite_relation_locate(struct sqlite_db *db,
                           const struct collection *collection,
                           const struct relation_name *name,
                           struct sqlite_ends *out)
{
	struct sqlite_ends ends = { .type = name->type };
	int rc = sqlite_number_of(db, collection, name->source, &ends.source);

	if (rc == 0)
		rc = sqlite_number_of(db, collection, name->target,
		                      &ends.target);
	if (rc == -EINVAL) /* a key that no record has */
		rc = -ENOENT;
	if (rc == 0)
		*out = ends;
	return rc;
}

int sqlite_relation_bind(sqlite3_stmt *stmt, const struct sqlite_ends *ends)
{
	sqlite3_bind_int64(stmt, 1, ends->source);
	sqlite3_bind_int64(stmt, 2, ends->target);
	return sqlite_bind_new_key(stmt, 3, ends->type);
}

/* When it was written, where that is noted. */
static int read_time(struct sqlite_store *store,
                     const struct collection *collection,
                     struct relation *relation)
{
	struct sqlite_notes notes = { 0 };
	struct value *stamp = value_new_float(relation->strength);
	const struct sqlite_note *note;
	int rc = stamp ? sqlite_side_load(store->side, collection->relations,
	                                  relation->id, stamp, &notes)
	               : -ENOMEM;

	relation->mtime = relation_time(relation->created);
	note = sqlite_notes_find(&notes, SQLITE_NOTE_FIELDS, "");
	if (rc == 0 && note)
		relation->mtime = note->time;
	sqlite_notes_release(&notes);
	value_unref(stamp);
	return rc;
}

int sqlite_relation_read(struct sqlite_store *store,
                         const struct collection *collection,
                         sqlite3_stmt *stmt, struct relation *out)
{
	struct relation relation = {
		.id = sqlite3_column_int64(stmt, 0),
		.strength = RELATION_STRENGTH,
	};
	int rc = sqlite_column_key(stmt, 1, &relation.type);

	if (sqlite3_column_type(stmt, 2) != SQLITE_NULL)
		relation.strength = sqlite3_column_double(stmt, 2);
	relation.created = sqlite3_column_double(stmt, 3);
	if (rc == 0)
		rc = sqlite_column_key(stmt, 4, &relation.target);
	if (rc == 0)
		rc = read_time(store, collection, &relation);
	if (rc)
		relation_release(&relation);
	else
		*out = relation;
	return rc;
}

int sqlite_relation_find(struct sqlite_store *store, struct sqlite_db *db,
                         const struct collection *collection,
                         const struct sqlite_ends *ends, struct relation *out)
{
	sqlite3_stmt *stmt;
	int rc = sqlite_db_prepare(db, sql_get, collection, 0, &stmt);

	if (rc)
		return rc;
	rc = sqlite_relation_bind(stmt, ends);
	if (rc == 0)
		rc = sqlite_db_step(db, stmt);
	if (rc == 1)
		rc = sqlite_relation_read(store, collection, stmt, out);
	else if (rc == 0)
		rc = -ENOENT;
	sqlite_db_done(stmt);
	return rc;
}

int sqlite_relation_get(struct store *base, const struct collection *collection,
                        const struct relation_name *name, struct relation *out)
{
	struct sqlite_store *store = sqlite_store(base);
	struct relation relation = { 0 };
	struct sqlite_ends ends;
	struct sqlite_db *db;
	int rc = sqlite_pool_take(store, &db);

	if (rc)
		return rc;
	rc = sqlite_relation_locate(db, collection, name, &ends);
	if (rc == 0)
		rc = sqlite_relation_find(store, db, collection, &ends,
		                          &relation);
	sqlite_pool_give(store, db);
	if (rc == 0)
		rc = blob_set(&relation.target, name->target.data,
		              name->target.size);
	if (rc)
		relation_release(&relation);
	else
		*out = relation;
	return rc;
}
