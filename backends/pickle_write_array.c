/* SPDX-License-Identifier: MIT */
/*
 * What numpy.ndarray.__reduce__ and numpy.dtype.__reduce__ return, as opcodes.
 * A type is made in two steps: dtype('V16', False, True), then its state (3 or
 * 4, order, subarray, names, fields, itemsize, alignment, flags).
 */
#include "backends/pickle_write.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/dtype_kind.h"

/* numpy's flags: NPY_NEEDS_INIT, NPY_NEEDS_PYAPI */
#define FLAG_INIT 0x08
#define FLAG_PYAPI 0x10

static void put_dtype(struct pickler *pickler, const struct dtype *dtype);

static void put_name(struct pickler *pickler, const char *text)
{
	pickler_text(pickler, text, strlen(text));
}

static void put_global(struct pickler *pickler, const char *module,
                       const char *name)
{
	put_name(pickler, module);
	put_name(pickler, name);
	PICKLER_CODES(pickler, "\x93");
}

static void put_shape(struct pickler *pickler, int ndim, const uint64_t *shape)
{
	PICKLER_CODES(pickler, "(");
	for (int i = 0; i < ndim; i++)
		pickler_int(pickler, (int64_t)shape[i]);
	PICKLER_CODES(pickler, "t");
}

static int alignment_of(const struct dtype *dtype)
{
	switch (dtype->kind) {
	case 'S':
	case 'V':
		return 1;
	case 'U':
		return 4;
	case 'c':
		return (int)dtype->itemsize / 2;
	default:
		return (int)dtype->itemsize;
	}
}

/* A structure has the flags of all its fields. */
static int flags_of(const struct dtype *dtype)
{
	int flags = dtype->kind == 'U' ? FLAG_INIT : 0;

	if (dtype_is_structured(dtype))
		flags |= FLAG_PYAPI;
	for (size_t i = 0; i < dtype->field_count; i++)
		flags |= flags_of(dtype->fields[i].type);
	return flags;
}

/* dtype('<KIND><NUMBER>', False, True), and the start of its state. */
static void put_type_start(struct pickler *pickler, char kind, uint64_t number,
                           char order, int version)
{
	char code[32];

	snprintf(code, sizeof(code), "%c%" PRIu64, kind, number);
	put_global(pickler, "numpy", "dtype");
	put_name(pickler, code);
	PICKLER_CODES(pickler, "\x89\x88\x87R(");
	pickler_int(pickler, version);
	pickler_text(pickler, &order, 1);
}

static void put_sizes(struct pickler *pickler, int64_t itemsize, int alignment,
                      int flags)
{
	pickler_int(pickler, itemsize);
	pickler_int(pickler, alignment);
	pickler_int(pickler, flags);
}

/* ({}, (b'us', 25, 1, 1)) */
static void put_unit(struct pickler *pickler, const char *unit)
{
	char *end;
	long count = strtol(unit, &end, 10);
	const char *name = *unit ? end : "generic";

	PICKLER_CODES(pickler, "}(");
	pickler_bytes(pickler, name, strlen(name));
	pickler_int(pickler, count ? count : 1);
	PICKLER_CODES(pickler, "K\x01K\x01t\x86");
}

static void put_plain(struct pickler *pickler, const struct dtype *dtype)
{
	const struct dtype_kind *kind = dtype_kind_find(dtype->kind);

	put_type_start(pickler, dtype->kind, dtype->itemsize / kind->divisor,
	               dtype->order, kind->timed ? 4 : 3);
	PICKLER_CODES(pickler, "NNN");
	if (kind->sizes == 0)
		put_sizes(pickler, (int64_t)dtype->itemsize,
		          alignment_of(dtype), flags_of(dtype));
	else
		put_sizes(pickler, -1, -1, 0);
	if (kind->timed)
		put_unit(pickler, dtype->unit);
	PICKLER_CODES(pickler, "tb");
}

/* A field's type with the shape that the field gives it. */
static void put_field_type(struct pickler *pickler,
                           const struct dtype_field *field)
{
	uint64_t size = field->type->itemsize;

	if (field->ndim == 0) {
		put_dtype(pickler, field->type);
		return;
	}
	for (int i = 0; i < field->ndim; i++)
		size *= field->shape[i];
	put_type_start(pickler, 'V', size, '|', 3);
	put_dtype(pickler, field->type);
	put_shape(pickler, field->ndim, field->shape);
	PICKLER_CODES(pickler, "\x86NN");
	put_sizes(pickler, (int64_t)size, alignment_of(field->type),
	          flags_of(field->type));
	PICKLER_CODES(pickler, "tb");
}

/* (dtype, offset) or (dtype, offset, title) */
static void put_place(struct pickler *pickler, const struct dtype_field *field)
{
	put_field_type(pickler, field);
	pickler_int(pickler, (int64_t)field->offset);
	if (field->title)
		put_name(pickler, field->title);
	pickler_put(pickler, field->title ? "\x87" : "\x86", 1);
}

/* A field with a title is found under both. */
static void put_field(struct pickler *pickler, const struct dtype_field *field)
{
	put_name(pickler, field->name);
	put_place(pickler, field);
	if (field->title) {
		put_name(pickler, field->title);
		put_place(pickler, field);
	}
}

static bool is_padding(const struct dtype_field *field)
{
	return !*field->name;
}

static void put_structure(struct pickler *pickler, const struct dtype *dtype)
{
	put_type_start(pickler, 'V', dtype->itemsize, '|', 3);
	PICKLER_CODES(pickler, "N(");
	for (size_t i = 0; i < dtype->field_count; i++)
		if (!is_padding(&dtype->fields[i]))
			put_name(pickler, dtype->fields[i].name);
	PICKLER_CODES(pickler, "t}(");
	for (size_t i = 0; i < dtype->field_count; i++)
		if (!is_padding(&dtype->fields[i]))
			put_field(pickler, &dtype->fields[i]);
	PICKLER_CODES(pickler, "u");
	put_sizes(pickler, (int64_t)dtype->itemsize, 1, flags_of(dtype));
	PICKLER_CODES(pickler, "tb");
}

static void put_dtype(struct pickler *pickler, const struct dtype *dtype)
{
	if (dtype_is_structured(dtype))
		put_structure(pickler, dtype);
	else
		put_plain(pickler, dtype);
}

/* _reconstruct(ndarray, (0,), b'b'), then its state (1, shape, dtype,
 * is_fortran, elements). */
void pickler_array(struct pickler *pickler, const struct array *array)
{
	const struct array_info *info = &array->info;

	put_global(pickler, "numpy.core.multiarray", "_reconstruct");
	put_global(pickler, "numpy", "ndarray");
	PICKLER_CODES(pickler, "K\0\x85"
	                       "C\1b"
	                       "\x87R(K\1");
	put_shape(pickler, info->ndim, info->shape);
	put_dtype(pickler, &info->dtype);
	pickler_put(pickler, info->fortran ? "\x88" : "\x89", 1);
	pickler_bytes(pickler, array->data, (size_t)info->nbytes);
	PICKLER_CODES(pickler, "tb");
}
