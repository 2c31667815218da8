/* SPDX-License-Identifier: MIT */
/*
 * herald_process.h - a process that calls unlink(2) on the mount
 *
 * The kernel tells watchers of a directory (inotify) of what passes through its
 * system calls, and of nothing else.  So names that vanish behind its back are
 * removed once more, by a child of ours: the daemon knows its requests by the
 * process id and answers them itself (herald.h).
 *
 * A process, not a thread: one that is killed in the middle of a request must
 * not hold the last descriptor of /dev/fuse, whose closing would end the
 * request.  It is forked before there is anything to inherit, holds nothing but
 * its end of a socket, and ends when the other one is closed.
 *
 * It opens the mount point for each name and lets go of it at once, because a
 * descriptor kept there would keep the mount busy.  What it finds there must
 * prove to be this mount, by a secret in its statfs: after a lazy unmount, or
 * below another mount, names are other files' names.
 *
 * Errors:     int functions return 0 or a negative errno value.
 * Threads:    one user; herald_process_end may be called by another.
 */
#ifndef ENGRAMFS_FS_HERALD_PROCESS_H
#define ENGRAMFS_FS_HERALD_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct herald_process {
	pid_t pid; /* 0: none */
	int fd;
	uint64_t secret; /* f_files of its statfs */
};

/* Call it while there are no other threads.  CONFINED: it gives up what it does
 * not need (sandbox.h). */
int herald_process_start(const char *mountpoint, bool confined,
                         struct herald_process *out);

/* Remove the name PATH, relative to the mount point.  -ENOTCONN: it does not
 * answer (any more), and is not to be asked again. */
int herald_process_remove(struct herald_process *process, const char *path);

/* Nobody waits for it any more. */
void herald_process_end(struct herald_process *process);

/* See it end, which takes no longer than a request under way.  Accepts one
 * that is all-zero. */
void herald_process_wait(struct herald_process *process);

#endif
