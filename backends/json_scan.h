/* SPDX-License-Identifier: MIT */
/*
 * json_scan.h - JSON text made ready for json-c
 *
 * json-c saturates integers past 64 bits, cuts keys at a NUL, replaces lone
 * surrogates and some pairs of them (U+1D800 and others), lets the last of two
 * equal keys win and takes some texts that are not JSON (1., -01, 'key').  So a
 * scanner goes first: it refuses what json-c would let pass, counts the members
 * of each object, and rewrites what json-c would lose, mostly with bytes that
 * UTF-8 never has:
 *
 *   123...  of JSON_LONG_INTEGER or more digits   "\xff123..."
 *   \u0000                                        \xfe
 *   a lone surrogate's escape                     its three bytes
 *   a pair's escapes                              the character
 *
 * For json_*.c alone.  Errors: as array.h.
 */
#ifndef ENGRAMFS_BACKENDS_JSON_SCAN_H
#define ENGRAMFS_BACKENDS_JSON_SCAN_H

#include "backends/json.h"

#define JSON_LONG_INTEGER 19
#define JSON_MARK_INTEGER '\xff'
#define JSON_MARK_NUL '\xfe'

struct json_object_span {
	size_t start;   /* of its brace in the text */
	size_t members; /* as written, equal keys included */
};

struct json_scan {
	struct blob text;                 /* for json-c */
	struct json_object_span *objects; /* in the order of their braces */
	size_t count;
	size_t capacity;
	int depth; /* brackets within brackets */
};

int json_scan(const char *text, size_t size, struct json_scan *out,
              char why[WHY_SIZE]);
void json_scan_release(struct json_scan *scan);

/* Where in TEXT the byte at POSITION of what json_scan made of it is from. */
size_t json_scan_origin(const char *text, size_t size, size_t position);

/* Fill WHY with WHAT and the line and column of byte POSITION of TEXT.
 * Returns -EINVAL. */
int json_bad(const char *text, size_t position, const char *what,
             char why[WHY_SIZE]);

/* The same for the first key that an object has twice, where START is the
 * brace of such an object in a text that json_scan took. */
int json_bad_twice(const char *text, size_t start, char why[WHY_SIZE]);

#endif
