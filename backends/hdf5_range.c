/* SPDX-License-Identifier: MIT */
#include "backends/hdf5_range.h"

#include "backends/hdf5_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Bytes that are written in one piece, unless a row of chunks is more. */
#define BAND ((uint64_t)16 << 20)

/* A box of a data set, along the data set's axes. */
struct box {
	uint64_t start[ARRAY_MAX_DIMS];
	uint64_t count[ARRAY_MAX_DIMS];
};

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

int hdf5_range_axis(const struct hdf5_grid *grid, int axis)
{
	return grid->fortran ? grid->ndim - 1 - axis : axis;
}

bool hdf5_range_turns(const struct hdf5_grid *grid)
{
	return grid->fortran && grid->ndim > 1;
}

static uint64_t box_size(const struct hdf5_grid *grid, const struct box *box)
{
	uint64_t count = 1;

	for (int i = 0; i < grid->ndim; i++)
		count *= box->count[i];
	return count;
}

/* Elements of the caller's order are DST's order; where SRC has the next one
 * along each of its axes says STRIDE.  COUNT is along the same axes. */
static void gather(char *dst, const char *src, uint64_t size, int ndim,
                   const uint64_t *count, const uint64_t *stride)
{
	uint64_t at[ARRAY_MAX_DIMS] = { 0 };
	uint64_t inner = ndim > 0 ? count[ndim - 1] : 1;
	uint64_t step = ndim > 0 ? stride[ndim - 1] * size : 0;
	uint64_t outer = 0;
	int axis;

	do {
		const char *from = src + outer * size;

		for (uint64_t i = 0; i < inner; i++, dst += size, from += step)
			memcpy(dst, from, size);
		for (axis = ndim - 2; axis >= 0; axis--) {
			outer += stride[axis];
			if (++at[axis] < count[axis])
				break;
			outer -= stride[axis] * count[axis];
			at[axis] = 0;
		}
	} while (axis >= 0);
}

/* TEMP has the box in the data set's order; OUT gets the caller's. */
static void to_fortran(const struct hdf5_grid *grid, const struct box *box,
                       const char *temp, char *out)
{
	uint64_t count[ARRAY_MAX_DIMS];
	uint64_t stride[ARRAY_MAX_DIMS];
	uint64_t step = 1;

	for (int i = 0; i < grid->ndim; i++) {
		count[i] = box->count[hdf5_range_axis(grid, i)];
		stride[i] = step;
		step *= count[i];
	}
	/* The data set's fastest axis is the caller's slowest. */
	gather(out, temp, grid->element, grid->ndim, count, stride);
}

/* DATA has the whole array in column-major order. */
static void from_fortran(const struct hdf5_grid *grid, const struct box *box,
                         const char *data, char *temp)
{
	uint64_t stride[ARRAY_MAX_DIMS];
	uint64_t step = 1;
	uint64_t first = 0;

	for (int i = 0; i < grid->ndim; i++) {
		stride[i] = step;
		first += box->start[i] * step;
		step *= grid->dims[i];
	}
	gather(temp, data + first * grid->element, grid->element, grid->ndim,
	       box->count, stride);
}

/* The spaces of BOX in the data set and in memory.  They have one shape: the
 * library is slow, and with 32 axes wrong, where they have not. */
static int box_spaces(const struct hdf5_grid *grid, const struct box *box,
                      hid_t *stored, hid_t *memory)
{
	hsize_t start[ARRAY_MAX_DIMS];
	hsize_t count[ARRAY_MAX_DIMS];

	*stored = H5Dget_space(grid->dataset);
	if (grid->ndim == 0) {
		*memory = H5Screate(H5S_SCALAR);
		return 0;
	}
	for (int i = 0; i < grid->ndim; i++) {
		start[i] = box->start[i];
		count[i] = box->count[i];
	}
	*memory = H5Screate_simple(grid->ndim, count, NULL);
	if (*memory < 0 || H5Sselect_hyperslab(*stored, H5S_SELECT_SET, start,
	                                       NULL, count, NULL) < 0)
		return hdf5_error("cannot select", "a range");
	return 0;
}

static int read_slab(const struct hdf5_grid *grid, const struct box *box,
                     void *out)
{
	hid_t memory = -1;
	hid_t stored = -1;
	int rc = box_spaces(grid, box, &stored, &memory);

	if (rc == 0 && H5Dread(grid->dataset, grid->type, memory, stored,
	                       H5P_DEFAULT, out) < 0)
		rc = hdf5_error("cannot read", "an array");
	hdf5_close_id(memory);
	hdf5_close_id(stored);
	return rc;
}

static int write_slab(const struct hdf5_grid *grid, const struct box *box,
                      const void *data)
{
	hid_t memory = -1;
	hid_t stored = -1;
	int rc = box_spaces(grid, box, &stored, &memory);

	if (rc == 0 && H5Dwrite(grid->dataset, grid->type, memory, stored,
	                        H5P_DEFAULT, data) < 0)
		rc = hdf5_error("cannot write", "an array");
	hdf5_close_id(memory);
	hdf5_close_id(stored);
	return rc;
}

/*
 * The largest box that starts with element FIRST of the caller's order and has
 * its elements up to END, or LIMIT of them, in one run.
 */
static uint64_t first_box(const struct hdf5_grid *grid, uint64_t first,
                          uint64_t end, uint64_t limit, struct box *box)
{
	uint64_t most = min_u64(end - first, limit);
	uint64_t run = 1; /* elements of one step along the axis */
	uint64_t rest = first;
	bool whole = true;

	for (int i = grid->ndim - 1; i >= 0; i--) {
		int axis = hdf5_range_axis(grid, i);
		uint64_t dim = grid->dims[axis];
		uint64_t at = rest % dim;
		uint64_t count = 1;

		if (whole)
			count = min_u64(dim - at, most / run);
		if (count == 0)
			count = 1;
		whole = whole && count == dim;
		box->start[axis] = at;
		box->count[axis] = count;
		run *= count;
		rest /= dim;
	}
	return run;
}

static int read_box(const struct hdf5_grid *grid, const struct box *box,
                    char *out)
{
	uint64_t size = box_size(grid, box) * grid->element;
	char *temp;
	int rc;

	if (!hdf5_range_turns(grid))
		return read_slab(grid, box, out);
	temp = malloc(size);
	if (!temp)
		return -ENOMEM;
	rc = read_slab(grid, box, temp);
	if (rc == 0)
		to_fortran(grid, box, temp, out);
	free(temp);
	return rc;
}

/* Whole elements. */
static int read_elements(const struct hdf5_grid *grid, uint64_t first,
                         uint64_t count, char *out)
{
	uint64_t limit =
	    hdf5_range_turns(grid) ? HDF5_RANGE_MEMORY / grid->element : count;
	uint64_t end = first + count;

	while (first < end) {
		struct box box;
		uint64_t got =
		    first_box(grid, first, end, limit ? limit : 1, &box);
		int rc = read_box(grid, &box, out);

		if (rc)
			return rc;
		first += got;
		out += got * grid->element;
	}
	return 0;
}

/* SIZE bytes at SKIP of one element. */
static int read_part(const struct hdf5_grid *grid, uint64_t index, size_t skip,
                     char *out, size_t size)
{
	char *temp;
	int rc;

	if (grid->element > HDF5_RANGE_MAX_ELEMENT)
		return -EFBIG;
	temp = malloc(grid->element);
	if (!temp)
		return -ENOMEM;
	rc = read_elements(grid, index, 1, temp);
	if (rc == 0)
		memcpy(out, temp + skip, size);
	free(temp);
	return rc;
}

int hdf5_range_read(const struct hdf5_grid *grid, uint64_t offset, void *buffer,
                    size_t size)
{
	uint64_t index = offset / grid->element;
	size_t skip = offset % grid->element;
	char *out = buffer;
	size_t whole;
	int rc = 0;

	if (skip > 0 && size > 0) {
		size_t part = min_u64(grid->element - skip, size);

		rc = read_part(grid, index++, skip, out, part);
		out += part;
		size -= part;
	}
	whole = size / grid->element;
	if (rc == 0 && whole > 0)
		rc = read_elements(grid, index, whole, out);
	out += whole * grid->element;
	size -= whole * grid->element;
	if (rc == 0 && size > 0)
		rc = read_part(grid, index + whole, 0, out, size);
	return rc;
}

int hdf5_range_whole(hid_t dataset, const struct array_info *info,
                     struct blob *out)
{
	struct hdf5_grid grid = { .type = -1 };
	int rc = hdf5_array_grid(dataset, info, &grid);

	if (rc == 0)
		rc = blob_resize(out, info->nbytes);
	if (rc == 0)
		rc = hdf5_range_read(&grid, 0, out->data, info->nbytes);
	hdf5_close_id(grid.type);
	return rc;
}

static int write_box(const struct hdf5_grid *grid, const struct box *box,
                     const char *data)
{
	uint64_t size = box_size(grid, box) * grid->element;
	char *temp = malloc(size);
	int rc;

	if (!temp)
		return -ENOMEM;
	from_fortran(grid, box, data, temp);
	rc = write_slab(grid, box, temp);
	free(temp);
	return rc;
}

/* Column-major: chunk by chunk, along the data set's axes. */
static int write_chunks(const struct hdf5_grid *grid, const char *data,
                        const uint64_t chunk[ARRAY_MAX_DIMS],
                        void (*pause)(void *arg), void *arg)
{
	struct box box = { 0 };
	int axis;

	do {
		int rc;

		for (int i = 0; i < grid->ndim; i++)
			box.count[i] =
			    min_u64(chunk[i], grid->dims[i] - box.start[i]);
		rc = write_box(grid, &box, data);
		if (rc)
			return rc;
		pause(arg);
		for (axis = grid->ndim - 1; axis >= 0; axis--) {
			box.start[axis] += chunk[axis];
			if (box.start[axis] < grid->dims[axis])
				break;
			box.start[axis] = 0;
		}
	} while (axis >= 0);
	return 0;
}

/* Row-major: bands of whole chunk rows, from where the data are. */
static int write_bands(const struct hdf5_grid *grid, const char *data,
                       const uint64_t chunk[ARRAY_MAX_DIMS],
                       void (*pause)(void *arg), void *arg)
{
	uint64_t row = grid->element;
	uint64_t band;

	for (int i = 1; i < grid->ndim; i++)
		row *= grid->dims[i];
	band = BAND / row / chunk[0] * chunk[0];
	if (band == 0)
		band = chunk[0];
	for (uint64_t at = 0; at < grid->dims[0]; at += band) {
		struct box box = { .start = { at } };
		int rc;

		for (int i = 1; i < grid->ndim; i++)
			box.count[i] = grid->dims[i];
		box.count[0] = min_u64(band, grid->dims[0] - at);
		rc = write_slab(grid, &box, data + at * row);
		if (rc)
			return rc;
		pause(arg);
	}
	return 0;
}

int hdf5_range_write(const struct hdf5_grid *grid, const void *data,
                     const uint64_t chunk[ARRAY_MAX_DIMS],
                     void (*pause)(void *arg), void *arg)
{
	struct box all = { 0 };

	if (grid->ndim == 0)
		return write_slab(grid, &all, data);
	if (hdf5_range_turns(grid))
		return write_chunks(grid, data, chunk, pause, arg);
	return write_bands(grid, data, chunk, pause, arg);
}
