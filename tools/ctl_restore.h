/* SPDX-License-Identifier: MIT */
/*
 * ctl_restore.h - what the files of restore share
 *
 *   ctl_restore.c  a backup into a store
 *   ctl_place.c    its copies into their places, and aside what was there
 *   ctl_history.c  which backup and which changes make a point in time
 *   ctl_replay.c   the changes, for the next mount
 *
 * Errors:     0 or a negative errno value, after a line on standard error.
 */
#ifndef ENGRAMFS_TOOLS_CTL_RESTORE_H
#define ENGRAMFS_TOOLS_CTL_RESTORE_H

#include "backends/history.h"
#include "backends/maintenance.h"
#include "backends/manifest.h"

#include <limits.h>

#define RESTORE_WAITING ".restoring" /* behind the name of a copy */

/* A part of the history. */
struct segment {
	int64_t begin;
	int64_t end;
	char *directory; /* of the backup that has it; NULL: the store has */
	char *name;      /* in the directory of the history */
};

struct restore {
	const char *store;
	char backup[PATH_MAX];
	char aside[PATH_MAX]; /* made when something moves there */
	char owner[PATH_MAX]; /* of BACKUP, where that was chosen */
	struct manifest manifest;
	struct seal_key *key;
	struct parcel_form how;
	int lock;

	int64_t at; /* nanoseconds since 1970; 0: as the backup is */
	struct segment *segments; /* that lead from the backup to AT */
	size_t segment_count;
	size_t changes; /* that were found in them */
};

int restore_complain(const char *what, const char *why);
/* PATH with both parts; false where that is too long. */
bool restore_join(char path[PATH_MAX], const char *directory, const char *name,
                  const char *suffix);
/* Read the manifest in DIRECTORY.  -EINVAL, with WHY: it cannot be read, or
 * there is a key that it is not signed with. */
int restore_read_manifest(const struct restore *restore, const char *directory,
                          struct manifest *out, char why[WHY_SIZE]);
/* FILE of a backup is a part of the history. */
bool restore_is_segment(const struct manifest_file *file);

/* ---- ctl_history.c ---- */

/* "2026-11-20T17:01:02.5Z", or seconds since 1970. */
int restore_parse_time(const char *text, int64_t *out);
/* RESTORE->backup is a directory of backups: make it the last one that was
 * complete at AT. */
int restore_find_base(struct restore *restore);
/* Find and check the segments. */
int restore_find_segments(struct restore *restore);
void restore_release_segments(struct restore *restore);

/* ---- ctl_place.c ---- */

/* Rotated files of FILE move aside: records of those that the backup has not
 * would be seen again. */
int restore_move_rotated(struct restore *restore,
                         const struct manifest_file *file);
/* What was to be made by the next mount moves aside, and what leads from other
 * backups to a store that will be another; for a point in time, what waits for
 * a storage, too: it was accepted later than anything in the history. */
int restore_move_history(struct restore *restore);
/* The copy of FILE takes its place. */
int restore_place_file(struct restore *restore,
                       const struct manifest_file *file);
/* The changes that lead to a point in time, if any. */
int restore_place_history(struct restore *restore);

/* ---- ctl_replay.c ---- */

/* The file of SEGMENT in its backup becomes the file TO; NULL: only look. */
int restore_unpack_segment(struct restore *restore,
                           const struct segment *segment, const char *to);

/* The copies of the backup are in the store: add the changes. */
int restore_add_changes(struct restore *restore);
/* Remove what restore_add_changes has left. */
void restore_forget_changes(const struct restore *restore);

#endif
