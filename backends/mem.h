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

/* Every call fails with -EIO, and status says that the storage is away. */
void mem_set_away(struct store *store, bool away);

/* Every change fails with -EROFS. */
void mem_set_read_only(struct store *store, bool read_only);

/* The same as mem_fail_next for the call after the next CALLS ones. */
void mem_fail_after(struct store *store, unsigned int calls, int errno_value);

#endif
