/* SPDX-License-Identifier: MIT */
/*
 * maintenance.h - what a backend can do for its own upkeep
 *
 * Functions that take a struct work go forward in short steps, hold nothing
 * that readers need longer than for one of them, and can be stopped between
 * two: they leave the storage as it was, or with what was done so far.
 *
 * Errors:     as backend.h; -ECANCELED: WORK was asked to stop.
 * Ownership:  functions that describe something add to a dict of the caller.
 * Threads:    as backend.h.
 */
#ifndef ENGRAMFS_BACKENDS_MAINTENANCE_H
#define ENGRAMFS_BACKENDS_MAINTENANCE_H

#include "backends/backend.h"

/* Whom long work reports to. */
struct work {
	int (*step)(void *arg, double progress); /* -ECANCELED: stop */
	void *arg;
	double from; /* this work's part of the whole */
	double to;
};

/* DONE is from 0 to 1. */
static inline int work_step(const struct work *work, double done)
{
	return work->step(work->arg,
	                  work->from + (work->to - work->from) * done);
}

/* The part of WORK that is number I of COUNT equal ones. */
static inline struct work work_part(const struct work *work, size_t i,
                                    size_t count)
{
	double size = (work->to - work->from) / (double)count;
	struct work part = *work;

	part.from = work->from + size * (double)i;
	part.to = part.from + size;
	return part;
}

/* For rotate: what the settings allow. */
#define MAINTENANCE_SIZE_LIMIT UINT64_MAX

/* Any of them may be NULL: the backend has nothing of that kind. */
struct maintenance_ops {
	/* Add figures to OUT. */
	int (*statistics)(struct store *store, struct value *out);

	/* How many records there are, and the memory that they take. */
	int (*usage)(struct store *store, const struct collection *collection,
	             const struct work *work, uint64_t *keys, uint64_t *bytes);

	/* Give room back that removed records have left.  OUT gets the size
	 * before and after. */
	int (*vacuum)(struct store *store, const struct work *work,
	              struct value *out);
	int (*compact)(struct store *store, const struct work *work,
	               struct value *out);

	/* Go on with a new file where the current one is larger than IF_LARGER
	 * bytes (or MAINTENANCE_SIZE_LIMIT).  OUT gets what was found and done.
	 */
	int (*rotate)(struct store *store, uint64_t if_larger,
	              struct value *out);
	/* A change has made the current file larger than the settings allow,
	 * and rotate was not called since. */
	bool (*is_full)(struct store *store);

	/* Remove the record if it is dated before BEFORE (seconds since 1970)
	 * at this very moment.  -ENOENT: there is none, or it is newer. */
	int (*remove_before)(struct store *store,
	                     const struct collection *collection,
	                     struct key key, double before);

	/* Remove expired records that are still stored; COUNT is added to. */
	int (*clear_expired)(struct store *store,
	                     const struct collection *collection,
	                     const struct work *work, uint64_t *count);

	/* Remove all records; COUNT is added to. */
	int (*flush)(struct store *store, const struct collection *collection,
	             const struct work *work, uint64_t *count);

	/* Read everything and check it.  OUT gets what was looked at, PROBLEMS
	 * (a list) one text for each thing that is wrong. */
	int (*verify)(struct store *store, const struct work *work,
	              struct value *out, struct value *problems);

	/* Write files into DIRECTORY from which the storage of ROWS (the
	 * tree's; ends with an all-zero row) can be made anew: each complete at
	 * one instant, on stable storage.  FILES: see backup_add_file. */
	int (*backup)(struct store *store, const struct collection *rows,
	              const char *directory, const struct work *work,
	              struct value *files);

	/* Take in what backup wrote to the file PATH, if that is not done by
	 * putting the file into place. */
	int (*restore)(struct store *store, const char *path);
};

/* Where the records of Redis wait to be restored by the next mount. */
#define BACKUP_REDIS_PLACE "spool/restore.redis"

/* Add the file NAME of a backup to the list FILES.  PLACE: where it belongs,
 * absolute or below the store. */
int backup_add_file(struct value *files, const char *name, const char *place);

/* The file that was added last has all changes up to TIME (history.h), and no
 * others. */
int backup_set_time(struct value *files, int64_t time);

/* As file_step_fn (file.h); WORK is a struct work. */
int backup_step(void *work, double done);

/* A record of COLLECTION with FIELDS is dated before BEFORE. */
bool record_is_before(const struct collection *collection,
                      const struct value *fields, double before);

#endif
