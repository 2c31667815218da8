/* SPDX-License-Identifier: MIT */
/*
 * pickle_object.h - what a pickle is made of while it is read
 *
 * Objects belong to the machine (pickle_machine.h) that made them; pointers to
 * them are borrowed.  NULL is no object, and the answer to every question
 * about it is no.
 */
#ifndef ENGRAMFS_BACKENDS_PICKLE_OBJECT_H
#define ENGRAMFS_BACKENDS_PICKLE_OBJECT_H

#include "backends/value.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum object_kind {
	OBJECT_VALUE,  /* a number, a bool, None */
	OBJECT_TEXT,   /* UTF-8 */
	OBJECT_LATIN1, /* the str of Python 2 */
	OBJECT_BYTES,
	OBJECT_BYTEARRAY,
	OBJECT_LIST,
	OBJECT_TUPLE,
	OBJECT_SET,
	OBJECT_FROZENSET,
	OBJECT_DICT, /* items are key, item, key, item ... */
	OBJECT_GLOBAL,
	OBJECT_DTYPE,
	OBJECT_ARRAY,
	OBJECT_OPAQUE, /* not data */
};

/* The names that are understood. */
enum global {
	GLOBAL_RECONSTRUCT,
	GLOBAL_SCALAR,
	GLOBAL_FROMBUFFER,
	GLOBAL_NDARRAY,
	GLOBAL_DTYPE,
	GLOBAL_ENCODE,
	GLOBAL_ORDERED_DICT,
	GLOBAL_SET,
	GLOBAL_FROZENSET,
	GLOBAL_BYTES,
	GLOBAL_BYTEARRAY,
	GLOBAL_COMPLEX,
	GLOBAL_COUNT,
};

/* Bytes somewhere else. */
struct span {
	const unsigned char *data;
	size_t size;
};

struct object_dtype {
	struct dtype type;
	size_t field_count; /* of TYPE and all its fields */
	int depth;
	int ndim; /* a sub-array type: this many of SHAPE */
	uint64_t shape[ARRAY_MAX_DIMS];
};

struct object_array {
	const struct object_dtype *dtype; /* NULL until BUILD */
	const struct object *elements;    /* bytes of some kind */
	int ndim;
	bool fortran;
	bool permuted; /* result axis i is axis AXES[i] of SHAPE */
	uint64_t shape[ARRAY_MAX_DIMS];
	uint8_t axes[ARRAY_MAX_DIMS];
};

struct object_items {
	struct object **items;
	size_t count;
	size_t capacity;
};

struct object {
	enum object_kind kind;
	bool converting;     /* a value is being made of it */
	struct object *next; /* all objects of the machine */
	struct value *value; /* OBJECT_VALUE's, or what has been made of it */
	size_t cost;         /* what making it took */
	int levels;          /* of collections in each other, once converted */
	size_t memo_width;   /* length of the opcode that memoized it, or 0 */
	struct blob owned;   /* texts and bytes that had to be decoded */

	union {
		struct span span;
		struct object_items list;
		enum global global;
		struct object_dtype *dtype;
		struct object_array *array;
	};
};

bool object_is_sequence(const struct object *object); /* list or tuple */
bool object_is_collection(const struct object *object);
bool object_has_bytes(const struct object *object);
const struct object *object_item(const struct object *tuple, size_t index);
/* An int or bool. */
bool object_to_int(const struct object *object, int64_t *out);
/* The characters of a text or bytes. */
bool object_to_span(const struct object *object, struct span *out);
bool span_is(struct span span, const char *text);

#endif
