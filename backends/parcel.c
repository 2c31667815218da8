/* SPDX-License-Identifier: MIT */
#include "backends/parcel_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LEVEL 3 /* of zstd */

/* A packed file that is being written. */
struct packer {
	const struct parcel_form *packing;
	int fd;
	uint64_t stored;
	XXH3_state_t *sum;
	ZSTD_CCtx *zstd;
	char *squeezed; /* what zstd gives */
	size_t squeezed_size;
	crypto_secretstream_xchacha20poly1305_state stream;
	unsigned char *chunk; /* what waits to be encrypted */
	size_t waiting;
	unsigned char *sealed;
};

const char *parcel_suffix(const struct parcel_form *packing)
{
	if (packing->key)
		return packing->compressed ? ".zst.sealed" : ".sealed";
	return packing->compressed ? ".zst" : "";
}

int parcel_source_open(struct parcel_source *source, const char *path,
                       const struct parcel_form *packing)
{
	struct stat status;

	source->packing = packing;
	source->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (source->fd < 0 || fstat(source->fd, &status) != 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EBADMSG;
	source->size = (uint64_t)status.st_size;
	return 0;
}

void parcel_source_close(struct parcel_source *source)
{
	if (source->fd >= 0)
		close(source->fd);
}

ssize_t parcel_source_read(struct parcel_source *source, void *buffer,
                           size_t size)
{
	const struct parcel_form *packing = source->packing;
	size_t got = 0;

	while (got < size) {
		ssize_t n = read(source->fd, (char *)buffer + got, size - got);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			break;
		if (n > 0)
			got += (size_t)n;
	}
	source->done += got;
	if (got && packing->step) {
		int rc = packing->step(packing->arg,
		                       source->size ? (double)source->done /
		                                          (double)source->size
		                                    : 1);

		if (rc)
			return rc;
	}
	return (ssize_t)got;
}

int parcel_create(const char *path, int *fd)
{
	*fd = -1;
	if (!path)
		return 0;
	*fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return *fd < 0 ? -errno : 0;
}

int parcel_finish(const char *path, int fd, int rc)
{
	if (fd < 0)
		return rc;
	if (rc == 0 && fsync(fd) != 0)
		rc = -errno;
	if (close(fd) != 0 && rc == 0)
		rc = -errno;
	if (rc)
		unlink(path);
	return rc;
}

static int emit(struct packer *packer, const void *bytes, size_t size)
{
	packer->stored += size;
	XXH3_64bits_update(packer->sum, bytes, size);
	return file_write_all(packer->fd, bytes, size);
}

static int push_chunk(struct packer *packer, unsigned char tag)
{
	const char *label = packer->packing->label;
	unsigned long long size = 0;

	if (crypto_secretstream_xchacha20poly1305_push(
		&packer->stream, packer->sealed, &size, packer->chunk,
		packer->waiting, (const unsigned char *)label, strlen(label),
		tag) != 0)
		return -EIO;
	packer->waiting = 0;
	return emit(packer, packer->sealed, (size_t)size);
}

/* A full chunk waits until it is known that it is not the last. */
static int seal(struct packer *packer, const void *bytes, size_t size)
{
	const char *next = bytes;
	int rc = 0;

	if (!packer->packing->key)
		return size ? emit(packer, bytes, size) : 0;
	while (rc == 0 && size > 0) {
		size_t room = PARCEL_CHUNK - packer->waiting;
		size_t part = size < room ? size : room;

		if (room == 0) {
			rc = push_chunk(packer, 0);
			continue;
		}
		memcpy(packer->chunk + packer->waiting, next, part);
		packer->waiting += part;
		next += part;
		size -= part;
	}
	return rc;
}

static int squeeze(struct packer *packer, const void *bytes, size_t size,
                   ZSTD_EndDirective end)
{
	ZSTD_inBuffer in = { bytes, size, 0 };
	size_t left = 1;
	int rc = 0;

	if (!packer->zstd)
		return seal(packer, bytes, size);
	while (rc == 0 && (in.pos < in.size || (end == ZSTD_e_end && left))) {
		ZSTD_outBuffer out = { packer->squeezed, packer->squeezed_size,
			               0 };

		left = ZSTD_compressStream2(packer->zstd, &out, &in, end);
		if (ZSTD_isError(left))
			return -EIO;
		rc = seal(packer, packer->squeezed, out.pos);
	}
	return rc;
}

static int start_zstd(struct packer *packer)
{
	packer->zstd = ZSTD_createCCtx();
	packer->squeezed_size = ZSTD_CStreamOutSize();
	packer->squeezed = malloc(packer->squeezed_size);
	if (!packer->zstd || !packer->squeezed)
		return -ENOMEM;
	if (ZSTD_isError(ZSTD_CCtx_setParameter(
		packer->zstd, ZSTD_c_compressionLevel, LEVEL)) ||
	    ZSTD_isError(
		ZSTD_CCtx_setParameter(packer->zstd, ZSTD_c_checksumFlag, 1)))
		return -EIO;
	return 0;
}

static int start_sealing(struct packer *packer)
{
	unsigned char header[PARCEL_HEADER_SIZE];
	int rc;

	packer->chunk = malloc(PARCEL_CHUNK);
	packer->sealed = malloc(PARCEL_SEALED);
	if (!packer->chunk || !packer->sealed)
		return -ENOMEM;
	crypto_secretstream_xchacha20poly1305_init_push(
	    &packer->stream, header, seal_stream_key(packer->packing->key));
	rc = emit(packer, PARCEL_MAGIC, PARCEL_MAGIC_SIZE);
	return rc ? rc : emit(packer, header, sizeof(header));
}

static int start(struct packer *packer)
{
	int rc = 0;

	packer->sum = XXH3_createState();
	if (!packer->sum)
		return -ENOMEM;
	XXH3_64bits_reset(packer->sum);
	if (packer->packing->compressed)
		rc = start_zstd(packer);
	if (rc == 0 && packer->packing->key)
		rc = start_sealing(packer);
	return rc;
}

static void release(struct packer *packer)
{
	XXH3_freeState(packer->sum);
	ZSTD_freeCCtx(packer->zstd);
	free(packer->squeezed);
	if (packer->chunk)
		sodium_memzero(packer->chunk, PARCEL_CHUNK);
	free(packer->chunk);
	free(packer->sealed);
	sodium_memzero(&packer->stream, sizeof(packer->stream));
}

static int pack(struct packer *packer, struct parcel_source *source,
                char *buffer)
{
	ssize_t n;
	int rc = 0;

	while (rc == 0 &&
	       (n = parcel_source_read(source, buffer, PARCEL_CHUNK)) != 0)
		rc = n < 0
		         ? (int)n
		         : squeeze(packer, buffer, (size_t)n, ZSTD_e_continue);
	if (rc == 0)
		rc = squeeze(packer, buffer, 0, ZSTD_e_end);
	if (rc == 0 && packer->packing->key)
		rc = push_chunk(
		    packer, crypto_secretstream_xchacha20poly1305_TAG_FINAL);
	return rc;
}

int parcel_write(const char *from, const char *to,
                 const struct parcel_form *packing, struct parcel *out)
{
	struct parcel_source source = { .fd = -1 };
	struct packer packer = { .packing = packing, .fd = -1 };
	char *buffer = malloc(PARCEL_CHUNK);
	int rc = buffer ? parcel_source_open(&source, from, packing) : -ENOMEM;

	if (rc == 0)
		rc = parcel_create(to, &packer.fd);
	if (rc == 0)
		rc = start(&packer);
	if (rc == 0)
		rc = pack(&packer, &source, buffer);
	rc = parcel_finish(to, packer.fd, rc);
	if (rc == 0) {
		out->size = source.done;
		out->stored = packer.stored;
		snprintf(out->xxh3, sizeof(out->xxh3), "%016" PRIx64,
		         (uint64_t)XXH3_64bits_digest(packer.sum));
	}
	release(&packer);
	parcel_source_close(&source);
	free(buffer);
	return rc;
}
