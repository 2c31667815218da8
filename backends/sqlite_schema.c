/* SPDX-License-Identifier: MIT */
#include "backends/sqlite_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The schema of the lab's classes, version 1. */
static const char schema[] =
    "CREATE TABLE schema_version (\n"
    "    version INTEGER PRIMARY KEY,\n"
    "    applied_at REAL NOT NULL\n"
    ");"
    "CREATE TABLE episodes (\n"
    "    id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
    "    timestamp REAL NOT NULL,\n"
    "    experience_data BLOB NOT NULL,\n"
    "    performance_score REAL NOT NULL,\n"
    "    context_hash TEXT NOT NULL,\n"
    "    metadata TEXT DEFAULT '{}',\n"
    "    created_at REAL DEFAULT (julianday('now'))\n"
    ");"
    "CREATE INDEX idx_episodes_timestamp ON episodes(timestamp);"
    "CREATE INDEX idx_episodes_context_hash ON episodes(context_hash);"
    "CREATE INDEX idx_episodes_performance_score "
    "ON episodes(performance_score);"
    "CREATE TABLE concepts (\n"
    "    id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
    "    name TEXT NOT NULL UNIQUE,\n"
    "    embedding BLOB NOT NULL,\n"
    "    creation_time REAL NOT NULL,\n"
    "    access_count INTEGER DEFAULT 0,\n"
    "    last_accessed REAL DEFAULT 0,\n"
    "    metadata TEXT DEFAULT '{}'\n"
    ");"
    "CREATE INDEX idx_concepts_name ON concepts(name);"
    "CREATE INDEX idx_concepts_creation_time ON concepts(creation_time);"
    "CREATE INDEX idx_concepts_access_count ON concepts(access_count);"
    "CREATE TABLE learning_events (\n"
    "    id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
    "    task_type TEXT NOT NULL,\n"
    "    performance_delta REAL NOT NULL,\n"
    "    strategy_used TEXT NOT NULL,\n"
    "    timestamp REAL NOT NULL,\n"
    "    parameters TEXT DEFAULT '{}'\n"
    ");"
    "CREATE INDEX idx_learning_events_task_type "
    "ON learning_events(task_type);"
    "CREATE INDEX idx_learning_events_timestamp "
    "ON learning_events(timestamp);"
    "CREATE INDEX idx_learning_events_performance_delta "
    "ON learning_events(performance_delta);"
    "CREATE TABLE concept_relationships (\n"
    "    id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
    "    source_concept_id INTEGER NOT NULL,\n"
    "    target_concept_id INTEGER NOT NULL,\n"
    "    relationship_type TEXT NOT NULL,\n"
    "    strength REAL DEFAULT 1.0,\n"
    "    created_at REAL DEFAULT (julianday('now')),\n"
    "    FOREIGN KEY (source_concept_id) REFERENCES concepts (id),\n"
    "    FOREIGN KEY (target_concept_id) REFERENCES concepts (id),\n"
    "    UNIQUE(source_concept_id, target_concept_id, relationship_type)\n"
    ");"
    "CREATE INDEX idx_concept_relationships_source "
    "ON concept_relationships(source_concept_id);"
    "CREATE INDEX idx_concept_relationships_target "
    "ON concept_relationships(target_concept_id);"
    "CREATE INDEX idx_concept_relationships_type "
    "ON concept_relationships(relationship_type);"
    "INSERT INTO schema_version "
    "VALUES (1, (julianday('now') - 2440587.5) * 86400.0);";

static const char *const tables[] = {
	"episodes",
	"concepts",
	"learning_events",
	"concept_relationships",
};

/* Columns that hold numbers of records of another table. */
static const struct reference {
	const char *table;
	const char *column;
	const char *to;
} references[] = {
	{ "concept_relationships", "source_concept_id", "concepts" },
	{ "concept_relationships", "target_concept_id", "concepts" },
};

int sqlite_schema_check(struct sqlite_db *db, char why[WHY_SIZE])
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		int code = sqlite3_table_column_metadata(
		    db->handle, "main", tables[i], NULL, NULL, NULL, NULL, NULL,
		    NULL);

		if (code == SQLITE_OK)
			continue;
		snprintf(why, WHY_SIZE, "%s: %s",
		         sqlite3_db_filename(db->handle, "main"),
		         sqlite3_errmsg(db->handle));
		return code == SQLITE_ERROR ? -EINVAL
		                            : sqlite_db_error(db->handle, code);
	}
	return 0;
}

static int sql_count(const struct collection *collection, uint32_t columns,
                     struct blob *out)
{
	(void)collection;
	(void)columns;
	return blob_append_text(out, "SELECT count(*) FROM sqlite_schema");
}

/* Nothing was ever made in the database. */
static int is_empty(struct sqlite_db *db, bool *out)
{
	int64_t count = 0;
	int rc = sqlite_db_number(db, sql_count, &count);

	*out = count == 0;
	return rc;
}

/* Two programs may want to make the schema at once: look again inside. */
static int create(struct sqlite_db *db)
{
	bool empty = false;
	int rc = sqlite_db_begin(db);

	if (rc)
		return rc;
	rc = is_empty(db, &empty);
	if (rc == 0 && empty)
		rc = sqlite_db_run(db, schema);
	if (rc == 0)
		rc = sqlite_db_commit(db);
	if (rc)
		sqlite_db_rollback(db);
	return rc;
}

int sqlite_schema_create(struct sqlite_db *db, char why[WHY_SIZE])
{
	bool empty = false;
	int rc = is_empty(db, &empty);

	if (rc == 0 && empty)
		rc = create(db);
	if (rc) {
		snprintf(why, WHY_SIZE, "%s: cannot make the tables: %s",
		         sqlite3_db_filename(db->handle, "main"),
		         strerror(-rc));
		return rc;
	}
	return sqlite_schema_check(db, why);
}

static bool is_reference_to(const struct reference *reference,
                            const struct collection *collection)
{
	return strcmp(reference->to, collection->place) == 0;
}

static int sql_refer(const struct collection *collection, uint32_t columns,
                     struct blob *out)
{
	(void)collection;
	return blob_printf(out, "UPDATE %s SET %s = ?2 WHERE %s = ?1",
	                   references[columns].table,
	                   references[columns].column,
	                   references[columns].column);
}

static int sql_unrefer(const struct collection *collection, uint32_t columns,
                       struct blob *out)
{
	(void)collection;
	return blob_printf(out, "DELETE FROM %s WHERE %s = ?1",
	                   references[columns].table,
	                   references[columns].column);
}

int sqlite_schema_refer(struct sqlite_db *db,
                        const struct collection *collection, int64_t from,
                        int64_t to)
{
	uint32_t count = sizeof(references) / sizeof(references[0]);
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < count; i++) {
		sqlite3_stmt *stmt;

		if (!is_reference_to(&references[i], collection))
			continue;
		rc = sqlite_db_prepare(db, sql_refer, collection, i, &stmt);
		if (rc)
			return rc;
		sqlite3_bind_int64(stmt, 1, from);
		sqlite3_bind_int64(stmt, 2, to);
		rc = sqlite_db_finish(db, stmt, 0);
	}
	return rc;
}

int sqlite_schema_unrefer(struct sqlite_db *db,
                          const struct collection *collection, int64_t id)
{
	uint32_t count = sizeof(references) / sizeof(references[0]);
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < count; i++) {
		sqlite3_stmt *stmt;

		if (!is_reference_to(&references[i], collection))
			continue;
		rc = sqlite_db_prepare(db, sql_unrefer, collection, i, &stmt);
		if (rc)
			return rc;
		sqlite3_bind_int64(stmt, 1, id);
		rc = sqlite_db_finish(db, stmt, 0);
	}
	return rc;
}
