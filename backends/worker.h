/* SPDX-License-Identifier: MIT */
/*
 * worker.h - a backend in a process of its own
 *
 * libhdf5 was not written for files that somebody has damaged: some make it
 * crash, on some it runs for ever.  So the daemon never calls it.  A store that
 * worker_open has opened is a backend like any other; each call of it goes to a
 * worker, a process that has opened the real store, and comes back from there.
 *
 * The worker may end at any time.  Calls under way are then -EIO, or are made
 * once more where they only read; a new worker starts with the next call.  What
 * was acknowledged is there: the backend sees to that, as it does when the whole
 * daemon is killed.  A worker that answers nothing, or nonsense, or that computes
 * without an end, is killed.
 *
 * A call that has ended two workers, or has computed without an end, is -EIO for
 * WORKER_REST_S, and the others go on.  After WORKER_ENDS ends within that time
 * (one that computed counts for three), or where the store cannot be opened
 * (-EIO), all calls are -EIO for as long; then it is tried again.
 *
 * Not handed on: access, query, relations, watch.  A backend whose cursors have
 * a state cannot be used.
 *
 * Errors, ownership, threads: as backend.h.  Readers outlive the worker: they
 * are opened again; -ESTALE where their record was changed since.
 */
#ifndef ENGRAMFS_BACKENDS_WORKER_H
#define ENGRAMFS_BACKENDS_WORKER_H

#include "backends/backend.h"

#define WORKER_ENDS 8

/* Seconds without a sign of life, or of computing without progress, after which
 * a worker is given up.  The environment's ENGRAMFS_WORKER_PATIENCE says
 * otherwise, for those who look into one with a debugger. */
#define WORKER_PATIENCE_S 10
/* Three times that. */
#define WORKER_REST_S 30

/* As INNER->open: open that store, in a worker. */
int worker_open(const struct backend *inner, const char *directory,
                const struct settings *settings, struct store **out,
                char why[WHY_SIZE]);

/* Where the program is that a worker runs: beside the running program, or where
 * the build installs it.  The caller's to free; NULL: nowhere. */
char *worker_path(void);

/* For status.json.  PID 0: there is none now. */
struct worker_figures {
	pid_t pid;
	uint64_t ends; /* of workers that were not asked to */
};

/* False: STORE has no worker. */
bool worker_describe(struct store *store, struct worker_figures *out);

/* The descriptor over which it hears from its daemon. */
#define WORKER_SOCKET 3

/* What a worker does: main of engramfs-worker.  Returns an exit status. */
int worker_serve(void);

#endif
