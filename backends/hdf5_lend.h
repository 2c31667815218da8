/* SPDX-License-Identifier: MIT */
/*
 * hdf5_lend.h - ranges of a source as they lie in the chunk cache
 *
 * The token of such a loan knows chunks and their cache, and nothing else.
 *
 * Errors:     0 or a negative errno value.
 * Threads:    outside of the library; any.
 */
#ifndef ENGRAMFS_BACKENDS_HDF5_LEND_H
#define ENGRAMFS_BACKENDS_HDF5_LEND_H

#include "backends/hdf5_source.h"
#include "backends/loan.h"

/* SIZE bytes are so few pieces that to lend them is less work than to copy
 * them, and of so few chunks that the cache can do without. */
bool hdf5_lend_pays(const struct hdf5_source *source, uint64_t size);

/* Lend SIZE bytes at OFFSET, all of them inside the array.  -ENOTSUP: too many
 * pieces, or too much is lent already. */
int hdf5_lend(struct hdf5_source *source, uint64_t offset, uint64_t size,
              struct loan *loan);

#endif
