/* SPDX-License-Identifier: MIT */
#include "backends/hdf5_pack.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "backends/chunk_filter.h"
#include "backends/hdf5_chunks.h"
#include "backends/packed.h"
#include "backends/pool.h"

#define MOST_SLOTS 34
#define MOST_MEMORY ((size_t)64 << 20) /* of all slots, but for the first */
#define COPIES 3 /* of a chunk in a slot: gathered, shuffled, packed */

/* A chunk on its way. */
struct slot {
	struct pool_task task;
	struct packing *packing;
	uint64_t index;
	struct chunk_buffer gathered;
	struct chunk_work work;
	const char *data; /* packed */
	size_t size;
	uint32_t mask;
	int rc;
	bool busy;
};

struct packing {
	struct pool *pool;
	struct hdf5_chunks chunks;
	hid_t dataset;
	const char *data;
	pthread_mutex_t lock; /* of what workers and the writer both touch */
	pthread_cond_t packed;
	size_t slot_count;
	struct slot *slots;
};

/* The chunk's bytes: in the array, where they lie together, or gathered. */
static const char *bytes_of(struct slot *slot)
{
	const struct packing *packing = slot->packing;
	const struct hdf5_chunks *chunks = &packing->chunks;
	const char *found =
	    hdf5_chunks_in_place(chunks, slot->index, packing->data);

	if (found)
		return found;
	if (chunk_buffer_reserve(&slot->gathered, chunks->size))
		return NULL;
	hdf5_chunks_gather(chunks, slot->index, packing->data,
	                   slot->gathered.data);
	return slot->gathered.data;
}

static void pack(struct pool_task *task, struct chunk_work *work)
{
	struct slot *slot = (struct slot *)task;
	struct packing *packing = slot->packing;
	const char *bytes = bytes_of(slot);

	(void)work; /* what is packed stays until it has been written */
	slot->rc = bytes ? chunk_encode(&packing->chunks.pipeline, &slot->work,
	                                bytes, packing->chunks.size,
	                                &slot->data, &slot->size, &slot->mask)
	                 : -ENOMEM;
	pthread_mutex_lock(&packing->lock);
	slot->busy = false;
	pthread_cond_signal(&packing->packed);
	pthread_mutex_unlock(&packing->lock);
}

static void start(struct slot *slot, uint64_t index)
{
	slot->index = index;
	slot->busy = true;
	slot->task.run = pack;
	/* Alone, or without a thread: here. */
	if (slot->packing->slot_count == 1 ||
	    pool_add(slot->packing->pool, &slot->task, false) != 0)
		pack(&slot->task, NULL);
}

static void wait_for(struct slot *slot)
{
	struct packing *packing = slot->packing;

	pthread_mutex_lock(&packing->lock);
	while (slot->busy)
		pthread_cond_wait(&packing->packed, &packing->lock);
	pthread_mutex_unlock(&packing->lock);
}

static int write_slot(const struct slot *slot)
{
	const struct packing *packing = slot->packing;
	hsize_t offset[ARRAY_MAX_DIMS];

	if (slot->rc)
		return slot->rc;
	hdf5_chunks_offset(&packing->chunks, slot->index, offset);
	if (H5Dwrite_chunk(packing->dataset, H5P_DEFAULT, slot->mask, offset,
	                   slot->size, slot->data) < 0)
		return hdf5_error("cannot write", "a chunk");
	return 0;
}

static int write_all(struct packing *packing, void (*pause)(void *arg),
                     void *arg)
{
	uint64_t total = hdf5_chunks_total(&packing->chunks);
	uint64_t begun = 0;
	int rc = 0;

	while (begun < total && begun < packing->slot_count) {
		start(&packing->slots[begun], begun);
		begun++;
	}
	for (uint64_t i = 0; rc == 0 && i < total; i++) {
		struct slot *slot = &packing->slots[i % packing->slot_count];

		wait_for(slot);
		rc = write_slot(slot);
		if (rc == 0 && begun < total)
			start(slot, begun++);
		pause(arg);
	}
	return rc;
}

static int make_slots(struct packing *packing)
{
	size_t count = MOST_MEMORY / COPIES / packing->chunks.size;
	size_t useful = pool_threads(packing->pool) + 2;

	if (count > useful)
		count = useful;
	if (count > MOST_SLOTS)
		count = MOST_SLOTS;
	if (count > hdf5_chunks_total(&packing->chunks))
		count = hdf5_chunks_total(&packing->chunks);
	packing->slot_count = count > 0 ? count : 1;
	packing->slots = calloc(packing->slot_count, sizeof(*packing->slots));
	if (!packing->slots)
		return -ENOMEM;
	for (size_t i = 0; i < packing->slot_count; i++)
		packing->slots[i].packing = packing;
	return 0;
}

static void free_slots(struct packing *packing)
{
	for (size_t i = 0; packing->slots && i < packing->slot_count; i++) {
		wait_for(&packing->slots[i]);
		chunk_work_release(&packing->slots[i].work);
		free(packing->slots[i].gathered.data);
	}
	free(packing->slots);
}

/* Each chunk is one run of the array's bytes. */
static bool is_in_runs(const struct hdf5_chunks *chunks)
{
	for (int i = 1; i < chunks->ndim; i++)
		if (chunks->chunk[i] != chunks->dims[i])
			return false;
	return true;
}

static bool is_packed(const struct packing *packing,
                      const struct packed *packed)
{
	const struct packed_plan plan = {
		.chunk = packing->chunks.size,
		.pipeline = packing->chunks.pipeline,
	};

	return packed && is_in_runs(&packing->chunks) &&
	       packed->count == hdf5_chunks_total(&packing->chunks) &&
	       packed_plan_equal(&plan, &packed->plan);
}

static int write_packed(struct packing *packing, const struct packed *packed,
                        void (*pause)(void *arg), void *arg)
{
	int rc = 0;

	for (uint64_t i = 0; rc == 0 && i < packed->count; i++) {
		const struct packed_chunk *chunk = &packed->chunks[i];
		const struct slot slot = {
			.packing = packing,
			.index = i,
			.data = packed->bytes + chunk->offset,
			.size = chunk->size,
			.mask = chunk->mask,
		};

		rc = write_slot(&slot);
		pause(arg);
	}
	return rc;
}

static int pack_all(struct packing *packing, void (*pause)(void *arg),
                    void *arg)
{
	int rc;

	pthread_mutex_init(&packing->lock, NULL);
	pthread_cond_init(&packing->packed, NULL);
	rc = make_slots(packing);
	if (rc == 0)
		rc = write_all(packing, pause, arg);
	free_slots(packing);
	pthread_cond_destroy(&packing->packed);
	pthread_mutex_destroy(&packing->lock);
	return rc;
}

int hdf5_pack_write(struct pool *pool, const struct hdf5_grid *grid,
                    const struct array *array, void (*pause)(void *arg),
                    void *arg)
{
	struct packing packing = { .pool = pool,
		                   .dataset = grid->dataset,
		                   .data = array->data };
	int rc = hdf5_chunks_describe(grid, CHUNK_MAX_SIZE, &packing.chunks);

	if (rc)
		return rc;
	rc = is_packed(&packing, array->packed)
	         ? write_packed(&packing, array->packed, pause, arg)
	         : pack_all(&packing, pause, arg);
	hdf5_chunks_release(&packing.chunks);
	return rc;
}
