/* SPDX-License-Identifier: MIT */
#include "backends/sqlite_query.h"

#include "backends/sqlite_internal.h"

#include <errno.h>

/* Take a connection and prepare SQL (which is released) on it.  RC, the result
 * of making SQL, is returned where it is an error. */
static int begin(struct sqlite_store *store, int rc, struct blob *sql,
                 struct sqlite_db **db, sqlite3_stmt **stmt)
{
	int code;

	if (rc == 0)
		rc = sqlite_pool_take(store, db);
	if (rc == 0) {
		code = sqlite3_prepare_v2((*db)->handle, sql->data,
		                          (int)sql->size, stmt, NULL);
		if (code != SQLITE_OK) {
			rc = sqlite_db_fail(*db, code, sql->data);
			sqlite_pool_give(store, *db);
		}
	}
	blob_release(sql);
	return rc;
}

static void end(struct sqlite_store *store, struct sqlite_db *db,
                sqlite3_stmt *stmt)
{
	sqlite3_finalize(stmt);
	sqlite_pool_give(store, db);
}

static int bind_text(sqlite3_stmt *stmt, int parameter, struct key text)
{
	int code =
	    sqlite3_bind_text64(stmt, parameter, text.size ? text.data : "",
	                        text.size, SQLITE_STATIC, SQLITE_UTF8);

	return code == SQLITE_OK ? 0 : -ENOMEM;
}

static int bind_query(sqlite3_stmt *stmt, const struct query *query)
{
	int parameter = 1;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < query->term_count; i++) {
		const struct query_term *term = &query->terms[i];

		if (term->test == QUERY_EQUAL || term->test == QUERY_LIKE)
			rc = bind_text(stmt, parameter, term->text);
		else
			sqlite3_bind_double(stmt, parameter, term->number);
		parameter++;
	}
	sqlite3_bind_int64(stmt, parameter,
	                   query->limit ? (sqlite3_int64)query->limit : -1);
	return rc;
}

/* Append the rows: a key, and a rank where there is one. */
static int take_rows(struct sqlite_db *db, sqlite3_stmt *stmt,
                     struct match_list *out)
{
	size_t count = out->count;
	int rc;

	while ((rc = sqlite_db_step(db, stmt)) == 1) {
		struct blob key = { 0 };

		rc = sqlite_column_key(stmt, 0, &key);
		if (rc == 0)
			rc = match_list_append(out, &key,
			                       sqlite3_column_double(stmt, 1));
		blob_release(&key);
		if (rc)
			break;
	}
	if (rc)
		match_list_cut(out, count);
	return rc;
}

static int ask(struct store *base, const struct collection *collection,
               const struct query *query, struct match_list *out)
{
	struct sqlite_store *store = sqlite_store(base);
	struct sqlite_db *db;
	sqlite3_stmt *stmt;
	struct blob sql = { 0 };
	int rc = sqlite_query_ask_sql(collection, query, &sql);

	rc = begin(store, rc, &sql, &db, &stmt);
	if (rc)
		return rc;
	rc = bind_query(stmt, query);
	if (rc == 0)
		rc = take_rows(db, stmt, out);
	end(store, db, stmt);
	return rc;
}

static int texts(struct store *base, const struct collection *collection,
                 const char *field, struct match_list *out)
{
	struct sqlite_store *store = sqlite_store(base);
	struct sqlite_db *db;
	sqlite3_stmt *stmt;
	struct blob sql = { 0 };
	int rc = sqlite_query_texts_sql(collection, field, &sql);

	rc = begin(store, rc, &sql, &db, &stmt);
	if (rc)
		return rc;
	rc = take_rows(db, stmt, out);
	end(store, db, stmt);
	return rc;
}

static int add_summary(sqlite3_stmt *stmt, struct value *list)
{
	struct value *item = value_new_list(VALUE_LIST);
	struct blob text = { 0 };
	int rc = item ? sqlite_column_key(stmt, 0, &text) : -ENOMEM;

	if (rc == 0)
		rc = value_list_append(
		    item,
		    value_new_text(text.data ? text.data : "", text.size));
	if (rc == 0)
		rc = value_list_append(
		    item, value_new_float(sqlite3_column_double(stmt, 1)));
	if (rc == 0)
		rc = value_list_append(
		    item, value_new_int(sqlite3_column_int64(stmt, 2)));
	blob_release(&text);
	if (rc) {
		value_unref(item);
		return rc;
	}
	return value_list_append(list, item);
}

static int take_summary(struct sqlite_db *db, sqlite3_stmt *stmt,
                        struct value **out)
{
	struct value *list = value_new_list(VALUE_LIST);
	int rc = list ? 0 : -ENOMEM;

	while (rc == 0 && (rc = sqlite_db_step(db, stmt)) == 1)
		rc = add_summary(stmt, list);
	if (rc) {
		value_unref(list);
		return rc;
	}
	*out = list;
	return 0;
}

static int summarise(struct store *base, const struct collection *collection,
                     const struct query_summary *summary, struct value **out)
{
	struct sqlite_store *store = sqlite_store(base);
	struct sqlite_db *db;
	sqlite3_stmt *stmt;
	struct blob sql = { 0 };
	int rc = sqlite_query_summary_sql(collection, summary, &sql);

	rc = begin(store, rc, &sql, &db, &stmt);
	if (rc)
		return rc;
	rc = bind_text(stmt, 1, summary->text);
	if (rc == 0)
		rc = take_summary(db, stmt, out);
	end(store, db, stmt);
	return rc;
}

const struct query_ops sqlite_query_ops = {
	.ask = ask,
	.texts = texts,
	.summarise = summarise,
	.near = sqlite_near_ask,
};
