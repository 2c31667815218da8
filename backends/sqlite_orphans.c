/* SPDX-License-Identifier: MIT */
#include "backends/sqlite_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The notes on records of table PLACE that do not exist. */
static int count_of(struct sqlite_db *db, const char *place, int64_t *count)
{
	sqlite3_stmt *stmt = NULL;
	char *sql = sqlite3_mprintf("SELECT COUNT(DISTINCT id) FROM side.note "
	                            "WHERE place = %Q AND id NOT IN "
	                            "(SELECT id FROM main.\"%w\")",
	                            place, place);
	int code = sql ? sqlite3_prepare_v2(db->handle, sql, -1, &stmt, NULL)
	               : SQLITE_NOMEM;
	int rc = 0;

	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	if (code == SQLITE_ROW)
		*count += sqlite3_column_int64(stmt, 0);
	else
		rc = sqlite_db_fail(db, code, "counting notes");
	sqlite3_finalize(stmt);
	sqlite3_free(sql);
	return rc;
}

static int count_all(struct sqlite_db *db, int64_t *count)
{
	static const char sql[] = "SELECT DISTINCT place FROM side.note";
	sqlite3_stmt *stmt = NULL;
	int code = sqlite3_prepare_v2(db->handle, sql, -1, &stmt, NULL);
	int rc = 0;

	while (rc == 0 && code == SQLITE_OK) {
		code = sqlite3_step(stmt);
		if (code != SQLITE_ROW)
			break;
		rc = count_of(db, (const char *)sqlite3_column_text(stmt, 0),
		              count);
		code = SQLITE_OK;
	}
	if (rc == 0 && code != SQLITE_DONE)
		rc = sqlite_db_fail(db, code, sql);
	sqlite3_finalize(stmt);
	return rc;
}

int sqlite_count_orphans(struct sqlite_store *store, int64_t *out)
{
	const char *path = sqlite_side_path(store->side);
	struct sqlite_db *db = NULL;
	char why[WHY_SIZE];
	char *sql;
	int rc;

	*out = 0;
	if (access(path, F_OK) != 0)
		return 0;
	sql = sqlite3_mprintf("ATTACH DATABASE %Q AS side", path);
	rc = sql ? sqlite_store_connect(store, &db, why) : -ENOMEM;
	if (rc == 0)
		rc = sqlite_db_run(db, sql);
	if (rc == 0)
		rc = count_all(db, out);
	sqlite_db_close(db);
	sqlite3_free(sql);
	return rc;
}
