/* SPDX-License-Identifier: MIT */
/*
 * stores.h - the opened backends of one store directory
 *
 * Errors:     int functions return 0 or a negative errno value.
 * Threads:    after stores_open and outages_open the struct is constant.
 */
#ifndef ENGRAMFS_LAYOUT_STORES_H
#define ENGRAMFS_LAYOUT_STORES_H

#include "backends/backend.h"
#include "backends/settings.h"

#define STORES_MAX 8

struct metrics;

struct stores {
	char *directory;         /* absolute path of the store */
	struct metrics *metrics; /* metrics.h; NULL: nobody counts */

	struct {
		const struct backend *backend; /* NULL behind the last */
		struct store *store;           /* NULL: could not be opened */
		char why[WHY_SIZE];            /* then the cause */
	} slots[STORES_MAX];
};

/*
 * Open every backend that a collection needs.  A damaged store is opened
 * without the backend that cannot read it: the collections there answer -EIO.
 * What the user has to mend first (-EINVAL, -EACCES, -ENOENT) is an error; WHY
 * begins with the backend's name.
 */
int stores_open(const char *directory, const struct settings *settings,
                struct stores *out, char why[WHY_SIZE]);

/* Accepts half-opened stores. */
void stores_close(struct stores *stores);

/* The store that keeps COLLECTION, or NULL while it cannot be used. */
struct store *stores_get(const struct stores *stores,
                         const struct collection *collection);

#endif
