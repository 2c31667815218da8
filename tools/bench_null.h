/* SPDX-License-Identifier: MIT */
/*
 * bench_null.h - a FUSE file system that does nothing
 *
 * The limit of what any FUSE file system can reach here: it answers from
 * constants.  In its root are COUNT files of 4 KiB, `0.json` and on; the
 * kernel may keep what it was told for a second, as engramfs allows it.
 */
#ifndef ENGRAMFS_TOOLS_BENCH_NULL_H
#define ENGRAMFS_TOOLS_BENCH_NULL_H

/* Mount at MOUNTPOINT and serve in the foreground until it is unmounted;
 * the exit status. */
int bench_null(const char *mountpoint, unsigned long count);

#endif
