/* SPDX-License-Identifier: MIT */
/*
 * array.h - numpy arrays: element type, shape, order and bytes
 *
 * The vocabulary is numpy's.  A dtype is described by its `descr`, the text
 * that an npy header holds ('<f8', or [('a', '<i4'), ('b', '>f8', (2, 3))]).
 * Source: numpy.lib.format (NEP 1) and the numpy manual, "Data type objects".
 *
 * Errors:     int functions return 0 or a negative errno value; -EINVAL fills
 *             WHY (when it is not NULL) with one line that says what was wrong
 *             and where.  Out-parameters are untouched on error.
 * Ownership:  init/copy make something that release frees; release accepts an
 *             all-zero struct.
 * Threads:    no shared state; a struct has one writer at a time.
 */
#ifndef ENGRAMFS_BACKENDS_ARRAY_H
#define ENGRAMFS_BACKENDS_ARRAY_H

#include "backends/blob.h"

#include <stdbool.h>
#include <stdint.h>

#define ARRAY_MAX_DIMS 32
#define DTYPE_MAX_DEPTH 16
#define WHY_SIZE 256

struct dtype;
struct packed;

/* One field of a structured type.  An empty NAME is padding (an npy header
 * spells it ('', '|V4')). */
struct dtype_field {
	char *name;
	char *title; /* NULL for none */
	uint64_t offset;
	struct dtype *type;
	int ndim; /* sub-array shape of the field, 0 for none */
	uint64_t shape[ARRAY_MAX_DIMS];
};

/*
 * An element type.  KIND is numpy's letter: b i u f c S U V M m, or 'V' with
 * fields for a structured type.  Object types ('O') do not exist here.
 */
struct dtype {
	char kind;
	char order;        /* '<', '>' or '|' (does not apply) */
	uint64_t itemsize; /* bytes of one element */
	char unit[24];     /* M and m: "ns", "25us", or "" for generic */
	struct dtype_field *fields;
	size_t field_count;
};

void dtype_release(struct dtype *dtype);
int dtype_copy(struct dtype *out, const struct dtype *dtype);
bool dtype_equal(const struct dtype *a, const struct dtype *b);

/* A plain type from its pieces: dtype_plain(&d, 'f', 8) is '<f8'. */
void dtype_plain(struct dtype *out, char kind, uint64_t itemsize);

/* Parse the Python literal of an npy header's 'descr'. */
int dtype_parse_descr(const char *text, size_t size, struct dtype *out,
                      char why[WHY_SIZE]);

/* Append what numpy.lib.format writes: '<f8' with its quotes, or the list. */
int dtype_append_descr(const struct dtype *dtype, struct blob *out);

/* Append str(numpy.dtype): float64, >i4, |S5, <U3, datetime64[ns], bool,
 * or the list of a structured type. */
int dtype_append_name(const struct dtype *dtype, struct blob *out);

/* Parse what dtype_append_name writes (plain types, and lists of them). */
int dtype_parse_name(const char *text, size_t size, struct dtype *out,
                     char why[WHY_SIZE]);

/* What an array is, without its elements. */
struct array_info {
	struct dtype dtype;
	int ndim;
	uint64_t shape[ARRAY_MAX_DIMS];
	bool fortran;    /* elements are in column-major order */
	uint64_t nbytes; /* of the elements: product of shape times itemsize */

	/* The npy header, magic and length included, byte for byte as it was
	 * written.  Empty: npy_header makes numpy's own. */
	struct blob header;
};

void array_info_release(struct array_info *info);
int array_info_copy(struct array_info *out, const struct array_info *info);

/* Same type, shape, order and header: the same npy file but for elements. */
bool array_info_equal(const struct array_info *a, const struct array_info *b);

/* Number of elements.  -EOVERFLOW past 2^63 bytes. */
int array_info_count(const struct array_info *info, uint64_t *out);

/* Set nbytes from dtype and shape.  -EOVERFLOW past 2^63. */
int array_info_measure(struct array_info *info);

/* Where bytes in memory are mapped from, for those who cannot see the memory. */
struct array_file {
	int fd;
	uint64_t offset;
};

/*
 * An array with its elements.  DATA points to info.nbytes bytes, in OWNED or
 * somewhere that outlives the struct (a mapped spool file, a blob).
 */
struct array {
	struct array_info info;
	const void *data;
	struct blob owned;
	const struct array_file *file; /* NULL, or what DATA is mapped from */
	const struct packed *packed;   /* NULL, or its chunks (packed.h) */
};

void array_release(struct array *array);
int array_copy(struct array *out, const struct array *array);
bool array_equal(const struct array *a, const struct array *b);

#endif
