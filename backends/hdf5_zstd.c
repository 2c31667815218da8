/* SPDX-License-Identifier: MIT */
/*
 * Filter 32015 of the HDF5 registry: a chunk is one zstd frame, and the first
 * parameter is the level.  Reads and writes what the public plugin does.
 */
#include "backends/hdf5_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <zstd.h>

#define FILTER_ZSTD 32015
#define CHUNK_LIMIT UINT32_MAX /* HDF5's own */

static void *unpack(const void *packed, size_t size, size_t *unpacked)
{
	unsigned long long claimed = ZSTD_getFrameContentSize(packed, size);
	size_t got;
	void *out;

	if (claimed == ZSTD_CONTENTSIZE_ERROR ||
	    claimed == ZSTD_CONTENTSIZE_UNKNOWN || claimed > CHUNK_LIMIT)
		return NULL;
	out = malloc(claimed ? claimed : 1);
	if (!out)
		return NULL;
	got = ZSTD_decompress(out, claimed, packed, size);
	if (ZSTD_isError(got)) {
		free(out);
		return NULL;
	}
	*unpacked = got;
	return out;
}

static void *pack(const void *data, size_t size, int level, size_t *packed)
{
	size_t room = ZSTD_compressBound(size);
	void *out = malloc(room);

	if (!out)
		return NULL;
	*packed = ZSTD_compress(out, room, data, size, level);
	if (ZSTD_isError(*packed)) {
		free(out);
		return NULL;
	}
	return out;
}

/* The library's way: 0 for failure, else the bytes now in *BUFFER. */
static size_t filter(unsigned int flags, size_t count,
                     const unsigned int *parameters, size_t size, size_t *room,
                     void **buffer)
{
	int level = count > 0 ? (int)parameters[0] : ZSTD_CLEVEL_DEFAULT;
	size_t made = 0;
	void *out = flags & H5Z_FLAG_REVERSE
	                ? unpack(*buffer, size, &made)
	                : pack(*buffer, size, level, &made);

	if (!out)
		return 0;
	free(*buffer);
	*buffer = out;
	*room = made;
	return made;
}

int hdf5_zstd_register(void)
{
	const H5Z_class2_t class = {
		.version = H5Z_CLASS_T_VERS,
		.id = FILTER_ZSTD,
		.encoder_present = 1,
		.decoder_present = 1,
		.name = "zstd",
		.filter = filter,
	};

	return H5Zregister(&class) < 0 ? hdf5_error("cannot use", "zstd") : 0;
}
