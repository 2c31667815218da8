/* SPDX-License-Identifier: MIT */
/*
 * change_arrays.h - the arrays of a record after a change
 *
 * The part of change.c that looks at the names of arrays; see change.h.
 */
#ifndef ENGRAMFS_BACKENDS_CHANGE_ARRAYS_H
#define ENGRAMFS_BACKENDS_CHANGE_ARRAYS_H

#include "backends/backend.h"

/* How many groups an array of any name may be in: "a/b" is in one. */
#define CHANGE_ARRAY_DEPTH 8

/*
 * In a RECORD_DIRECTORY whose arrays have any name: CHANGE may set its array
 * in BEFORE (may be NULL).  -EINVAL, with change->why: the name has an empty,
 * "." or ".." part, is too deep, or is a group where another array is, or the
 * other way round.
 */
int change_check_name(const struct collection *collection,
                      struct change *change, const struct record *before);

/* How many arrays there are after CHANGE. */
size_t change_array_count(const struct change *change,
                          const struct record *before);

#endif
