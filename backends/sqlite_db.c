/* SPDX-License-Identifier: MIT */
#include "backends/sqlite_db.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/log.h"
#include "backends/sqlite_history.h"

/* What is not here is -EIO. */
static const struct {
	int code;
	int error;
} errors[] = {
	{ SQLITE_FULL, ENOSPC },       { SQLITE_READONLY, EROFS },
	{ SQLITE_NOMEM, ENOMEM },      { SQLITE_TOOBIG, EFBIG },
	{ SQLITE_PERM, EACCES },       { SQLITE_AUTH, EACCES },
	{ SQLITE_CONSTRAINT, EINVAL }, { SQLITE_BUSY, EBUSY },
	{ SQLITE_LOCKED, EBUSY },
};

/* System errors behind SQLITE_IOERR that mean that there is no room. */
static bool is_no_room(int code, int system_error)
{
	return (code & 0xff) == SQLITE_IOERR &&
	       (system_error == ENOSPC || system_error == EDQUOT ||
	        system_error == EFBIG);
}

int sqlite_db_error(sqlite3 *handle, int code)
{
	if (handle && is_no_room(code, sqlite3_system_errno(handle)))
		return -ENOSPC;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i].code == (code & 0xff))
			return -errors[i].error;
	return -EIO;
}

static void note_health(struct sqlite_health *health, const char *why)
{
	if (!health)
		return;
	pthread_mutex_lock(&health->lock);
	atomic_store(&health->healthy, !why);
	snprintf(health->detail, sizeof(health->detail), "%s", why ? why : "");
	pthread_mutex_unlock(&health->lock);
}

int sqlite_db_fail(struct sqlite_db *db, int code, const char *what)
{
	const char *why =
	    db->handle ? sqlite3_errmsg(db->handle) : sqlite3_errstr(code);
	int rc = sqlite_db_error(db->handle, code);

	if (rc == -EINVAL)
		return rc;
	log_error("sqlite: %s: %s", what, why);
	note_health(db->health, why);
	return rc;
}

int sqlite_db_run(struct sqlite_db *db, const char *sql)
{
	int code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : sqlite_db_fail(db, code, sql);
}

static sqlite3_stmt *find_statement(const struct sqlite_db *db,
                                    sqlite_sql_fn *text,
                                    const struct collection *collection,
                                    uint32_t columns)
{
	for (size_t i = 0; i < db->statement_count; i++) {
		const struct sqlite_statement *known = &db->statements[i];

		if (known->text == text && known->collection == collection &&
		    known->columns == columns)
			return known->stmt;
	}
	return NULL;
}

/* A place for one more; an old statement that is not in use gives way. */
static struct sqlite_statement *make_place(struct sqlite_db *db)
{
	struct sqlite_statement *place;

	if (db->statement_count < SQLITE_DB_STATEMENTS)
		return &db->statements[db->statement_count++];
	do {
		place = &db->statements[db->oldest];
		db->oldest = (db->oldest + 1) % SQLITE_DB_STATEMENTS;
	} while (sqlite3_stmt_busy(place->stmt));
	sqlite3_finalize(place->stmt);
	return place;
}

int sqlite_db_prepare(struct sqlite_db *db, sqlite_sql_fn *text,
                      const struct collection *collection, uint32_t columns,
                      sqlite3_stmt **out)
{
	sqlite3_stmt *stmt = find_statement(db, text, collection, columns);
	struct blob sql = { 0 };
	int rc;

	if (stmt) {
		*out = stmt;
		return 0;
	}
	rc = text(collection, columns, &sql);
	if (rc)
		goto out;
	rc = sqlite3_prepare_v3(db->handle, sql.data, (int)sql.size,
	                        SQLITE_PREPARE_PERSISTENT, &stmt, NULL);
	if (rc != SQLITE_OK) {
		rc = sqlite_db_fail(db, rc, sql.data);
		goto out;
	}
	*make_place(db) =
	    (struct sqlite_statement){ text, collection, columns, stmt };
	*out = stmt;
out:
	blob_release(&sql);
	return rc;
}

int sqlite_db_step(struct sqlite_db *db, sqlite3_stmt *stmt)
{
	int code = sqlite3_step(stmt);

	if (code != SQLITE_ROW && code != SQLITE_DONE)
		return sqlite_db_fail(db, code, sqlite3_sql(stmt));
	if (db->health && !atomic_load(&db->health->healthy))
		note_health(db->health, NULL);
	return code == SQLITE_ROW;
}

void sqlite_db_done(sqlite3_stmt *stmt)
{
	if (!stmt)
		return;
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
}

int sqlite_db_finish(struct sqlite_db *db, sqlite3_stmt *stmt, int rc)
{
	if (rc == 0)
		rc = sqlite_db_step(db, stmt);
	sqlite_db_done(stmt);
	return rc < 0 ? rc : 0;
}

static int sql_begin(const struct collection *collection, uint32_t columns,
                     struct blob *out)
{
	(void)collection;
	(void)columns;
	return blob_append_text(out, "BEGIN IMMEDIATE");
}

static int sql_commit(const struct collection *collection, uint32_t columns,
                      struct blob *out)
{
	(void)collection;
	(void)columns;
	return blob_append_text(out, "COMMIT");
}

static int sql_savepoint(const struct collection *collection, uint32_t columns,
                         struct blob *out)
{
	(void)collection;
	(void)columns;
	return blob_append_text(out, "SAVEPOINT part");
}

static int sql_undo(const struct collection *collection, uint32_t columns,
                    struct blob *out)
{
	(void)collection;
	(void)columns;
	return blob_append_text(out, "ROLLBACK TO part");
}

static int sql_release(const struct collection *collection, uint32_t columns,
                       struct blob *out)
{
	(void)collection;
	(void)columns;
	return blob_append_text(out, "RELEASE part");
}

/* Run a statement that takes and gives nothing, and is kept. */
static int run_kept(struct sqlite_db *db, sqlite_sql_fn *text)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite_db_prepare(db, text, NULL, 0, &stmt);

	return rc ? rc : sqlite_db_finish(db, stmt, 0);
}

int sqlite_db_begin(struct sqlite_db *db)
{
	int rc = run_kept(db, sql_begin);

	if (rc == 0)
		sqlite_recorder_begin(db->recorder);
	return rc;
}

int sqlite_db_commit(struct sqlite_db *db)
{
	int rc;

	sqlite_recorder_add(db->recorder);
	rc = run_kept(db, sql_commit);
	sqlite_recorder_end(db->recorder, rc);
	return rc;
}

int sqlite_db_savepoint(struct sqlite_db *db)
{
	return run_kept(db, sql_savepoint);
}

int sqlite_db_release(struct sqlite_db *db, bool keep)
{
	int rc = keep ? 0 : run_kept(db, sql_undo);

	return rc ? rc : run_kept(db, sql_release);
}

bool sqlite_db_in_transaction(const struct sqlite_db *db)
{
	return !sqlite3_get_autocommit(db->handle);
}

void sqlite_db_rollback(struct sqlite_db *db)
{
	if (sqlite_db_in_transaction(db))
		(void)sqlite_db_run(db, "ROLLBACK");
}

int sqlite_db_read_blob(struct sqlite_db *db,
                        const struct collection *collection, int64_t id,
                        size_t size, struct blob *out, uint64_t *total)
{
	sqlite3_blob *blob = NULL;
	size_t old = out->size;
	size_t stored;
	int rc;
	int code = sqlite3_blob_open(db->handle, "main", collection->place,
	                             collection->arrays[0].place, id, 0, &blob);

	if (code != SQLITE_OK)
		goto fail;
	stored = (size_t)sqlite3_blob_bytes(blob);
	size = size < stored ? size : stored;
	rc = blob_resize(out, old + size);
	if (rc)
		goto out;
	code = sqlite3_blob_read(blob, out->data + old, (int)size, 0);
	if (code != SQLITE_OK)
		goto fail;
	*total = stored;
out:
	sqlite3_blob_close(blob);
	return rc;
fail:
	rc = sqlite_db_fail(db, code, "reading a blob");
	(void)blob_resize(out, old);
	goto out;
}

int sqlite_db_number(struct sqlite_db *db, sqlite_sql_fn *text, int64_t *out)
{
	sqlite3_stmt *stmt;
	int rc = sqlite_db_prepare(db, text, NULL, 0, &stmt);

	if (rc)
		return rc;
	rc = sqlite_db_step(db, stmt);
	if (rc == 1)
		*out = sqlite3_column_int64(stmt, 0);
	sqlite_db_done(stmt);
	return rc < 0 ? rc : 0;
}
