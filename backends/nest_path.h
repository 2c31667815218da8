/* SPDX-License-Identifier: MIT */
/*
 * nest_path.h - one step of a path, for nest*.c alone
 *
 * A step is a dict key or a list position as a file name.  A key that is not
 * a text is shown as its JSON text ("7", "null"), with "%=" in front where
 * the dict has that text as a key, too.
 */
#ifndef ENGRAMFS_BACKENDS_NEST_PATH_H
#define ENGRAMFS_BACKENDS_NEST_PATH_H

#include "backends/nest.h"

#include <string.h>

/* The name of an array's file has this much room before ".npy". */
#define NEST_STEP_LIMIT ((size_t)255 - 4)

/* Steps in a path: arrays deeper than this are refused. */
#define NEST_MAX_STEPS 128

/* More values than this, counting shared ones each time, are refused. */
#define NEST_MAX_VALUES ((size_t)1 << 26)

/* The length of the first step of PATH. */
static inline size_t nest_step_size(const char *path)
{
	return strcspn(path, "/");
}

/* PATH behind its first step, which is SIZE bytes; "" at the end. */
static inline const char *nest_step_over(const char *path, size_t size)
{
	return path[size] == '/' ? path + size + 1 : path + size;
}

/* Append the step to KEY of DICT, or to position INDEX; a '/' goes before it
 * unless PATH is empty. */
int nest_append_key(const struct value *dict, const struct value *key,
                    struct blob *path);
int nest_append_index(size_t index, struct blob *path);

/* Where the item is that the first step of PATH leads to from VALUE.  -ENOENT. */
int nest_step(const struct value *value, const char *path, struct value ***out);

/* There is an array in VALUE, which must have been counted. */
bool nest_has_arrays(const struct value *value);

/* VALUE is a reference: its path, borrowed.  Else NULL. */
const char *nest_reference(const struct value *value);

#endif
