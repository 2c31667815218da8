/* SPDX-License-Identifier: MIT */
/*
 * complaint.h - why a file was refused, for its user.error
 *
 * rejected/ keeps the bytes and the reason for good; here is what was last said
 * of the names that files have, for as long as the mount lasts.
 *
 * Errors:     int functions return 0 or a negative errno value.
 * Threads:    any; struct complaints has its own lock.
 */
#ifndef ENGRAMFS_LAYOUT_COMPLAINT_H
#define ENGRAMFS_LAYOUT_COMPLAINT_H

#include "layout/node.h"

#define COMPLAINT_NAME "user.error"
#define COMPLAINTS_MAX 256 /* the oldest are forgotten */

/* NULL when memory is short: nothing is remembered then. */
struct complaints *complaints_new(void);
/* Accepts NULL, as do all. */
void complaints_free(struct complaints *complaints);

/* What was written to PATH was refused because of REASON. */
void complaints_add(struct complaints *complaints, const char *path,
                    const char *reason);

/* PATH is well. */
void complaints_drop(struct complaints *complaints, const char *path);

/* Why the file at NODE, or the bytes in rejected/ that NODE is, were refused.
 * -ENODATA: they were not. */
int complaint_get(const struct tree *tree, const struct node *node,
                  struct blob *out);

#endif
