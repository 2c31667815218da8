/* SPDX-License-Identifier: MIT */
/*
 * resident.h - readers that have all their bytes in memory
 *
 * What a storage gives as a whole is read from here.  Such a reader can be
 * shared (backend.h): all of one origin have the same bytes in common.
 *
 * Errors:     int functions return 0 or -ENOMEM.
 * Ownership:  what is taken over is the caller's again on error.
 * Threads:    any number of readers of one origin; one reader has one user.
 */
#ifndef ENGRAMFS_BACKENDS_RESIDENT_H
#define ENGRAMFS_BACKENDS_RESIDENT_H

#include "backends/backend.h"

/* A reader of ARRAY, which is in VALUE.  VALUE is taken over.  VERSION: of the
 * stored bytes. */
int resident_array(struct value *value, const struct array *array,
                   uint64_t version, struct reader **out);

/*
 * A reader of the array in STORED, which is taken over, and which the codec
 * decodes when somebody reads (-EIO where it cannot, or where the array is not
 * what INFO says).  NAME is for the log.
 */
int resident_stored(struct blob *stored, const struct array_info *info,
                    const char *name, struct reader **out);

/* A reader of BYTES as they are, which are taken over. */
int resident_bytes(struct blob *bytes, struct reader **out);

#endif
