/* SPDX-License-Identifier: MIT */
/*
 * backup_internal.h - what the files that make a backup share
 *
 *   backup.c        from its begin to its end
 *   backup_place.c  its directory, and removing one
 *   backup_pack.c   its files, as they are or packed
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

/* Pack and describe the files that came since the last call. */
int backup_pack_files(struct making *making, const struct work *work);

#endif
