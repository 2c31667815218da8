/* SPDX-License-Identifier: MIT */
/*
 * redis_missing.h - records that were just looked for in vain
 *
 * Who makes a record has looked for it first.  That it was missing then is no
 * promise, but a good guess: redis_create asks the server to make the record
 * unless it is there, which saves reading it.
 *
 * Threads:    any.
 */
#ifndef ENGRAMFS_BACKENDS_REDIS_MISSING_H
#define ENGRAMFS_BACKENDS_REDIS_MISSING_H

#include "backends/backend.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define REDIS_MISSING_KEYS 256 /* they share the places, by their hashes */

struct redis_missing {
	pthread_mutex_t lock;

	struct {
		uint64_t hash; /* 0: none */
		int64_t until; /* by redis_clock_ms */
	} keys[REDIS_MISSING_KEYS];
};

void redis_missing_init(struct redis_missing *missing);
void redis_missing_release(struct redis_missing *missing);

/* There was no record at KEY (whole). */
void redis_missing_note(struct redis_missing *missing, const struct blob *key);
/* That was a moment ago.  True once. */
bool redis_missing_take(struct redis_missing *missing, const struct blob *key);

#endif
