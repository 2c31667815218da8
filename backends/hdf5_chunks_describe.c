/* SPDX-License-Identifier: MIT */
#include "backends/hdf5_chunks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FILTER_LZF 32000
#define FILTER_ZSTD 32015
#define MOST_PARAMETERS 8
#define MOST_FILL ((uint64_t)64 << 10)

static const struct {
	H5Z_filter_t id;
	struct chunk_step step;
} known[] = {
	{ H5Z_FILTER_SHUFFLE, { .kind = STEP_SHUFFLE } },
	{ H5Z_FILTER_FLETCHER32, { .kind = STEP_SUM } },
	{ H5Z_FILTER_DEFLATE, { .kind = STEP_PACK, .packer = CHUNK_GZIP } },
	{ FILTER_LZF, { .kind = STEP_PACK, .packer = CHUNK_LZF } },
	{ FILTER_ZSTD, { .kind = STEP_PACK, .packer = CHUNK_ZSTD } },
};

static int describe_filter(hid_t list, unsigned int index,
                           struct chunk_step *step)
{
	unsigned int parameters[MOST_PARAMETERS] = { 0 };
	size_t count = MOST_PARAMETERS;
	unsigned int config;
	unsigned int flags;
	H5Z_filter_t id = H5Pget_filter2(list, index, &flags, &count,
	                                 parameters, 0, NULL, &config);

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (known[i].id != id)
			continue;
		*step = known[i].step;
		step->optional = flags & H5Z_FLAG_OPTIONAL;
		if (step->kind == STEP_SHUFFLE)
			step->element = count > 0 ? parameters[0] : 0;
		else if (count > 0)
			step->level = (int)parameters[0];
		return step->kind == STEP_SHUFFLE && step->element == 0
		           ? -ENOTSUP
		           : 0;
	}
	return -ENOTSUP;
}

static int describe_pipeline(hid_t list, struct chunk_pipeline *out)
{
	int count = H5Pget_nfilters(list);
	int packers = 0;

	if (count < 0 || count > CHUNK_MAX_FILTERS)
		return -ENOTSUP;
	for (int i = 0; i < count; i++) {
		int rc = describe_filter(list, (unsigned int)i, &out->steps[i]);

		if (rc)
			return rc;
		packers += out->steps[i].kind == STEP_PACK;
	}
	out->count = (size_t)count;
	return packers > 1 ? -ENOTSUP : 0;
}

static int describe_fill(hid_t list, hid_t type, uint64_t element, char **out)
{
	H5D_fill_value_t defined;
	H5D_fill_time_t time;

	if (H5Pfill_value_defined(list, &defined) < 0 ||
	    H5Pget_fill_time(list, &time) < 0)
		return -ENOTSUP;
	if (defined != H5D_FILL_VALUE_USER_DEFINED ||
	    time == H5D_FILL_TIME_NEVER)
		return 0;
	if (element > MOST_FILL)
		return -ENOTSUP;
	*out = calloc(1, element);
	if (!*out)
		return -ENOMEM;
	return H5Pget_fill_value(list, type, *out) < 0 ? -ENOTSUP : 0;
}

/* Along the innermost axis with several chunks, or the slowest one. */
static uint64_t measure_piece(const struct hdf5_chunks *chunks)
{
	uint64_t size = 1;
	int i = chunks->ndim - 1;

	while (i > 0 && chunks->chunk[i] == chunks->dims[i])
		size *= chunks->dims[i--];
	return size * chunks->dims[i] / chunks->counts[i];
}

/* The bytes of a chunk, and how many there are: no product may overflow. */
static int measure(struct hdf5_chunks *chunks, uint64_t most)
{
	uint64_t size = 1;
	uint64_t count = 1;
	int rows = chunks->ndim - 1; /* the slowest axis with thick chunks */

	for (int i = chunks->ndim - 1; i >= 0; i--) {
		uint64_t along = chunks->dims[i] / chunks->chunk[i] +
		                 (chunks->dims[i] % chunks->chunk[i] != 0);

		chunks->counts[i] = along;
		if (__builtin_mul_overflow(size, chunks->chunk[i], &size) ||
		    __builtin_mul_overflow(count, along, &count) || size > most)
			return -ENOTSUP;
		if (chunks->chunk[i] > 1 && i < chunks->ndim - 1)
			rows = i;
	}
	chunks->size = size;
	chunks->row = 1;
	for (int i = rows + 1; i < chunks->ndim; i++) {
		chunks->row *= chunks->dims[i];
		if (__builtin_mul_overflow(size, chunks->counts[i], &size))
			return -ENOTSUP;
	}
	chunks->band = size;
	if (__builtin_mul_overflow(chunks->row, chunks->chunk[rows],
	                           &chunks->rows))
		return -ENOTSUP;
	chunks->piece = measure_piece(chunks);
	return 0;
}

static int describe_shape(hid_t list, const struct hdf5_grid *grid,
                          uint64_t most, struct hdf5_chunks *chunks)
{
	hsize_t chunk[ARRAY_MAX_DIMS];
	int last = grid->ndim - 1;
	unsigned int options = 0;

	if (grid->ndim == 0 || H5Pget_layout(list) != H5D_CHUNKED ||
	    H5Pget_chunk(list, ARRAY_MAX_DIMS, chunk) != grid->ndim ||
	    H5Pget_chunk_opts(list, &options) < 0 || options != 0)
		return -ENOTSUP;
	chunks->ndim = grid->ndim;
	chunks->element = grid->element;
	for (int i = 0; i < grid->ndim; i++) {
		chunks->dims[i] = grid->dims[i];
		chunks->chunk[i] = chunk[i];
		if (chunk[i] == 0 || grid->dims[i] == 0)
			return -ENOTSUP;
	}
	if (__builtin_mul_overflow(chunks->dims[last], grid->element,
	                           &chunks->dims[last]) ||
	    __builtin_mul_overflow(chunks->chunk[last], grid->element,
	                           &chunks->chunk[last]))
		return -ENOTSUP;
	return measure(chunks, most);
}

/* Elements are read as they are stored. */
static bool is_as_stored(const struct hdf5_grid *grid)
{
	hid_t type = H5Dget_type(grid->dataset);
	bool same = type >= 0 && H5Tequal(type, grid->type) > 0;

	hdf5_close_id(type);
	return same;
}

int hdf5_chunks_describe(const struct hdf5_grid *grid, uint64_t most,
                         struct hdf5_chunks *out)
{
	struct hdf5_chunks chunks = { 0 };
	hid_t list = H5Dget_create_plist(grid->dataset);
	int rc =
	    list < 0 || hdf5_range_turns(grid) || !is_as_stored(grid)
		? -ENOTSUP
		: describe_shape(list, grid,
	                         most < CHUNK_MAX_SIZE ? most : CHUNK_MAX_SIZE,
	                         &chunks);

	if (rc == 0)
		rc = describe_pipeline(list, &chunks.pipeline);
	if (rc == 0)
		rc = describe_fill(list, grid->type, grid->element,
		                   &chunks.fill);
	hdf5_close_id(list);
	if (rc)
		hdf5_chunks_release(&chunks);
	else
		*out = chunks;
	return rc;
}

void hdf5_chunks_release(struct hdf5_chunks *chunks)
{
	free(chunks->fill);
	*chunks = (struct hdf5_chunks){ 0 };
}
