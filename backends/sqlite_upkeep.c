/* SPDX-License-Identifier: MIT */
#include "backends/sqlite_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "backends/log.h"
#include "backends/maintenance.h"

#define MEBIBYTE 1048576.0
#define PROGRESS_STEPS 10000 /* of SQLite's machine, between two questions */

/* Statement SQL over DB, a step of which is asked whether to stop. */
struct asking {
	const struct work *work;
	int stopped;
};

static int ask(void *arg)
{
	struct asking *asking = arg;

	asking->stopped = work_step(asking->work, 0);
	return asking->stopped != 0;
}

static int64_t size_of(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 ? (int64_t)status.st_size : 0;
}

static int vacuum_locked(struct sqlite_store *store, const struct work *work)
{
	struct asking asking = { .work = work };
	sqlite3 *handle = store->writer->handle;
	int code;

	sqlite3_progress_handler(handle, PROGRESS_STEPS, ask, &asking);
	code = sqlite3_exec(handle, "VACUUM", NULL, NULL, NULL);
	sqlite3_progress_handler(handle, 0, NULL, NULL);
	if (asking.stopped)
		return asking.stopped;
	if (code != SQLITE_OK)
		return sqlite_db_fail(store->writer, code, "VACUUM");
	/* Readers may keep the log from being emptied: later, then. */
	if (sqlite_db_is_wal(store->writer))
		(void)sqlite3_wal_checkpoint_v2(
		    handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	return 0;
}

static int vacuum(struct store *base, const struct work *work,
                  struct value *out)
{
	struct sqlite_store *store = sqlite_store(base);
	int64_t before = size_of(store->path);
	int rc;

	if (store->read_only)
		return -EROFS;
	pthread_mutex_lock(&store->write_lock);
	rc = vacuum_locked(store, work);
	pthread_mutex_unlock(&store->write_lock);
	if (rc == 0)
		rc = value_dict_set(out, "bytes_before", value_new_int(before));
	if (rc == 0)
		rc = value_dict_set(out, "bytes_after",
		                    value_new_int(size_of(store->path)));
	return rc;
}

static int add_number(struct sqlite_db *db, const char *sql, const char *name,
                      struct value *out)
{
	sqlite3_stmt *stmt = NULL;
	int code = sqlite3_prepare_v2(db->handle, sql, -1, &stmt, NULL);
	int rc = 0;

	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	if (code == SQLITE_ROW)
		rc = value_dict_set(
		    out, name, value_new_int(sqlite3_column_int64(stmt, 0)));
	else
		rc = sqlite_db_fail(db, code, sql);
	sqlite3_finalize(stmt);
	return rc;
}

static int add_counts(struct sqlite_db *db, struct value *out)
{
	static const struct {
		const char *name;
		const char *sql;
	} rows[] = {
		{ "episodes_count", "SELECT COUNT(*) FROM episodes" },
		{ "concepts_count", "SELECT COUNT(*) FROM concepts" },
		{ "concept_relationships_count",
		  "SELECT COUNT(*) FROM concept_relationships" },
		{ "learning_events_count",
		  "SELECT COUNT(*) FROM learning_events" },
		{ "schema_version", "SELECT MAX(version) FROM schema_version" },
	};

	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof(rows) / sizeof(*rows); i++)
		rc = add_number(db, rows[i].sql, rows[i].name, out);
	return rc;
}

static int statistics(struct store *base, struct value *out)
{
	struct sqlite_store *store = sqlite_store(base);
	struct sqlite_db *db;
	int rc = sqlite_pool_take(store, &db);

	if (rc)
		return rc;
	rc = add_counts(db, out);
	sqlite_pool_give(store, db);
	if (rc == 0)
		rc = value_dict_set(
		    out, "db_size_mb",
		    value_new_float((double)size_of(store->path) / MEBIBYTE));
	return rc;
}

/* One line of what SQLite has found; "ok" is none. */
static int add_finding(sqlite3_stmt *stmt, struct value *problems)
{
	const char *text = (const char *)sqlite3_column_text(stmt, 0);
	struct blob line = { 0 };
	struct value *value = NULL;
	int rc;

	if (!text || strcmp(text, "ok") == 0)
		return 0;
	rc = blob_printf(&line, "sqlite: %.500s", text);
	if (rc == 0)
		value = value_new_text(line.data, line.size);
	blob_release(&line);
	return rc ? rc : value_list_append(problems, value);
}

static int add_failure(struct sqlite_db *db, struct value *problems)
{
	struct blob line = { 0 };
	struct value *value = NULL;
	int rc =
	    blob_printf(&line, "sqlite: %.500s", sqlite3_errmsg(db->handle));

	if (rc == 0)
		value = value_new_text(line.data, line.size);
	blob_release(&line);
	return rc ? rc : value_list_append(problems, value);
}

/* A row that refers to one that is not there has no text in column 0. */
static int add_orphan(sqlite3_stmt *stmt, struct value *problems)
{
	struct blob line = { 0 };
	struct value *value = NULL;
	int rc = blob_printf(
	    &line,
	    "sqlite: row %lld of %.200s refers to a missing row of %.200s",
	    (long long)sqlite3_column_int64(stmt, 1),
	    (const char *)sqlite3_column_text(stmt, 0),
	    (const char *)sqlite3_column_text(stmt, 2));

	if (rc == 0)
		value = value_new_text(line.data, line.size);
	blob_release(&line);
	return rc ? rc : value_list_append(problems, value);
}

static int check(struct sqlite_db *db, const char *sql,
                 int (*add)(sqlite3_stmt *stmt, struct value *problems),
                 struct asking *asking, struct value *problems)
{
	sqlite3_stmt *stmt = NULL;
	int code = sqlite3_prepare_v2(db->handle, sql, -1, &stmt, NULL);
	int rc = 0;

	while (rc == 0 && code == SQLITE_OK) {
		code = sqlite3_step(stmt);
		if (code != SQLITE_ROW)
			break;
		rc = add(stmt, problems);
		code = SQLITE_OK;
	}
	if (rc == 0 && asking->stopped)
		rc = asking->stopped;
	else if (rc == 0 && code != SQLITE_DONE)
		rc = add_failure(db, problems);
	sqlite3_finalize(stmt);
	return rc;
}

static int verify(struct store *base, const struct work *work,
                  struct value *out, struct value *problems)
{
	struct sqlite_store *store = sqlite_store(base);
	struct asking asking = { .work = work };
	struct sqlite_db *db;
	int64_t orphans = 0;
	int rc = sqlite_pool_take(store, &db);

	if (rc)
		return rc;
	sqlite3_progress_handler(db->handle, PROGRESS_STEPS, ask, &asking);
	rc =
	    check(db, "PRAGMA integrity_check", add_finding, &asking, problems);
	if (rc == 0)
		rc = check(db, "PRAGMA foreign_key_check", add_orphan, &asking,
		           problems);
	sqlite3_progress_handler(db->handle, 0, NULL, NULL);
	if (rc == 0)
		rc = add_number(db, "PRAGMA page_count", "pages", out);
	sqlite_pool_give(store, db);
	if (rc == 0)
		rc = sqlite_count_orphans(store, &orphans);
	if (rc == 0)
		rc = value_dict_set(out, "orphaned_notes",
		                    value_new_int(orphans));
	return rc;
}

const struct maintenance_ops sqlite_maintenance = {
	.statistics = statistics,
	.vacuum = vacuum,
	.remove_before = sqlite_remove_before,
	.verify = verify,
	.backup = sqlite_backup,
};
