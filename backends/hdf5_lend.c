/* SPDX-License-Identifier: MIT */
#include "backends/hdf5_lend.h"

#include <errno.h>
#include <stdlib.h>

#define LEAST_PIECE 512
#define EDGES 4 /* pieces that may be cut, and what others put into the loan */

struct borrowed {
	uint64_t index;
	struct chunk *chunk;
	const char *data;
};

/* The token: chunks that are lent, each once. */
struct lending {
	struct hdf5_source *source; /* while it is made */
	struct chunk_cache *cache;
	size_t count;
	size_t last; /* the one that was used last */
	struct borrowed borrowed[LOAN_SPANS];
};

/* The most chunks that SIZE bytes may be in. */
static uint64_t chunks_of(const struct hdf5_chunks *chunks, uint64_t size)
{
	uint64_t pieces = size / chunks->piece + 2;
	uint64_t bands = size / chunks->band + 2;
	uint64_t in_bands = chunks->band / chunks->size * bands;

	return pieces < in_bands ? pieces : in_bands;
}

bool hdf5_lend_pays(const struct hdf5_source *source, uint64_t size)
{
	const struct hdf5_chunks *chunks = &source->chunks;

	return chunks->piece >= LEAST_PIECE &&
	       size / chunks->piece + EDGES <= LOAN_SPANS &&
	       chunks_of(chunks, size) * chunks->size <=
	           chunk_cache_limit(source->cache) / 2;
}

static void take_back(void *token)
{
	struct lending *lending = token;

	for (size_t i = 0; i < lending->count; i++)
		chunk_cache_take_back(lending->cache,
		                      lending->borrowed[i].chunk);
	free(lending);
}

/* Rows go through the same chunks again and again: most often it is the one
 * behind the last. */
static struct borrowed *find(struct lending *lending, uint64_t index)
{
	for (size_t i = 1; i <= lending->count; i++) {
		size_t at = (lending->last + i) % lending->count;

		if (lending->borrowed[at].index == index) {
			lending->last = at;
			return &lending->borrowed[at];
		}
	}
	return NULL;
}

static int borrow(struct lending *lending, uint64_t index,
                  const struct borrowed **out)
{
	struct borrowed *borrowed = find(lending, index);
	int rc;

	if (!borrowed && lending->count == LOAN_SPANS)
		return -ENOTSUP;
	if (!borrowed) {
		borrowed = &lending->borrowed[lending->count];
		rc = chunk_cache_lend(lending->cache, &lending->source->base,
		                      index, &borrowed->chunk, &borrowed->data);
		if (rc)
			return rc;
		borrowed->index = index;
		lending->last = lending->count++;
	}
	*out = borrowed;
	return 0;
}

static int lend_pieces(struct lending *lending, uint64_t offset, uint64_t size,
                       struct loan *loan)
{
	while (size > 0) {
		struct hdf5_chunk_piece piece;
		const struct borrowed *borrowed;
		int rc;

		hdf5_chunks_piece(&lending->source->chunks, offset, &piece);
		if (piece.size > size)
			piece.size = size;
		rc = borrow(lending, piece.index, &borrowed);
		if (rc)
			return rc;
		if (!loan_append(loan, borrowed->data + piece.at, piece.size))
			return -ENOTSUP;
		offset += piece.size;
		size -= piece.size;
	}
	return 0;
}

int hdf5_lend(struct hdf5_source *source, uint64_t offset, uint64_t size,
              struct loan *loan)
{
	struct lending *lending = malloc(sizeof(*lending));
	int rc;

	if (!lending)
		return -ENOMEM;
	lending->source = source;
	lending->cache = source->cache;
	lending->count = 0;
	lending->last = 0;
	rc = lend_pieces(lending, offset, size, loan);
	if (rc) {
		take_back(lending);
		return rc;
	}
	loan->token = lending;
	loan->take_back = take_back;
	return 0;
}
