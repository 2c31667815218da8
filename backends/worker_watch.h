/* SPDX-License-Identifier: MIT */
/*
 * worker_watch.h - a worker looks after itself
 *
 * While calls are under way a thread writes an empty line to standard error
 * every second, which tells the daemon that the process lives, and looks at what
 * each call has computed.  A call that computes longer than it may, or a process
 * that does so without finishing a call and without reading or writing a file,
 * has met a file on which the library never ends: the process ends then, with
 * WORKER_ENDLESS.  GIVE_UP of the guilty call is called before, if it is known.
 *
 * A call may compute for PATIENCE seconds, and another one for each mebibyte
 * that it has to store; each step of long work (maintenance.h) begins anew.
 *
 * Threads:    any thread may call; a call is watched by its own thread.
 */
#ifndef ENGRAMFS_BACKENDS_WORKER_WATCH_H
#define ENGRAMFS_BACKENDS_WORKER_WATCH_H

#include <stdint.h>
#include <sys/queue.h>
#include <time.h>

/* Exit status. */
#define WORKER_ENDLESS 113

struct worker_watch;

/* One call. */
struct worker_watched {
	LIST_ENTRY(worker_watched) link;
	void (*give_up)(void *arg);
	void *arg;
	clockid_t clock; /* of its thread */
	int64_t since_ms;
	int64_t limit_ms;
};

/* What the environment says, or WORKER_PATIENCE_S. */
int worker_patience_s(void);
int worker_rest_s(void);

/* The watch lives as long as the process. */
int worker_watch_new(struct worker_watch **out);
/* Begin to watch: a thread. */
int worker_watch_start(struct worker_watch *watch);

/* BYTES: what it has to store. */
void worker_watch_begin(struct worker_watch *watch,
                        struct worker_watched *watched, uint64_t bytes);
void worker_watch_renew(struct worker_watch *watch,
                        struct worker_watched *watched);
void worker_watch_end(struct worker_watch *watch,
                      struct worker_watched *watched);

#endif
