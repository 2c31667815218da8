/* SPDX-License-Identifier: MIT */
/*
 * loop.h - threads that take requests from the kernel and serve them
 *
 * The kernel wakes the thread that has waited longest for a request.  Where
 * many wait, one client's requests go through all of them in turn, each with
 * cold caches.  So only LOOP_READERS wait there; the others are parked, and the
 * one that was parked last takes over when all readers have something to do.
 * Somebody always reads, up to the limit of threads, so that no request waits
 * for another.
 */
#ifndef ENGRAMFS_FS_LOOP_H
#define ENGRAMFS_FS_LOOP_H

struct fuse_session;

#define LOOP_READERS 2

/* Serve with up to THREADS threads until the session ends.  0 when it was
 * unmounted or a signal came, else a negative errno value. */
int loop_run(struct fuse_session *session, int threads);

#endif
