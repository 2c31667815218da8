/* SPDX-License-Identifier: MIT */
/*
 * moved.h - the other file of a record that was just renamed
 *
 * Renaming one file of a pair renames the record, and so both files: after
 * `mv a.npy b.npy` there is no a.json.  Programs that rename both, one after
 * the other, must not fail at the second.  For a minute the old name of the
 * other file still leads to it; it is not listed.
 *
 * Threads:    any.
 */
#ifndef ENGRAMFS_FS_MOVED_H
#define ENGRAMFS_FS_MOVED_H

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

#define MOVED_MAX 64
#define MOVED_SECONDS 60

struct moved {
	pthread_mutex_t lock;

	struct {
		char *from;
		char *to;
		time_t until; /* CLOCK_MONOTONIC */
	} names[MOVED_MAX];

	size_t next; /* the oldest, which makes room */
};

void moved_init(struct moved *moved);
void moved_release(struct moved *moved);

/* FROM leads to TO.  With too little memory it does not. */
void moved_add(struct moved *moved, const char *from, const char *to);

/* Where PATH leads, which the caller frees, or NULL. */
char *moved_find(struct moved *moved, const char *path);

/* PATH leads nowhere any more. */
void moved_drop(struct moved *moved, const char *path);

#endif
