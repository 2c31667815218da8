/* SPDX-License-Identifier: MIT */
/*
 * value.h - data as Python's json and pickle know it
 *
 * A value is a number, a text, a list, a dict, an array ...: what a record's
 * fields hold and what an episode's experience is made of.  Values are
 * reference counted, because pickles share them; they never form cycles.  A
 * value that more than one holder may see is not changed: value_unshare first.
 *
 * Errors:     int functions return 0 or a negative errno value; functions that
 *             return a pointer return NULL when memory is short.
 * Ownership:  value_new_* return one reference, which the caller owns.
 *             value_list_append, value_dict_set and value_dict_add take over
 *             the references given, on failure too; a NULL among them is
 *             -ENOMEM, so that calls nest.  value_dict_get and list items are
 *             borrowed.  Pairs are added and removed by these functions only.
 * Threads:    counts are atomic; contents are for one thread at a time.
 */
#ifndef ENGRAMFS_BACKENDS_VALUE_H
#define ENGRAMFS_BACKENDS_VALUE_H

#include "backends/array.h"
#include "backends/blob.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum value_type {
	VALUE_NULL,
	VALUE_BOOL,
	VALUE_INT,    /* fits int64_t */
	VALUE_BIGINT, /* does not: decimal digits in TEXT */
	VALUE_FLOAT,
	VALUE_TEXT,  /* UTF-8, NULs allowed */
	VALUE_BYTES, /* in TEXT */
	VALUE_LIST,
	VALUE_TUPLE,     /* like VALUE_LIST */
	VALUE_SET,       /* like VALUE_LIST, order as stored */
	VALUE_FROZENSET, /* like VALUE_LIST, order as stored */
	VALUE_DICT,      /* keys of any hashable type, insertion order kept */
	VALUE_ARRAY,
};

struct value_pair {
	struct value *key;
	struct value *item;
};

struct value {
	enum value_type type;
	atomic_uint references;

	union {
		bool boolean;
		int64_t integer;
		double real;
		struct blob text;

		struct {
			struct value **items;
			size_t count;
			size_t capacity;
		} list;

		struct {
			struct value_pair *pairs;
			size_t count;
			size_t capacity;
			uint32_t *slots; /* value_dict.c's: finds a key */
			unsigned int slot_bits;
		} dict;
		struct array array;
	};
};

struct value *value_new_null(void);
struct value *value_new_bool(bool boolean);
struct value *value_new_int(int64_t integer);
struct value *value_new_float(double real);
struct value *value_new_text(const char *text, size_t size);
struct value *value_new_bytes(const void *bytes, size_t size);
/* Optional sign, then decimal digits; becomes VALUE_INT where it fits. */
struct value *value_new_integer_text(const char *digits, size_t size);
/* TYPE is one of LIST, TUPLE, SET, FROZENSET. */
struct value *value_new_list(enum value_type type);
struct value *value_new_dict(void);
/* Takes over the contents of ARRAY, which must own its bytes. */
struct value *value_new_array(struct array *array);

struct value *value_ref(struct value *value);
/* Accepts NULL. */
void value_unref(struct value *value);

bool value_is_list(const struct value *value); /* any of the four */

int value_list_append(struct value *list, struct value *item);

/* Set by text key; an existing key keeps its place. */
int value_dict_set(struct value *dict, const char *key, struct value *item);
/* Append a pair whose key is any value; equal keys replace. */
int value_dict_add(struct value *dict, struct value *key, struct value *item);
/* NULL where DICT has no such text key (or is no dict). */
struct value *value_dict_get(const struct value *dict, const char *key);
/* -ENOENT where there is none. */
int value_dict_remove(struct value *dict, const char *key);

/* The same data: int and bigint compare as numbers, floats by value with NaN
 * equal to itself, dicts regardless of order. */
bool value_equal(const struct value *a, const struct value *b);

/* By a key of any type: the item, borrowed, or NULL. */
struct value *value_dict_find(const struct value *dict,
                              const struct value *key);
/* Where that item is, so that it can be replaced, or NULL. */
struct value **value_dict_slot(const struct value *dict,
                               const struct value *key);

/* How many values VALUE is made of, counted up to LIMIT.  Shared parts count
 * each time they occur: a small pickle can stand for more than anybody could
 * visit, which this finds out. */
size_t value_count(const struct value *value, size_t limit);

/* A copy that shares nothing with VALUE.  Depth is bounded by what made it. */
struct value *value_copy(const struct value *value);

/* *SLOT becomes a value that nobody else holds (its items may be shared). */
int value_unshare(struct value **slot);

/* Convenience for fields: the number in an INT, FLOAT or BOOL.  -EINVAL. */
int value_to_double(const struct value *value, double *out);
int value_to_int(const struct value *value, int64_t *out);

#endif
