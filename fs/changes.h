/* SPDX-License-Identifier: MIT */
/*
 * changes.h - what others change in the stores is forgotten by the kernel
 *
 * Backends that watch their storage (backends/watch.h) tell of each change, in
 * a thread of their own.  There the kernel is made to forget the attributes of
 * the record's files; its pages are judged when a file is opened.  A file that
 * is gone is found out by that, too: the answer to the kernel's question is
 * ESTALE, and it looks the name up again.
 *
 * Names are not forgotten here.  That waits for the lock of the directory,
 * which whoever makes a request there holds until it is answered; and a thread
 * that waits so for a daemon that was killed keeps the mount from ending.
 */
#ifndef ENGRAMFS_FS_CHANGES_H
#define ENGRAMFS_FS_CHANGES_H

#include "layout/stores.h"

struct fs;
struct watch;

struct changes {
	struct changes_source {
		struct fs *fs;
		const struct backend *backend;
		struct watch *watch;
	} sources[STORES_MAX];
};

/* A storage that cannot be watched is none the worse: it is logged. */
void changes_start(struct changes *changes, struct fs *fs);

/* The connection to the kernel is closed.  Accepts one that was never
 * started. */
void changes_stop(struct changes *changes);

#endif
