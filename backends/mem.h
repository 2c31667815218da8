/* SPDX-License-Identifier: MIT */
/*
 * mem.h - the backend that keeps everything in memory
 *
 * The reference for writers of backends, and in tests the double of one: it
 * keeps every promise of backend.h for every shape of record, except that
 * nothing outlives the store.  Opening ignores the directory.
 */
#ifndef ENGRAMFS_BACKENDS_MEM_H
#define ENGRAMFS_BACKENDS_MEM_H

#include "backends/backend.h"

extern const struct backend mem_backend;

/* The next call on STORE (reads of its readers included; not close, status)
 * fails with -ERRNO_VALUE and changes nothing.  0: no failure. */
void mem_fail_next(struct store *store, int errno_value);

/* The same for the call after the next CALLS ones. */
void mem_fail_after(struct store *store, unsigned int calls, int errno_value);

#endif
