/* SPDX-License-Identifier: MIT */
/*
 * glimpse.h - a small array together with its record, and for how long it holds
 *
 * The optional part of the contract (backend.h) for storages that give a record
 * and the bytes of an array for one question, and that can tell cheaply whether
 * anything has changed since.
 *
 * Errors, ownership, threads: as in backend.h.
 */
#ifndef ENGRAMFS_BACKENDS_GLIMPSE_H
#define ENGRAMFS_BACKENDS_GLIMPSE_H

#include "backends/backend.h"

/* Arrays of more stored bytes do not come along. */
#define GLIMPSE_MOST ((size_t)128 << 10)

struct glimpse_ops {
	/*
	 * What get answers, and in *READER the array NAME as it was at the same
	 * instant: a reader that can be shared, or NULL where there is no such
	 * array, or where it is not small.
	 */
	int (*get)(struct store *store, const struct collection *collection,
	           struct key key, const char *name, struct record *out,
	           struct reader **reader);

	/*
	 * A number that stays the same while what get answered before is what
	 * it would answer now, expiry apart, unless a watch (watch.h) has told
	 * of a change: all that happened until this is called has been told.
	 * 0: it cannot be known now.  Much cheaper than get.
	 */
	uint64_t (*moment)(struct store *store);
};

#endif
