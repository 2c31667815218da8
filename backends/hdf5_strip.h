/* SPDX-License-Identifier: MIT */
/*
 * hdf5_strip.h - reading in order across chunks that no cache holds
 *
 * Whoever reads an array in order comes back to each chunk once for every row
 * in it, and so wants all chunks that lie side by side kept: the row of chunks.
 * One that is too large for a chunk cache would be decoded anew by each
 * request.  Instead, as many whole rows as there is memory for are read at once
 * and the requests that follow are served from them: this is a strip.  A row of
 * chunks is then decoded once per strip in it, whatever a request's size.
 *
 * A strip has no rows of two rows of chunks, so that filling it decodes what
 * reading one of its rows does; and it is not begun before a whole row has been
 * read in one run.  Requests of one reader may overtake each other: a strip
 * keeps some bytes of the one before.
 *
 * Readers that keep decoded chunks themselves have no use for this: it stands
 * before hdf5_range_read, and goes with it.
 *
 * Rows are those of the bytes of the array: columns, where it is column-major.
 *
 * Errors:     0 or a negative errno value.
 * Threads:    inside the library (hdf5_file.h).
 */
#ifndef ENGRAMFS_BACKENDS_HDF5_STRIP_H
#define ENGRAMFS_BACKENDS_HDF5_STRIP_H

#include "backends/hdf5_range.h"

/* How far a request may be away from its place in the order. */
#define HDF5_STRIP_SLACK ((uint64_t)4 << 20)

/* The most memory for a strip: what is kept of the last one, and half of a row
 * of chunks of 16384 x 16384 doubles in the usual chunks of 1024 x 1024. */
#define HDF5_STRIP_MEMORY (((uint64_t)64 << 20) + HDF5_STRIP_SLACK)

/* All-zero: no strip, and none is wanted. */
struct hdf5_strip {
	uint64_t row;   /* bytes of one */
	uint64_t rows;  /* that are numbered from one chunk border */
	uint64_t chunk; /* rows of a chunk */

	uint64_t run_start; /* what was read in one run lately */
	uint64_t run_end;
	uint64_t run_bytes;

	char *data; /* of the array from START to END, or NULL */
	uint64_t start;
	uint64_t end;
};

/*
 * Look at the shape of the data set: return the bytes of its row of chunks, 0
 * where it has no chunks.  Strips are wanted where they are more than FITS.
 */
uint64_t hdf5_strip_measure(struct hdf5_strip *strip,
                            const struct hdf5_grid *grid, uint64_t fits);

/* A request comes: with MEMORY bytes for a strip, is it one to be served by
 * hdf5_strip_read? */
bool hdf5_strip_follow(struct hdf5_strip *strip, const struct hdf5_grid *grid,
                       uint64_t memory, uint64_t offset, uint64_t size);

/* It is served without reading from the file. */
bool hdf5_strip_has(const struct hdf5_strip *strip, uint64_t offset,
                    uint64_t size);

/* As hdf5_range_read; takes MEMORY bytes at most, and keeps them. */
int hdf5_strip_read(struct hdf5_strip *strip, const struct hdf5_grid *grid,
                    uint64_t memory, uint64_t offset, void *buffer,
                    uint64_t size);

/* Give the memory back. */
void hdf5_strip_drop(struct hdf5_strip *strip);

#endif
