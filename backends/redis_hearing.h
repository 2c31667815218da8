/* SPDX-License-Identifier: MIT */
/*
 * redis_hearing.h - whether all that changed has been told
 *
 * The server writes to the connection of a watch before it answers whoever made
 * a change.  So where nothing waits in that connection, and nothing that came
 * from it is being told, the watch has told of every change so far.
 *
 * Threads:    redis_hearing_moment may be called by any; the others by the
 *             thread of the watch.
 */
#ifndef ENGRAMFS_BACKENDS_REDIS_HEARING_H
#define ENGRAMFS_BACKENDS_REDIS_HEARING_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct redis_hearing {
	pthread_mutex_t lock;
	int fd;              /* -1: not every change is heard of */
	uint64_t generation; /* of FD */
	atomic_bool telling;
};

void redis_hearing_init(struct redis_hearing *hearing);
void redis_hearing_release(struct redis_hearing *hearing);

/* From now on every change is heard of through FD; no more. */
void redis_hearing_begin(struct redis_hearing *hearing, int fd);
void redis_hearing_end(struct redis_hearing *hearing);

/* Called before something is read from FD; and with false once all of it was
 * told. */
void redis_hearing_telling(struct redis_hearing *hearing, bool telling);

/* As glimpse_ops->moment. */
uint64_t redis_hearing_moment(struct redis_hearing *hearing);

#endif
