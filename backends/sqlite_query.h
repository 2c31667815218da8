/* SPDX-License-Identifier: MIT */
/*
 * sqlite_query.h - questions to SQLite, each one statement
 *
 * The text of a statement comes from the constant texts in sqlite_query_sql.c,
 * with names of tables and columns from the collection's rows; values are
 * parameters only.
 *
 * Errors:     int functions return 0 or a negative errno value.
 */
#ifndef ENGRAMFS_BACKENDS_SQLITE_QUERY_H
#define ENGRAMFS_BACKENDS_SQLITE_QUERY_H

#include "backends/query.h"

struct sqlite_near;

extern const struct query_ops sqlite_query_ops;

/* Columns: key, rank.  Parameters: those of the terms, in their order, then the
 * limit (-1: none). */
int sqlite_query_ask_sql(const struct collection *collection,
                         const struct query *query, struct blob *out);
/* Column: the text.  One seek in the index for each. */
int sqlite_query_texts_sql(const struct collection *collection,
                           const char *field, struct blob *out);
/* Columns: group, mean, count.  ?1: the text. */
int sqlite_query_summary_sql(const struct collection *collection,
                             const struct query_summary *summary,
                             struct blob *out);

/* ---- sqlite_near.c ---- */

/* Most bytes of vectors that are kept in memory; a table with more is read
 * anew for each question. */
#define SQLITE_NEAR_LIMIT ((size_t)512 << 20)

int sqlite_near_ask(struct store *store, const struct collection *collection,
                    struct key key, size_t limit, struct match_list *out);
/* Accepts NULL. */
void sqlite_near_free(struct sqlite_near *near);

#endif
