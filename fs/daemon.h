/* SPDX-License-Identifier: MIT */
/*
 * daemon.h - going to the background once there is something to serve
 *
 * The child is made first, because neither threads nor database connections
 * survive a fork; the parent waits until the child says that it is ready, and
 * exits with the child's code if it never does.
 */
#ifndef ENGRAMFS_FS_DAEMON_H
#define ENGRAMFS_FS_DAEMON_H

struct daemon {
	int pipe; /* to the waiting parent; -1: none */
};

/* Returns in the child; the parent exits from inside.  A negative errno value
 * where there can be no child. */
int daemon_start(struct daemon *daemon);

/* Let the parent go, and let go of the terminal.  ARG is the struct daemon. */
void daemon_ready(void *arg);

#endif
