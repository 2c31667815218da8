/* SPDX-License-Identifier: MIT */
/*
 * chunk_filter.h - what HDF5 does to the bytes of a chunk, done on bytes
 *
 * A pipeline is the filters of a data set in the order in which they are
 * applied when a chunk is written.  Those known here are shuffle, fletcher32
 * and at most one packer: gzip (a zlib stream), lzf (32000) or zstd (32015).
 * A chunk is stored with a mask, whose bit I says that filter I was left out.
 *
 * A chunk must unpack to just its size: packed bytes are never believed.
 *
 * Errors:     0 or a negative errno value.  -EIO: the stored bytes are damaged;
 *             *WHY, a constant text, says how.
 * Threads:    a chunk_work belongs to one thread at a time; a pipeline may be
 *             used by many.
 */
#ifndef ENGRAMFS_BACKENDS_CHUNK_FILTER_H
#define ENGRAMFS_BACKENDS_CHUNK_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHUNK_MAX_FILTERS 8

/* Larger chunks are left to the library. */
#define CHUNK_MAX_SIZE ((size_t)1 << 30)

enum chunk_packer { CHUNK_GZIP, CHUNK_LZF, CHUNK_ZSTD };

enum chunk_step_kind { STEP_SHUFFLE, STEP_SUM, STEP_PACK };

struct chunk_step {
	enum chunk_step_kind kind;
	size_t element;           /* shuffle */
	enum chunk_packer packer; /* pack */
	int level;                /* pack */
	bool optional;            /* left out where it does not help */
};

struct chunk_pipeline {
	size_t count;
	struct chunk_step steps[CHUNK_MAX_FILTERS];
};

struct chunk_buffer {
	char *data;
	size_t size;
};

/* Memory and the packers' states, kept from chunk to chunk.  All-zero: none
 * yet. */
struct chunk_work {
	struct libdeflate_decompressor *inflater;
	struct libdeflate_compressor *deflater;
	int deflater_level;
	struct ZSTD_DCtx_s *unzstd;
	struct ZSTD_CCtx_s *zstd;
	struct chunk_buffer stored;   /* bytes as they are in the file */
	struct chunk_buffer spare[2]; /* between two steps */
};

void chunk_work_release(struct chunk_work *work);

/* Memory for SIZE bytes of a chunk, in large pages where that helps; freed by
 * free.  NULL: there is none. */
char *chunk_alloc(size_t size);

/* At least SIZE bytes; what was in BUFFER is lost.  -ENOMEM. */
int chunk_buffer_reserve(struct chunk_buffer *buffer, size_t size);

/* The most bytes that a chunk of SIZE may be stored in. */
size_t chunk_stored_most(const struct chunk_pipeline *pipeline, size_t size);

/* Unpack STORED into the SIZE bytes at OUT. */
int chunk_decode(const struct chunk_pipeline *pipeline, uint32_t mask,
                 struct chunk_work *work, const char *stored,
                 size_t stored_size, char *out, size_t size, const char **why);

/*
 * Pack the SIZE bytes at DATA.  *OUT is in the memory of WORK, or DATA itself,
 * and MASK says which filters were left out.
 */
int chunk_encode(const struct chunk_pipeline *pipeline, struct chunk_work *work,
                 const char *data, size_t size, const char **out,
                 size_t *out_size, uint32_t *mask);

#endif
