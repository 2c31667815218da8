/* SPDX-License-Identifier: MIT */
/*
 * sqlite_group.h - changes that arrive together are one transaction
 *
 * Whoever finds nobody at work takes the changes that wait, its own among them,
 * and makes them; what comes meanwhile waits for the next.  So a lone writer
 * waits for nobody, and many share one commit.  A change that is refused leaves
 * the others alone; where the transaction as a whole fails, each change is tried
 * in one of its own.
 *
 * Threads:    any.
 */
#ifndef ENGRAMFS_BACKENDS_SQLITE_GROUP_H
#define ENGRAMFS_BACKENDS_SQLITE_GROUP_H

#include <pthread.h>
#include <stdbool.h>

struct sqlite_putting;
struct sqlite_store;

struct sqlite_group {
	pthread_mutex_t lock;
	pthread_cond_t ended;         /* a transaction did */
	struct sqlite_putting *first; /* of those that wait */
	struct sqlite_putting *last;
	bool is_led;
};

void sqlite_group_init(struct sqlite_group *group);
void sqlite_group_release(struct sqlite_group *group);

/* Make the change of PUTTING.  When this returns 0 it is committed. */
int sqlite_group_put(struct sqlite_putting *putting);

#endif
