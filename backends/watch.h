/* SPDX-License-Identifier: MIT */
/*
 * watch.h - being told at once of changes to a storage
 *
 * The optional part of the contract (backend.h) for storages that tell of
 * changes, whoever made them: other programs, other mounts, or this process,
 * which hears of its own changes too.
 *
 * Errors:     as in backend.h.
 * Ownership:  what an event has is borrowed until the callback returns.
 * Threads:    a watch has a thread, which makes all calls of its callback.
 *             The callback may wait, and may use the store.
 */
#ifndef ENGRAMFS_BACKENDS_WATCH_H
#define ENGRAMFS_BACKENDS_WATCH_H

#include "backends/backend.h"

enum watch_what {
	/* One record was made, changed or removed, or has expired. */
	WATCH_RECORD,
	/* Any record may have changed; from now on every change is told. */
	WATCH_BEGINS,
	/* Any record may have changed; of what happens from now on no more is
	 * promised than before. */
	WATCH_ANY,
	/* From now on changes are missed, and some may have been already, none
	 * of them longer than WATCH_SILENCE_MS ago.  WATCH_BEGINS may follow. */
	WATCH_ENDS,
};

#define WATCH_SILENCE_MS 2000

struct watch_event {
	enum watch_what what;
	const struct collection *collection; /* RECORD only, as is KEY */
	struct key key;
};

typedef void watch_fn(const struct watch_event *event, void *arg);

struct watch;

struct watch_ops {
	/* Watch the collections of ROWS (ends with an all-zero row) that are
	 * this backend's.  A storage that is away, or that does not tell of
	 * changes, is no error: events begin when they can. */
	int (*start)(struct store *store, const struct collection *rows,
	             watch_fn *fn, void *arg, struct watch **out);

	/* No callback is running when this returns.  Accepts NULL. */
	void (*stop)(struct watch *watch);

	/* What a record of which was told is now: as get (backend.h), but for
	 * what only the bytes of its arrays tell, which are left alone where
	 * the fields say enough to show them. */
	int (*look)(struct store *store, const struct collection *collection,
	            struct key key, struct record *out);
};

#endif
