/* SPDX-License-Identifier: MIT */
#include "layout/quota.h"

#include "backends/log.h"
#include "layout/link.h"
#include "layout/node.h"

#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* PATH is that of the file in the scratch tree. */
typedef void visit_fn(const FTSENT *entry, const char *path, void *arg);

/* Call VISIT with each file below spool/scratch. */
static int each_file(const struct spool *spool, visit_fn *visit, void *arg)
{
	char path[64];
	char *roots[2] = { path, NULL };
	const FTSENT *entry;
	FTS *tree;

	snprintf(path, sizeof(path), "/proc/self/fd/%d/.", spool->scratch_fd);
	tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	if (!tree)
		return -errno;
	while ((entry = fts_read(tree)))
		if (entry->fts_info == FTS_F)
			visit(entry, entry->fts_path + strlen(path) + 1, arg);
	fts_close(tree);
	return 0;
}

static void add_size(const FTSENT *entry, const char *path, void *arg)
{
	(void)path;
	*(uint64_t *)arg += (uint64_t)entry->fts_statp->st_size;
}

static uint64_t measure(const struct spool *spool)
{
	uint64_t bytes = 0;
	int rc = each_file(spool, add_size, &bytes);

	if (rc)
		log_warn("spool: cannot measure scratch files: %s",
		         strerror(-rc));
	return bytes;
}

void quota_init(struct quota *quota, const struct spool *spool, uint64_t limit)
{
	*quota = (struct quota){ .limit = limit };
	pthread_mutex_init(&quota->lock, NULL);
	if (limit)
		quota->used = measure(spool);
}

void quota_release(struct quota *quota)
{
	pthread_mutex_destroy(&quota->lock);
}

static int take_locked(struct quota *quota, const struct spool *spool,
                       uint64_t more)
{
	if (more > quota->limit)
		return -ENOSPC;
	if (quota->used > quota->limit - more)
		quota->used = measure(spool);
	if (quota->used > quota->limit - more)
		return -ENOSPC;
	quota->used += more;
	return 0;
}

int quota_take(struct quota *quota, const struct spool *spool, int fd,
               uint64_t end)
{
	struct stat stat;
	int rc;

	if (quota->limit == 0)
		return 0;
	if (fstat(fd, &stat) < 0)
		return -errno;
	if (end <= (uint64_t)stat.st_size)
		return 0;
	pthread_mutex_lock(&quota->lock);
	rc = take_locked(quota, spool, end - (uint64_t)stat.st_size);
	pthread_mutex_unlock(&quota->lock);
	return rc;
}

void quota_show(struct quota *quota, struct statvfs *figures)
{
	uint64_t block = figures->f_frsize ? figures->f_frsize : 1;
	uint64_t total;
	uint64_t left;

	if (quota->limit == 0)
		return;
	pthread_mutex_lock(&quota->lock);
	total = quota->limit / block;
	left = quota->used < quota->limit ? (quota->limit - quota->used) / block
	                                  : 0;
	pthread_mutex_unlock(&quota->lock);
	if (total < figures->f_blocks)
		figures->f_blocks = total;
	if (left < figures->f_bfree)
		figures->f_bfree = left;
	if (left < figures->f_bavail)
		figures->f_bavail = left;
}

struct cleaning {
	const struct spool *spool;
	time_t before;
};

/* What a relationship waits with was accepted, and is no scratch file. */
static void remove_old(const FTSENT *entry, const char *path, void *arg)
{
	const struct stat *stat = entry->fts_statp;
	const struct cleaning *cleaning = arg;

	if (stat->st_mtime >= cleaning->before ||
	    stat->st_ctime >= cleaning->before)
		return;
	if (stat->st_size > 0 && link_is_waiting(cleaning->spool, path))
		return;
	if (unlink(entry->fts_accpath) == 0)
		log_info("spool: %s: removed, unchanged for a day",
		         entry->fts_name);
	else
		log_warn("spool: %s: %s", entry->fts_name, strerror(errno));
}

int quota_clean(const struct spool *spool, time_t before)
{
	struct cleaning cleaning = { spool, before };

	return each_file(spool, remove_old, &cleaning);
}

int quota_clean_job(struct job *job, struct tree *tree,
                    const struct value *arguments)
{
	(void)job;
	(void)arguments;
	return quota_clean(&tree->spool, time(NULL) - SCRATCH_AGE_S);
}
