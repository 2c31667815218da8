/* SPDX-License-Identifier: MIT */
/*
 * `compression: auto`.  A piece from the middle of the array is packed by lzf
 * and by gzip at its fastest.  What saves next to nothing is not packed; lzf,
 * ten times as fast, is taken where it saves most of what gzip does.  zstd is
 * never chosen: h5py has it only with a plugin.
 */
#include "backends/hdf5_internal.h"

#include "backends/chunk_filter.h"

#define SAMPLE ((uint64_t)128 << 10)

/* Bytes that packing saves of the SIZE at DATA; 0 where it fails. */
static size_t saved(enum chunk_packer packer, struct chunk_work *work,
                    const char *data, size_t size, size_t element)
{
	const struct chunk_pipeline pipeline = {
		.count = 2,
		.steps = { { .kind = STEP_SHUFFLE, .element = element },
		           { .kind = STEP_PACK,
		             .packer = packer,
		             .level = 1,
		             .optional = true } },
	};
	const char *out;
	size_t packed;
	uint32_t mask;

	if (chunk_encode(&pipeline, work, data, size, &out, &packed, &mask))
		return 0;
	return size - packed;
}

const char *hdf5_sample_choice(uint64_t element, const void *data,
                               uint64_t size)
{
	uint64_t start = 0;
	struct chunk_work work = { 0 };
	size_t by_gzip;
	size_t by_lzf;

	if (element == 0 || element > SAMPLE || size == 0)
		return "gzip";
	if (size > SAMPLE) {
		start = (size - SAMPLE) / 2 / element * element;
		size = SAMPLE / element * element;
	}
	by_gzip =
	    saved(CHUNK_GZIP, &work, (const char *)data + start, size, element);
	by_lzf =
	    saved(CHUNK_LZF, &work, (const char *)data + start, size, element);
	chunk_work_release(&work);
	if (by_gzip < size / 16)
		return "none";
	return by_lzf >= by_gzip / 8 * 7 ? "lzf" : "gzip";
}
