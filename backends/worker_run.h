/* SPDX-License-Identifier: MIT */
/*
 * worker_run.h - the calls of a daemon, made in its worker
 *
 * Threads:    calls on one server may overlap.
 */
#ifndef ENGRAMFS_BACKENDS_WORKER_RUN_H
#define ENGRAMFS_BACKENDS_WORKER_RUN_H

#include "backends/worker_call.h"
#include "backends/worker_channel.h"
#include "backends/worker_watch.h"

#include <pthread.h>

/* What the opening call says: the two were built together. */
#define WORKER_PROTOCOL 1

struct worker_server {
	struct worker_watch *watch;
	struct worker_collections *known;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t ended;
	struct store *store; /* NULL: not yet open, or closed */
	int sessions;        /* threads that serve a channel */
};

/* One call. */
struct worker_running {
	struct worker_server *server;
	struct worker_channel *channel;
	struct store *store; /* NULL while it is opened */
	enum worker_operation operation;
	struct worker_watched watched;
	int broken; /* the daemon is gone, or makes no sense */
};

/* Make CALL, and put what it returns into CALL->rc. */
void worker_run(struct worker_running *running, struct worker_call *call);

/* One operation; its result. */
typedef int64_t worker_run_fn(struct worker_running *running,
                              struct worker_call *call);

/* worker_upkeep.c: those of maintenance.h; NULL for the others. */
extern worker_run_fn *const worker_upkeep[WORKER_OPERATIONS];

/* worker_serve.c */
int worker_send_reply(struct worker_channel *channel, struct worker_call *call);

/* worker_serve.c: a file that makes the library allocate ends the worker, not
 * the machine.  CACHE: what it may have for chunks. */
void worker_limit_memory(uint64_t cache);

/* As step of a struct work, whose ARG is the struct worker_running. */
int worker_ask_step(void *arg, double progress);

#endif
