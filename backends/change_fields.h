/* SPDX-License-Identifier: MIT */
/*
 * change_fields.h - the fields of a record after a change
 *
 * The part of change.c that looks at values; see change.h.
 */
#ifndef ENGRAMFS_BACKENDS_CHANGE_FIELDS_H
#define ENGRAMFS_BACKENDS_CHANGE_FIELDS_H

#include "backends/backend.h"

/* The row of type FIELD_NEST, or NULL. */
const struct field_row *change_nest_row(const struct collection *collection);

/* The row with the rule FIELD_NUMBER, or NULL. */
const struct field_row *change_number_row(const struct collection *collection);

/* VALUE (may be NULL) has an array in it. */
bool change_has_arrays(const struct value *value);

/* Make the dict of change_result from CHANGE, whose parts are known to fit
 * BEFORE. */
int change_fields(const struct collection *collection, struct key key,
                  struct change *change, const struct record *before,
                  struct value **out);

#endif
