/* SPDX-License-Identifier: MIT */
/*
 * worker_process.h - one worker, as its daemon sees it
 *
 * The program engramfs-worker runs with a socket as its descriptor
 * WORKER_SOCKET, over which it gets channels; when that is closed it ends.  What
 * it writes to standard error goes through a pipe to a thread of ours, which
 * repeats it in our log and waits for its end.  Nothing else of ours reaches it:
 * no descriptor, no password, no terminal.
 *
 * Errors:     0 or a negative errno value.
 * Threads:    any thread may call.
 */
#ifndef ENGRAMFS_BACKENDS_WORKER_PROCESS_H
#define ENGRAMFS_BACKENDS_WORKER_PROCESS_H

#include "backends/backend.h"
#include "backends/worker.h"
#include "backends/worker_channel.h"

#include <sys/types.h>

#define WORKER_FILES 5 /* descriptors that it begins with; the last: itself */

struct worker_process;

/* The program, to be started any number of times: a descriptor, so that it is
 * the same one when others install a new one. */
int worker_program(int *out, char why[WHY_SIZE]);

/* Run the descriptor GIVEN[4] with descriptors: each GIVEN has its index there,
 * and is above all of these here. */
int worker_spawn(const int given[WORKER_FILES], const char *name,
                 const char *directory, pid_t *out);

/* Start PROGRAM for the backend NAME, which lives longer, of the store in
 * DIRECTORY: it has both as arguments, for those who look at processes. */
int worker_process_start(int program, const char *name, const char *directory,
                         struct worker_process **out);

/* It is done: it ends by itself.  Waits. */
void worker_process_end(struct worker_process *process);
/* End it now, for the reason WHY, which is logged.  Without WHY: it has ended,
 * or has closed its end of a channel.  Waits until it is gone, and with it its
 * locks. */
void worker_process_kill(struct worker_process *process, const char *why);
/* Forget a process that has ended.  Accepts NULL. */
void worker_process_free(struct worker_process *process);

bool worker_process_has_ended(struct worker_process *process);
/* It has ended because a call would not. */
bool worker_process_was_endless(struct worker_process *process);
pid_t worker_process_pid(const struct worker_process *process);

/* A new channel to it.  -EPIPE: it has ended.  -ETIMEDOUT: it has not taken the
 * last ones, as many as there can be. */
int worker_process_connect(struct worker_process *process,
                           struct worker_channel *out);

/* Milliseconds since it last gave a sign of life; of the monotonic clock. */
int64_t worker_process_silence_ms(const struct worker_process *process);
int64_t worker_now_ms(void);

#endif
