/* SPDX-License-Identifier: MIT */
#include "backends/sqlite_internal.h"

#include <errno.h>
#include <string.h>

/* Cursors start at zero, numbers of records at the lowest of all. */
static int64_t position_to_id(uint64_t position)
{
	return (int64_t)(position ^ (UINT64_C(1) << 63));
}

static uint64_t id_to_position(int64_t id)
{
	return (uint64_t)id ^ (UINT64_C(1) << 63);
}

static int list_row(struct sqlite_store *store, struct sqlite_db *db,
                    const struct collection *collection, sqlite3_stmt *stmt,
                    struct record_list *out)
{
	struct sqlite_row row = { 0 };
	struct record record = { 0 };
	int rc =
	    sqlite_row_read(store, db, collection, stmt, SQLITE_SHOWN, &row);

	if (rc == 0)
		rc = sqlite_row_show(collection, &row, &record);
	if (rc == 0)
		rc = record_list_append(out, &record);
	record_release(&record);
	sqlite_row_release(&row);
	return rc;
}

static int list_page(struct sqlite_store *store, struct sqlite_db *db,
                     const struct collection *collection, struct cursor *cursor,
                     size_t limit, struct record_list *out)
{
	sqlite3_stmt *stmt;
	size_t count = 0;
	int rc = sqlite_db_prepare(db, sqlite_sql_list, collection, 0, &stmt);

	if (rc)
		return rc;
	sqlite3_bind_int64(stmt, 1, position_to_id(cursor->position));
	sqlite3_bind_int64(stmt, 2, (sqlite3_int64)limit);
	while ((rc = sqlite_db_step(db, stmt)) == 1) {
		rc = list_row(store, db, collection, stmt, out);
		if (rc)
			break;
		cursor->position =
		    id_to_position(sqlite3_column_int64(stmt, SQLITE_READ_ID));
		count++;
	}
	if (rc == 0)
		cursor->end = count < limit;
	sqlite_db_done(stmt);
	return rc;
}

int sqlite_list(struct store *base, const struct collection *collection,
                struct cursor *cursor, size_t limit, struct record_list *out)
{
	struct sqlite_store *store = sqlite_store(base);
	uint64_t position = cursor->position;
	size_t count = out->count;
	struct sqlite_db *db;
	int rc = sqlite_pool_take(store, &db);

	if (rc)
		return rc;
	rc = list_page(store, db, collection, cursor, limit ? limit : 1, out);
	sqlite_pool_give(store, db);
	if (rc) {
		cursor->position = position;
		while (out->count > count)
			record_release(&out->items[--out->count]);
	}
	return rc;
}

/* A search for a key. */
struct search {
	struct key prefix;
	bool (*match)(struct key key, void *arg);
	void *arg;
	struct blob *out;
};

static bool has_prefix(const struct blob *key, struct key prefix)
{
	return key->size >= prefix.size &&
	       (prefix.size == 0 ||
	        memcmp(key->data, prefix.data, prefix.size) == 0);
}

/* 1: found; 0: go on.  -ENOENT: sorted keys are past the prefix. */
static int try_key(const struct search *search, sqlite3_stmt *stmt, bool sorted)
{
	struct blob key = { 0 };
	int rc = sqlite_column_key(stmt, 0, &key);

	if (rc == 0 && !has_prefix(&key, search->prefix)) {
		rc = sorted ? -ENOENT : 0;
	} else if (rc == 0 && search->match((struct key){ key.data, key.size },
	                                    search->arg)) {
		blob_move(search->out, &key);
		rc = 1;
	}
	blob_release(&key);
	return rc;
}

/* Go through the keys from STMT's parameter on. */
static int search_keys(struct sqlite_db *db, const struct search *search,
                       sqlite3_stmt *stmt, bool sorted)
{
	int rc;

	do {
		rc = sqlite_db_step(db, stmt);
		if (rc == 1)
			rc = try_key(search, stmt, sorted);
		else if (rc == 0)
			rc = -ENOENT;
	} while (rc == 0);
	sqlite_db_done(stmt);
	return rc < 0 ? rc : 0;
}

/* Numbers are not in the order of their texts: all are looked at. */
static int search_numbers(struct sqlite_db *db, const struct search *search,
                          sqlite3_stmt *stmt)
{
	sqlite3_bind_int64(stmt, 1, INT64_MIN);
	return search_keys(db, search, stmt, false);
}

/* SQLite sorts all texts before all blobs. */
static int search_names(struct sqlite_db *db, const struct search *search,
                        sqlite3_stmt *stmt)
{
	struct key prefix = search->prefix;
	int rc;

	sqlite3_bind_text64(stmt, 1, prefix.size ? prefix.data : "",
	                    prefix.size, SQLITE_STATIC, SQLITE_UTF8);
	rc = search_keys(db, search, stmt, true);
	if (rc != -ENOENT)
		return rc;
	sqlite3_bind_blob64(stmt, 1, prefix.size ? prefix.data : "",
	                    prefix.size, SQLITE_STATIC);
	return search_keys(db, search, stmt, true);
}

int sqlite_find(struct store *base, const struct collection *collection,
                struct key prefix, bool (*match)(struct key key, void *arg),
                void *arg, struct blob *key_out)
{
	struct search search = { prefix, match, arg, key_out };
	struct sqlite_store *store = sqlite_store(base);
	struct sqlite_db *db;
	sqlite3_stmt *stmt;
	int rc = sqlite_pool_take(store, &db);

	if (rc)
		return rc;
	rc = sqlite_db_prepare(db, sqlite_sql_keys, collection, 0, &stmt);
	if (rc == 0)
		rc = collection_is_numbered(collection)
		         ? search_numbers(db, &search, stmt)
		         : search_names(db, &search, stmt);
	sqlite_pool_give(store, db);
	return rc;
}
