/* SPDX-License-Identifier: MIT */
/*
 * sqlite_bind.h - values as SQLite's columns hold them
 *
 * Numbers are INTEGER and REAL, texts TEXT, bytes BLOB; JSON fields are JSON
 * text as Python's json.dumps writes it.
 *
 * Errors:     int functions return 0 or a negative errno value.
 */
#ifndef ENGRAMFS_BACKENDS_SQLITE_BIND_H
#define ENGRAMFS_BACKENDS_SQLITE_BIND_H

#include "backends/backend.h"
#include "backends/collection.h"
#include "backends/value.h"

#include <sqlite3.h>

/* The value of field ROW in COLUMN.  *OUT is NULL where the field is absent.
 * JSON that is none is the text itself. */
int sqlite_column_field(sqlite3_stmt *stmt, int column,
                        const struct field_row *row, struct value **out);

/* Bind the value of field ROW.  It must stay until the statement is done.
 * -EINVAL: the column cannot hold it; WHY says why. */
int sqlite_bind_field(sqlite3_stmt *stmt, int parameter,
                      const struct field_row *row, const struct value *value,
                      char why[WHY_SIZE]);

/* Bind a value of a plain type; NULL and others are bound as NULL. */
int sqlite_bind_plain(sqlite3_stmt *stmt, int parameter,
                      const struct value *value);

/* Bind bytes that stay until the statement is done. */
int sqlite_bind_bytes(sqlite3_stmt *stmt, int parameter,
                      const struct blob *bytes);

/* Bind KEY: parameter 1 of sqlite_sql_get; where it is no number also 2.
 * -ENOENT: no record has such a key. */
int sqlite_bind_key(sqlite3_stmt *stmt, const struct collection *collection,
                    struct key key);
/* Bind KEY as it is stored: as a text, or as a blob where it is not UTF-8. */
int sqlite_bind_new_key(sqlite3_stmt *stmt, int parameter, struct key key);

/* The number that KEY spells (below zero too: other programs can make such).
 * -EINVAL. */
int sqlite_key_number(struct key key, int64_t *out);

/* Append the key in COLUMN. */
int sqlite_column_key(sqlite3_stmt *stmt, int column, struct blob *out);

#endif
