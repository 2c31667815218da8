/* SPDX-License-Identifier: MIT */
/*
 * read_ahead.h - how far the kernel reads ahead in a file of this mount
 *
 * The kernel offers 128 KiB, and asks no more at once, whatever it is answered.
 * More has to be written to sysfs, which only root may, and only when the reply
 * to INIT has been taken, for that sets it again.  So it is done at the first
 * OPEN.  Where it is not allowed the kernel's own figure stays.
 *
 * Threads:    any.
 */
#ifndef ENGRAMFS_FS_READ_AHEAD_H
#define ENGRAMFS_FS_READ_AHEAD_H

#include <stdatomic.h>
#include <stdint.h>

struct read_ahead {
	const char *mountpoint; /* absolute, without symlinks */
	uint64_t bytes;         /* 0: as the kernel has it */
	atomic_bool tried;
};

/* The kernel has sent a request other than INIT. */
void read_ahead_set(struct read_ahead *ahead);

#endif
