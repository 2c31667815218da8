/* SPDX-License-Identifier: MIT */
/*
 * absent.h - names that were just looked up in vain
 *
 * open(2) with O_CREAT looks a new name up and then creates it: the answer to
 * the first request is good for the second, which comes from the same thread
 * with nothing in between.
 *
 * Threads:    any.
 */
#ifndef ENGRAMFS_FS_ABSENT_H
#define ENGRAMFS_FS_ABSENT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#define ABSENT_NAMES 64 /* threads share the places, by their numbers */

struct absent {
	pthread_mutex_t lock;

	struct absent_name {
		uint64_t number; /* inode_number of the path */
		uint64_t stamp;
		pid_t thread; /* 0: none */
		time_t until; /* CLOCK_MONOTONIC */
	} names[ABSENT_NAMES];
};

void absent_init(struct absent *absent);
void absent_release(struct absent *absent);

/* THREAD looked PATH up, and there was nothing; STAMP is from before that
 * (inodes_stamp). */
void absent_note(struct absent *absent, const char *path, pid_t thread,
                 uint64_t stamp);

/* That was the last that THREAD looked up in vain, and STAMP is still the same.
 * True once. */
bool absent_take(struct absent *absent, const char *path, pid_t thread,
                 uint64_t stamp);

#endif
