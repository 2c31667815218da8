/* SPDX-License-Identifier: MIT */
/*
 * control.h - .engram/: the daemon's own files
 *
 * Errors:     int functions return 0 or a negative errno value.
 */
#ifndef ENGRAMFS_LAYOUT_CONTROL_H
#define ENGRAMFS_LAYOUT_CONTROL_H

#include "backends/blob.h"
#include "layout/node.h"

#define CONTROL_NAME ".engram"

/* One control file: what it shows is made when it is opened. */
struct control_row {
	const char *name;
	int (*render)(const struct tree *tree, struct blob *out);
};

/* Ends with an all-zero row. */
extern const struct control_row control_rows[];

/* Set the kind of NODE from REST, its path below .engram. */
void control_find(const char *rest, struct node *node);

#endif
