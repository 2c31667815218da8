/* SPDX-License-Identifier: MIT */
/*
 * access.h - counting how often records are read
 *
 * The optional part of the contract (backend.h) for collections that have
 * counters: the fields ACCESS_COUNT and LAST_ACCESS of their row.
 *
 * Errors, ownership, threads: as in backend.h.
 */
#ifndef ENGRAMFS_BACKENDS_ACCESS_H
#define ENGRAMFS_BACKENDS_ACCESS_H

#include "backends/backend.h"

/* What happened to one record since the last time it was told. */
struct access {
	struct key key;
	int64_t count; /* times that it was read */
	double last;   /* the latest of them, seconds since 1970 */
};

struct access_ops {
	/*
	 * Count ITEMS, each of another record: ACCESS_COUNT grows, LAST_ACCESS
	 * is replaced.  Kept mtimes, the expiry and all else of a record stay,
	 * and records that are gone are left out.  One transaction, or one
	 * round trip.  On error some of ITEMS may have been counted.
	 */
	int (*record)(struct store *store, const struct collection *collection,
	              const struct access *items, size_t count);
};

#endif
