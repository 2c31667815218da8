/* SPDX-License-Identifier: MIT */
#include "backends/sqlite_relation.h"

#include "backends/query.h"

#include <errno.h>

/* A page of those of ?1 with type ?2, behind number ?3, at most ?4. */
static int sql_list(const struct collection *collection, uint32_t columns,
                    struct blob *out)
{
	(void)columns;
	return blob_printf(
	    out,
	    "SELECT r.id, r.relationship_type, r.strength, r.created_at, "
	    "c.\"%s\" FROM \"%s\" r JOIN \"%s\" c ON c.id = "
	    "r.target_concept_id WHERE r.source_concept_id = ?1 AND "
	    "+r.relationship_type = ?2 AND r.id > ?3 ORDER BY r.id LIMIT ?4",
	    collection->key_field, collection->relations, collection->place);
}

static int sql_types(const struct collection *collection, uint32_t columns,
                     struct blob *out)
{
	(void)columns;
	return blob_printf(out,
	                   "SELECT DISTINCT r.relationship_type "
	                   "FROM \"%s\" r JOIN \"%s\" c ON c.id = "
	                   "r.target_concept_id WHERE r.source_concept_id = ?1",
	                   collection->relations, collection->place);
}

/* Numbers and keys of sources behind number ?1, at most ?2: one seek in the
 * index for each. */
static int sql_sources(const struct collection *collection, uint32_t columns,
                       struct blob *out)
{
	const char *table = collection->relations;

	(void)columns;
	return blob_printf(
	    out,
	    "WITH RECURSIVE found(id) AS ("
	    "SELECT min(source_concept_id) FROM \"%s\" "
	    "WHERE source_concept_id > ?1 UNION ALL "
	    "SELECT (SELECT min(source_concept_id) FROM \"%s\" "
	    "WHERE source_concept_id > found.id) FROM found "
	    "WHERE found.id IS NOT NULL LIMIT ?2) "
	    "SELECT found.id, c.\"%s\" FROM found LEFT JOIN \"%s\" c "
	    "ON c.id = found.id WHERE found.id IS NOT NULL",
	    table, table, collection->key_field, collection->place);
}

static int take_page(struct sqlite_store *store, struct sqlite_db *db,
                     const struct collection *collection, sqlite3_stmt *stmt,
                     struct relation_list *out)
{
	int rc;

	while ((rc = sqlite_db_step(db, stmt)) == 1) {
		struct relation relation = { 0 };

		rc = sqlite_relation_read(store, collection, stmt, &relation);
		if (rc == 0)
			rc = relation_list_append(out, &relation);
		relation_release(&relation);
		if (rc)
			return rc;
	}
	return rc;
}

static int list_from(struct sqlite_store *store, struct sqlite_db *db,
                     const struct collection *collection, struct key source,
                     struct key type, struct cursor *cursor, size_t limit,
                     struct relation_list *out)
{
	size_t before = out->count;
	sqlite3_stmt *stmt;
	int64_t id;
	int rc = sqlite_number_of(db, collection, source, &id);

	if (rc == 0)
		rc = sqlite_db_prepare(db, sql_list, collection, 0, &stmt);
	if (rc)
		return rc;
	sqlite3_bind_int64(stmt, 1, id);
	sqlite3_bind_int64(stmt, 3, (sqlite3_int64)cursor->position);
	sqlite3_bind_int64(stmt, 4, (sqlite3_int64)limit);
	rc = sqlite_bind_new_key(stmt, 2, type);
	if (rc == 0)
		rc = take_page(store, db, collection, stmt, out);
	sqlite_db_done(stmt);
	if (rc)
		return rc;
	cursor->end = out->count - before < limit;
	if (!cursor->end)
		cursor->position = (uint64_t)out->items[out->count - 1].id;
	return 0;
}

static int list(struct store *base, const struct collection *collection,
                struct key source, struct key type, struct cursor *cursor,
                size_t limit, struct relation_list *out)
{
	struct sqlite_store *store = sqlite_store(base);
	struct sqlite_db *db;
	int rc = sqlite_pool_take(store, &db);

	if (rc)
		return rc;
	rc = list_from(store, db, collection, source, type, cursor, limit, out);
	sqlite_pool_give(store, db);
	return rc;
}

/* Append the key in COLUMN of each row. */
static int take_type(sqlite3_stmt *stmt, int column, struct match_list *out)
{
	struct blob key = { 0 };
	int rc = sqlite_column_key(stmt, column, &key);

	if (rc == 0)
		rc = match_list_append(out, &key, 0);
	blob_release(&key);
	return rc;
}

static int types_from(struct sqlite_db *db, const struct collection *collection,
                      struct key source, struct match_list *out)
{
	sqlite3_stmt *stmt;
	int64_t id;
	int rc = sqlite_number_of(db, collection, source, &id);

	if (rc == 0)
		rc = sqlite_db_prepare(db, sql_types, collection, 0, &stmt);
	if (rc)
		return rc;
	sqlite3_bind_int64(stmt, 1, id);
	while ((rc = sqlite_db_step(db, stmt)) == 1) {
		rc = take_type(stmt, 0, out);
		if (rc)
			break;
	}
	sqlite_db_done(stmt);
	return rc;
}

static int types(struct store *base, const struct collection *collection,
                 struct key source, struct match_list *out)
{
	struct sqlite_store *store = sqlite_store(base);
	struct sqlite_db *db;
	int rc = sqlite_pool_take(store, &db);

	if (rc)
		return rc;
	rc = types_from(db, collection, source, out);
	sqlite_pool_give(store, db);
	return rc;
}

/* Rows whose record is gone (other programs can leave such) move the cursor
 * on, and nothing else. */
static int take_sources(struct sqlite_db *db, sqlite3_stmt *stmt,
                        struct cursor *cursor, size_t limit,
                        struct match_list *out)
{
	size_t rows = 0;
	int rc;

	while ((rc = sqlite_db_step(db, stmt)) == 1) {
		cursor->position = (uint64_t)sqlite3_column_int64(stmt, 0);
		rows++;
		if (sqlite3_column_type(stmt, 1) == SQLITE_NULL)
			continue;
		rc = take_type(stmt, 1, out);
		if (rc)
			return rc;
	}
	cursor->end = rc == 0 && rows < limit;
	return rc;
}

static int sources(struct store *base, const struct collection *collection,
                   struct cursor *cursor, size_t limit, struct match_list *out)
{
	struct sqlite_store *store = sqlite_store(base);
	struct sqlite_db *db;
	sqlite3_stmt *stmt;
	int rc = sqlite_pool_take(store, &db);

	if (rc)
		return rc;
	rc = sqlite_db_prepare(db, sql_sources, collection, 0, &stmt);
	if (rc == 0) {
		sqlite3_bind_int64(stmt, 1, (sqlite3_int64)cursor->position);
		sqlite3_bind_int64(stmt, 2, (sqlite3_int64)limit);
		rc = take_sources(db, stmt, cursor, limit, out);
		sqlite_db_done(stmt);
	}
	sqlite_pool_give(store, db);
	return rc;
}

const struct relation_ops sqlite_relation_ops = {
	.get = sqlite_relation_get,
	.list = list,
	.types = types,
	.sources = sources,
	.put = sqlite_relation_put,
	.remove = sqlite_relation_remove,
	.rename = sqlite_relation_rename,
};
