/* SPDX-License-Identifier: MIT */
/*
 * view.h - a file opened for reading, as it was when it was opened
 *
 * Errors:     int functions return 0 or a negative errno value.
 * Threads:    view_read calls on one view may overlap where its reader allows
 *             (backend.h).
 */
#ifndef ENGRAMFS_LAYOUT_VIEW_H
#define ENGRAMFS_LAYOUT_VIEW_H

#include "backends/loan.h"
#include "layout/node.h"

#include <sys/types.h>

struct view {
	struct blob head;      /* the npy header, or all of a text file */
	struct reader *reader; /* what follows it, or NULL */
	uint64_t size;
	/* Another number where the bytes are others; 0: cannot be told. */
	uint64_t version;
};

/* Open a part of a record, or a control file. */
int view_open(const struct tree *tree, const struct node *node,
              struct view *out);
void view_release(struct view *view);

/* A view of the array that READER has; READER is taken over, in any case. */
int view_from_array(struct reader *reader, struct view *out);
/* A view of TEXT, which is taken over. */
void view_from_text(struct blob *text, struct view *out);

/* Another view of the same, for another user.  -EOPNOTSUPP: there can be
 * none. */
int view_share(const struct view *view, struct view *out);

/* Bytes read (short only at the end), or a negative errno value. */
ssize_t view_read(struct view *view, uint64_t offset, void *buffer,
                  size_t size);

/* The same by loan (loan.h): until VIEW is released. */
ssize_t view_lend(struct view *view, uint64_t offset, size_t size,
                  struct loan *loan);

/* After a failure: false where WHY would only repeat the errno value, or what
 * it said before. */
bool view_why(struct view *view, char why[WHY_SIZE]);

#endif
