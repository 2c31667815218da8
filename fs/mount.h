/* SPDX-License-Identifier: MIT */
/*
 * mount.h - from a command line to a mounted store, until it is unmounted
 */
#ifndef ENGRAMFS_FS_MOUNT_H
#define ENGRAMFS_FS_MOUNT_H

#include "fs/options.h"

/*
 * Mount and serve.  In the background, unless options say otherwise: then this
 * returns in the parent once the mount answers, and the child never returns.
 * Returns the exit code: 0, or 1 after one line on standard error.
 */
int mount_run(const struct options *options);

#endif
