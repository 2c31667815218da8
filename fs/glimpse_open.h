/* SPDX-License-Identifier: MIT */
/*
 * glimpse_open.h - opening a small file without asking for it again
 *
 * Threads:    any.
 */
#ifndef ENGRAMFS_FS_GLIMPSE_OPEN_H
#define ENGRAMFS_FS_GLIMPSE_OPEN_H

#include <stdint.h>

struct fs;
struct handle;

/* Open the node ID, which PATH leads to, for reading, with what its lookup
 * brought along.  -EAGAIN: nothing that is still current. */
int glimpse_open(struct fs *fs, uint64_t id, const char *path, int flags,
                 struct handle **out);

#endif
