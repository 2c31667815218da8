/* SPDX-License-Identifier: MIT */
/*
 * outages.h - the opened backends go on while their storage is away
 *
 * Puts outage.h before each store whose storage can go away, and tells the user
 * in errors.jsonl and rejected/.
 *
 * Errors:     0 or a negative errno value.
 */
#ifndef ENGRAMFS_LAYOUT_OUTAGES_H
#define ENGRAMFS_LAYOUT_OUTAGES_H

#include "layout/node.h"

/* Once, before anybody uses TREE's stores.  TREE stays where it is until
 * stores_close. */
int outages_open(struct tree *tree);

/* {"away", "changes", "bytes"}, or NULL where STORE spools nothing (or memory
 * is short). */
struct value *outages_describe(struct store *store);

#endif
