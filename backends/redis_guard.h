/* SPDX-License-Identifier: MIT */
/*
 * redis_guard.h - replies take the memory that they have bytes for
 *
 * hiredis takes the memory for an array of as many items as its first line
 * claims, before one of them has come.  Nothing that is asked here has more
 * than REDIS_REPLY_ITEMS.
 */
#ifndef ENGRAMFS_BACKENDS_REDIS_GUARD_H
#define ENGRAMFS_BACKENDS_REDIS_GUARD_H

#include <hiredis.h>

#define REDIS_REPLY_ITEMS (1 << 20)

struct redis_guard {
	const redisReplyObjectFunctions *stock;
	redisReplyObjectFunctions functions;
};

/* From now on READER fails (REDIS_ERR_OOM) where an array claims more.  OUT
 * lives as long as READER, and stays where it is. */
void redis_guard_reader(redisReader *reader, struct redis_guard *out);

#endif
