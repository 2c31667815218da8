/* SPDX-License-Identifier: MIT */
/*
 * hdf5_range.h - byte ranges of an array and boxes of its data set
 *
 * The bytes of an array are its elements in the order that its npy file has:
 * row-major as HDF5 stores them, or column-major.  A range of bytes is cut into
 * boxes, at most two per axis in the common case; a box is one H5Dread.
 * What a better way of reading (whole chunks, in parallel) has to replace is
 * hdf5_range_read.
 *
 * Errors:     0 or a negative errno value.
 * Threads:    inside the library (hdf5_file.h).
 */
#ifndef ENGRAMFS_BACKENDS_HDF5_RANGE_H
#define ENGRAMFS_BACKENDS_HDF5_RANGE_H

#include "backends/array.h"
#include "backends/hdf5_file.h"

/* The most memory that one call takes beside the caller's buffer, unless a
 * single element is larger.  Only column-major arrays need any: they are read
 * in pieces of this size, and others in one. */
#define HDF5_RANGE_MEMORY ((uint64_t)32 << 20)

/* The largest element whose halves can be read. */
#define HDF5_RANGE_MAX_ELEMENT ((uint64_t)1 << 30)

/* A data set, as the elements are to be read from or written to it. */
struct hdf5_grid {
	hid_t dataset;
	hid_t type;       /* of the elements in memory */
	uint64_t element; /* bytes of one */
	int ndim;
	uint64_t dims[ARRAY_MAX_DIMS];
	bool fortran; /* the caller's elements are column-major */
};

/* The data set's axis that is the caller's axis AXIS, slowest first. */
int hdf5_range_axis(const struct hdf5_grid *grid, int axis);
/* What is read has to be transposed, which takes memory. */
bool hdf5_range_turns(const struct hdf5_grid *grid);

/* Read all of DATASET, which has INFO. */
int hdf5_range_whole(hid_t dataset, const struct array_info *info,
                     struct blob *out);

/* Read SIZE bytes at OFFSET, all of them inside the array. */
int hdf5_range_read(const struct hdf5_grid *grid, uint64_t offset, void *buffer,
                    size_t size);

/*
 * Write the elements at DATA, all of them, in boxes of whole chunks of CHUNK
 * elements along each axis.  Between two boxes PAUSE is called.
 */
int hdf5_range_write(const struct hdf5_grid *grid, const void *data,
                     const uint64_t chunk[ARRAY_MAX_DIMS],
                     void (*pause)(void *arg), void *arg);

#endif
