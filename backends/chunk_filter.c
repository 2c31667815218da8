/* SPDX-License-Identifier: MIT */
#include "backends/chunk_filter.h"

#include <errno.h>
#include <libdeflate.h>
#include <lzf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <zstd.h>

#include "backends/fletcher32.h"
#include "backends/shuffle.h"

#define SUM_SIZE 4

/* A step's bytes: in the caller's memory, or in a spare buffer. */
struct bytes {
	const char *data;
	size_t size;
};

void chunk_work_release(struct chunk_work *work)
{
	libdeflate_free_decompressor(work->inflater);
	libdeflate_free_compressor(work->deflater);
	ZSTD_freeDCtx(work->unzstd);
	ZSTD_freeCCtx(work->zstd);
	free(work->stored.data);
	free(work->spare[0].data);
	free(work->spare[1].data);
	*work = (struct chunk_work){ 0 };
}

char *chunk_alloc(size_t size)
{
	const size_t large = (size_t)2 << 20;
	char *data;

	if (size < large)
		return malloc(size);
	size = (size + 4095) / 4096 * 4096;
	if (posix_memalign((void **)&data, large, size) != 0)
		return NULL;
	madvise(data, size, MADV_HUGEPAGE); /* faster, or nothing */
	return data;
}

int chunk_buffer_reserve(struct chunk_buffer *buffer, size_t size)
{
	if (buffer->size >= size)
		return 0;
	free(buffer->data);
	buffer->size = 0;
	buffer->data = chunk_alloc(size);
	if (!buffer->data)
		return -ENOMEM;
	buffer->size = size;
	return 0;
}

size_t chunk_stored_most(const struct chunk_pipeline *pipeline, size_t size)
{
	/* No packer adds more to what it cannot pack, fletcher32 4 bytes. */
	return size + size / 8 + 1024 + SUM_SIZE * pipeline->count;
}

/* The spare buffer that FROM is not in, with room for SIZE bytes, which may be
 * 0: damaged chunks are. */
static char *other_spare(struct chunk_work *work, const char *from, size_t size)
{
	struct chunk_buffer *buffer =
	    &work->spare[from && from == work->spare[0].data];

	return chunk_buffer_reserve(buffer, size + 1) ? NULL : buffer->data;
}

static int inflate_to(struct chunk_work *work, struct bytes in, char *out,
                      size_t size)
{
	if (!work->inflater)
		work->inflater = libdeflate_alloc_decompressor();
	if (!work->inflater)
		return -ENOMEM;
	/* Without a place for the size, any other size is an error. */
	return libdeflate_zlib_decompress(work->inflater, in.data, in.size, out,
	                                  size, NULL) == LIBDEFLATE_SUCCESS
	           ? 0
	           : -EIO;
}

static int unlzf_to(struct chunk_work *work, struct bytes in, char *out,
                    size_t size)
{
	(void)work;
	if (in.size == 0)
		return -EIO; /* liblzf would read a byte of it */
	return lzf_decompress(in.data, (unsigned int)in.size, out,
	                      (unsigned int)size) == size
	           ? 0
	           : -EIO;
}

static int unzstd_to(struct chunk_work *work, struct bytes in, char *out,
                     size_t size)
{
	if (!work->unzstd)
		work->unzstd = ZSTD_createDCtx();
	if (!work->unzstd)
		return -ENOMEM;
	return ZSTD_decompressDCtx(work->unzstd, out, size, in.data, in.size) ==
	               size
	           ? 0
	           : -EIO;
}

/* 0 bytes: it does not get shorter. */
static size_t deflate_to(struct chunk_work *work, int level, struct bytes in,
                         char *out, size_t room)
{
	if (work->deflater && work->deflater_level != level) {
		libdeflate_free_compressor(work->deflater);
		work->deflater = NULL;
	}
	if (!work->deflater)
		work->deflater = libdeflate_alloc_compressor(level);
	work->deflater_level = level;
	return work->deflater ? libdeflate_zlib_compress(
				    work->deflater, in.data, in.size, out, room)
	                      : 0;
}

static size_t lzf_to(struct chunk_work *work, int level, struct bytes in,
                     char *out, size_t room)
{
	(void)work;
	(void)level;
	return lzf_compress(in.data, (unsigned int)in.size, out,
	                    (unsigned int)room);
}

static size_t zstd_to(struct chunk_work *work, int level, struct bytes in,
                      char *out, size_t room)
{
	size_t made;

	if (!work->zstd)
		work->zstd = ZSTD_createCCtx();
	if (!work->zstd)
		return 0;
	made =
	    ZSTD_compressCCtx(work->zstd, out, room, in.data, in.size, level);
	return ZSTD_isError(made) ? 0 : made;
}

static const struct {
	int (*unpack)(struct chunk_work *work, struct bytes in, char *out,
	              size_t size);
	size_t (*pack)(struct chunk_work *work, int level, struct bytes in,
	               char *out, size_t room);
	const char *damaged;
} packers[] = {
	[CHUNK_GZIP] = { inflate_to, deflate_to, "its gzip stream is damaged" },
	[CHUNK_LZF] = { unlzf_to, lzf_to, "its lzf block is damaged" },
	[CHUNK_ZSTD] = { unzstd_to, zstd_to, "its zstd frame is damaged" },
};

static int check_sum(struct bytes *bytes, const char **why)
{
	const unsigned char *stored;
	uint32_t sum = 0;

	*why = "its fletcher32 checksum is wrong";
	if (bytes->size < SUM_SIZE)
		return -EIO;
	bytes->size -= SUM_SIZE;
	stored = (const unsigned char *)bytes->data + bytes->size;
	for (size_t i = SUM_SIZE; i-- > 0;)
		sum = sum << 8 | stored[i];
	return fletcher32_matches(bytes->data, bytes->size, sum) ? 0 : -EIO;
}

/* What the filters before STEP make of SIZE bytes, none of them a packer. */
static size_t size_before(const struct chunk_pipeline *pipeline, uint32_t mask,
                          size_t step, size_t size)
{
	for (size_t i = 0; i < step; i++)
		if (pipeline->steps[i].kind == STEP_SUM && !(mask >> i & 1))
			size += SUM_SIZE;
	return size;
}

/* Undo a shuffle or a packer; what comes out is at TO. */
static int undo(const struct chunk_step *step, struct chunk_work *work,
                struct bytes *bytes, char *to, size_t size, const char **why)
{
	int rc = 0;

	if (step->kind == STEP_SHUFFLE) {
		unshuffle_bytes(bytes->data, bytes->size, step->element, to);
		size = bytes->size;
	} else {
		*why = packers[step->packer].damaged;
		rc = packers[step->packer].unpack(work, *bytes, to, size);
	}
	*bytes = (struct bytes){ to, size };
	return rc;
}

struct decoding {
	const struct chunk_pipeline *pipeline;
	uint32_t mask;
	char *out;
	size_t size;
};

/* Filter INDEX is the last to be undone. */
static bool is_last(const struct decoding *decoding, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (!(decoding->mask >> i & 1))
			return false;
	return true;
}

static int undo_at(const struct decoding *decoding, size_t index,
                   struct chunk_work *work, struct bytes *bytes,
                   const char **why)
{
	const struct chunk_step *step = &decoding->pipeline->steps[index];
	size_t size = bytes->size;
	char *to = decoding->out;

	if (step->kind == STEP_SUM)
		return check_sum(bytes, why);
	if (step->kind == STEP_PACK)
		size = size_before(decoding->pipeline, decoding->mask, index,
		                   decoding->size);
	if (size != decoding->size || !is_last(decoding, index))
		to = other_spare(work, bytes->data, size);
	return to ? undo(step, work, bytes, to, size, why) : -ENOMEM;
}

int chunk_decode(const struct chunk_pipeline *pipeline, uint32_t mask,
                 struct chunk_work *work, const char *stored,
                 size_t stored_size, char *out, size_t size, const char **why)
{
	const struct decoding decoding = { pipeline, mask, out, size };
	struct bytes bytes = { stored, stored_size };

	for (size_t i = pipeline->count; i-- > 0;) {
		int rc = mask >> i & 1
		             ? 0
		             : undo_at(&decoding, i, work, &bytes, why);

		if (rc)
			return rc;
	}
	*why = "it has another size than a chunk";
	if (bytes.size != size)
		return -EIO;
	if (bytes.data != out)
		memcpy(out, bytes.data, size);
	return 0;
}

/* The packed bytes, or those that were there where these are not longer. */
static int pack(const struct chunk_step *step, struct chunk_work *work,
                struct bytes *bytes, bool *skipped)
{
	size_t room = bytes->size + bytes->size / 8 + 1024;
	char *to = other_spare(work, bytes->data, room);
	size_t made;

	if (!to)
		return -ENOMEM;
	made = packers[step->packer].pack(
	    work, step->level, *bytes, to,
	    step->optional && bytes->size > 0 ? bytes->size - 1 : room);
	*skipped = made == 0;
	if (*skipped)
		return step->optional ? 0 : -ENOMEM;
	*bytes = (struct bytes){ to, made };
	return 0;
}

/* The sum goes behind the bytes: into a buffer that has room for it. */
static int append_sum(struct chunk_work *work, struct bytes *bytes)
{
	uint32_t sum = fletcher32(bytes->data, bytes->size);
	char *to = NULL;

	for (size_t i = 0; i < 2; i++)
		if (bytes->data == work->spare[i].data &&
		    work->spare[i].size >= bytes->size + SUM_SIZE)
			to = work->spare[i].data;
	if (!to) {
		to = other_spare(work, bytes->data, bytes->size + SUM_SIZE);
		if (!to)
			return -ENOMEM;
		memcpy(to, bytes->data, bytes->size);
	}
	for (size_t i = 0; i < SUM_SIZE; i++)
		to[bytes->size + i] = (char)(sum >> 8 * i & 0xff);
	*bytes = (struct bytes){ to, bytes->size + SUM_SIZE };
	return 0;
}

static int apply(const struct chunk_step *step, struct chunk_work *work,
                 struct bytes *bytes, bool *skipped)
{
	char *to;

	*skipped = false;
	if (step->kind == STEP_SUM)
		return append_sum(work, bytes);
	if (step->kind == STEP_PACK)
		return pack(step, work, bytes, skipped);
	to = other_spare(work, bytes->data, bytes->size + SUM_SIZE);
	if (!to)
		return -ENOMEM;
	shuffle_bytes(bytes->data, bytes->size, step->element, to);
	bytes->data = to;
	return 0;
}

int chunk_encode(const struct chunk_pipeline *pipeline, struct chunk_work *work,
                 const char *data, size_t size, const char **out,
                 size_t *out_size, uint32_t *mask)
{
	struct bytes bytes = { data, size };

	*mask = 0;
	for (size_t i = 0; i < pipeline->count; i++) {
		bool skipped;
		int rc = apply(&pipeline->steps[i], work, &bytes, &skipped);

		if (rc)
			return rc;
		if (skipped)
			*mask |= (uint32_t)1 << i;
	}
	*out = bytes.data;
	*out_size = bytes.size;
	return 0;
}
