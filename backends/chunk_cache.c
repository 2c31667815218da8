/* SPDX-License-Identifier: MIT */
#include "backends/chunk_cache_internal.h"

#include <errno.h>
#include <stdlib.h>

#include "backends/pool.h"

int chunk_cache_new(uint64_t limit, struct chunk_cache **out)
{
	struct chunk_cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		return -ENOMEM;
	if (pool_new(&cache->pool) != 0) {
		free(cache);
		return -ENOMEM;
	}
	pthread_mutex_init(&cache->lock, NULL);
	pthread_cond_init(&cache->loaded, NULL);
	cache->limit = limit;
	LIST_INIT(&cache->sources);
	TAILQ_INIT(&cache->idle);
	*out = cache;
	return 0;
}

uint64_t chunk_cache_limit(const struct chunk_cache *cache)
{
	return cache->limit;
}

unsigned int chunk_cache_sharers(struct chunk_cache *cache, int change)
{
	unsigned int count;

	pthread_mutex_lock(&cache->lock);
	cache->sharers += (unsigned int)change;
	count = cache->sharers;
	pthread_mutex_unlock(&cache->lock);
	return count;
}

/* As many large chunks fit as the limit is chunks. */
uint64_t chunk_cost(const struct chunk_source *source)
{
	return source->size +
	       (source->size < SPARE_LEAST ? sizeof(struct chunk) : 0);
}

static struct chunk **bucket_of(struct chunk_cache *cache,
                                const struct chunk_source *source,
                                uint64_t index)
{
	uint64_t hash = (uintptr_t)source / 64 + index;

	return &cache->buckets[hash * 0x9e3779b97f4a7c15U >> 50];
}

struct chunk *chunk_find(struct chunk_cache *cache,
                         const struct chunk_source *source, uint64_t index)
{
	struct chunk *chunk = *bucket_of(cache, source, index);

	while (chunk && (chunk->source != source || chunk->index != index))
		chunk = chunk->next;
	return chunk;
}

void chunk_source_unuse(struct chunk_source *source)
{
	if (--source->uses > 0)
		return;
	if (!source->dead)
		LIST_REMOVE(source, link);
	source->ops->free(source);
}

/* In the place of the smallest one. */
static void keep_spare(struct chunk_cache *cache, char *data, size_t size)
{
	struct spare *least = &cache->spares[0];

	for (size_t i = 1; i < SPARES; i++)
		if (cache->spares[i].size < least->size)
			least = &cache->spares[i];
	if (!data || size < SPARE_LEAST || size < least->size ||
	    size > cache->limit / SPARE_SHARE) {
		free(data);
		return;
	}
	free(least->data);
	*least = (struct spare){ data, size };
}

char *chunk_cache_spare(struct chunk_cache *cache, size_t size)
{
	char *data = NULL;

	pthread_mutex_lock(&cache->lock);
	for (size_t i = 0; !data && i < SPARES; i++)
		if (cache->spares[i].size == size) {
			data = cache->spares[i].data;
			cache->spares[i] = (struct spare){ 0 };
		}
	pthread_mutex_unlock(&cache->lock);
	return data;
}

void chunk_drop(struct chunk_cache *cache, struct chunk *chunk)
{
	if (chunk->pins > 0 || chunk->batch || chunk->listed)
		return;
	cache->used -= chunk_cost(chunk->source);
	keep_spare(cache, chunk->data, chunk->source->size);
	chunk_source_unuse(chunk->source);
	free(chunk);
}

void chunk_unlist(struct chunk_cache *cache, struct chunk *chunk)
{
	struct chunk **link = bucket_of(cache, chunk->source, chunk->index);

	if (!chunk->listed)
		return;
	while (*link != chunk)
		link = &(*link)->next;
	*link = chunk->next;
	LIST_REMOVE(chunk, of_source);
	chunk->listed = false;
	if (chunk->idle)
		TAILQ_REMOVE(&cache->idle, chunk, by_use);
	chunk->idle = false;
	chunk_drop(cache, chunk);
}

bool chunk_cache_make_room(struct chunk_cache *cache, uint64_t size)
{
	while (cache->used + size > cache->limit) {
		struct chunk *oldest = TAILQ_FIRST(&cache->idle);

		if (!oldest)
			return false;
		chunk_unlist(cache, oldest);
	}
	return true;
}

struct chunk *chunk_add(struct chunk_cache *cache, struct chunk_source *source,
                        uint64_t index)
{
	struct chunk **bucket = bucket_of(cache, source, index);
	struct chunk *chunk = calloc(1, sizeof(*chunk));

	if (!chunk)
		return NULL;
	chunk->source = source;
	chunk->index = index;
	chunk->listed = true;
	chunk->next = *bucket;
	*bucket = chunk;
	LIST_INSERT_HEAD(&source->chunks, chunk, of_source);
	source->uses++;
	cache->used += chunk_cost(source);
	return chunk;
}

void chunk_rest(struct chunk_cache *cache, struct chunk *chunk)
{
	if (chunk->spent)
		TAILQ_INSERT_HEAD(&cache->idle, chunk, by_use);
	else
		TAILQ_INSERT_TAIL(&cache->idle, chunk, by_use);
	chunk->idle = true;
}

static void spend(struct chunk_cache *cache, struct chunk *chunk)
{
	if (!chunk || chunk->batch)
		return;
	chunk->spent = true;
	if (!chunk->idle)
		return;
	TAILQ_REMOVE(&cache->idle, chunk, by_use);
	chunk_rest(cache, chunk);
}

void chunk_cache_spend(struct chunk_cache *cache, struct chunk_source *source,
                       uint64_t first, uint64_t count)
{
	pthread_mutex_lock(&cache->lock);
	for (uint64_t i = first; i < first + count; i++)
		spend(cache, chunk_find(cache, source, i));
	pthread_mutex_unlock(&cache->lock);
}

void chunk_cache_recycle(struct chunk_cache *cache, size_t size)
{
	struct chunk *first = TAILQ_FIRST(&cache->idle);

	if (first && first->spent && first->source->size == size)
		chunk_unlist(cache, first);
}

void chunk_cache_add_source(struct chunk_cache *cache,
                            struct chunk_source *source)
{
	pthread_mutex_lock(&cache->lock);
	source->uses = 1;
	source->dead = false;
	LIST_INIT(&source->chunks);
	LIST_INSERT_HEAD(&cache->sources, source, link);
	pthread_mutex_unlock(&cache->lock);
}

struct chunk_source *chunk_cache_find_source(
    struct chunk_cache *cache,
    bool (*match)(const struct chunk_source *source, const void *arg),
    const void *arg)
{
	struct chunk_source *source;

	pthread_mutex_lock(&cache->lock);
	LIST_FOREACH(source, &cache->sources, link)
	if (match(source, arg))
		break;
	if (source)
		source->uses++;
	pthread_mutex_unlock(&cache->lock);
	return source;
}

void chunk_cache_release_source(struct chunk_cache *cache,
                                struct chunk_source *source)
{
	pthread_mutex_lock(&cache->lock);
	chunk_source_unuse(source);
	pthread_mutex_unlock(&cache->lock);
}

/* Those that wait have not been read yet: they stay, unless it is for good. */
static void forget_chunks(struct chunk_cache *cache,
                          struct chunk_source *source, bool for_good)
{
	struct chunk *chunk = LIST_FIRST(&source->chunks);

	while (chunk) {
		struct chunk *next = LIST_NEXT(chunk, of_source);

		if (for_good || !chunk->batch)
			chunk_unlist(cache, chunk);
		chunk = next;
	}
}

void chunk_cache_forget(struct chunk_cache *cache, struct chunk_source *source,
                        bool for_good)
{
	pthread_mutex_lock(&cache->lock);
	source->uses++; /* the last of its chunks must not free it */
	forget_chunks(cache, source, for_good);
	if (for_good && !source->dead) {
		source->dead = true;
		LIST_REMOVE(source, link);
	}
	chunk_source_unuse(source);
	pthread_mutex_unlock(&cache->lock);
}

void chunk_cache_free(struct chunk_cache *cache)
{
	struct chunk *chunk;

	if (!cache)
		return;
	pool_free(cache->pool); /* runs what is queued: nobody waits for it */
	while ((chunk = TAILQ_FIRST(&cache->idle)) != NULL)
		chunk_unlist(cache, chunk);
	for (size_t i = 0; i < SPARES; i++)
		free(cache->spares[i].data);
	pthread_cond_destroy(&cache->loaded);
	pthread_mutex_destroy(&cache->lock);
	free(cache);
}
