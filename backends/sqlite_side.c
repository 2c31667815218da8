/* SPDX-License-Identifier: MIT */
#include "backends/sqlite_side_internal.h"

#include <errno.h>

#include "backends/sqlite_bind.h"

#define NANOSECONDS 1000000000

static int sql_load(const struct collection *collection, uint32_t columns,
                    struct blob *out)
{
	(void)collection;
	(void)columns;
	return blob_append_text(out, "SELECT kind, name, time FROM note WHERE "
	                             "place = ?1 AND id = ?2 AND stamp IS ?3");
}

static int sql_save(const struct collection *collection, uint32_t columns,
                    struct blob *out)
{
	(void)collection;
	(void)columns;
	return blob_append_text(out, "INSERT OR REPLACE INTO note VALUES "
	                             "(?1, ?2, ?4, ?5, ?6, ?3)");
}

static int sql_forget(const struct collection *collection, uint32_t columns,
                      struct blob *out)
{
	(void)collection;
	(void)columns;
	return blob_append_text(
	    out, "DELETE FROM note WHERE place = ?1 AND id = ?2");
}

static int sql_move(const struct collection *collection, uint32_t columns,
                    struct blob *out)
{
	(void)collection;
	(void)columns;
	return blob_append_text(out, "UPDATE note SET id = ?3 WHERE "
	                             "place = ?1 AND id = ?2");
}

/* A statement that begins with the record's place and number. */
static int prepare(struct sqlite_side *side, sqlite_sql_fn *sql,
                   const char *place, int64_t id, sqlite3_stmt **out)
{
	int rc = sqlite_db_prepare(side->db, sql, NULL, 0, out);

	if (rc)
		return rc;
	sqlite3_bind_text(*out, 1, place, -1, SQLITE_STATIC);
	sqlite3_bind_int64(*out, 2, id);
	return 0;
}

static struct timespec to_time(int64_t nanoseconds)
{
	struct timespec time = { .tv_sec = nanoseconds / NANOSECONDS,
		                 .tv_nsec = nanoseconds % NANOSECONDS };

	if (time.tv_nsec < 0) {
		time.tv_sec--;
		time.tv_nsec += NANOSECONDS;
	}
	return time;
}

/* Times past the range (the years 1678 and 2262) are its ends. */
static int64_t from_time(struct timespec time)
{
	int64_t result;

	if (__builtin_mul_overflow((int64_t)time.tv_sec, NANOSECONDS,
	                           &result) ||
	    __builtin_add_overflow(result, time.tv_nsec, &result))
		return time.tv_sec < 0 ? INT64_MIN : INT64_MAX;
	return result;
}

/* The transaction of a note: that of the group, or its own. */
static int begin_locked(struct sqlite_side *side)
{
	if (side->grouped && sqlite_db_in_transaction(side->db))
		return 0;
	return sqlite_db_begin(side->db);
}

static int end_locked(struct sqlite_side *side, int rc)
{
	if (rc == 0 && side->grouped)
		return 0;
	if (rc == 0)
		rc = sqlite_db_commit(side->db);
	if (rc) {
		sqlite_db_rollback(side->db);
		side->failed = true;
	}
	return rc;
}

void sqlite_side_begin(struct sqlite_side *side)
{
	pthread_mutex_lock(&side->lock);
	side->grouped = true;
	side->failed = false;
	pthread_mutex_unlock(&side->lock);
}

bool sqlite_side_failed(struct sqlite_side *side)
{
	bool failed;

	pthread_mutex_lock(&side->lock);
	failed = side->failed;
	pthread_mutex_unlock(&side->lock);
	return failed;
}

int sqlite_side_end(struct sqlite_side *side, bool keep)
{
	int rc = 0;

	pthread_mutex_lock(&side->lock);
	side->grouped = false;
	if (side->db && sqlite_db_in_transaction(side->db)) {
		if (keep)
			rc = sqlite_db_commit(side->db);
		if (rc || !keep)
			sqlite_db_rollback(side->db);
	}
	pthread_mutex_unlock(&side->lock);
	return rc;
}

static int load_note(sqlite3_stmt *stmt, struct sqlite_notes *notes)
{
	int kind = sqlite3_column_int(stmt, 0);
	const char *name = (const char *)sqlite3_column_text(stmt, 1);
	int rc = sqlite_notes_set(notes, (enum sqlite_note_kind)kind,
	                          name ? name : "",
	                          to_time(sqlite3_column_int64(stmt, 2)));

	notes->changed = false;
	return rc;
}

static int load_locked(struct sqlite_side *side, const char *place, int64_t id,
                       const struct value *stamp, struct sqlite_notes *notes)
{
	sqlite3_stmt *stmt;
	int rc;

	if (!side->db)
		return 0;
	rc = prepare(side, sql_load, place, id, &stmt);
	if (rc)
		return rc;
	rc = sqlite_bind_plain(stmt, 3, stamp);
	while (rc == 0 && (rc = sqlite_db_step(side->db, stmt)) == 1)
		rc = load_note(stmt, notes);
	sqlite_db_done(stmt);
	return rc;
}

int sqlite_side_load(struct sqlite_side *side, const char *place, int64_t id,
                     const struct value *stamp, struct sqlite_notes *out)
{
	struct sqlite_notes notes = { 0 };
	int rc;

	pthread_mutex_lock(&side->lock);
	rc = load_locked(side, place, id, stamp, &notes);
	pthread_mutex_unlock(&side->lock);
	if (rc) {
		sqlite_notes_release(&notes);
		return rc == -ENOMEM ? rc : 0;
	}
	*out = notes;
	return 0;
}

static int forget_locked(struct sqlite_side *side, const char *place,
                         int64_t id)
{
	sqlite3_stmt *stmt;
	int rc = prepare(side, sql_forget, place, id, &stmt);

	return rc ? rc : sqlite_db_finish(side->db, stmt, 0);
}

static int save_note(struct sqlite_side *side, const char *place, int64_t id,
                     const struct value *stamp, const struct sqlite_note *note)
{
	sqlite3_stmt *stmt;
	int rc = prepare(side, sql_save, place, id, &stmt);

	if (rc)
		return rc;
	rc = sqlite_bind_plain(stmt, 3, stamp);
	sqlite3_bind_int(stmt, 4, (int)note->kind);
	sqlite3_bind_text(stmt, 5, note->name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 6, from_time(note->time));
	return sqlite_db_finish(side->db, stmt, rc);
}

static int save_all(struct sqlite_side *side, const char *place, int64_t id,
                    const struct value *stamp, const struct sqlite_notes *notes)
{
	int rc = forget_locked(side, place, id);

	for (size_t i = 0; rc == 0 && i < notes->count; i++)
		rc = save_note(side, place, id, stamp, &notes->items[i]);
	return rc;
}

static int save_locked(struct sqlite_side *side, const char *place, int64_t id,
                       const struct value *stamp,
                       const struct sqlite_notes *notes)
{
	int rc;

	if (notes->count == 0 && !side->db)
		return 0;
	if (!sqlite_side_connect(side))
		return 0;
	rc = begin_locked(side);
	if (rc == 0)
		rc = save_all(side, place, id, stamp, notes);
	return end_locked(side, rc);
}

int sqlite_side_save(struct sqlite_side *side, const char *place, int64_t id,
                     const struct value *stamp,
                     const struct sqlite_notes *notes)
{
	int rc;

	pthread_mutex_lock(&side->lock);
	rc = save_locked(side, place, id, stamp, notes);
	pthread_mutex_unlock(&side->lock);
	return rc;
}

void sqlite_side_forget(struct sqlite_side *side, const char *place, int64_t id)
{
	int rc;

	pthread_mutex_lock(&side->lock);
	if (side->db) {
		rc = begin_locked(side);
		if (rc == 0)
			rc = forget_locked(side, place, id);
		(void)end_locked(side, rc);
	}
	pthread_mutex_unlock(&side->lock);
}

static int move_locked(struct sqlite_side *side, const char *place,
                       int64_t from, int64_t to)
{
	sqlite3_stmt *stmt;
	int rc = forget_locked(side, place, to);

	if (rc == 0)
		rc = prepare(side, sql_move, place, from, &stmt);
	if (rc)
		return rc;
	sqlite3_bind_int64(stmt, 3, to);
	return sqlite_db_finish(side->db, stmt, 0);
}

void sqlite_side_move(struct sqlite_side *side, const char *place, int64_t from,
                      int64_t to)
{
	int rc;

	pthread_mutex_lock(&side->lock);
	if (side->db) {
		rc = begin_locked(side);
		if (rc == 0)
			rc = move_locked(side, place, from, to);
		(void)end_locked(side, rc);
	}
	pthread_mutex_unlock(&side->lock);
}
