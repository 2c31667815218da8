/* SPDX-License-Identifier: MIT */
/*
 * restored.h - what a mount finds before it begins
 *
 * Errors:     0, or a negative errno value after one line on standard error.
 */
#ifndef ENGRAMFS_FS_RESTORED_H
#define ENGRAMFS_FS_RESTORED_H

#include "layout/node.h"

/* Take in what a restore has left, and settle what waits; changes are KEPT from
 * now on (history.h), or not. */
int restored_take_in(struct tree *tree, bool kept);

#endif
