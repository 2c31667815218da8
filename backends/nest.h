/* SPDX-License-Identifier: MIT */
/*
 * nest.h - arrays inside dicts and lists, and their paths
 *
 * An experience is any value.  An array inside it has a path: the dict keys
 * and list positions that lead to it, each encoded as a file name (name.h) and
 * joined by '/': "observation", "0/observation".  The array that is the whole
 * value has the path "".  A key that is not a text is named by its JSON text
 * ("7", "null"), with "%=" in front where the dict has that text as a key, too.
 * Sets and keys hold no arrays.
 *
 * A reference is a dict with the one key "$npy" and a path as its text.  It
 * stands for an array in JSON, and in stored data for an array that has not
 * arrived yet.
 *
 * Errors:     int functions return 0 or a negative errno value; -EINVAL fills
 *             WHY with one line.  -EFBIG: a value that shares its parts so
 *             often that it cannot be visited.
 * Ownership:  values given are borrowed, values returned are owned, unless a
 *             comment says otherwise.
 */
#ifndef ENGRAMFS_BACKENDS_NEST_H
#define ENGRAMFS_BACKENDS_NEST_H

#include "backends/value.h"

/* Called once per array, in order; a non-zero result stops and is returned. */
typedef int nest_array_fn(const char *path, const struct array *array,
                          void *arg);
int nest_each(const struct value *value, nest_array_fn *fn, void *arg);

/* The array at PATH, borrowed.  -ENOENT. */
int nest_find(const struct value *value, const char *path,
              const struct array **out);

/*
 * Put ARRAY (its reference is taken over, on failure too) at PATH of *ROOT:
 * over the array, reference or null there, or as a new dict entry, with the
 * dicts on the way made as needed.  PATH "" replaces the whole value.
 * *ROOT NULL counts as null.  -EINVAL: something else is in the way; WHY says
 * what.
 */
int nest_set(struct value **root, const char *path, struct value *array,
             char why[WHY_SIZE]);

/* Replace the array at PATH by null.  -ENOENT: there is none. */
int nest_drop(struct value **root, const char *path);

/* VALUE with every array replaced by its reference; where there is none, VALUE
 * itself. */
int nest_to_references(struct value *value, struct value **out);

/*
 * The value that TEXT (read from JSON: references, lists where there may have
 * been tuples) means when CURRENT (may be NULL) is stored now: references to
 * arrays of CURRENT become those arrays, others stay; what is equal but for
 * tuples keeps CURRENT's types.  -EINVAL: an array of CURRENT is not referred
 * to any more, and would be lost; a reference to an array that is still to come
 * names another place than its own; WHY names it.
 */
int nest_from_references(const struct value *text, const struct value *current,
                         struct value **out, char why[WHY_SIZE]);

#endif
