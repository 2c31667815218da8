/* SPDX-License-Identifier: MIT */
#include "backends/sqlite_internal.h"

#include <errno.h>

#include "backends/maintenance.h"

/* Numbers and names that no record has, for a moment within a swap. */
#define NO_NUMBER INT64_MIN
static const struct key no_name = { "\xff engramfs swaps names \xff", 24 };

int sqlite_delete(struct sqlite_db *db, const struct collection *collection,
                  int64_t id)
{
	sqlite3_stmt *stmt;
	int rc = sqlite_schema_unrefer(db, collection, id);

	if (rc == 0)
		rc = sqlite_db_prepare(db, sqlite_sql_delete, collection, 0,
		                       &stmt);
	if (rc)
		return rc;
	sqlite3_bind_int64(stmt, 1, id);
	return sqlite_db_finish(db, stmt, 0);
}

static int check_date(struct sqlite_store *store,
                      const struct collection *collection, struct key key,
                      double before)
{
	struct sqlite_row row = { 0 };
	int rc = sqlite_row_get(store, store->writer, collection, key,
	                        SQLITE_SHOWN, &row);

	if (rc == 0 && !record_is_before(collection, row.fields, before))
		rc = -ENOENT;
	sqlite_row_release(&row);
	return rc;
}

/* BEFORE may be NULL: whatever its date. */
static int remove_locked(struct sqlite_store *store,
                         const struct collection *collection, struct key key,
                         const double *before)
{
	struct sqlite_db *db = store->writer;
	int64_t id;
	int rc = sqlite_db_begin(db);

	if (rc)
		return rc;
	rc = sqlite_number_of(db, collection, key, &id);
	if (rc == 0 && before)
		rc = check_date(store, collection, key, *before);
	if (rc == 0)
		rc = sqlite_delete(db, collection, id);
	if (rc == 0)
		rc = sqlite_db_commit(db);
	if (rc) {
		sqlite_db_rollback(db);
		return rc;
	}
	sqlite_side_forget(store->side, collection->place, id);
	return 0;
}

static int remove_record(struct store *base,
                         const struct collection *collection, struct key key,
                         const double *before)
{
	struct sqlite_store *store = sqlite_store(base);
	int rc;

	if (store->read_only)
		return -EROFS;
	pthread_mutex_lock(&store->write_lock);
	rc = remove_locked(store, collection, key, before);
	pthread_mutex_unlock(&store->write_lock);
	return rc;
}

int sqlite_remove(struct store *base, const struct collection *collection,
                  struct key key)
{
	return remove_record(base, collection, key, NULL);
}

int sqlite_remove_before(struct store *base,
                         const struct collection *collection, struct key key,
                         double before)
{
	return remove_record(base, collection, key, &before);
}

/* A change of key.  B is the record that has the new key, if there is one. */
struct moving {
	struct sqlite_store *store;
	const struct collection *collection;
	struct key from;
	struct key to;
	enum rename_mode mode;
	int64_t a;
	int64_t b;
	bool has_b;
};

static int set_name(const struct moving *moving, int64_t id, struct key name)
{
	struct sqlite_db *db = moving->store->writer;
	sqlite3_stmt *stmt;
	int rc = sqlite_db_prepare(db, sqlite_sql_update, moving->collection,
	                           SQLITE_COLUMN(SQLITE_KEY_BIT), &stmt);

	if (rc)
		return rc;
	sqlite3_bind_int64(stmt, SQLITE_WHERE, id);
	return sqlite_db_finish(
	    db, stmt, sqlite_bind_new_key(stmt, SQLITE_KEY_BIT + 1, name));
}

static int swap_names(const struct moving *moving)
{
	int rc = set_name(moving, moving->b, no_name);

	if (rc == 0)
		rc = set_name(moving, moving->a, moving->to);
	return rc ? rc : set_name(moving, moving->b, moving->from);
}

static int set_number(const struct moving *moving, int64_t from, int64_t to)
{
	return sqlite_number_change(moving->store->writer, moving->collection,
	                            from, to);
}

static int swap_numbers(const struct moving *moving)
{
	int rc = set_number(moving, moving->b, NO_NUMBER);

	if (rc == 0)
		rc = set_number(moving, moving->a, moving->b);
	return rc ? rc : set_number(moving, NO_NUMBER, moving->a);
}

static int move_record(const struct moving *moving)
{
	bool numbered = collection_is_numbered(moving->collection);
	int rc;

	if (moving->has_b && moving->mode == RENAME_SWAP)
		return numbered ? swap_numbers(moving) : swap_names(moving);
	if (moving->has_b) {
		rc = sqlite_delete(moving->store->writer, moving->collection,
		                   moving->b);
		if (rc)
			return rc;
	}
	return numbered ? set_number(moving, moving->a, moving->b)
	                : set_name(moving, moving->a, moving->to);
}

/* Find the records that FROM and TO mean. */
static int locate(struct moving *moving)
{
	struct sqlite_db *db = moving->store->writer;
	int rc =
	    sqlite_number_of(db, moving->collection, moving->from, &moving->a);

	if (rc)
		return rc;
	if (collection_is_numbered(moving->collection) &&
	    (sqlite_key_number(moving->to, &moving->b) != 0 || moving->b < 1))
		return -EINVAL;
	rc = sqlite_number_of(db, moving->collection, moving->to, &moving->b);
	moving->has_b = rc == 0;
	if (rc && rc != -ENOENT)
		return rc;
	if (moving->mode == RENAME_KEEP && moving->has_b)
		return -EEXIST;
	return moving->mode == RENAME_SWAP && !moving->has_b ? -ENOENT : 0;
}

/* Notes belong to numbers: they follow those, and names they do not mind. */
static void move_notes(const struct moving *moving)
{
	struct sqlite_side *side = moving->store->side;
	const char *place = moving->collection->place;
	bool swaps = moving->has_b && moving->mode == RENAME_SWAP;

	if (!collection_is_numbered(moving->collection)) {
		if (moving->has_b && !swaps)
			sqlite_side_forget(side, place, moving->b);
		return;
	}
	if (swaps)
		sqlite_side_move(side, place, moving->b, NO_NUMBER);
	sqlite_side_move(side, place, moving->a, moving->b);
	if (swaps)
		sqlite_side_move(side, place, NO_NUMBER, moving->a);
}

static int rename_locked(struct moving *moving)
{
	struct sqlite_db *db = moving->store->writer;
	bool same;
	int rc = sqlite_db_begin(db);

	if (rc)
		return rc;
	rc = locate(moving);
	same = rc == 0 && moving->has_b && moving->a == moving->b;
	if (rc == 0 && !same)
		rc = move_record(moving);
	if (rc == 0)
		rc = sqlite_db_commit(db);
	if (rc)
		sqlite_db_rollback(db);
	else if (!same)
		move_notes(moving);
	return rc;
}

int sqlite_rename(struct store *base, const struct collection *collection,
                  struct key from, struct key to, enum rename_mode mode)
{
	struct sqlite_store *store = sqlite_store(base);
	struct moving moving = { .store = store,
		                 .collection = collection,
		                 .from = from,
		                 .to = to,
		                 .mode = mode };
	int rc;

	if (store->read_only)
		return -EROFS;
	pthread_mutex_lock(&store->write_lock);
	rc = rename_locked(&moving);
	pthread_mutex_unlock(&store->write_lock);
	return rc;
}
