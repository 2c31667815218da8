/* SPDX-License-Identifier: MIT */
/*
 * json.h - values as JSON text
 *
 * Reads what Python's json module writes (NaN, Infinity and integers of any
 * length included), writes strict JSON (RFC 8259).  What JSON has no word for
 * is written as an object with one key:
 *
 *   {"$float": "NaN" | "Infinity" | "-Infinity"}
 *   {"$bytes": "<base64>"}           bytes, and texts that are not UTF-8
 *   {"$set": [...]} {"$frozenset": [...]}
 *   {"$dict": [[key, item], ...]}    a dict with keys that are not texts
 *   {"$npy": "<text>"}               an array: see enum json_arrays
 *
 * and read back as the same value; a dict that only looks like one of these is
 * written in the $dict form, and an unsound form is read as the dict it is.
 * JSON_STYLE_PYTHON writes NaN and Infinity bare, as json.dumps does.  Tuples
 * are written as arrays.  Integers are written with all their digits, floats
 * with the fewest digits that read back equal (17 at most, as Python's repr
 * does: 1.0, 0.1, 1e-05).  Lone surrogates stay escapes: "\udce9".
 *
 * Errors:     as array.h; a syntax error names line and column.
 */
#ifndef ENGRAMFS_BACKENDS_JSON_H
#define ENGRAMFS_BACKENDS_JSON_H

#include "backends/blob.h"
#include "backends/value.h"

/* Brackets within brackets.  A value that pickle_decode makes (at most
 * PICKLE_MAX_DEPTH deep, three brackets for a dict in the $dict form) fits
 * into a record's fields. */
#define JSON_MAX_DEPTH 256

enum json_arrays {
	JSON_ARRAYS_REFUSE, /* an array in the value is -EINVAL; on reading
	                     * {"$npy": ...} stays a dict */
	JSON_ARRAYS_INLINE, /* written as base64 of the npy file, and read back
	                     * as an array */
};

enum json_style {
	JSON_STYLE_FILE,   /* two-space indent, one item a line, except that
	                    * arrays of numbers stay on one line; ends in one
	                    * newline */
	JSON_STYLE_PYTHON, /* json.dumps defaults: ", " and ": ", ASCII only */
};

/* The whole of TEXT must be one JSON value (white space around it), without
 * equal keys in one object. */
int json_parse(const char *text, size_t size, enum json_arrays arrays,
               struct value **out, char why[WHY_SIZE]);

/* Append VALUE as text.  -EINVAL: an array with REFUSE, or too deep;
 * -EFBIG: more than LIMIT bytes (shared parts of a value count each time). */
int json_append(const struct value *value, enum json_style style,
                enum json_arrays arrays, size_t limit, struct blob *out);

/* A member of an object that need not be a value. */
struct json_member {
	const char *name; /* UTF-8, and not that of a form */
	const struct value *item;
};

/* The same for an object of COUNT members with different names, in the style of
 * a file and with JSON_ARRAYS_REFUSE. */
int json_append_file(const struct json_member *members, size_t count,
                     size_t limit, struct blob *out);
/* How many bytes that appends. */
int json_measure_file(const struct json_member *members, size_t count,
                      size_t limit, uint64_t *size);

/* Append one double as Python's repr writes it (no locale). */
int json_append_double(double real, struct blob *out);

#define JSON_NUMBER_SIZE 40

/* The same without a blob, and an integer: the size of TEXT, which has no NUL
 * behind it. */
size_t json_print_double(double real, char text[JSON_NUMBER_SIZE]);
size_t json_print_int(int64_t integer, char text[JSON_NUMBER_SIZE]);

#endif
