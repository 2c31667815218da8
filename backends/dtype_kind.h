/* SPDX-License-Identifier: MIT */
/*
 * dtype_kind.h - the kinds of plain types, for dtype*.c alone
 */
#ifndef ENGRAMFS_BACKENDS_DTYPE_KIND_H
#define ENGRAMFS_BACKENDS_DTYPE_KIND_H

#include "backends/array.h"

/* numpy keeps the size of an element in an int. */
#define DTYPE_MAX_ITEMSIZE ((uint64_t)INT32_MAX)

struct dtype_kind {
	const char *name;     /* numpy's, where str(dtype) uses one, or NULL */
	unsigned int sizes;   /* sum of the possible itemsizes; 0: any */
	unsigned int divisor; /* bytes of one unit of the number in a descr */
	char kind;
	bool sized;   /* the name has the number of bits behind it */
	bool ordered; /* has a byte order */
	bool timed;   /* has a unit of time */
};

/* NULL for a letter that is no kind. */
const struct dtype_kind *dtype_kind_find(char kind);

/* The kind whose name TEXT begins with, or NULL. */
const struct dtype_kind *dtype_kind_named(const char *text, size_t size);

/* ITEMSIZE is one that KIND can have. */
bool dtype_kind_fits(const struct dtype_kind *kind, uint64_t itemsize);

/* A type with fields, none included: numpy.dtype([]) is one. */
static inline bool dtype_is_structured(const struct dtype *dtype)
{
	return dtype->fields != NULL;
}

#endif
