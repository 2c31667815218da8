/* SPDX-License-Identifier: MIT */
/*
 * outage.h - a store that goes on while its storage is away
 *
 * It stands before another store (the inner one) and hands every call on while
 * that answers.  While it does not:
 *
 *   writing   each change is kept in a file of its own below
 *             STORE/spool/outage/<backend>/ (outage_file.h), which is on stable
 *             storage when the call returns
 *   reading   what was written meanwhile is there, and expires; of the rest
 *             nothing is known: -EIO, at once
 *   listing   what was written meanwhile, or -EIO where nothing was
 *
 * One thread looks several times a second whether the storage is back, and then
 * hands the changes on, in their order.  Until the last change of a record
 * was handed on, new ones go behind it.  A change goes in once: its ticket is
 * stored with it, and a record that somebody else has written after the change
 * was accepted stays as it is (the change is then refused, see the event).
 *
 * A storage is away when it says so (backend_status), and for writing also
 * when it is a replica or otherwise cannot be written (-EROFS).
 *
 * Numbered collections are refused while away: the database gives the numbers.
 *
 * Errors, ownership, threads: as backend.h.
 */
#ifndef ENGRAMFS_BACKENDS_OUTAGE_H
#define ENGRAMFS_BACKENDS_OUTAGE_H

#include "backends/backend.h"

/* Where the changes are, below the store. */
#define OUTAGE_PLACE "spool/outage"

/* What is kept at most; changes beyond are -ENOSPC. */
#define OUTAGE_MAX_BYTES ((uint64_t)1 << 30)

enum outage_news {
	OUTAGE_BEGAN,
	OUTAGE_ENDED,   /* it is back, and COUNT changes were handed on */
	OUTAGE_REFUSED, /* a change that cannot be made */
};

struct outage_event {
	enum outage_news news;
	const char *backend;
	int cause; /* a negative errno value, or 0 */
	const char *why;
	uint64_t count;

	/* OUTAGE_REFUSED: what it was about.  ARRAY NULL: the fields; BYTES are
	 * those of the file (npy or JSON), NULL where none were written. */
	const struct collection *collection;
	struct key key;
	const char *array;
	const void *bytes;
	size_t size;
};

/* Called by any thread; nothing waits for a storage while it runs.  Other than
 * 0: BYTES could not be kept.  -ENOMEM: they are handed over once more. */
typedef int outage_event_fn(const struct outage_event *event, void *arg);

struct outage_options {
	const char *directory;         /* absolute path of the store */
	const struct collection *rows; /* all; ends with an all-zero row */
	outage_event_fn *event;        /* may be NULL */
	void *arg;
};

/* Stand before INNER, which belongs to OUT from then on.  What a mount before
 * this one could not hand on is there again. */
int outage_open(const struct outage_options *options, struct store *inner,
                struct store **out);

struct outage_figures {
	bool away;
	uint64_t changes; /* that wait */
	uint64_t bytes;   /* of their files */
};

struct outage_ops {
	void (*figures)(struct store *store, struct outage_figures *out);
};

/* STORE takes changes of records of which nothing is known now. */
bool outage_takes_unknown(struct store *store);

#endif
