/* SPDX-License-Identifier: MIT */
/*
 * listing.h - the names in a directory, one after another
 *
 * Memory is bounded: records come in pages from the backend's cursor.
 *
 * Errors:     int functions return 0 or a negative errno value.
 * Threads:    one user at a time.
 */
#ifndef ENGRAMFS_LAYOUT_LISTING_H
#define ENGRAMFS_LAYOUT_LISTING_H

#include "layout/node.h"

struct listing;

struct entry {
	char name[256];
	struct node_info info;
};

/* List the directory NODE. */
int listing_open(const struct tree *tree, const struct node *node,
                 struct listing **out);
/* Accepts NULL. */
void listing_close(struct listing *listing);

/* The next entry ("." and ".." are not among them), which stays valid until
 * the next call; NULL at the end. */
int listing_next(struct listing *listing, const struct entry **out);

#endif
