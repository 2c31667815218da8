/* SPDX-License-Identifier: MIT */
/*
 * redis_text.h - fields as the texts that the Python classes keep in a hash
 *
 * Numbers as repr writes them, shapes as str(tuple), dicts as json.dumps, texts
 * as they are.
 *
 * Errors:     0 or a negative errno value.
 */
#ifndef ENGRAMFS_BACKENDS_REDIS_TEXT_H
#define ENGRAMFS_BACKENDS_REDIS_TEXT_H

#include "backends/array.h"
#include "backends/collection.h"
#include "backends/value.h"

/* What ROW makes of TEXT.  A text that does not fit the row's type is shown as
 * text; a shape that does not parse is NULL in *OUT. */
int redis_text_parse(const struct field_row *row, const char *text, size_t size,
                     struct value **out);

/* Append what a hash shall hold for VALUE.  -EINVAL: it cannot be a text. */
int redis_text_append(const struct field_row *row, const struct value *value,
                      struct blob *out);

/* Parse str(tuple): "()", "(5,)", "(100, 50)".  -EINVAL: it is not one. */
int redis_shape_parse(const char *text, size_t size, int *ndim,
                      uint64_t shape[ARRAY_MAX_DIMS]);

#endif
