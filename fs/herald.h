/* SPDX-License-Identifier: MIT */
/*
 * herald.h - tells watchers of directories what vanished
 *
 * The names of records that expire are remembered: those that were looked up or
 * listed, those of records that change, and those that are there when watching
 * (changes.h) begins; EXPIRY_MAX in all.  When a record expires, or another
 * client has removed it, a process of ours (herald_process.h) unlinks its
 * names: the kernel forgets them and tells its watchers (inotify).  The
 * requests which that makes are answered as if the file were there; nothing is
 * changed by them.
 *
 * It cannot deadlock:
 *   - a thread of its own waits for the process; nobody waits for that thread,
 *     and it holds no lock while it waits;
 *   - the process makes one request at a time, and so takes one worker at the
 *     most; with a single worker that one serves it;
 *   - to answer, a worker waits for nothing but the backend;
 *   - the queue is bounded: what does not fit in is not told, and the kernel
 *     forgets it by itself;
 *   - at the end the connection is closed before anybody waits for the process,
 *     and so ends its request.
 *
 * A name that the mount's own user removes or renames meanwhile is not told
 * again: the kernel holds the directory's lock during either, and what was
 * dropped (herald_drop) under it is not there any more for the other.
 *
 * Threads:    any.
 */
#ifndef ENGRAMFS_FS_HERALD_H
#define ENGRAMFS_FS_HERALD_H

#include "backends/backend.h"
#include "fs/expiry.h"
#include "fs/herald_process.h"

#include <pthread.h>
#include <stdbool.h>

struct fs;
struct herald_job;

#define HERALD_QUEUE 4096

struct herald {
	struct fs *fs;
	struct herald_process process;
	pthread_t thread;
	bool running;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop;
	bool mute; /* the process does not answer */
	struct expiry expiry;
	struct herald_job *first;
	struct herald_job *last;
	size_t queued;
	struct herald_job *current; /* that is being done, or NULL */
	const char *removed; /* the name of it that is being removed, or NULL */
};

/* Start the thread; a negative errno value.  PROCESS may be all-zero: then
 * nobody is told. */
int herald_start(struct herald *herald, struct fs *fs);

/* The connection to the kernel is closed.  Accepts one that was never
 * started. */
void herald_stop(struct herald *herald);

/* There is a file PATH, whose record expires at EXPIRES_MS (0: never).  False:
 * there is no room for it. */
bool herald_note(struct herald *herald, const char *path, int64_t expires_ms);

/* Look whether PATH, which the kernel knows, is still there. */
void herald_check(struct herald *herald, const char *path);

/* The record has come, has changed or is gone: look what it is now.  To be
 * called before the kernel is made to forget its names. */
void herald_check_record(struct herald *herald,
                         const struct collection *collection, struct key key);

/* PATH was removed or renamed by a request: its watchers know. */
void herald_drop(struct herald *herald, const char *path);

/* PID is our process. */
bool herald_is(const struct herald *herald, pid_t pid);

/* Our process is to remove PATH, of which there is nothing any more. */
bool herald_removes(struct herald *herald, const char *path);

#endif
