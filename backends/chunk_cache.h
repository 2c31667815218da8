/* SPDX-License-Identifier: MIT */
/*
 * chunk_cache.h - decoded chunks, loaded by a pool of threads, shared by readers
 *
 * A source is what chunks are loaded from: one version of one array.  Those
 * who want chunks say so (chunk_cache_want), which queues what is not there in
 * batches, and then take them one by one (chunk_cache_take), waiting for each.
 *
 * The chunks take LIMIT bytes in all; those that were not used for the longest
 * time go first.  What is wanted is queued only as far as there is room; what
 * is taken is loaded in any case, so that each taker may add one chunk.
 *
 * Errors:     0 or a negative errno value: that of the source's load.  A chunk
 *             that failed is not kept: whoever takes it again loads it again.
 * Threads:    any thread may call.  Never calls a source with its lock held,
 *             except for its free.
 */
#ifndef ENGRAMFS_BACKENDS_CHUNK_CACHE_H
#define ENGRAMFS_BACKENDS_CHUNK_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct chunk;
struct chunk_cache;
struct chunk_source;
struct chunk_work;

/* Chunks that are loaded at once. */
#define CHUNK_BATCH 32

struct chunk_load {
	uint64_t index;
	char *data; /* out: the bytes of the chunk */
	int rc;     /* out */
};

struct chunk_source_ops {
	/* On a thread of the pool. */
	void (*load)(struct chunk_source *source, struct chunk_work *work,
	             struct chunk_load *loads, size_t count);
	void (*free)(struct chunk_source *source);
};

/* Embedded in what its owner has; all but OPS and SIZE are the cache's. */
struct chunk_source {
	const struct chunk_source_ops *ops;
	size_t size; /* bytes of a chunk */

	unsigned int uses; /* holders, and chunks in the cache */
	bool dead;
	LIST_HEAD(, chunk) chunks;
	LIST_ENTRY(chunk_source) link;
};

/* -ENOMEM. */
int chunk_cache_new(uint64_t limit, struct chunk_cache **out);
/* All sources have been released.  Accepts NULL. */
void chunk_cache_free(struct chunk_cache *cache);

uint64_t chunk_cache_limit(const struct chunk_cache *cache);

/* Those who read in order share the cache alike: add CHANGE to their number, and
 * return it. */
unsigned int chunk_cache_sharers(struct chunk_cache *cache, int change);

/* The caller holds SOURCE from now on. */
void chunk_cache_add_source(struct chunk_cache *cache,
                            struct chunk_source *source);
/* The source for which MATCH is true, held; NULL: none. */
struct chunk_source *chunk_cache_find_source(
    struct chunk_cache *cache,
    bool (*match)(const struct chunk_source *source, const void *arg),
    const void *arg);
/* Its chunks stay for those who find it again. */
void chunk_cache_release_source(struct chunk_cache *cache,
                                struct chunk_source *source);
/* Drop all chunks of SOURCE.  GOOD: for ever; nobody finds it again. */
void chunk_cache_forget(struct chunk_cache *cache, struct chunk_source *source,
                        bool for_good);

/* Queue COUNT chunks from FIRST on which are not there yet.  False: there was
 * no room for all. */
bool chunk_cache_want(struct chunk_cache *cache, struct chunk_source *source,
                      uint64_t first, size_t count, bool urgent);

/* *DATA stays until chunk_cache_give. */
int chunk_cache_take(struct chunk_cache *cache, struct chunk_source *source,
                     uint64_t index, struct chunk **out, const char **data);
void chunk_cache_give(struct chunk_cache *cache, struct chunk *chunk);

/* COUNT chunks from FIRST on have been read to their ends, in order: whoever
 * loads others of this size may have their memory. */
void chunk_cache_spend(struct chunk_cache *cache, struct chunk_source *source,
                       uint64_t first, uint64_t count);

/* The same for those who do not say when they are done: of their chunks no more
 * stay than half of LIMIT.  -ENOTSUP: these would be more. */
int chunk_cache_lend(struct chunk_cache *cache, struct chunk_source *source,
                     uint64_t index, struct chunk **out, const char **data);
void chunk_cache_take_back(struct chunk_cache *cache, struct chunk *chunk);

#endif
