/* SPDX-License-Identifier: MIT */
/*
 * literal.h - the Python literals of npy headers
 *
 * Strings, decimal integers (with the L of Python 2), True, False, None,
 * tuples, lists and dicts; nothing is evaluated.  Texts are UTF-8 on both
 * sides.
 *
 * Errors:     as array.h.
 */
#ifndef ENGRAMFS_BACKENDS_LITERAL_H
#define ENGRAMFS_BACKENDS_LITERAL_H

#include "backends/value.h"

#define LITERAL_MAX_DEPTH 48

/* The whole of TEXT must be one literal (white space around it). */
int literal_parse(const char *text, size_t size, struct value **out,
                  char why[WHY_SIZE]);

/* The dtype that DESCR, a parsed 'descr', stands for. */
int dtype_from_literal(const struct value *descr, struct dtype *out,
                       char why[WHY_SIZE]);

/* Append repr() of a str. */
int literal_append_text(const char *text, size_t size, struct blob *out);

/* Append repr() of a tuple of ints: "()", "(2,)", "(2, 3)". */
int literal_append_shape(int ndim, const uint64_t *shape, struct blob *out);

#endif
