/* SPDX-License-Identifier: MIT */
/*
 * array_name.h - the names of a record's arrays as paths below its directory
 *
 * Where the arrays of a directory have any name, each part of a name becomes a
 * file name as a key does (backends/name.h), and the slashes between them stay:
 * arrays in groups are in sub-directories.  Elsewhere the names of the rows,
 * and the paths of a nest, are file names already.
 *
 * Errors:     int functions return 0 or a negative errno value.
 */
#ifndef ENGRAMFS_LAYOUT_ARRAY_NAME_H
#define ENGRAMFS_LAYOUT_ARRAY_NAME_H

#include "layout/node.h"

/* Append the file name, without suffix, of one PART of a name. */
int array_name_show(const struct collection *collection, const char *part,
                    size_t size, struct blob *out);

/*
 * The name that PATH, below the directory of the record that NODE has the key
 * of, stands for; the caller frees it.  -EINVAL: no array has this path.  Asks
 * the backend only where a part of PATH was cut.
 */
int array_name_find(const struct tree *tree, const struct node *node,
                    const char *path, size_t size, char **out);

#endif
