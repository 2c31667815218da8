/* SPDX-License-Identifier: MIT */
#include "backends/sqlite_internal.h"

#include <errno.h>
#include <stdio.h>

#include "backends/change_fields.h"

int sqlite_number_of(struct sqlite_db *db, const struct collection *collection,
                     struct key key, int64_t *out)
{
	sqlite3_stmt *stmt;
	int rc = sqlite_db_prepare(db, sqlite_sql_locate, collection, 0, &stmt);

	if (rc)
		return rc;
	rc = sqlite_bind_key(stmt, collection, key);
	if (rc == 0)
		rc = sqlite_db_step(db, stmt);
	if (rc == 1)
		*out = sqlite3_column_int64(stmt, 0);
	else if (rc == 0)
		rc = -ENOENT;
	sqlite_db_done(stmt);
	return rc < 0 ? rc : 0;
}

int sqlite_number_fresh(struct sqlite_db *db,
                        const struct collection *collection, int64_t *out)
{
	sqlite3_stmt *stmt;
	int rc = sqlite_db_prepare(db, sqlite_sql_fresh, collection, 0, &stmt);

	if (rc)
		return rc;
	rc = sqlite_db_step(db, stmt);
	/* Past the last number SQLite goes on with floats. */
	if (rc == 1 && sqlite3_column_type(stmt, 0) != SQLITE_INTEGER)
		rc = -ENOSPC;
	if (rc == 1)
		*out = sqlite3_column_int64(stmt, 0);
	sqlite_db_done(stmt);
	return rc < 0 ? rc : 0;
}

static int use_number(struct sqlite_db *db, const struct collection *collection,
                      int64_t id)
{
	sqlite3_stmt *stmt;
	int rc =
	    sqlite_db_prepare(db, sqlite_sql_use_number, collection, 0, &stmt);

	if (rc)
		return rc;
	sqlite3_bind_int64(stmt, 1, id);
	return sqlite_db_finish(db, stmt, 0);
}

int sqlite_number_change(struct sqlite_db *db,
                         const struct collection *collection, int64_t from,
                         int64_t to)
{
	sqlite3_stmt *stmt;
	int rc = sqlite_db_prepare(db, sqlite_sql_update, collection,
	                           SQLITE_COLUMN(SQLITE_ID_BIT), &stmt);

	if (rc)
		return rc;
	sqlite3_bind_int64(stmt, SQLITE_ID_BIT + 1, to);
	sqlite3_bind_int64(stmt, SQLITE_WHERE, from);
	rc = sqlite_db_finish(db, stmt, 0);
	if (rc == 0)
		rc = sqlite_schema_refer(db, collection, from, to);
	return rc ? rc : use_number(db, collection, to);
}

/* The number ID is not tied to its record: nobody asked for it.  -ENOENT: no
 * record has it. */
static int is_loose(struct sqlite_store *store,
                    const struct collection *collection, int64_t id, bool *out)
{
	struct sqlite_db *db = store->writer;
	struct sqlite_notes notes = { 0 };
	struct value *stamp = NULL;
	sqlite3_stmt *stmt;
	int rc = sqlite_db_prepare(db, sqlite_sql_stamp, collection, 0, &stmt);

	if (rc)
		return rc;
	sqlite3_bind_int64(stmt, 1, id);
	rc = sqlite_db_step(db, stmt);
	if (rc == 1)
		rc = sqlite_column_field(
		    stmt, 0,
		    collection_field(collection, collection->timestamp),
		    &stamp);
	else if (rc == 0)
		rc = -ENOENT;
	sqlite_db_done(stmt);
	if (rc == 0)
		rc = sqlite_side_load(store->side, collection->place, id, stamp,
		                      &notes);
	if (rc == 0)
		*out = sqlite_notes_find(&notes, SQLITE_NOTE_IMPLICIT, "");
	sqlite_notes_release(&notes);
	value_unref(stamp);
	return rc;
}

/* Make WISH free, if that can be. */
static int free_number(struct sqlite_store *store,
                       const struct collection *collection, int64_t wish,
                       int64_t *moved, bool *granted)
{
	int64_t fresh = 0;
	bool loose = false;
	int rc = is_loose(store, collection, wish, &loose);

	*granted = rc == -ENOENT || loose;
	if (rc == -ENOENT)
		return 0;
	if (rc || !loose)
		return rc;
	rc = sqlite_number_fresh(store->writer, collection, &fresh);
	if (rc == 0)
		rc = sqlite_number_change(store->writer, collection, wish,
		                          fresh);
	if (rc == 0)
		*moved = fresh;
	return rc;
}

static int grant(struct sqlite_store *store,
                 const struct collection *collection,
                 const struct sqlite_row *row, int64_t wish,
                 struct sqlite_number *number)
{
	bool granted = true;
	int rc = 0;

	if (row && row->id == wish)
		return 0;
	if (row)
		rc = is_loose(store, collection, row->id, &granted);
	if (rc == 0 && granted)
		rc = free_number(store, collection, wish, &number->moved,
		                 &granted);
	if (rc == 0 && granted && row)
		rc = sqlite_number_change(store->writer, collection, row->id,
		                          wish);
	if (rc)
		return rc;
	if (granted)
		number->id = wish;
	number->implicit = !granted;
	return 0;
}

static int refuse(struct change *change, const struct field_row *field)
{
	snprintf(change->why, WHY_SIZE, "%s: numbers start at 1", field->name);
	return -EINVAL;
}

int sqlite_number_decide(struct sqlite_store *store,
                         const struct collection *collection,
                         const struct sqlite_row *row, struct change *change,
                         const struct value *fields, struct sqlite_number *out)
{
	const struct field_row *field = change_number_row(collection);
	const struct value *wish = value_dict_get(fields, field->name);
	bool asked = change->fields_action == PART_SET;
	struct sqlite_number number = { .id = row ? row->id : 0 };
	int64_t wished;
	int rc = 0;

	if (!asked)
		number.implicit =
		    !row ||
		    sqlite_notes_find(&row->notes, SQLITE_NOTE_IMPLICIT, "");
	if (asked && wish) {
		if (value_to_int(wish, &wished) != 0 || wished < 1)
			return refuse(change, field);
		rc = grant(store, collection, row, wished, &number);
	}
	if (rc == 0)
		*out = number;
	return rc;
}
