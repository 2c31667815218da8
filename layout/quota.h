/* SPDX-License-Identifier: MIT */
/*
 * quota.h - how much of the disk scratch files may take
 *
 * The bytes below spool/scratch are counted as they are written.  What is
 * removed is found out by measuring, when the limit seems to be reached.
 *
 * Errors:     int functions return 0 or a negative errno value.
 * Threads:    any; struct quota has its own lock.
 */
#ifndef ENGRAMFS_LAYOUT_QUOTA_H
#define ENGRAMFS_LAYOUT_QUOTA_H

#include "layout/spool.h"

#include <sys/statvfs.h>
#include <time.h>

struct job;
struct tree;
struct value;

#define SCRATCH_AGE_S 86400 /* how long scratch files are kept at least */

struct quota {
	pthread_mutex_t lock;
	uint64_t limit; /* bytes; 0: the disk is the limit */
	uint64_t used;  /* at least as much as there is */
};

void quota_init(struct quota *quota, const struct spool *spool, uint64_t limit);
void quota_release(struct quota *quota);

/* The scratch file FD is about to be END bytes long, if it is not longer.
 * -ENOSPC: it must not. */
int quota_take(struct quota *quota, const struct spool *spool, int fd,
               uint64_t end);

/* Make the figures of the file system those that the quota leaves. */
void quota_show(struct quota *quota, struct statvfs *figures);

/* Remove the scratch files that were not changed since BEFORE; links and
 * directories stay, and so do the files of relationships that wait. */
int quota_clean(const struct spool *spool, time_t before);
/* The same as a job, of those that nobody has changed for SCRATCH_AGE_S. */
int quota_clean_job(struct job *job, struct tree *tree,
                    const struct value *arguments);

#endif
