/* SPDX-License-Identifier: MIT */
/*
 * spool_internal.h - between spool.c and spool_scratch.c
 */
#ifndef ENGRAMFS_LAYOUT_SPOOL_INTERNAL_H
#define ENGRAMFS_LAYOUT_SPOOL_INTERNAL_H

#include "layout/spool.h"

/* A directory of the scratch tree: its descriptor. */
int spool_open_scratch(const struct spool *spool, const char *path, int flags);

#endif
