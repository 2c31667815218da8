/* SPDX-License-Identifier: MIT */
/*
 * derive.h - fields that the data decide
 *
 * Errors:     0 or a negative errno value.  -ENODATA: the rule has no answer
 *             for this type of array (the mean of texts).
 */
#ifndef ENGRAMFS_BACKENDS_DERIVE_H
#define ENGRAMFS_BACKENDS_DERIVE_H

#include "backends/collection.h"
#include "backends/value.h"

#include <time.h>

/* What RULE makes of ARRAY: a float, an int, a list of ints (FIELD_SHAPE) or a
 * text (FIELD_DTYPE), as numpy computes it. */
int derive_field(enum field_rule rule, const struct array *array,
                 struct value **out);

/* The fallback of ROW, or NULL in *OUT for DEFAULT_ABSENT. */
int derive_fallback(const struct field_row *row, struct value **out);
/* The same at another TIME than now (0: now). */
int derive_fallback_at(const struct field_row *row, struct timespec time,
                       struct value **out);

/* GIVEN, which fits ROW, as ROW has it: where it has floats, integers become
 * floats. */
int derive_cast(const struct field_row *row, struct value *given,
                struct value **out);

/*
 * Check the fields of a change against the rows of COLLECTION: names, types,
 * derived ones equal to STORED (a record's fields; may be NULL: a new record).
 * What equals the stored field is right whatever its type; a derived number
 * may differ by how its sum was rounded.  A derived field that is not stored
 * yet may say anything of its type, for the data will decide, and FIELD_ARRAYS
 * may announce arrays that are still to come.  -EINVAL fills WHY.
 */
int derive_check(const struct collection *collection,
                 const struct value *fields, const struct value *stored,
                 char why[WHY_SIZE]);

#endif
