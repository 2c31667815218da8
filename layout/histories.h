/* SPDX-License-Identifier: MIT */
/*
 * histories.h - the opened backends keep their changes between backups
 *
 * Errors:     0 or a negative errno value, after a line in the log.
 */
#ifndef ENGRAMFS_LAYOUT_HISTORIES_H
#define ENGRAMFS_LAYOUT_HISTORIES_H

#include "layout/node.h"

/* Make the changes that `engramctl restore --at` has left, before anybody asks
 * for records: all of them, or none and an error. */
int histories_replay(struct tree *tree);

/* From now on changes are KEPT, or not. */
int histories_start(struct tree *tree, bool kept);

#endif
