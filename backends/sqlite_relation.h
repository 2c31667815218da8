/* SPDX-License-Identifier: MIT */
/*
 * sqlite_relation.h - relationships as rows of a table beside the records'
 *
 * The table has the columns of the lab's concept_relationships.  What a row has
 * no place for, when its file was written, is noted in the side and stamped
 * with the strength.
 *
 *   sqlite_relation_read.c   one relationship
 *   sqlite_relation.c        changing one
 *   sqlite_relation_list.c   many
 *
 * Errors:     int functions return 0 or a negative errno value.
 */
#ifndef ENGRAMFS_BACKENDS_SQLITE_RELATION_H
#define ENGRAMFS_BACKENDS_SQLITE_RELATION_H

#include "backends/relation.h"
#include "backends/sqlite_internal.h"

extern const struct relation_ops sqlite_relation_ops;

/* A relationship's name in numbers. */
struct sqlite_ends {
	int64_t source;
	int64_t target;
	struct key type;
};

/* -ENOENT: there is no such source, or target. */
int sqlite_relation_locate(struct sqlite_db *db,
                           const struct collection *collection,
                           const struct relation_name *name,
                           struct sqlite_ends *out);

/* Read what STMT stands on: id, type, strength, created_at, name of target. */
int sqlite_relation_read(struct sqlite_store *store,
                         const struct collection *collection,
                         sqlite3_stmt *stmt, struct relation *out);

/* Bind ENDS: parameters 1, 2 and 3 (type). */
int sqlite_relation_bind(sqlite3_stmt *stmt, const struct sqlite_ends *ends);

/* -ENOENT.  The target is left empty: whoever asks knows it. */
int sqlite_relation_find(struct sqlite_store *store, struct sqlite_db *db,
                         const struct collection *collection,
                         const struct sqlite_ends *ends, struct relation *out);

int sqlite_relation_get(struct store *base, const struct collection *collection,
                        const struct relation_name *name, struct relation *out);
int sqlite_relation_put(struct store *base, const struct collection *collection,
                        const struct relation_name *name,
                        const struct relation_change *change);
int sqlite_relation_remove(struct store *base,
                           const struct collection *collection,
                           const struct relation_name *name);
int sqlite_relation_rename(struct store *base,
                           const struct collection *collection,
                           const struct relation_name *from,
                           const struct relation_name *to, bool keep);

#endif
