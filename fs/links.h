/* SPDX-License-Identifier: MIT */
/*
 * links.h - making and removing the files of relationships (layout/link.h)
 *
 * A relationship has two files, and is there as soon as one of them is made.
 * A program that copies a directory makes both, each as a new one, and must not
 * find the second there already.  Whoever is seen to copy is noted as the maker
 * (maker.h) of the other file:
 *
 *   the JSON file, made with O_EXCL           the link is missing to its maker
 *   the times of a link are set, or a copier  the JSON file is
 *   (copier.h) made it
 *   a plain file under a link's name is       the link is (tar makes its links
 *   removed                                   at the end, in such places)
 *   the JSON file is removed                  the JSON file is (the link has
 *                                             one again at once)
 *
 * A process that removes a link and makes it again within LINKS_SECONDS has
 * replaced it: the relationship is what it was.  cp -a replaces links so.
 *
 * Errors:     int functions return 0 or a negative errno value.
 * Threads:    any.
 */
#ifndef ENGRAMFS_FS_LINKS_H
#define ENGRAMFS_FS_LINKS_H

#include "backends/relation.h"

#include <pthread.h>
#include <sys/types.h>
#include <time.h>

struct found;
struct fs;
struct node;

#define LINKS_MAX 16
#define LINKS_SECONDS 10

/* What was removed lately. */
struct links {
	pthread_mutex_t lock;

	struct {
		char *path; /* of the link; NULL: none */
		pid_t pid;
		time_t until; /* CLOCK_MONOTONIC */
		struct relation_change what;
	} removed[LINKS_MAX];

	size_t next; /* the oldest, which makes room */
};

void links_init(struct links *links);
void links_release(struct links *links);

/* symlink(2) under the name of NODE, which link_owns, by process PID;
 * EXISTS: there is one. */
int links_make(struct fs *fs, const struct node *node, const char *target,
               pid_t pid, bool exists);

/* unlink(2) of FOUND, a NODE_LINK that exists. */
int links_unlink(struct fs *fs, const struct found *found, pid_t pid);

/* PID has removed the JSON file of NODE. */
void links_note_reset(struct fs *fs, const struct node *node, pid_t pid);

/* PID sets the times of the file of NODE, a NODE_LINK or NODE_LINK_FIELDS; or
 * makes it with O_EXCL. */
void links_note_maker(struct fs *fs, const struct node *node, pid_t pid);

#endif
