/* SPDX-License-Identifier: MIT */
/*
 * xattr.h - extended attributes of a record's files
 *
 *   user.timestamp   when the record was made, seconds since 1970
 *   user.dtype       str(numpy.dtype) of the array
 *   user.shape       its shape: (100, 50)
 *   user.expires_at  when the record expires, seconds since 1970
 *   user.ttl         seconds until then; can be set
 *   user.origin      where it lives: redis:wm:abc, sqlite:concepts/7,
 *                    hdf5:/network_states/weights/x/weights
 *
 * The JSON file of a relationship has user.origin and user.strength, which can
 * be set (link.h).
 *
 * Errors:     int functions return 0 or a negative errno value; -ENODATA: the
 *             file has no such attribute.
 */
#ifndef ENGRAMFS_LAYOUT_XATTR_H
#define ENGRAMFS_LAYOUT_XATTR_H

#include "layout/node.h"

/* Append the value of NAME. */
int xattr_get(const struct tree *tree, const struct node *node,
              const char *name, struct blob *out);

/* Append the names that the file has, each with its NUL. */
int xattr_list(const struct tree *tree, const struct node *node,
               struct blob *out);

/* -EPERM: cannot be set.  -EINVAL: not a value for it. */
int xattr_set(struct tree *tree, const struct node *node, const char *name,
              const char *value, size_t size);

#endif
