/* SPDX-License-Identifier: MIT */
/*
 * mem_store.h - what the sources of the mem backend share
 *
 * Every call of the backend is: mem_enter, the work, mem_leave; one that changes
 * something begins with mem_enter_change.
 */
#ifndef ENGRAMFS_BACKENDS_MEM_STORE_H
#define ENGRAMFS_BACKENDS_MEM_STORE_H

#include <pthread.h>

#include "backends/access.h"
#include "backends/mem.h"
#include "backends/mem_table.h"

struct mem_store {
	struct store base;
	pthread_mutex_t lock;
	struct mem_table *tables; /* of the collections seen so far */
	size_t table_count;
	int fail_errno;
	unsigned int fail_after;
	bool read_only;
	bool away;
};

struct mem_store *mem_store(struct store *store);

/* Take the lock.  Non-zero: this call is to fail so (after mem_leave). */
int mem_enter(struct mem_store *mem);
int mem_enter_change(struct mem_store *mem);
/* Give the lock back; returns RC. */
int mem_leave(struct mem_store *mem, int rc);

/* The table of COLLECTION, made where there is none. */
int mem_store_table(struct mem_store *mem, const struct collection *collection,
                    struct mem_table **out);

int mem_open_array(struct store *store, const struct collection *collection,
                   struct key key, const char *name, struct reader **out);
int mem_put(struct store *store, const struct collection *collection,
            struct key key, struct change *change, struct blob *key_out);
int mem_remove_before(struct store *store, const struct collection *collection,
                      struct key key, double before);
int mem_remove(struct store *store, const struct collection *collection,
               struct key key);
int mem_rename(struct store *store, const struct collection *collection,
               struct key from, struct key to, enum rename_mode mode);

extern const struct access_ops mem_access_ops; /* mem_access.c */

#endif
