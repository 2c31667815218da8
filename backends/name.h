/* SPDX-License-Identifier: MIT */
/*
 * name.h - keys as file names, and back
 *
 * A key is any string of bytes.  As a file name, `/`, NUL, `%`, the control
 * bytes (below 0x20, and 0x7f) and a leading `.` become %XX with upper-case
 * digits, and so does the dot of a final .npy, .json or .pickle, which would be
 * taken for the file's own.  Everything else, UTF-8 included, stays.  The empty
 * key is "%".  A name that would be longer than the limit is cut, on a
 * character's boundary and never inside a %XX, and ends in `~` and the 16 hex
 * digits of the key's XXH3.  A key has exactly one name.
 *
 * Errors:     int functions return 0 or a negative errno value.
 */
#ifndef ENGRAMFS_BACKENDS_NAME_H
#define ENGRAMFS_BACKENDS_NAME_H

#include "backends/blob.h"

#include <stdbool.h>

#define NAME_LIMIT 255   /* bytes of a file name, NAME_MAX */
#define NAME_CUT_TAIL 17 /* "~" and the hash */

/* Append the name of KEY in at most LIMIT bytes (those of a suffix that the
 * caller adds left out).  Returns 0. */
int name_encode(const char *key, size_t size, size_t limit, struct blob *out);

/*
 * Append the key whose name is NAME.  -EINVAL: no key has this name under
 * LIMIT (bad %XX, lower-case digits, something encoded that need not be, a
 * leading dot).  A cut name decodes to itself, for it may be a key too: ask
 * name_is_cut.
 */
int name_decode(const char *name, size_t size, size_t limit, struct blob *out);

/* NAME has the form and the length of a cut name; the key that it stands for
 * starts with the decoded bytes before the tail and has the same name. */
bool name_is_cut(const char *name, size_t size, size_t limit);

/* Append those bytes for NAME, which name_is_cut.  -EINVAL: bad %XX. */
int name_decode_cut(const char *name, size_t size, struct blob *out);

#endif
