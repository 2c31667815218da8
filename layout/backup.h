/* SPDX-License-Identifier: MIT */
/*
 * backup.h - copies of everything that is stored: jobs
 *
 * A backup is a directory with files and manifest.json (manifest.h).  It gets
 * its name when it is complete: <UTC time>, in STORE/backups or where
 * backup.directory says.
 *
 * Errors:     int functions return 0 or a negative errno value.
 * Threads:    run by the jobs' thread, but for backup_restore.
 */
#ifndef ENGRAMFS_LAYOUT_BACKUP_H
#define ENGRAMFS_LAYOUT_BACKUP_H

#include "layout/jobs.h"
#include "layout/node.h"

/* A user's. */
int backup_run(struct job *job, struct tree *tree,
               const struct value *arguments);

/* One for all schedules that are due. */
int backup_run_scheduled(struct job *job, struct tree *tree,
                         const struct value *arguments);
/* Seconds until that is due; 0: now; -1: never. */
int64_t backup_wait(struct tree *tree);

/* Add a text to PROBLEMS for each file of a backup that is not as its manifest
 * says, or cannot be unpacked.  COUNT: backups looked at. */
int backup_verify(const struct tree *tree, const struct work *work,
                  struct value *problems, uint64_t *count);

/* Take in what `engramctl restore` has left for backends, before anybody asks
 * for records.  What cannot be taken in waits for the next mount. */
int backup_restore(const struct tree *tree);

#endif
