/* SPDX-License-Identifier: MIT */
/*
 * Filter 32000 of the HDF5 registry, h5py's `compression="lzf"`: a chunk is one
 * LZF block.  The parameters are the filter's revision, LZF's version, and the
 * bytes of a chunk.  Source: the HDF5 registry of filters, h5py's lzf filter.
 */
#include "backends/hdf5_internal.h"

#include <errno.h>
#include <lzf.h>
#include <stdlib.h>

#define FILTER_LZF 32000
#define LZF_REVISION 4
#define PARAMETERS 3
#define CHUNK_LIMIT ((size_t)1 << 30) /* bytes that a chunk may unpack to */

static void *pack(const void *data, size_t size, size_t *packed)
{
	unsigned int made;
	void *out;

	if (size < 2 || size > CHUNK_LIMIT)
		return NULL;
	out = malloc(size);
	if (!out)
		return NULL;
	/* 0: it would not be shorter; the chunk is then stored as it is. */
	made =
	    lzf_compress(data, (unsigned int)size, out, (unsigned int)size - 1);
	if (made == 0) {
		free(out);
		return NULL;
	}
	*packed = made;
	return out;
}

/* ROOM is what the file says of the chunk; without it, more until it fits. */
static void *unpack(const void *packed, size_t size, size_t room,
                    size_t *unpacked)
{
	if (room == 0)
		room = 4 * size;
	while (room <= CHUNK_LIMIT) {
		void *out = malloc(room);
		unsigned int made;

		if (!out)
			return NULL;
		errno = 0;
		made = lzf_decompress(packed, (unsigned int)size, out,
		                      (unsigned int)room);
		if (made) {
			*unpacked = made;
			return out;
		}
		free(out);
		if (errno != E2BIG)
			return NULL;
		room *= 2;
	}
	return NULL;
}

/* The library's way: 0 for failure, else the bytes now in *BUFFER. */
static size_t filter(unsigned int flags, size_t count,
                     const unsigned int *parameters, size_t size, size_t *room,
                     void **buffer)
{
	size_t chunk = count >= PARAMETERS ? parameters[2] : 0;
	size_t made = 0;
	void *out = flags & H5Z_FLAG_REVERSE
	                ? unpack(*buffer, size, chunk, &made)
	                : pack(*buffer, size, &made);

	if (!out)
		return 0;
	free(*buffer);
	*buffer = out;
	*room = made;
	return made;
}

/* Note the size of a chunk in the parameters, for those who unpack it. */
static herr_t set_local(hid_t list, hid_t type, hid_t space)
{
	unsigned int parameters[PARAMETERS] = { LZF_REVISION, LZF_VERSION };
	hsize_t chunk[H5S_MAX_RANK];
	int axes = H5Pget_chunk(list, H5S_MAX_RANK, chunk);
	uint64_t bytes = H5Tget_size(type);

	(void)space;
	if (axes < 0 || bytes == 0)
		return -1;
	for (int i = 0; i < axes; i++)
		if (__builtin_mul_overflow(bytes, chunk[i], &bytes))
			return -1;
	if (bytes > CHUNK_LIMIT)
		return -1;
	parameters[2] = (unsigned int)bytes;
	return H5Pmodify_filter(list, FILTER_LZF, H5Z_FLAG_OPTIONAL, PARAMETERS,
	                        parameters);
}

int hdf5_lzf_register(void)
{
	const H5Z_class2_t class = {
		.version = H5Z_CLASS_T_VERS,
		.id = FILTER_LZF,
		.encoder_present = 1,
		.decoder_present = 1,
		.name = "lzf",
		.set_local = set_local,
		.filter = filter,
	};

	return H5Zregister(&class) < 0 ? hdf5_error("cannot use", "lzf") : 0;
}
