/* SPDX-License-Identifier: MIT */
/*
 * access.h - which arrays were opened for reading, on their way to the stores
 *
 * Whoever opens an array says so and goes on; a thread writes what was said
 * into the records' counters (collection.h), together, less than a second
 * later.  What a backend that is away did not take is tried again later, and
 * forgotten at the end: counters are worth no waiting.
 *
 * Errors:     0 or a negative errno value.
 * Threads:    accesses_note may be called from any.
 */
#ifndef ENGRAMFS_LAYOUT_ACCESS_H
#define ENGRAMFS_LAYOUT_ACCESS_H

#include "layout/node.h"

struct accesses;

/* The fields of the record KEY have changed.  Called by the thread. */
typedef void accesses_changed_fn(const struct collection *collection,
                                 struct key key, void *arg);

/* Start the thread.  STORES must live until accesses_stop. */
int accesses_start(const struct stores *stores, accesses_changed_fn *changed,
                   void *arg, struct accesses **out);

/* Write what was noted, without calling CHANGED, and free.  Accepts NULL. */
void accesses_stop(struct accesses *accesses);

/* NODE was opened for reading; nothing happens unless it is an array whose
 * collection has counters.  ACCESSES may be NULL: nobody counts. */
void accesses_note(struct accesses *accesses, const struct node *node);

#endif
