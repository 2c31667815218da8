/* SPDX-License-Identifier: MIT */
/*
 * relation.h - relationships between the records of one collection
 *
 * A relationship leads from one record to another (or to itself) and has a
 * type, any text; there is one at most for each source, type and target.  It
 * belongs to the records, not to their keys: it follows a renamed record, and
 * goes with either of its ends.
 *
 * Errors:     as backend.h.  -ENOENT: no such relationship; put: one of the
 *             ends is missing.
 * Ownership:  a relation_list owns its items, a relation its texts.
 * Threads:    as backend.h.
 */
#ifndef ENGRAMFS_BACKENDS_RELATION_H
#define ENGRAMFS_BACKENDS_RELATION_H

#include "backends/backend.h"

struct match_list;

/* What names a relationship; borrowed. */
struct relation_name {
	struct key source;
	struct key type;
	struct key target;
};

struct relation {
	int64_t id; /* of its row; 0: the backend has none */
	struct blob type;
	struct blob target;
	double strength;
	double created;        /* julian day */
	struct timespec mtime; /* kept, or when it was made */
};

void relation_release(struct relation *relation);

struct relation_list {
	struct relation *items;
	size_t count;
	size_t capacity;
};

void relation_list_release(struct relation_list *list);
/* Takes over the contents of RELATION; on -ENOMEM they stay the caller's. */
int relation_list_append(struct relation_list *list, struct relation *relation);

/* What is to change, all-zero: nothing.  A new relationship has the strength
 * RELATION_STRENGTH and is made now, where this does not say otherwise. */
struct relation_change {
	bool set_strength;
	double strength; /* finite */
	bool set_created;
	double created; /* julian day, finite */
	struct timespec
	    mtime;       /* tv_nsec UTIME_NOW: now; UTIME_OMIT: as it is */
	bool exclusive;  /* -EEXIST where there is one */
	bool must_exist; /* -ENOENT where there is none */
};

#define RELATION_STRENGTH 1.0

/* A julian day as the time of a file, and the day now. */
struct timespec relation_time(double julian);
double relation_now(void);

struct relation_ops {
	int (*get)(struct store *store, const struct collection *collection,
	           const struct relation_name *name, struct relation *out);

	/* Append up to about LIMIT relationships of SOURCE with TYPE and move
	 * CURSOR on, as list of backend.h does. */
	int (*list)(struct store *store, const struct collection *collection,
	            struct key source, struct key type, struct cursor *cursor,
	            size_t limit, struct relation_list *out);

	/* Append the different types of SOURCE's relationships. */
	int (*types)(struct store *store, const struct collection *collection,
	             struct key source, struct match_list *out);

	/* Append the keys of up to about LIMIT records that relationships lead
	 * from, and move CURSOR on; without looking at any other record. */
	int (*sources)(struct store *store, const struct collection *collection,
	               struct cursor *cursor, size_t limit,
	               struct match_list *out);

	/* Make or change one. */
	int (*put)(struct store *store, const struct collection *collection,
	           const struct relation_name *name,
	           const struct relation_change *change);

	int (*remove)(struct store *store, const struct collection *collection,
	              const struct relation_name *name);

	/* Give it another source, type or target; what else it has stays.  One
	 * that has the new name goes, or with KEEP is -EEXIST. */
	int (*rename)(struct store *store, const struct collection *collection,
	              const struct relation_name *from,
	              const struct relation_name *to, bool keep);
};

#endif
