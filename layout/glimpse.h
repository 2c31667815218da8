/* SPDX-License-Identifier: MIT */
/*
 * glimpse.h - what is in a small file, found out together with its attributes
 *
 * Who looks a name up mostly opens it next.  Where the backend can tell whether
 * anything has changed meanwhile (backends/glimpse.h), it need not be asked
 * twice.
 *
 * Errors:     int functions return 0 or a negative errno value.
 * Ownership:  glimpse_release accepts an all-zero glimpse, which has nothing.
 * Threads:    a glimpse has one user at a time.
 */
#ifndef ENGRAMFS_LAYOUT_GLIMPSE_H
#define ENGRAMFS_LAYOUT_GLIMPSE_H

#include "layout/view.h"

struct glimpse {
	struct view view; /* size 0: nothing came along */
	struct node_info info;
	uint64_t moment; /* of the backend */
};

/* As node_stat.  GLIMPSE (may be NULL) is all-zero before. */
int glimpse_stat(const struct tree *tree, const struct node *node,
                 struct node_info *out, struct glimpse *glimpse);
void glimpse_release(struct glimpse *glimpse);

/* Nothing has changed in the backend since MOMENT but what its watch has told
 * of. */
bool glimpse_is_current(const struct tree *tree, const struct node *node,
                        uint64_t moment);

/* For stat.c: ask for a record, and for what NODE is of it. */
int glimpse_get(const struct tree *tree, const struct node *node,
                struct record *out, struct glimpse *glimpse);
/* The file has these attributes, and TEXT in it (empty: it has an array). */
void glimpse_complete(struct glimpse *glimpse, const struct node_info *info,
                      struct blob *text);

#endif
