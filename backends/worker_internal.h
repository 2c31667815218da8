/* SPDX-License-Identifier: MIT */
/*
 * worker_internal.h - what the files of a store with a worker share
 *
 * Errors, ownership, threads: as backend.h.
 */
#ifndef ENGRAMFS_BACKENDS_WORKER_INTERNAL_H
#define ENGRAMFS_BACKENDS_WORKER_INTERNAL_H

#include "backends/maintenance.h"
#include "backends/settings.h"
#include "backends/worker.h"
#include "backends/worker_call.h"
#include "backends/worker_channel.h"
#include "backends/worker_process.h"

#include <pthread.h>
#include <sys/queue.h>

struct worker_reader;

/* A channel, idle or with its one user. */
struct worker_line {
	SLIST_ENTRY(worker_line) link;
	struct worker_channel channel;
	struct worker_life *life;
	struct worker_store *store; /* of one that is borrowed */
	int64_t since_ms;           /* when its call began */
	int64_t patience_ms;
	bool hurries; /* the worker lives on when the line is given up */
};

/* One worker, from its start to its end. */
struct worker_life {
	struct worker_process *process;
	uint64_t number;
	unsigned int uses; /* the store's, and one for each call */
	SLIST_HEAD(, worker_line) idle;
};

/* A call that has ended workers: a hash of what it is about. */
struct worker_bad {
	uint64_t what;
	int64_t until_ms;
};

#define WORKER_BAD 64

struct worker_store {
	struct store base;
	struct backend backend; /* the inner one's functions, handed on */
	struct maintenance_ops maintenance;
	const struct backend *inner;
	char *directory;
	struct settings settings;
	int program;

	pthread_mutex_t lock;
	pthread_cond_t settled;
	bool changing; /* a worker is being started or ended; SETTLED tells */
	struct worker_life *life;
	uint64_t lives;
	uint64_t ends;
	int64_t ended_ms[WORKER_ENDS - 1]; /* of those before, in turn */
	uint64_t ended;                    /* of these, in all */
	int64_t rest_ms;                   /* until then all calls are -EIO */
	struct worker_bad bad[WORKER_BAD];
	size_t bad_next;
	char why[WHY_SIZE];
	struct backend_status status; /* the last that was told */
	LIST_HEAD(, worker_reader) readers;
};

struct worker_store *worker_store(struct store *store);

/* worker_life.c: start a worker where there is none.  WHY as open of backend.h. */
int worker_start(struct worker_store *store, char why[WHY_SIZE]);
/* End it in peace. */
void worker_stop(struct worker_store *store);
/* A line for one call, to a worker that lives, as far as can be known.  -EPIPE: it
 * does not. */
int worker_take_line(struct worker_store *store, struct worker_line **out);
/* The call has ended.  BROKEN: nobody can use the line again. */
void worker_give_line(struct worker_store *store, struct worker_line *line,
                      bool broken);
/* LIFE is of no use any more, for the error RC of one of its channels.  When this
 * returns its process is gone. */
void worker_lose(struct worker_store *store, struct worker_life *life, int rc);

/* worker_make.c: make CALL, and return its result.  LIFE: the number of the
 * worker that made it.  -ECONNABORTED: it has ended, and CALL does not repeat. */
int worker_make(struct worker_store *store, struct worker_call *call,
                uint64_t *life);
/* The same; -EIO for -ECONNABORTED. */
int worker_do(struct worker_store *store, struct worker_call *call);
/* The same; after a call that returned 0 its LINE, and with it what is in the
 * slot, is the caller's until worker_give_back. */
int worker_borrow(struct worker_store *store, struct worker_call *call,
                  uint64_t *life, struct worker_line **line);
void worker_give_back(void *line);
/* CALL has ended one worker too many. */
void worker_blame(struct worker_store *store, const struct worker_call *call);

/* worker_exchange.c: the request, questions, the reply.  0: CALL->rc tells.
 * -ENOTCONN: the worker has not got it.  -EPIPE, -EPROTO, -ETIMEDOUT: it is not
 * known what has become of it. */
int worker_exchange(struct worker_channel *channel, struct worker_call *call);

/* worker_reader.c */
int worker_open_array(struct store *base, const struct collection *collection,
                      struct key key, const char *name, struct reader **out);
int worker_open_opaque(struct store *base, const struct collection *collection,
                       struct key key, struct reader **out);
/* The record is changed: readers of it are not opened again. */
void worker_readers_expire(struct worker_store *store,
                           const struct collection *collection, struct key key);

/* worker_proxy.c, worker_maintenance.c: fill STORE's tables with what the inner
 * backend has. */
void worker_fill_backend(struct worker_store *store);
void worker_fill_maintenance(struct worker_store *store);

#endif
