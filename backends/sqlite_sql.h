/* SPDX-License-Identifier: MIT */
/*
 * sqlite_sql.h - SQL text, generated from the rows of the tree
 *
 * A collection's place is a table; fields and the array have columns.  Every
 * table is a rowid table whose rowid is the record's number, numbered or not.
 *
 * Each function appends one statement to OUT (sqlite_sql_fn); its parameters
 * are in the comment.
 *
 * Errors:     0 or -ENOMEM.
 */
#ifndef ENGRAMFS_BACKENDS_SQLITE_SQL_H
#define ENGRAMFS_BACKENDS_SQLITE_SQL_H

#include "backends/blob.h"
#include "backends/collection.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * A set of columns has bit N for field row N, and these.  The parameter for
 * the column of a bit has the bit's number plus one.
 */
#define SQLITE_MAX_FIELDS 29
#define SQLITE_BLOB_BIT 29 /* the array, or the nest */
#define SQLITE_KEY_BIT 30
#define SQLITE_ID_BIT 31
#define SQLITE_WHERE 33 /* parameter: number of the record to change */

#define SQLITE_COLUMN(bit) (UINT32_C(1) << (bit))

/* Columns of a record that is read. */
enum {
	SQLITE_READ_ID,
	SQLITE_READ_KEY,
	SQLITE_READ_SIZE,   /* length of the blob */
	SQLITE_READ_BLOB,   /* the blob, or NULL where it is long */
	SQLITE_READ_FIELDS, /* and on, in the order of rows */
};

/* Blobs up to this size are read with their row, others apart. */
#define SQLITE_SHORT_BLOB 4096

/* The column of blobs, or NULL where the collection has none. */
const char *sqlite_sql_blob(const struct collection *collection);
/* ROW has a column of its own: it is neither the nest nor the number. */
bool sqlite_sql_has_column(const struct field_row *row);

/* Read one record.  ?1: key; where it is no number, ?2: the same as a blob. */
int sqlite_sql_get(const struct collection *collection, uint32_t columns,
                   struct blob *out);
/* Read records by number.  ?1: numbers above this; ?2: how many. */
int sqlite_sql_list(const struct collection *collection, uint32_t columns,
                    struct blob *out);
/* The keys from ?1 on, in order. */
int sqlite_sql_keys(const struct collection *collection, uint32_t columns,
                    struct blob *out);
/* The number of a record.  Parameters as sqlite_sql_get. */
int sqlite_sql_locate(const struct collection *collection, uint32_t columns,
                      struct blob *out);
/* The timestamp of record ?1. */
int sqlite_sql_stamp(const struct collection *collection, uint32_t columns,
                     struct blob *out);
/* The number of the newest record that has a blob. */
int sqlite_sql_newest(const struct collection *collection, uint32_t columns,
                      struct blob *out);
/* A number that no record has or had. */
int sqlite_sql_fresh(const struct collection *collection, uint32_t columns,
                     struct blob *out);

/* Make a record with COLUMNS. */
int sqlite_sql_insert(const struct collection *collection, uint32_t columns,
                      struct blob *out);
/* Change COLUMNS (not none) of record SQLITE_WHERE. */
int sqlite_sql_update(const struct collection *collection, uint32_t columns,
                      struct blob *out);
/* Delete record ?1. */
int sqlite_sql_delete(const struct collection *collection, uint32_t columns,
                      struct blob *out);
/* Let numbers up to ?1 count as used. */
int sqlite_sql_use_number(const struct collection *collection, uint32_t columns,
                          struct blob *out);

#endif
