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
	int (*render)(const struct tree *tree, const struct node *node,
	              struct blob *out);
	/* What was written is complete.  REPLY is read from the same open file
	 * afterwards.  -EINVAL: WHY says what is wrong.  NULL: read-only. */
	int (*write)(struct tree *tree, const void *bytes, size_t size,
	             struct blob *reply, char why[WHY_SIZE]);
};

/* Ends with an all-zero row. */
extern const struct control_row control_rows[];

/* Call VISIT with the name of each file in .engram/jobs. */
int control_visit_jobs(const struct tree *tree,
                       int (*visit)(const char *name, void *arg), void *arg);

/* Set the kind of NODE from REST, its path below .engram. */
void control_find(const char *rest, struct node *node);

#endif
