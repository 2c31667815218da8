/* SPDX-License-Identifier: MIT */
/*
 * mount_arguments.h - what libfuse and the kernel are told of a mount
 *
 * Permissions are the kernel's to check, whoever is let in: other users see
 * what the files' modes say (default_permissions), with -o allow_other too.
 */
#ifndef ENGRAMFS_FS_MOUNT_ARGUMENTS_H
#define ENGRAMFS_FS_MOUNT_ARGUMENTS_H

#include "fs/options.h"

struct fuse_args;

/* Fill ARGS, which the caller frees, on failure too.  0 or -ENOMEM. */
int mount_arguments(const struct options *options, const char *store,
                    struct fuse_args *args);

#endif
