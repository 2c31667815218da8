/* SPDX-License-Identifier: MIT */
/*
 * chunk_cache_internal.h - for chunk_cache*.c alone
 *
 * Threads:    everything with the cache's lock held, but for
 *             chunk_cache_spare.
 */
#ifndef ENGRAMFS_BACKENDS_CHUNK_CACHE_INTERNAL_H
#define ENGRAMFS_BACKENDS_CHUNK_CACHE_INTERNAL_H

#include "backends/chunk_cache.h"

#include <pthread.h>

struct batch;
struct pool;

#define BUCKETS 16384
#define SPARES 4
#define SPARE_LEAST ((size_t)256 << 10)
#define SPARE_SHARE 8 /* of the limit, for one */

enum chunk_state { CHUNK_WAITS, CHUNK_READY, CHUNK_FAILED };

/* A chunk is freed when nobody has it pinned, it does not wait for its batch,
 * and it is not listed any more. */
struct chunk {
	struct chunk_source *source;
	uint64_t index;
	char *data;
	enum chunk_state state;
	int rc;
	unsigned int pins;
	unsigned int loans;  /* of the pins */
	bool listed;         /* is found */
	bool idle;           /* in the order of use */
	bool spent;          /* then it comes first */
	struct batch *batch; /* while it waits */
	struct chunk *next;  /* in the bucket */
	LIST_ENTRY(chunk) of_source;
	TAILQ_ENTRY(chunk) by_use;
};

/* Memory of chunks that went: new pages cost more than to unpack into old ones.
 */
struct spare {
	char *data;
	size_t size;
};

struct chunk_cache {
	pthread_mutex_t lock;
	pthread_cond_t loaded;
	uint64_t limit;
	uint64_t used;
	uint64_t lent;
	unsigned int sharers;
	struct pool *pool;
	LIST_HEAD(, chunk_source) sources;
	TAILQ_HEAD(, chunk) idle; /* the longest unused one first */
	struct spare spares[SPARES];
	struct chunk *buckets[BUCKETS];
};

/* NULL: it is not there. */
struct chunk *chunk_find(struct chunk_cache *cache,
                         const struct chunk_source *source, uint64_t index);
/* One that waits for its batch.  NULL: there is no memory. */
struct chunk *chunk_add(struct chunk_cache *cache, struct chunk_source *source,
                        uint64_t index);
/* Nobody finds it from now on.  It may be freed here, as by chunk_drop. */
void chunk_unlist(struct chunk_cache *cache, struct chunk *chunk);
/* Free it if it is done. */
void chunk_drop(struct chunk_cache *cache, struct chunk *chunk);
/* It is the one that was used last, or it is spent. */
void chunk_rest(struct chunk_cache *cache, struct chunk *chunk);
/* The source may be freed here. */
void chunk_source_unuse(struct chunk_source *source);

uint64_t chunk_cost(const struct chunk_source *source);
/* Let unused chunks go until SIZE more bytes fit. */
bool chunk_cache_make_room(struct chunk_cache *cache, uint64_t size);

/* A spent chunk of SIZE bytes goes: its memory is used again. */
void chunk_cache_recycle(struct chunk_cache *cache, size_t size);

/* Memory for a chunk: a spare one, or NULL.  Takes the lock. */
char *chunk_cache_spare(struct chunk_cache *cache, size_t size);

#endif
