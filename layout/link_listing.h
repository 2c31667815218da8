/* SPDX-License-Identifier: MIT */
/*
 * link_listing.h - relationships as entries of directories
 *
 * Of a collection: the directories of records that relationships lead from; of
 * such a directory: the types; of a type: each JSON file and, behind it, its
 * link (so that `rm -r` removes both in an order in which it can).
 *
 * Errors:     int functions return 0 or a negative errno value.
 */
#ifndef ENGRAMFS_LAYOUT_LINK_LISTING_H
#define ENGRAMFS_LAYOUT_LINK_LISTING_H

#include "backends/query.h"
#include "layout/link.h"

/* All-zero: at the beginning. */
struct link_listing {
	struct relation_list relations;
	struct match_list keys; /* types, or sources */
	struct cursor cursor;
	size_t next;
	bool half; /* the JSON file of the next relationship was given */
};

void link_listing_release(struct link_listing *listing);

/* 1: *NAME is the next entry of the directory NODE, and INFO what it is; 0: no
 * more. */
int link_listing_next(struct link_listing *listing, const struct tree *tree,
                      const struct node *node, struct blob *name,
                      struct node_info *info);

#endif
