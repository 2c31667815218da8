/* SPDX-License-Identifier: MIT */
/*
 * hdf5_pack.h - writing whole chunks that were packed in parallel
 *
 * The threads of a pool pack chunk after chunk into a few slots; the caller,
 * inside the library, writes them in order.  Tasks of that pool must never wait
 * for the library.
 *
 * Errors:     0 or a negative errno value.
 * Threads:    inside the library (hdf5_file.h).
 */
#ifndef ENGRAMFS_BACKENDS_HDF5_PACK_H
#define ENGRAMFS_BACKENDS_HDF5_PACK_H

#include "backends/hdf5_range.h"

struct pool;

/*
 * Write the elements of ARRAY, all of them, to the new data set of GRID: its
 * packed chunks, where they are what would be written.  Between two chunks
 * PAUSE is called.  -ENOTSUP: nothing was written, and the library has to
 * (hdf5_range_write).
 */
int hdf5_pack_write(struct pool *pool, const struct hdf5_grid *grid,
                    const struct array *array, void (*pause)(void *arg),
                    void *arg);

#endif
