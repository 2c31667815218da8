/* SPDX-License-Identifier: MIT */
/*
 * tree.h - the collections: one table from which the whole tree comes
 *
 * A new collection is a new row of tree_collections.
 */
#ifndef ENGRAMFS_LAYOUT_TREE_H
#define ENGRAMFS_LAYOUT_TREE_H

#include "backends/collection.h"

/* Ends with an all-zero row.  Two rows may share a path where one holds pairs
 * and the other directories (spike_trains). */
extern const struct collection tree_collections[];

#endif
