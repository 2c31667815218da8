/* SPDX-License-Identifier: MIT */
#include "backends/parcel_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A packed file that is being read. */
struct unpacker {
	const struct parcel_form *packing;
	struct parcel_source source;
	int fd; /* -1: nothing is written */
	uint64_t limit;
	uint64_t size;
	XXH3_state_t *sum;
	ZSTD_DCtx *zstd;
	char *spread; /* what zstd gives */
	size_t spread_size;
	bool frame_ended;
	crypto_secretstream_xchacha20poly1305_state stream;
	unsigned char *stored;
	unsigned char *chunk;
};

static int emit(struct unpacker *unpacker, const void *bytes, size_t size)
{
	if (size > unpacker->limit - unpacker->size)
		return -EBADMSG;
	unpacker->size += size;
	return unpacker->fd < 0 ? 0 : file_write_all(unpacker->fd, bytes, size);
}

static int spread(struct unpacker *unpacker, const void *bytes, size_t size)
{
	ZSTD_inBuffer in = { bytes, size, 0 };
	int rc = 0;

	if (!unpacker->zstd)
		return emit(unpacker, bytes, size);
	while (rc == 0) {
		ZSTD_outBuffer out = { unpacker->spread, unpacker->spread_size,
			               0 };
		size_t left;

		if (unpacker->frame_ended)
			return in.pos < in.size ? -EBADMSG : 0;
		left = ZSTD_decompressStream(unpacker->zstd, &out, &in);
		if (ZSTD_isError(left))
			return -EBADMSG;
		unpacker->frame_ended = left == 0;
		rc = emit(unpacker, unpacker->spread, out.pos);
		if (in.pos == in.size && out.pos < out.size)
			break;
	}
	return rc;
}

/* STORED bytes of the file.  At its end, and only there, they are fewer than a
 * whole chunk, or LAST says so. */
static int open_chunk(struct unpacker *unpacker, size_t stored, bool *last)
{
	const char *label = unpacker->packing->label;
	unsigned long long size = 0;
	unsigned char tag = 0;

	if (crypto_secretstream_xchacha20poly1305_pull(
		&unpacker->stream, unpacker->chunk, &size, &tag,
		unpacker->stored, stored, (const unsigned char *)label,
		strlen(label)) != 0)
		return -EBADMSG;
	*last = tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL;
	return spread(unpacker, unpacker->chunk, (size_t)size);
}

static ssize_t read_stored(struct unpacker *unpacker, size_t size)
{
	ssize_t n =
	    parcel_source_read(&unpacker->source, unpacker->stored, size);

	if (n > 0)
		XXH3_64bits_update(unpacker->sum, unpacker->stored, (size_t)n);
	return n;
}

static int open_stream(struct unpacker *unpacker)
{
	const unsigned char *key = seal_stream_key(unpacker->packing->key);
	const size_t size = PARCEL_MAGIC_SIZE + PARCEL_HEADER_SIZE;
	ssize_t n = read_stored(unpacker, size);

	if (n < 0)
		return (int)n;
	if ((size_t)n != size ||
	    memcmp(unpacker->stored, PARCEL_MAGIC, PARCEL_MAGIC_SIZE) != 0 ||
	    crypto_secretstream_xchacha20poly1305_init_pull(
		&unpacker->stream, unpacker->stored + PARCEL_MAGIC_SIZE, key) !=
	        0)
		return -EBADMSG;
	return 0;
}

static int unpack_sealed(struct unpacker *unpacker)
{
	bool last = false;
	ssize_t n;
	int rc = open_stream(unpacker);

	while (rc == 0 && (n = read_stored(unpacker, PARCEL_SEALED)) != 0) {
		if (n > 0 && last)
			return -EBADMSG;
		rc = n < 0 ? (int)n : open_chunk(unpacker, (size_t)n, &last);
	}
	return rc == 0 && !last ? -EBADMSG : rc;
}

static int unpack_open(struct unpacker *unpacker)
{
	ssize_t n;
	int rc = 0;

	while (rc == 0 && (n = read_stored(unpacker, PARCEL_CHUNK)) != 0)
		rc = n < 0 ? (int)n
		           : spread(unpacker, unpacker->stored, (size_t)n);
	return rc;
}

static int unpack(struct unpacker *unpacker)
{
	int rc = unpacker->packing->key ? unpack_sealed(unpacker)
	                                : unpack_open(unpacker);

	return rc == 0 && unpacker->zstd && !unpacker->frame_ended ? -EBADMSG
	                                                           : rc;
}

static int start(struct unpacker *unpacker)
{
	unpacker->sum = XXH3_createState();
	unpacker->stored = malloc(PARCEL_SEALED);
	unpacker->chunk = malloc(PARCEL_CHUNK);
	if (!unpacker->sum || !unpacker->stored || !unpacker->chunk)
		return -ENOMEM;
	XXH3_64bits_reset(unpacker->sum);
	if (!unpacker->packing->compressed)
		return 0;
	unpacker->zstd = ZSTD_createDCtx();
	unpacker->spread_size = ZSTD_DStreamOutSize();
	unpacker->spread = malloc(unpacker->spread_size);
	if (!unpacker->zstd || !unpacker->spread)
		return -ENOMEM;
	return ZSTD_isError(ZSTD_DCtx_setParameter(
		   unpacker->zstd, ZSTD_d_windowLogMax, PARCEL_WINDOW_LOG))
	           ? -EIO
	           : 0;
}

static void release(struct unpacker *unpacker)
{
	parcel_source_close(&unpacker->source);
	XXH3_freeState(unpacker->sum);
	ZSTD_freeDCtx(unpacker->zstd);
	free(unpacker->spread);
	free(unpacker->stored);
	if (unpacker->chunk)
		sodium_memzero(unpacker->chunk, PARCEL_CHUNK);
	free(unpacker->chunk);
	sodium_memzero(&unpacker->stream, sizeof(unpacker->stream));
}

int parcel_read(const char *from, const char *to,
                const struct parcel_form *packing, uint64_t limit,
                struct parcel *out)
{
	struct unpacker unpacker = { .packing = packing,
		                     .source = { .fd = -1 },
		                     .fd = -1,
		                     .limit = limit };
	int rc = parcel_source_open(&unpacker.source, from, packing);

	if (rc == 0)
		rc = start(&unpacker);
	if (rc == 0)
		rc = parcel_create(to, &unpacker.fd);
	if (rc == 0)
		rc = parcel_finish(to, unpacker.fd, unpack(&unpacker));
	if (rc == 0) {
		out->size = unpacker.size;
		out->stored = unpacker.source.done;
		snprintf(out->xxh3, sizeof(out->xxh3), "%016" PRIx64,
		         (uint64_t)XXH3_64bits_digest(unpacker.sum));
	}
	release(&unpacker);
	return rc;
}
