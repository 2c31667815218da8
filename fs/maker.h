/* SPDX-License-Identifier: MIT */
/*
 * maker.h - processes that make the files of a record one by one
 *
 * A new record's JSON file is there as soon as its first array is.  A program
 * that copies a directory has decided before that all its files are new, makes
 * each with O_EXCL, and would fail at the JSON file.  To the process that made
 * an array of a new record with O_EXCL, the record's JSON file is therefore
 * missing until it has made that, too, or for a minute (numbers of processes
 * come again).
 *
 * Threads:    any.
 */
#ifndef ENGRAMFS_FS_MAKER_H
#define ENGRAMFS_FS_MAKER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

struct fs;
struct node;

#define MAKERS_MAX 1024
#define MAKERS_SECONDS 60

struct makers {
	pthread_mutex_t lock;

	struct {
		char *path; /* of the file that is missing to PID */
		pid_t pid;
		time_t until; /* CLOCK_MONOTONIC */
	} notes[MAKERS_MAX];

	size_t next; /* the oldest, which makes room */
};

void makers_init(struct makers *makers);
void makers_release(struct makers *makers);

/* PID makes a record whose JSON file is PATH (or, of a relationship, whose
 * other file is: links.h).  With too little memory it is not noted. */
void makers_add(struct makers *makers, const char *path, pid_t pid);

/* PID makes the array NODE with O_EXCL: if its record has no JSON file yet,
 * that is noted. */
void makers_note_array(struct fs *fs, const struct node *node, pid_t pid);

/* PID is making a record and PATH is its JSON file. */
bool makers_has(struct makers *makers, const char *path, pid_t pid);

/* PATH was made, by whom ever. */
void makers_drop(struct makers *makers, const char *path);

#endif
