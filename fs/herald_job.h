/* SPDX-License-Identifier: MIT */
/*
 * herald_job.h - names that the herald is to look at
 *
 * Ownership:  a job owns what it points to.
 * Threads:    the caller holds the herald's lock to use KNOWN, OVERTAKEN and
 *             NEXT.
 */
#ifndef ENGRAMFS_FS_HERALD_JOB_H
#define ENGRAMFS_FS_HERALD_JOB_H

#include "fs/record_names.h"

struct herald_job {
	struct herald_job *next;
	const struct collection
	    *collection; /* of the record; NULL: a lone name,
	                                      * which is the first */
	struct blob key;
	struct record_names names;
	/* The kernel may know the name, and no request has removed it. */
	bool known[RECORD_NAMES];
	/* A request removed or renamed it since the job is the current one:
	 * what was read of it may be older. */
	bool overtaken[RECORD_NAMES];
};

/* NULL when memory is short. */
struct herald_job *herald_job_new(const struct collection *collection,
                                  struct key key);
/* A lone name, known; takes PATH over.  NULL, also where PATH is. */
struct herald_job *herald_job_name(char *path);
/* Accepts NULL. */
void herald_job_free(struct herald_job *job);

/* A request has removed or renamed PATH.  JOB may be NULL. */
void herald_job_drop(struct herald_job *job, const char *path);

#endif
