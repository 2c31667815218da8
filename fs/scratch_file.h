/* SPDX-License-Identifier: MIT */
/*
 * scratch_file.h - changes to open scratch files, within the quota
 *
 * Errors:     int functions return 0 or a negative errno value; -ENOSPC beyond
 *             the quota.
 * Threads:    any.
 */
#ifndef ENGRAMFS_FS_SCRATCH_FILE_H
#define ENGRAMFS_FS_SCRATCH_FILE_H

#include "layout/node.h"

/* As pwrite(2), of all of DATA. */
int scratch_file_write(struct tree *tree, int fd, uint64_t offset,
                       const void *data, size_t size);
int scratch_file_truncate(struct tree *tree, int fd, uint64_t size);
/* As fallocate(2). */
int scratch_file_allocate(struct tree *tree, int fd, int mode, uint64_t offset,
                          uint64_t size);

#endif
