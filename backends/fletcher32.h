/* SPDX-License-Identifier: MIT */
/*
 * fletcher32.h - the checksum of HDF5's filter 3
 *
 * The bytes are taken two by two, the first of them the higher one; a last odd
 * byte is the higher half of one more word.  Both sums are reduced modulo
 * 65535 in such a way that only sums of zeros are 0.  Source: the HDF5 file
 * format specification and H5checksum.c.
 *
 * Threads:    no shared state.
 */
#ifndef ENGRAMFS_BACKENDS_FLETCHER32_H
#define ENGRAMFS_BACKENDS_FLETCHER32_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

uint32_t fletcher32(const void *bytes, size_t size);

/* STORED is the sum of BYTES, or what HDF5 before 1.6.3 took for it: each of
 * its halves with its bytes swapped. */
bool fletcher32_matches(const void *bytes, size_t size, uint32_t stored);

#endif
