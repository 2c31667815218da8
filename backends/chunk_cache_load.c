/* SPDX-License-Identifier: MIT */
#include "backends/chunk_cache_internal.h"

#include <errno.h>
#include <stdlib.h>

#include "backends/chunk_filter.h"
#include "backends/pool.h"

#define BATCH_BYTES ((size_t)256 << 10) /* unless one chunk is more */

struct batch {
	struct pool_task task;
	struct chunk_cache *cache;
	struct chunk_source *source;
	size_t count;
	struct chunk *chunks[CHUNK_BATCH];
};

/* What became of a chunk that waited. */
static void settle(struct chunk_cache *cache, struct chunk *chunk, int rc)
{
	chunk->batch = NULL;
	chunk->rc = rc;
	chunk->state = rc ? CHUNK_FAILED : CHUNK_READY;
	if (rc && chunk->listed) {
		chunk_unlist(cache, chunk);
		return;
	}
	if (chunk->pins == 0 && chunk->listed) {
		chunk_rest(cache, chunk);
	}
	chunk_drop(cache, chunk);
}

static void settle_batch(struct batch *batch, const struct chunk_load *loads)
{
	struct chunk_cache *cache = batch->cache;

	pthread_mutex_lock(&cache->lock);
	for (size_t i = 0; i < batch->count; i++) {
		batch->chunks[i]->data = loads[i].data;
		settle(cache, batch->chunks[i], loads[i].rc);
	}
	chunk_source_unuse(batch->source);
	pthread_cond_broadcast(&cache->loaded);
	pthread_mutex_unlock(&cache->lock);
	free(batch);
}

static void run_batch(struct pool_task *task, struct chunk_work *work)
{
	struct batch *batch = (struct batch *)task;
	struct chunk_source *source = batch->source;
	struct chunk_load loads[CHUNK_BATCH] = { 0 };
	size_t count = 0;

	for (size_t i = 0; i < batch->count; i++) {
		loads[i].index = batch->chunks[i]->index;
		loads[i].data = chunk_cache_spare(batch->cache, source->size);
		if (!loads[i].data)
			loads[i].data = chunk_alloc(source->size);
		if (!loads[i].data)
			break;
		count++;
	}
	for (size_t i = count; i < batch->count; i++)
		loads[i].rc = -ENOMEM;
	source->ops->load(source, work, loads, count);
	settle_batch(batch, loads);
}

static struct batch *new_batch(struct chunk_cache *cache,
                               struct chunk_source *source)
{
	struct batch *batch = calloc(1, sizeof(*batch));

	if (!batch)
		return NULL;
	batch->task.run = run_batch;
	batch->cache = cache;
	batch->source = source;
	source->uses++;
	return batch;
}

/* Without a thread to load them the chunks have failed. */
static void start_batch(struct chunk_cache *cache, struct batch *batch,
                        bool urgent)
{
	int rc;

	if (!batch)
		return;
	rc = pool_add(cache->pool, &batch->task, urgent);
	if (rc == 0)
		return;
	for (size_t i = 0; i < batch->count; i++)
		settle(cache, batch->chunks[i], rc);
	chunk_source_unuse(batch->source);
	free(batch);
}

static void append(struct batch *batch, struct chunk *chunk)
{
	chunk->batch = batch;
	batch->chunks[batch->count++] = chunk;
}

static bool is_full(const struct batch *batch)
{
	return batch->count == CHUNK_BATCH ||
	       batch->count * batch->source->size >= BATCH_BYTES;
}

/* Add one that is not there to *BATCH, which is begun or started as needed. */
static bool want_one(struct chunk_cache *cache, struct chunk_source *source,
                     uint64_t index, bool urgent, struct batch **batch)
{
	struct chunk *chunk;

	chunk_cache_recycle(cache, source->size);
	if (!chunk_cache_make_room(cache, chunk_cost(source)))
		return false;
	if (!*batch)
		*batch = new_batch(cache, source);
	if (!*batch)
		return false;
	chunk = chunk_add(cache, source, index);
	if (!chunk)
		return false;
	append(*batch, chunk);
	if (is_full(*batch)) {
		start_batch(cache, *batch, urgent);
		*batch = NULL;
	}
	return true;
}

bool chunk_cache_want(struct chunk_cache *cache, struct chunk_source *source,
                      uint64_t first, size_t count, bool urgent)
{
	struct batch *batch = NULL;
	bool all = true;

	pthread_mutex_lock(&cache->lock);
	for (size_t i = 0; all && !source->dead && i < count; i++) {
		struct chunk *chunk = chunk_find(cache, source, first + i);

		if (!chunk)
			all =
			    want_one(cache, source, first + i, urgent, &batch);
		else if (chunk->batch && chunk->batch != batch && urgent)
			pool_hurry(cache->pool, &chunk->batch->task);
	}
	start_batch(cache, batch, urgent);
	pthread_mutex_unlock(&cache->lock);
	return all;
}

/* Whether or not there is room. */
static struct chunk *load_one(struct chunk_cache *cache,
                              struct chunk_source *source, uint64_t index)
{
	struct batch *batch = new_batch(cache, source);
	struct chunk *chunk;

	chunk_cache_make_room(cache, chunk_cost(source));
	chunk = batch ? chunk_add(cache, source, index) : NULL;
	if (!chunk) {
		if (batch)
			chunk_source_unuse(source);
		free(batch);
		return NULL;
	}
	append(batch, chunk);
	chunk->pins++;
	start_batch(cache, batch, true);
	return chunk;
}

static void unpin(struct chunk_cache *cache, struct chunk *chunk)
{
	if (--chunk->pins > 0)
		return;
	if (chunk->listed && chunk->state == CHUNK_READY) {
		chunk_rest(cache, chunk);
		chunk_cache_make_room(cache, 0);
		return;
	}
	chunk_drop(cache, chunk);
}

static struct chunk *pin(struct chunk_cache *cache, struct chunk *chunk)
{
	if (chunk->idle)
		TAILQ_REMOVE(&cache->idle, chunk, by_use);
	chunk->idle = false;
	chunk->spent = false;
	chunk->pins++;
	if (chunk->batch)
		pool_hurry(cache->pool, &chunk->batch->task);
	return chunk;
}

static int take_locked(struct chunk_cache *cache, struct chunk_source *source,
                       uint64_t index, struct chunk **out)
{
	struct chunk *chunk;
	int rc;

	if (source->dead)
		return -ESTALE;
	chunk = chunk_find(cache, source, index);
	chunk = chunk ? pin(cache, chunk) : load_one(cache, source, index);
	if (!chunk)
		return -ENOMEM;
	while (chunk->state == CHUNK_WAITS)
		pthread_cond_wait(&cache->loaded, &cache->lock);
	rc = chunk->rc;
	if (rc)
		unpin(cache, chunk);
	else
		*out = chunk;
	return rc;
}

int chunk_cache_take(struct chunk_cache *cache, struct chunk_source *source,
                     uint64_t index, struct chunk **out, const char **data)
{
	int rc;

	pthread_mutex_lock(&cache->lock);
	rc = take_locked(cache, source, index, out);
	pthread_mutex_unlock(&cache->lock);
	if (rc == 0)
		*data = (*out)->data;
	return rc;
}

void chunk_cache_give(struct chunk_cache *cache, struct chunk *chunk)
{
	pthread_mutex_lock(&cache->lock);
	unpin(cache, chunk);
	pthread_mutex_unlock(&cache->lock);
}

int chunk_cache_lend(struct chunk_cache *cache, struct chunk_source *source,
                     uint64_t index, struct chunk **out, const char **data)
{
	int rc = -ENOTSUP;

	pthread_mutex_lock(&cache->lock);
	if (cache->lent + chunk_cost(source) <= cache->limit / 2)
		rc = take_locked(cache, source, index, out);
	if (rc == 0 && (*out)->loans++ == 0)
		cache->lent += chunk_cost(source);
	pthread_mutex_unlock(&cache->lock);
	if (rc == 0)
		*data = (*out)->data;
	return rc;
}

void chunk_cache_take_back(struct chunk_cache *cache, struct chunk *chunk)
{
	pthread_mutex_lock(&cache->lock);
	if (--chunk->loans == 0)
		cache->lent -= chunk_cost(chunk->source);
	unpin(cache, chunk);
	pthread_mutex_unlock(&cache->lock);
}
