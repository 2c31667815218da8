/* SPDX-License-Identifier: MIT */
/*
 * sqlite_near.h - the directions of a table's arrays, kept up to date
 *
 *   sqlite_near_index.c  reading them, and what changed
 *   sqlite_near.c        searching
 *
 * Errors:     int functions return 0 or a negative errno value.
 * Threads:    struct sqlite_near is used under the store's near_lock.
 */
#ifndef ENGRAMFS_BACKENDS_SQLITE_NEAR_H
#define ENGRAMFS_BACKENDS_SQLITE_NEAR_H

#include "backends/sqlite_internal.h"
#include "backends/sqlite_vectors.h"

/* More changed rows than this are not noted one by one. */
#define SQLITE_NEAR_CHANGES 1024

struct sqlite_changed {
	int64_t ids[SQLITE_NEAR_CHANGES];
	size_t count;
	bool all;
};

struct sqlite_near {
	const struct collection *collection;
	struct sqlite_vectors vectors;
	size_t limit; /* most bytes of vectors */
	bool valid;
	bool streams; /* too many to keep */
	struct sqlite_db
	    *witness;    /* of read-only stores, which have no writer */
	int64_t version; /* what data_version was */
	struct sqlite_changed changed; /* under write_lock */
};

/* Columns of what is read. */
enum { SQLITE_NEAR_ID, SQLITE_NEAR_KEY, SQLITE_NEAR_ARRAY };

/* Read row ?1. */
int sqlite_near_sql_one(const struct collection *collection, uint32_t columns,
                        struct blob *out);
/* The vector in the row that STMT stands on; -ENODATA. */
int sqlite_near_read(sqlite3_stmt *stmt, struct sqlite_vector *out);

typedef int sqlite_vector_fn(int64_t id, const struct sqlite_vector *vector,
                             void *arg);

/* Call VISIT for each vector of the table, until it fails. */
int sqlite_near_visit(struct sqlite_db *db, const struct collection *collection,
                      sqlite_vector_fn *visit, void *arg);

/* The store's index, made when it is first asked for. */
int sqlite_near_get(struct sqlite_store *store,
                    const struct collection *collection,
                    struct sqlite_near **out);
/* Bring it up to date, reading with DB. */
int sqlite_near_refresh(struct sqlite_store *store, struct sqlite_db *db,
                        struct sqlite_near *near);

#endif
