/* SPDX-License-Identifier: MIT */
/*
 * derive_array.h - the elements of arrays as numbers, for derive*.c and
 * the search for near arrays
 *
 * Errors:     -ENODATA: the elements are no numbers of a kind known here.
 */
#ifndef ENGRAMFS_BACKENDS_DERIVE_ARRAY_H
#define ENGRAMFS_BACKENDS_DERIVE_ARRAY_H

#include "backends/array.h"

struct moments {
	uint64_t count;
	double sum;
	double mean; /* NaN where there are no elements, as numpy has it */
	double deviation;
};

/* The elements, in the order of their bytes; OUT has room for all. */
int derive_numbers(const struct array *array, double *out);

int derive_moments(const struct array *array, struct moments *out);

/* How many different elements; -0.0 is 0.0, and all NaN are one. */
int derive_unique(const struct array *array, uint64_t *out);

#endif
