/* SPDX-License-Identifier: MIT */
/*
 * sharing.h - which open files may share a node of the kernel
 *
 * Open files of one node share pages and size in the kernel.  Readers of one
 * version of a record may do that.  Whoever writes one has a node of its own,
 * for its bytes are no record yet: a reader must not see some of them, and what
 * the reader fetches must not take the place of what was written.  So a node
 * that does not suit a new open file is set aside (inodes_set_aside), and
 * ESTALE makes the kernel look the name up again, which leads to a new node.
 * The kernel does that only once: so the new node is kept for who was sent
 * back (inodes_reserve), and others that come upon it are sent on in turn.
 * Who comes back and meets another file all the same shares the node, and
 * bypasses the page cache.
 *
 * Threads:    any.
 */
#ifndef ENGRAMFS_FS_SHARING_H
#define ENGRAMFS_FS_SHARING_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#define SHARING_MAX 64
#define SHARING_SECONDS 10 /* the kernel looks the name up at once */

struct fs;
struct handle;

struct sharing {
	pthread_mutex_t lock;

	/* Who was sent to look a name up again. */
	struct {
		uint64_t file; /* st_ino; 0: nobody */
		pid_t pid;
		time_t until; /* CLOCK_MONOTONIC */
	} sent[SHARING_MAX];

	size_t next; /* the oldest, which makes room */
};

void sharing_init(struct sharing *sharing);
void sharing_release(struct sharing *sharing);

/* Process PID is told (ESTALE) to look the name of FILE (st_ino) up again. */
void sharing_send_back(struct sharing *sharing, uint64_t file, pid_t pid);
/* It was, and has not come back yet. */
bool sharing_is_sent(struct sharing *sharing, uint64_t file, pid_t pid);
/* The same, and this is when it is back, or when there is nothing to come back
 * to. */
bool sharing_came_back(struct sharing *sharing, uint64_t file, pid_t pid);

/* Attach the new open file HANDLE to the node ID; false: it was not, for it
 * should not share the node with those that are. */
bool sharing_attach(struct fs *fs, uint64_t id, struct handle *handle);

/* HANDLE, opened by PID, is about to be attached to the node that PATH leads
 * to: let that be a new one where it must. */
void sharing_make_room(struct fs *fs, const char *path, struct handle *handle,
                       pid_t pid);

#endif
