/* SPDX-License-Identifier: MIT */
/*
 * sqlite_side_internal.h - what sqlite_side.c (notes) and sqlite_side_open.c
 * (the connection) share
 *
 * Threads:    the fields are used under the lock.
 */
#ifndef ENGRAMFS_BACKENDS_SQLITE_SIDE_INTERNAL_H
#define ENGRAMFS_BACKENDS_SQLITE_SIDE_INTERNAL_H

#include "backends/sqlite_side.h"

struct sqlite_side {
	pthread_mutex_t lock;
	char *path;
	struct sqlite_target target;
	struct sqlite_db *db; /* NULL: none yet, or it cannot be used */
	bool given_up;
	bool grouped; /* between sqlite_side_begin and _end */
	bool failed;  /* in there */
};

/* Connect once; where that fails, do without.  With the lock held. */
bool sqlite_side_connect(struct sqlite_side *side);

#endif
