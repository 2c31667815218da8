/* SPDX-License-Identifier: MIT */
/*
 * reference.h - {"$npy": ...}: from a path in a record to a file name, and back
 *
 * A record refers to its arrays by their paths ("observation"); its JSON file
 * by the names of their files, seen from the collection's directory
 * ("43/observation.npy", or "43.npy" for the array that is the whole value).
 *
 * Errors:     int functions return 0 or a negative errno value.
 */
#ifndef ENGRAMFS_LAYOUT_REFERENCE_H
#define ENGRAMFS_LAYOUT_REFERENCE_H

#include "backends/backend.h"
#include "backends/value.h"

bool reference_is_in(const struct value *value);

/* Turn the references in VALUE, which nobody else holds, into file names. */
int reference_show(struct value *value, struct key key);

/* Turn file names into paths; the record's part of a name may be any: the
 * file may have been copied.  -EINVAL fills WHY. */
int reference_hide(struct value *value, char why[WHY_SIZE]);

#endif
