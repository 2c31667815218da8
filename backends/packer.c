/* SPDX-License-Identifier: MIT */
#include "backends/packer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backends/file.h"
#include "backends/pool.h"

struct packer {
	struct pool *pool;
	struct packed_plan plan;
	struct packer_source source;
	uint64_t begun; /* chunks that were given to the pool */
	uint64_t total;

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t done;
	uint64_t under_way;
	bool dropped;
	int rc;
	int fd;
	uint64_t size;
	struct packed_chunk *chunks;
	uint64_t capacity;

	char *file; /* the source, from its beginning to the array's end */
	const char *elements;
	char *packed; /* the packed chunks, once all are there */
};

struct piece {
	struct pool_task task;
	struct packer *packer;
	uint64_t index;
};

static int map_file(int fd, uint64_t size, char **out)
{
	void *map = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED)
		return -errno;
	*out = map;
	return 0;
}

static uint64_t source_end(const struct packer *packer)
{
	return packer->source.offset + packer->source.nbytes;
}

static int open_files(struct packer *packer, int directory)
{
	int rc = map_file(packer->source.fd, source_end(packer), &packer->file);

	if (rc)
		return rc;
	packer->elements = packer->file + packer->source.offset;
	packer->fd =
	    openat(directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	return packer->fd < 0 ? -errno : 0;
}

int packer_new(struct pool *pool, int directory, const struct packed_plan *plan,
               const struct packer_source *source, struct packer **out)
{
	struct packer *packer = calloc(1, sizeof(*packer));
	int rc;

	if (!packer)
		return -ENOMEM;
	packer->pool = pool;
	packer->plan = *plan;
	packer->source = *source;
	packer->total =
	    source->nbytes / plan->chunk + (source->nbytes % plan->chunk != 0);
	packer->fd = -1;
	pthread_mutex_init(&packer->lock, NULL);
	pthread_cond_init(&packer->done, NULL);
	rc = open_files(packer, directory);
	if (rc)
		packer_free(packer);
	else
		*out = packer;
	return rc;
}

/* The bytes of a chunk: where they are, or, of the last one, filled up with
 * zeros. */
static const char *bytes_of(const struct packer *packer, uint64_t index,
                            struct chunk_buffer *buffer)
{
	uint64_t start = index * packer->plan.chunk;
	size_t size = (size_t)packer->plan.chunk;
	uint64_t left = packer->source.nbytes - start;

	if (left >= size)
		return packer->elements + start;
	if (chunk_buffer_reserve(buffer, size))
		return NULL;
	memcpy(buffer->data, packer->elements + start, (size_t)left);
	memset(buffer->data + left, 0, size - (size_t)left);
	return buffer->data;
}

/* Where the next SIZE bytes go. */
static uint64_t take_room(struct packer *packer, size_t size)
{
	uint64_t offset;

	pthread_mutex_lock(&packer->lock);
	offset = packer->size;
	packer->size += size;
	pthread_mutex_unlock(&packer->lock);
	return offset;
}

static int pack_piece(struct packer *packer, uint64_t index,
                      struct chunk_work *work, struct packed_chunk *out)
{
	const char *packed;
	const char *bytes = bytes_of(packer, index, &work->stored);
	int rc = bytes ? chunk_encode(&packer->plan.pipeline, work, bytes,
	                              (size_t)packer->plan.chunk, &packed,
	                              &out->size, &out->mask)
	               : -ENOMEM;

	if (rc)
		return rc;
	out->offset = take_room(packer, out->size);
	return file_write_at(packer->fd, packed, out->size, (off_t)out->offset);
}

static bool is_over(struct packer *packer)
{
	bool over;

	pthread_mutex_lock(&packer->lock);
	over = packer->dropped || packer->rc;
	pthread_mutex_unlock(&packer->lock);
	return over;
}

static void run(struct pool_task *task, struct chunk_work *work)
{
	struct piece *piece = (struct piece *)task;
	struct packer *packer = piece->packer;
	struct packed_chunk chunk = { 0 };
	int rc = 0;

	if (!is_over(packer))
		rc = pack_piece(packer, piece->index, work, &chunk);
	pthread_mutex_lock(&packer->lock);
	packer->chunks[piece->index] = chunk;
	if (rc)
		packer->rc = rc;
	packer->under_way--;
	pthread_cond_signal(&packer->done);
	pthread_mutex_unlock(&packer->lock);
	free(piece);
}

/* Room in the table for as many chunks as there are bytes of, not for as many
 * as the array is said to have. */
static int make_room(struct packer *packer, uint64_t count)
{
	uint64_t capacity = packer->capacity * 2 + 64;
	struct packed_chunk *grown;

	if (count <= packer->capacity)
		return 0;
	if (capacity < count)
		capacity = count;
	grown = realloc(packer->chunks, capacity * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	packer->chunks = grown;
	packer->capacity = capacity;
	return 0;
}

static int begin(struct packer *packer, uint64_t index)
{
	struct piece *piece = calloc(1, sizeof(*piece));
	int rc;

	if (!piece)
		return -ENOMEM;
	piece->packer = packer;
	piece->index = index;
	piece->task.run = run;
	pthread_mutex_lock(&packer->lock);
	rc = make_room(packer, index + 1);
	packer->under_way += rc == 0;
	pthread_mutex_unlock(&packer->lock);
	if (rc == 0) {
		rc = pool_add(packer->pool, &piece->task, false);
		if (rc == 0)
			return 0;
		pthread_mutex_lock(&packer->lock);
		packer->under_way--;
		pthread_mutex_unlock(&packer->lock);
	}
	free(piece);
	return rc;
}

/* Who writes faster than chunks are packed waits.  True: it is over. */
static bool wait_for_turn(struct packer *packer)
{
	uint64_t most = 2 * (uint64_t)pool_threads(packer->pool);
	bool over;

	pthread_mutex_lock(&packer->lock);
	while (packer->under_way >= most)
		pthread_cond_wait(&packer->done, &packer->lock);
	over = packer->rc != 0;
	pthread_mutex_unlock(&packer->lock);
	return over;
}

void packer_reach(struct packer *packer, uint64_t end)
{
	uint64_t whole = end >= packer->source.nbytes
	                     ? packer->total
	                     : end / packer->plan.chunk;
	int rc = 0;

	while (rc == 0 && packer->begun < whole && !wait_for_turn(packer)) {
		rc = begin(packer, packer->begun);
		packer->begun += rc == 0;
	}
	if (rc) {
		pthread_mutex_lock(&packer->lock);
		packer->rc = rc;
		pthread_mutex_unlock(&packer->lock);
	}
}

static int wait_for_all(struct packer *packer)
{
	int rc;

	pthread_mutex_lock(&packer->lock);
	while (packer->under_way > 0)
		pthread_cond_wait(&packer->done, &packer->lock);
	rc = packer->rc;
	pthread_mutex_unlock(&packer->lock);
	return rc;
}

int packer_finish(struct packer *packer, struct packed *out)
{
	int rc;

	packer_reach(packer, packer->source.nbytes);
	rc = wait_for_all(packer);
	if (rc == 0 && !packer->packed)
		rc = map_file(packer->fd, packer->size, &packer->packed);
	if (rc)
		return rc;
	*out = (struct packed){
		.plan = packer->plan,
		.bytes = packer->packed,
		.size = (size_t)packer->size,
		.fd = packer->fd,
		.chunks = packer->chunks,
		.count = packer->total,
	};
	return 0;
}

void packer_free(struct packer *packer)
{
	if (!packer)
		return;
	pthread_mutex_lock(&packer->lock);
	packer->dropped = true;
	pthread_mutex_unlock(&packer->lock);
	wait_for_all(packer);
	if (packer->packed)
		munmap(packer->packed, (size_t)packer->size);
	if (packer->file)
		munmap(packer->file, (size_t)source_end(packer));
	if (packer->fd >= 0)
		close(packer->fd);
	pthread_cond_destroy(&packer->done);
	pthread_mutex_destroy(&packer->lock);
	free(packer->chunks);
	free(packer);
}

/* What tells two packers apart; lzf has no level, whatever is stored. */
static bool step_equal(const struct chunk_step *a, const struct chunk_step *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case STEP_SHUFFLE:
		return a->element == b->element;
	case STEP_PACK:
		return a->packer == b->packer &&
		       (a->packer == CHUNK_LZF || a->level == b->level);
	case STEP_SUM:
		return true;
	}
	return false;
}

bool packed_plan_equal(const struct packed_plan *a, const struct packed_plan *b)
{
	bool equal =
	    a->chunk == b->chunk && a->pipeline.count == b->pipeline.count;

	for (size_t i = 0; equal && i < a->pipeline.count; i++)
		equal =
		    step_equal(&a->pipeline.steps[i], &b->pipeline.steps[i]);
	return equal;
}
