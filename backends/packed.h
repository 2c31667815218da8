/* SPDX-License-Identifier: MIT */
/*
 * packed.h - an array whose chunks are packed before it is put
 *
 * The optional part of the contract (backend.h) for storages that keep arrays
 * in chunks of packed bytes.  The backend plans how it would store a new array;
 * who has the plan may pack the chunks as their bytes arrive (packer.h) and
 * hand them over with the array.  The backend takes them where they are what it
 * stores by itself, and packs the elements anew where they are not.
 *
 * Errors:     0 or a negative errno value.
 * Threads:    as backend.h.
 */
#ifndef ENGRAMFS_BACKENDS_PACKED_H
#define ENGRAMFS_BACKENDS_PACKED_H

#include "backends/backend.h"
#include "backends/chunk_filter.h"

/* Every chunk is CHUNK bytes of the array in one run; the last one is filled up
 * with zeros. */
struct packed_plan {
	uint64_t chunk;
	struct chunk_pipeline pipeline;
};

struct packed_chunk {
	uint64_t offset; /* of its bytes */
	size_t size;
	uint32_t mask; /* filters that were left out */
};

/* All chunks of an array, in the order of its bytes. */
struct packed {
	struct packed_plan plan;
	const char *bytes;
	size_t size;
	int fd; /* of the file that BYTES are the beginning of */
	const struct packed_chunk *chunks;
	uint64_t count;
};

struct packed_ops {
	/*
	 * How a new array of INFO, whose first elements are the SIZE bytes at
	 * SAMPLE, would be stored.  From memory, without waiting.  -ENOTSUP:
	 * not in such chunks.
	 */
	int (*plan)(struct store *store, const struct collection *collection,
	            const struct array_info *info, const void *sample,
	            size_t size, struct packed_plan *out);
};

/* Chunks that are packed by one are as those of the other. */
bool packed_plan_equal(const struct packed_plan *a,
                       const struct packed_plan *b);

#endif
