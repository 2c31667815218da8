/* SPDX-License-Identifier: MIT */
/*
 * outage_internal.h - shared by the files of the outage store
 *
 *   outage.c          opening, closing, status
 *   outage_shadow.c   which records have changes that wait
 *   outage_queue.c    the changes that wait, in order
 *   outage_learn.c    what there is behind a change, as far as it can be asked
 *   outage_read.c     get, list, find, open_array
 *   outage_list.c
 *   outage_write.c    put, remove, rename
 *   outage_deliver.c  the thread that hands changes on
 *   outage_hand_on.c  what that does to the inner store
 *   outage_entry.c, outage_file.c   the files
 *
 * The overlay is a mem store: what the waiting changes make of records, as far
 * as it is known without the inner store.
 *
 * LOCK protects everything that is not constant.  It is never held while the
 * inner store or the disk may keep one waiting.  The files are written under
 * SPOOLING, which is taken first.
 */
#ifndef ENGRAMFS_BACKENDS_OUTAGE_INTERNAL_H
#define ENGRAMFS_BACKENDS_OUTAGE_INTERNAL_H

#include "backends/outage.h"
#include "backends/outage_file.h"

#include <pthread.h>

/* A record with changes that wait. */
struct outage_shadow {
	const struct collection *collection; /* a row of the options */
	struct blob key;
	size_t changes;
	bool known; /* the overlay has it, or it is gone */
	bool array_dropped;
	bool fields_dropped;
};

/* A change that waits. */
struct outage_waiting {
	struct outage_waiting *next;
	uint64_t number;
	uint64_t bytes;
	const struct collection *collection;
	struct blob key;
	struct blob to; /* of a rename; else no data */
	bool renames;
	unsigned int tries;
	bool stays; /* its file could not be removed */
};

struct outage_store {
	struct store base; /* base.under is the inner store */
	struct backend backend;
	struct outage_options options;
	char *directory;
	char owner[40]; /* of tickets */
	int fd;         /* the directory of the files */
	struct store *overlay;

	pthread_mutex_t spooling; /* one change after the other is kept */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_t thread;
	bool has_thread;
	bool stopping;
	bool away;
	bool held;          /* it can be read, but not written */
	bool told_begin;    /* the event of the outage's begin */
	uint64_t delivered; /* since then */
	uint64_t last_number;
	struct outage_waiting *first;
	struct outage_waiting **last; /* where the next one goes */
	struct outage_waiting *made;  /* the thread's: files to be removed */
	uint64_t waiting;
	uint64_t bytes;
	struct outage_shadow **shadows; /* sorted by place and key */
	size_t shadow_count;
	size_t shadow_capacity;
};

struct outage_store *outage_store(struct store *store);

/* RC, which the inner store answered, means that it is away: from now on it
 * is. */
bool outage_notice(struct outage_store *outage, int rc);
/* The inner store cannot be written; a change was spooled. */
void outage_notice_held(struct outage_store *outage);
bool outage_is_away(struct outage_store *outage);

/* The row of the options that COLLECTION is, or NULL. */
const struct collection *outage_row(const struct outage_store *outage,
                                    const struct collection *collection);

/* outage_shadow.c; with the lock held.  NULL where KEY has none. */
struct outage_shadow *outage_shadow_find(const struct outage_store *outage,
                                         const struct collection *collection,
                                         struct key key);
/* As it is, or new.  One more change waits for it. */
int outage_shadow_add(struct outage_store *outage, const struct collection *row,
                      struct key key, struct outage_shadow **out);
/* One less; the last takes the record out of the overlay. */
void outage_shadow_drop(struct outage_store *outage,
                        const struct collection *row, struct key key);
void outage_shadows_free(struct outage_store *outage);

/* outage_queue.c.  Make ENTRY's change in the overlay, after it was kept in a
 * file. */
int outage_accept(struct outage_store *outage, struct outage_entry *entry);
/* The inner store answers, but cannot be written: copy the record at KEY into
 * the overlay, unless a change of it waits.  True: the overlay knows now what
 * there is (perhaps nothing). */
bool outage_learn(struct outage_store *outage, const struct collection *row,
                  struct key key);

/* File NUMBER cannot be read as a change, for CAUSE: put it aside, and tell. */
int outage_put_aside(struct outage_store *outage, uint64_t number, int cause);

/* With the lock held. */
/* The first change was handed on, or refused: it is the caller's. */
void outage_queue_pop(struct outage_store *outage);
/* Accepts NULL. */
void outage_waiting_free(struct outage_waiting *waiting);
void outage_queue_free(struct outage_store *outage);
/* What the directory has; at opening. */
int outage_queue_load(struct outage_store *outage);

/* Tell the user; what he answers (outage_event_fn). */
int outage_tell(struct outage_store *outage, const struct outage_event *event);

void *outage_deliver(void *outage); /* the thread */

/* Make ENTRY's change, which is number NUMBER, in the inner store.  -ESTALE: what
 * another program has written since stays (why: entry->change). */
int outage_hand_on(struct outage_store *outage, struct outage_entry *entry,
                   uint64_t number);

/* What the vtable has. */
int outage_get(struct store *store, const struct collection *collection,
               struct key key, struct record *out);
extern const struct glimpse_ops outage_glimpse_ops;
int outage_list(struct store *store, const struct collection *collection,
                struct cursor *cursor, size_t limit, struct record_list *out);
int outage_find(struct store *store, const struct collection *collection,
                struct key prefix, bool (*match)(struct key key, void *arg),
                void *arg, struct blob *key_out);
int outage_open_array(struct store *store, const struct collection *collection,
                      struct key key, const char *name, struct reader **out);
int outage_open_opaque(struct store *store, const struct collection *collection,
                       struct key key, struct reader **out);
int outage_put(struct store *store, const struct collection *collection,
               struct key key, struct change *change, struct blob *key_out);
int outage_remove(struct store *store, const struct collection *collection,
                  struct key key);
int outage_rename(struct store *store, const struct collection *collection,
                  struct key from, struct key to, enum rename_mode mode);

#endif
