/* SPDX-License-Identifier: MIT */
/*
 * mountpoint.h - the two directories that a mount needs
 *
 * Errors:     0, or a negative errno value after one line on standard error.
 */
#ifndef ENGRAMFS_FS_MOUNTPOINT_H
#define ENGRAMFS_FS_MOUNTPOINT_H

#include "fs/options.h"

#include <limits.h>

/* One line on standard error: WHAT: WHY.  Returns -EINVAL. */
int mountpoint_complain(const char *what, const char *why);

/* The absolute path of the store, which must be a directory. */
int mountpoint_check_store(const struct options *options, char store[PATH_MAX]);

/* The absolute path of the mount point: an empty directory (or -o nonempty)
 * that does not hide STORE.  What a killed daemon left there is unmounted. */
int mountpoint_check(const struct options *options, const char *store,
                     char mountpoint[PATH_MAX]);

#endif
