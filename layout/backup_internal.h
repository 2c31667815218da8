/* SPDX-License-Identifier: MIT */
/*
 * backup_internal.h - what the files that make a backup share
 *
 *   backup.c        from its begin to its end
 *   backup_place.c  its directory, and removing one
 *   backup_pack.c   its files, as they are or packed
 *   backup_history.c  the changes since the one before
 */
#ifndef ENGRAMFS_LAYOUT_BACKUP_INTERNAL_H
#define ENGRAMFS_LAYOUT_BACKUP_INTERNAL_H

#include "layout/backup.h"
#include "layout/backups.h"

#define BACKUP_PART ".part" /* behind the name of one that is being made */

/* A directory NAME.part.  Its lock says that it is being worked on. */
struct backup_part {
	struct blob path; /* with BACKUP_PART */
	int fd;           /* locked; -1: there is none */
};

/* A backup that is being made. */
struct making {
	struct job *job;
	const struct tree *tree;
	unsigned int schedules; /* that want it */
	double begun;
	int64_t history; /* begin of the segment that follows; 0: none */
	char name[BACKUP_NAME_SIZE];
	struct backup_part place;
	struct backup_part stage; /* where backends write, if elsewhere */
	struct parcel_form packing;
	struct value *files;  /* list of dicts */
	size_t packed;        /* of them */
	struct value *counts; /* dict of the backends' figures */
};

/* Make the directories, for a name of its own: the oldest backups are found by
 * their names. */
int backup_place_make(struct making *making);
/* Give it its name: from now on it is there. */
int backup_place_finish(struct making *making);
/* Forget the directories; those that were not finished go with their files. */
void backup_place_end(struct making *making);

/* Remove DIRECTORY/NAME.  A crash leaves it whole, or as a part. */
void backup_place_remove(const char *directory, const char *name);

/* Where backends write. */
const struct backup_part *backup_stage(const struct making *making);

/* What changes from now on goes to a segment of its own (history.h). */
int backup_history_begin(struct making *making);
/* Take the complete segments along; they are there, packed. */
int backup_history_copy(struct making *making);
/* The backup is there, and has them. */
void backup_history_forget(const struct making *making);

/* Pack and describe the files that came since the last call. */
int backup_pack_files(struct making *making, const struct work *work);

#endif
