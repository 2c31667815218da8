/* SPDX-License-Identifier: MIT */
/*
 * render_help.h - records as Python would write them, for tests of JSON files
 *
 * What goes wrong in a helper fails the test.
 */
#ifndef ENGRAMFS_TESTS_RENDER_HELP_H
#define ENGRAMFS_TESTS_RENDER_HELP_H

#include "backends/backend.h"

/* The row of tree_collections with this path and shape. */
const struct collection *collection_of(const char *path,
                                       enum record_shape shape);

/* FIELDS is JSON; its order is not the file's. */
void make_record(struct record *record, const char *key, const char *fields);

/* NDIM sizes are at SHAPE: an array of doubles. */
void add_array(struct record *record, const char *name, int ndim,
               const uint64_t *shape);

#endif
