/* SPDX-License-Identifier: MIT */
/*
 * mounter.h - a process that mounts and unmounts for the daemon
 *
 * The daemon gives up its rights before it looks at a store (doors.h), and
 * could not mount then: neither itself nor by fusermount3, which is
 * set-user-ID.  So a child that is forked before does it, hands the
 * descriptor of /dev/fuse over, and waits to be told to unmount.  It never
 * sees a byte of the store, and ends when the daemon does, by whatever end;
 * with -o auto_unmount that unmounts.
 *
 * Errors:     int functions return 0 or a negative errno value.
 * Threads:    one user.
 */
#ifndef ENGRAMFS_FS_MOUNTER_H
#define ENGRAMFS_FS_MOUNTER_H

#include <stdbool.h>
#include <sys/types.h>

struct fuse_args;

struct mounter {
	pid_t pid; /* 0: none */
	int fd;
};

/* Call it while there are no other threads.  ARGS are for libfuse. */
int mounter_start(const struct fuse_args *args, const char *mountpoint,
                  struct mounter *out);

/* Mount; DEVICE gets the descriptor of /dev/fuse.  libfuse has said why it
 * failed. */
int mounter_mount(struct mounter *mounter, int *device);

/* Unmount, once DEVICE is closed, or what was open would be waited for. */
int mounter_unmount(struct mounter *mounter);

/* Let it end, and see it end.  Accepts one that is all-zero. */
void mounter_end(struct mounter *mounter);

#endif
