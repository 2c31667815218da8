/* SPDX-License-Identifier: MIT */
/*
 * redis_seen.h - the keys that a listing has given, by hash
 *
 * SCAN may give a key more than once.  A set of 64-bit hashes: 16 bytes a key at
 * most.  That two keys of a million have the same is one chance in forty
 * million.
 */
#ifndef ENGRAMFS_BACKENDS_REDIS_SEEN_H
#define ENGRAMFS_BACKENDS_REDIS_SEEN_H

#include "backends/backend.h"

struct redis_seen;

/* NULL when memory is short. */
struct redis_seen *redis_seen_new(void);
void redis_seen_free(void *seen);

/* Make room for MORE keys.  -ENOMEM. */
int redis_seen_reserve(struct redis_seen *seen, size_t more);

/* Add KEY, for which there is room.  False: it was there. */
bool redis_seen_add(struct redis_seen *seen, struct key key);

#endif
