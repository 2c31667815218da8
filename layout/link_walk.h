/* SPDX-License-Identifier: MIT */
/*
 * link_walk.h - going through relationships that wait, for link_*.c
 *
 * Errors:     0 or a negative errno value.
 */
#ifndef ENGRAMFS_LAYOUT_LINK_WALK_H
#define ENGRAMFS_LAYOUT_LINK_WALK_H

#include "layout/link.h"

#include <dirent.h>

/* Calls VISIT with A/B for each B in A for each A in DIRECTORY, which is closed
 * then. */
struct link_walk {
	struct tree *tree;
	const struct collection *collection;
	const char *stem; /* of the record that arrived */
	int (*visit)(struct link_walk *walk, const char *pair);
};

/* NAME, found in a directory, is none of ours. */
bool link_walk_skips(const char *name);

/* Through the record's own directory in the spool. */
int link_walk_own(struct link_walk *walk);

/* The node of PAIR, "<type>/<target>", there. */
int link_walk_find(const struct link_walk *walk, const char *pair,
                   struct node *node);

/* The directory STORE/spool/KIND/<collection>/NAME.  NULL in *OUT: there is
 * none. */
int link_walk_open(const struct link_walk *walk, const char *kind,
                   const char *name, DIR **out);

/* RC, unless it is 0, keeps relationships waiting. */
void link_walk_note(const struct link_walk *walk, int rc);

/* What a killed daemon left of renames: what waits goes where the record is. */
void link_finish_moves(struct link_walk *walk);

#endif
