/* SPDX-License-Identifier: MIT */
/*
 * named_copy.h - files copied into a numbered collection under another name
 *
 * `cp run7.json run7.npy episodes/` makes one record, whose number the database
 * chooses; run7.json and run7.npy stay behind as symlinks to its files.  The
 * symlinks live in the spool.
 *
 * Errors:     int functions return 0 or a negative errno value.
 * Threads:    the caller holds tree->copies.
 */
#ifndef ENGRAMFS_LAYOUT_NAMED_COPY_H
#define ENGRAMFS_LAYOUT_NAMED_COPY_H

#include "layout/node.h"

/* A name beside NODE may have become a record since NODE was found. */
int named_copy_refresh(const struct tree *tree, struct node *node);

/* NODE was stored as a part of the record KEY: leave its name behind as a
 * symlink, and make NODE the record's own. */
int named_copy_settle(struct tree *tree, struct node *node,
                      const struct blob *key);

#endif
