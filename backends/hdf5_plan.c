/* SPDX-License-Identifier: MIT */
#include "backends/hdf5_plan.h"

#include <errno.h>
#include <string.h>

#include "backends/hdf5_internal.h"

#define CHUNK_TARGET ((uint64_t)1 << 20) /* bytes, where the user has no wish */
#define CHUNK_LIMIT HDF5_RANGE_MEMORY

static uint64_t product(const uint64_t *counts, int ndim)
{
	uint64_t count = 1;

	for (int i = 0; i < ndim; i++)
		count *= counts[i];
	return count;
}

static uint64_t clamp(uint64_t value, uint64_t least, uint64_t most)
{
	if (value > most)
		value = most;
	return value < least ? least : value;
}

/* Halve the longest axis until there are at most MOST elements. */
static void shrink(uint64_t *chunk, int ndim, uint64_t most)
{
	while (product(chunk, ndim) > most) {
		int longest = 0;

		for (int i = 1; i < ndim; i++)
			if (chunk[i] > chunk[longest])
				longest = i;
		if (chunk[longest] == 1)
			return;
		chunk[longest] = (chunk[longest] + 1) / 2;
	}
}

/* Whole rows: what is read in order is decoded once. */
static void whole_rows(const struct array_info *info, uint64_t most,
                       uint64_t *chunk)
{
	for (int i = info->ndim - 1; i >= 0; i--) {
		chunk[i] = clamp(info->shape[i], 1, most);
		most = clamp(most / chunk[i], 1, most);
	}
}

/* Both orders are read: ours column by column, h5py's row by row. */
static void near_cubes(const struct array_info *info, uint64_t most,
                       uint64_t *chunk)
{
	for (int i = 0; i < info->ndim; i++)
		chunk[i] = clamp(info->shape[i], 1, most);
	shrink(chunk, info->ndim, most);
}

void hdf5_plan_chunk(const struct hdf5_settings *settings,
                     const struct array_info *info, uint64_t element,
                     uint64_t *chunk)
{
	uint64_t target = clamp(CHUNK_TARGET / element, 1, UINT64_MAX);

	if (settings->chunk_size_given) {
		for (int i = 0; i < info->ndim; i++)
			chunk[i] =
			    clamp(info->shape[i], 1,
			          clamp(settings->chunk_size, 1, CHUNK_LIMIT));
		shrink(chunk, info->ndim,
		       clamp(CHUNK_LIMIT / element, 1, UINT64_MAX));
	} else if (info->fortran) {
		near_cubes(info, target, chunk);
	} else {
		whole_rows(info, target, chunk);
	}
}

/* Numbers that are stored as they are in the array. */
static bool is_plain(const struct array_info *info)
{
	return strchr("iuf", info->dtype.kind) && info->dtype.itemsize <= 8 &&
	       !info->fortran && info->ndim > 0 && info->nbytes > 0;
}

/* Chunks are whole rows: runs of the array's bytes. */
static int plan_runs(const struct hdf5_settings *settings,
                     const struct array_info *info, uint64_t *out)
{
	uint64_t chunk[ARRAY_MAX_DIMS];
	uint64_t size = info->dtype.itemsize;

	hdf5_plan_chunk(settings, info, size, chunk);
	for (int i = 0; i < info->ndim; i++) {
		if (i > 0 && chunk[i] != info->shape[i])
			return -ENOTSUP;
		size *= chunk[i];
	}
	*out = size;
	return 0;
}

static int plan(struct store *base, const struct collection *collection,
                const struct array_info *info, const void *sample, size_t size,
                struct packed_plan *out)
{
	const struct hdf5_store *store = hdf5_store(base);
	const struct hdf5_filter *filter;
	struct packed_plan found = { 0 };
	int rc;

	(void)collection;
	if (!is_plain(info))
		return -ENOTSUP;
	rc = plan_runs(&store->settings, info, &found.chunk);
	if (rc)
		return rc;
	filter =
	    hdf5_filter_for(store->filter, info->dtype.itemsize, sample, size);
	rc = hdf5_filter_pipeline(filter, &store->settings,
	                          info->dtype.itemsize, &found.pipeline);
	if (rc == 0)
		*out = found;
	return rc;
}

const struct packed_ops hdf5_packed = { .plan = plan };
