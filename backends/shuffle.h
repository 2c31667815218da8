/* SPDX-License-Identifier: MIT */
/*
 * shuffle.h - HDF5's filter 2: the first bytes of all elements, then the second
 *
 * What is left over behind the last whole element keeps its place.  IN and OUT
 * must not overlap.  Source: the HDF5 file format specification, H5Zshuffle.c.
 *
 * Threads:    no shared state.
 */
#ifndef ENGRAMFS_BACKENDS_SHUFFLE_H
#define ENGRAMFS_BACKENDS_SHUFFLE_H

#include <stddef.h>

/* SIZE bytes of elements of ELEMENT bytes each; 0 and 1: a copy. */
void shuffle_bytes(const void *in, size_t size, size_t element, void *out);
void unshuffle_bytes(const void *in, size_t size, size_t element, void *out);

#endif
