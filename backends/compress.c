/* SPDX-License-Identifier: MIT */
#include "backends/compress.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>

#include <libdeflate.h>
#define ZLIB_CONST
#include <zlib.h>
#include <zstd_errors.h>

#include "backends/zstd_context.h"

#define ZLIB_LEVEL 6
#define ZSTD_LEVEL 3

/* Output is made in steps of at least this many bytes. */
#define STEP ((size_t)64 << 10)

/* Packed bytes that are unpacked at once, and the least room for that. */
#define WHOLE_MOST ((size_t)1 << 20)
#define ROOM_LEAST ((size_t)4096)

int compress_zlib(const void *bytes, size_t size, struct blob *out)
{
	uLongf packed = compressBound(size);
	int rc = blob_reserve(out, out->size + packed);
	int code;

	if (rc)
		return rc;
	code = compress2((Bytef *)out->data + out->size, &packed, bytes, size,
	                 ZLIB_LEVEL);
	if (code != Z_OK)
		return code == Z_MEM_ERROR ? -ENOMEM : -EINVAL;
	out->size += packed;
	out->data[out->size] = '\0';
	return 0;
}

int compress_zstd(const void *bytes, size_t size, struct blob *out)
{
	size_t bound = ZSTD_compressBound(size);
	int rc = blob_reserve(out, out->size + bound);
	ZSTD_CCtx *context = zstd_context_take_packer();
	size_t packed;

	if (rc == 0 && !context)
		rc = -ENOMEM;
	if (rc)
		goto out;
	/* Any level and flag that the library knows can be set. */
	ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, ZSTD_LEVEL);
	ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
	packed =
	    ZSTD_compress2(context, out->data + out->size, bound, bytes, size);
	if (ZSTD_isError(packed)) {
		rc = -ENOMEM;
		goto out;
	}
	out->size += packed;
	out->data[out->size] = '\0';
out:
	zstd_context_give_packer(context);
	return rc;
}

/* An unpacking under way: where it stands, and how a library goes on. */
struct unpacking {
	const unsigned char *next; /* packed bytes not yet used */
	size_t left;
	struct blob *out;
	size_t room;  /* bytes that may still come out */
	size_t *only; /* count them here, and do not keep them */
	bool ended;
	int (*step)(struct unpacking *unpacking, size_t room);

	union {
		z_stream zlib;
		ZSTD_DCtx *zstd; /* the same as a ZSTD_DStream */
	};
};

/* Make room for the next step; *ROOM is how much there is. */
static int make_room(struct unpacking *unpacking, size_t *room)
{
	struct blob *out = unpacking->out;
	size_t grown = out->size + out->size / 2 + STEP;
	int rc = 0;

	if (grown - out->size > unpacking->room)
		grown = out->size + unpacking->room;
	if (out->capacity - out->size < STEP)
		rc = blob_reserve(out, grown);
	if (rc)
		return rc;
	*room = out->capacity - out->size;
	if (*room > unpacking->room)
		*room = unpacking->room;
	return 0;
}

/* Run until the stream ends, the input or the room is used up. */
static int run(struct unpacking *unpacking)
{
	struct blob *out = unpacking->out;
	size_t room;
	size_t made;
	int rc = 0;

	while (rc == 0 && !unpacking->ended && unpacking->room) {
		size_t size = out->size;
		size_t left = unpacking->left;

		rc = make_room(unpacking, &room);
		if (rc == 0)
			rc = unpacking->step(unpacking, room);
		made = out->size - size;
		unpacking->room -= made;
		if (unpacking->only) {
			*unpacking->only += made;
			out->size = size;
		}
		if (made == 0 && unpacking->left == left)
			break;
	}
	if (out->data)
		out->data[out->size] = '\0';
	return rc;
}

static unsigned int clamp(size_t size)
{
	return size < UINT_MAX ? (unsigned int)size : UINT_MAX;
}

static int zlib_step(struct unpacking *unpacking, size_t room)
{
	z_stream *stream = &unpacking->zlib;
	struct blob *out = unpacking->out;
	int code;

	stream->next_in = unpacking->next;
	stream->avail_in = clamp(unpacking->left);
	stream->next_out = (Bytef *)out->data + out->size;
	stream->avail_out = clamp(room);
	code = inflate(stream, Z_NO_FLUSH);
	unpacking->left -= (size_t)(stream->next_in - unpacking->next);
	unpacking->next = stream->next_in;
	out->size = (size_t)((char *)stream->next_out - out->data);
	unpacking->ended = code == Z_STREAM_END;
	if (code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR)
		return 0;
	return code == Z_MEM_ERROR ? -ENOMEM : -EINVAL;
}

static int zstd_step(struct unpacking *unpacking, size_t room)
{
	struct blob *out = unpacking->out;
	ZSTD_inBuffer from = { unpacking->next, unpacking->left, 0 };
	ZSTD_outBuffer to = { out->data + out->size, room, 0 };
	size_t code = ZSTD_decompressStream(unpacking->zstd, &to, &from);

	if (ZSTD_isError(code))
		return ZSTD_getErrorCode(code) == ZSTD_error_memory_allocation
		           ? -ENOMEM
		           : -EINVAL;
	unpacking->next += from.pos;
	unpacking->left -= from.pos;
	out->size += to.pos;
	unpacking->ended = code == 0;
	return 0;
}

static int run_zlib(struct unpacking *unpacking)
{
	int rc;

	unpacking->step = zlib_step;
	if (inflateInit(&unpacking->zlib) != Z_OK)
		return -ENOMEM;
	rc = run(unpacking);
	inflateEnd(&unpacking->zlib);
	return rc;
}

static int run_zstd(struct unpacking *unpacking)
{
	int rc;

	unpacking->step = zstd_step;
	unpacking->zstd = zstd_context_take_unpacker();
	if (!unpacking->zstd)
		return -ENOMEM;
	rc = run(unpacking);
	zstd_context_give_unpacker(unpacking->zstd);
	return rc;
}

/* Leave OUT as BEFORE was. */
static void undo(struct blob *out, const struct blob *before)
{
	if (before->data)
		blob_resize(out, before->size);
	else
		blob_release(out);
}

/* One byte of room past LIMIT tells what ends there from what goes on. */
static int unpack(int (*how)(struct unpacking *), const void *bytes,
                  size_t size, size_t limit, struct blob *out)
{
	struct unpacking unpacking = {
		.next = bytes,
		.left = size,
		.out = out,
		.room = limit < SIZE_MAX ? limit + 1 : limit,
	};
	struct blob before = *out;
	int rc = how(&unpacking);

	if (rc == 0 && out->size - before.size > limit)
		rc = -EFBIG;
	if (rc == 0 && (!unpacking.ended || unpacking.left))
		rc = -EINVAL;
	if (rc)
		undo(out, &before);
	return rc;
}

static int unpack_start(int (*how)(struct unpacking *), const void *bytes,
                        size_t size, size_t limit, struct blob *out,
                        bool *ended)
{
	struct unpacking unpacking = {
		.next = bytes,
		.left = size,
		.out = out,
		.room = limit,
	};
	struct blob before = *out;
	int rc = how(&unpacking);

	if (rc)
		undo(out, &before);
	else
		*ended = unpacking.ended;
	return rc;
}

static int measure(int (*how)(struct unpacking *), const void *bytes,
                   size_t size, size_t limit, size_t *out)
{
	struct blob scratch = { 0 };
	size_t made = 0;
	struct unpacking unpacking = {
		.next = bytes,
		.left = size,
		.out = &scratch,
		.room = limit < SIZE_MAX ? limit + 1 : limit,
		.only = &made,
	};
	int rc = how(&unpacking);

	blob_release(&scratch);
	if (rc == 0 && made > limit)
		rc = -EFBIG;
	if (rc == 0 && (!unpacking.ended || unpacking.left))
		rc = -EINVAL;
	if (rc == 0)
		*out = made;
	return rc;
}

/* How much room libdeflate, which takes a stream as a whole, is given at first,
 * and then; what needs more goes through zlib, step by step. */
static const size_t growths[] = { 2, 16 };

/* All of the stream into ROOM bytes.  -ENOSPC: they are too few. */
static int unpack_into(struct libdeflate_decompressor *inflater,
                       const void *bytes, size_t size, size_t room,
                       struct blob *out)
{
	size_t used;
	size_t made;
	int rc = blob_reserve(out, out->size + room);
	enum libdeflate_result result;

	if (rc)
		return rc;
	result = libdeflate_zlib_decompress_ex(
	    inflater, bytes, size, out->data + out->size, room, &used, &made);
	if (result == LIBDEFLATE_INSUFFICIENT_SPACE)
		return -ENOSPC;
	if (result != LIBDEFLATE_SUCCESS || used != size)
		return -EINVAL;
	out->size += made;
	out->data[out->size] = '\0';
	return 0;
}

/* -ENOSPC: more than LIMIT, or much more than SIZE, comes out.  -EINVAL: that
 * may be so too. */
static int unpack_whole(const void *bytes, size_t size, size_t limit,
                        struct blob *out)
{
	struct libdeflate_decompressor *inflater =
	    libdeflate_alloc_decompressor();
	size_t known = sizeof(growths) / sizeof(growths[0]);
	struct blob before = *out;
	int rc = inflater ? -ENOSPC : -ENOMEM;

	for (size_t i = 0; rc == -ENOSPC && i < known; i++) {
		size_t room = limit;

		if (size < limit / growths[i])
			room = size * growths[i] + ROOM_LEAST;
		rc = unpack_into(inflater, bytes, size,
		                 room < limit ? room : limit, out);
	}
	libdeflate_free_decompressor(inflater);
	if (rc)
		undo(out, &before);
	return rc;
}

int decompress_zlib(const void *bytes, size_t size, size_t limit,
                    struct blob *out)
{
	int rc = -ENOSPC;

	if (size <= WHOLE_MOST)
		rc = unpack_whole(bytes, size, limit, out);
	if (rc == 0 || rc == -ENOMEM)
		return rc;
	/* What is wrong is for zlib to say, here as where it measures. */
	return unpack(run_zlib, bytes, size, limit, out);
}

int decompress_zstd(const void *bytes, size_t size, size_t limit,
                    struct blob *out)
{
	return unpack(run_zstd, bytes, size, limit, out);
}

int decompress_zlib_start(const void *bytes, size_t size, size_t limit,
                          struct blob *out, bool *ended)
{
	return unpack_start(run_zlib, bytes, size, limit, out, ended);
}

int decompress_zstd_start(const void *bytes, size_t size, size_t limit,
                          struct blob *out, bool *ended)
{
	return unpack_start(run_zstd, bytes, size, limit, out, ended);
}

int decompress_zlib_size(const void *bytes, size_t size, size_t limit,
                         size_t *out)
{
	return measure(run_zlib, bytes, size, limit, out);
}

int decompress_zstd_size(const void *bytes, size_t size, size_t limit,
                         size_t *out)
{
	return measure(run_zstd, bytes, size, limit, out);
}
