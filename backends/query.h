/* SPDX-License-Identifier: MIT */
/*
 * query.h - questions that a backend answers about a collection
 *
 * A query names fields by their rows (collection.h) and gets keys back, best
 * first.  A backend with indexes has a table of its own (struct query_ops);
 * for the others query_ask looks at every record.
 *
 * Errors:     as backend.h.
 * Ownership:  a match_list owns its keys; on error it is as it was.
 * Threads:    as backend.h.
 */
#ifndef ENGRAMFS_BACKENDS_QUERY_H
#define ENGRAMFS_BACKENDS_QUERY_H

#include "backends/backend.h"

enum query_test {
	QUERY_EQUAL, /* a text */
	QUERY_AT_LEAST,
	QUERY_AT_MOST,
	QUERY_LIKE, /* a text with % and _, as SQL has it; sqlite only */
};

/* One condition; all of a query's must hold. */
struct query_term {
	const char *field; /* NULL: the key */
	enum query_test test;
	struct key text;
	double number;
};

#define QUERY_MAX_TERMS 8

struct query {
	struct query_term terms[QUERY_MAX_TERMS];
	size_t term_count;
	const char
	    *order;   /* the highest first; NULL: by number of record.  Among
	                    * equals the newer record (scans: the higher key)
	                    * comes first. */
	size_t limit; /* 0: all */
};

/* Adds a condition on a number; there must be room. */
void query_add_number(struct query *query, const char *field,
                      enum query_test test, double number);
/* The same on a text, which is borrowed. */
void query_add_text(struct query *query, const char *field,
                    enum query_test test, struct key text);

struct match {
	struct blob key;
	double rank; /* what it was ordered by */
};

struct match_list {
	struct match *items;
	size_t count;
	size_t capacity;
};

/* Takes over the contents of KEY; on -ENOMEM they stay the caller's. */
int match_list_append(struct match_list *list, struct blob *key, double rank);
/* Remove the matches behind the first COUNT. */
void match_list_cut(struct match_list *list, size_t count);
/* Highest rank first, then highest key. */
void match_list_sort(struct match_list *list);
void match_list_release(struct match_list *list);

/* Records with an equal text in FIELD, by the text in GROUP: for each the mean
 * of the numbers in MEAN, and how many. */
struct query_summary {
	const char *field;
	struct key text;
	const char *group;
	const char *mean;
};

/* What a backend answers by itself. */
struct query_ops {
	int (*ask)(struct store *store, const struct collection *collection,
	           const struct query *query, struct match_list *out);

	/* The different texts in FIELD, in order, from an index. */
	int (*texts)(struct store *store, const struct collection *collection,
	             const char *field, struct match_list *out);

	/* A list of [group, mean, count], the highest mean first. */
	int (*summarise)(struct store *store,
	                 const struct collection *collection,
	                 const struct query_summary *summary,
	                 struct value **out);

	/*
	 * The LIMIT records whose array is nearest to that of KEY by the cosine
	 * of the angle between them, among arrays of the same kind of number
	 * and as many of them; KEY itself is left out.  OUT must be empty.
	 * What is no array of numbers, or one of zeros, or not finite, is near
	 * to nothing.  -ENOENT: no such record.
	 */
	int (*near)(struct store *store, const struct collection *collection,
	            struct key key, size_t limit, struct match_list *out);
};

/* Ask the backend, or look at every record where it cannot be asked
 * (-EOPNOTSUPP: QUERY_LIKE there). */
int query_ask(struct store *store, const struct collection *collection,
              const struct query *query, struct match_list *out);

#endif
