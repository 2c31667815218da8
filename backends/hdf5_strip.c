/* SPDX-License-Identifier: MIT */
#include "backends/hdf5_strip.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Fewer bytes of a row of chunks are not worth a strip. */
#define WORTH ((uint64_t)4 << 20)

/* A longer row is not read for the sake of a few bytes of it. */
#define ROW_MOST (HDF5_STRIP_MEMORY / 4)

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t times(uint64_t a, uint64_t b)
{
	uint64_t product;

	return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

static bool chunks_of(hid_t dataset, hsize_t chunk[ARRAY_MAX_DIMS])
{
	hid_t list = H5Dget_create_plist(dataset);
	bool chunked = list >= 0 && H5Pget_layout(list) == H5D_CHUNKED &&
	               H5Pget_chunk(list, ARRAY_MAX_DIMS, chunk) > 0;

	hdf5_close_id(list);
	return chunked;
}

uint64_t hdf5_strip_measure(struct hdf5_strip *strip,
                            const struct hdf5_grid *grid, uint64_t fits)
{
	hsize_t chunk[ARRAY_MAX_DIMS] = { 0 };
	uint64_t row = grid->element;
	uint64_t stored = grid->element; /* of ROW, and to the ends of chunks */
	uint64_t found = grid->element;

	strip->row = 0;
	if (!chunks_of(grid->dataset, chunk))
		return 0;
	/* From the fastest axis: the last one that is found counts. */
	for (int i = grid->ndim - 1; i >= 0; i--) {
		int axis = hdf5_range_axis(grid, i);
		uint64_t dim = grid->dims[axis];
		uint64_t thick = chunk[axis];

		if (thick > 1)
			found = times(stored, thick);
		if (thick > 1 && row <= ROW_MOST && row * thick >= WORTH) {
			strip->row = row;
			strip->rows = dim;
			strip->chunk = thick;
		}
		stored = times(stored, (dim + thick - 1) / thick * thick);
		row *= dim;
	}
	if (found <= fits)
		strip->row = 0;
	return found;
}

/* Rows that can be read with MEMORY: to turn them around takes as much. */
static uint64_t rows_in(const struct hdf5_strip *strip,
                        const struct hdf5_grid *grid, uint64_t memory)
{
	uint64_t most = memory - min_u64(memory, HDF5_STRIP_SLACK);

	if (hdf5_range_turns(grid))
		most = min_u64(most / 2, HDF5_RANGE_MEMORY);
	return most / strip->row;
}

static bool is_near(const struct hdf5_strip *strip, uint64_t offset)
{
	return strip->data && offset + HDF5_STRIP_SLACK >= strip->start &&
	       offset <= strip->end + HDF5_STRIP_SLACK;
}

/* The run goes on where most of what it spans was asked for: columns that are
 * read here and there in each row are no run. */
static bool goes_on(struct hdf5_strip *strip, uint64_t offset, uint64_t size)
{
	uint64_t end = offset + size;
	bool joins = strip->run_bytes > 0 &&
	             offset <= strip->run_end + HDF5_STRIP_SLACK &&
	             end + HDF5_STRIP_SLACK >= strip->run_start;

	if (!joins) {
		strip->run_start = offset;
		strip->run_end = end;
		strip->run_bytes = size;
		return false;
	}
	strip->run_start = min_u64(strip->run_start, offset);
	if (strip->run_end < end)
		strip->run_end = end;
	end = strip->run_end - strip->run_start;
	strip->run_bytes = min_u64(strip->run_bytes + size, end);
	return strip->run_bytes >= end / 2;
}

bool hdf5_strip_follow(struct hdf5_strip *strip, const struct hdf5_grid *grid,
                       uint64_t memory, uint64_t offset, uint64_t size)
{
	bool runs = goes_on(strip, offset, size);

	if (strip->row == 0 || rows_in(strip, grid, memory) < 2)
		return false;
	return is_near(strip, offset) ||
	       (runs && strip->run_bytes >= strip->row);
}

bool hdf5_strip_has(const struct hdf5_strip *strip, uint64_t offset,
                    uint64_t size)
{
	return strip->data && offset >= strip->start && offset <= strip->end &&
	       size <= strip->end - offset;
}

/* Let go of all but the last bytes, and make room for SIZE more. */
static int move_on(struct hdf5_strip *strip, uint64_t size)
{
	uint64_t have = strip->end - strip->start;
	uint64_t kept = min_u64(have, HDF5_STRIP_SLACK);
	char *data;

	if (size == 0)
		return -ENOMEM; /* not even for one row */
	if (have > kept)
		memmove(strip->data, strip->data + have - kept, kept);
	strip->start = strip->end - kept;
	data = realloc(strip->data, kept + size);
	if (!data)
		return -ENOMEM;
	strip->data = data;
	return 0;
}

/* The rows from that of OFFSET, or from those that are there already. */
static int fill(struct hdf5_strip *strip, const struct hdf5_grid *grid,
                uint64_t memory, uint64_t offset)
{
	uint64_t number;
	uint64_t count;
	int rc;

	if (!is_near(strip, offset)) {
		hdf5_strip_drop(strip);
		strip->end = offset / strip->row * strip->row;
		strip->start = strip->end;
	}
	number = strip->end / strip->row % strip->rows;
	count =
	    min_u64(strip->chunk - number % strip->chunk, strip->rows - number);
	count = min_u64(count, rows_in(strip, grid, memory));
	rc = move_on(strip, count * strip->row);
	if (rc == 0)
		rc = hdf5_range_read(grid, strip->end,
		                     strip->data + (strip->end - strip->start),
		                     count * strip->row);
	if (rc)
		hdf5_strip_drop(strip);
	else
		strip->end += count * strip->row;
	return rc;
}

int hdf5_strip_read(struct hdf5_strip *strip, const struct hdf5_grid *grid,
                    uint64_t memory, uint64_t offset, void *buffer,
                    uint64_t size)
{
	char *out = buffer;

	if (strip->data && offset < strip->start && is_near(strip, offset))
		return hdf5_range_read(grid, offset, buffer, size);
	while (size > 0) {
		uint64_t part;
		int rc = 0;

		if (!hdf5_strip_has(strip, offset, 1))
			rc = fill(strip, grid, memory, offset);
		if (rc)
			return rc;
		if (!hdf5_strip_has(strip, offset, 1))
			continue; /* OFFSET is some strips ahead */
		part = min_u64(size, strip->end - offset);
		memcpy(out, strip->data + (offset - strip->start), part);
		offset += part;
		out += part;
		size -= part;
	}
	return 0;
}

void hdf5_strip_drop(struct hdf5_strip *strip)
{
	free(strip->data);
	strip->data = NULL;
	strip->start = 0;
	strip->end = 0;
}
