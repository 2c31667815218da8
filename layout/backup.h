/* SPDX-License-Identifier: MIT */
/*
 * backup.h - STORE/backups/<UTC time>/: copies of everything that is stored
 *
 * A backup is a directory with files and manifest.json, which names for each
 * of them where it belongs, its size and its XXH3.  One without a manifest was
 * never completed.
 *
 * Errors:     int functions return 0 or a negative errno value.
 * Threads:    run by the jobs' thread, but for backup_restore.
 */
#ifndef ENGRAMFS_LAYOUT_BACKUP_H
#define ENGRAMFS_LAYOUT_BACKUP_H

#include "layout/jobs.h"
#include "layout/node.h"

#include <dirent.h>

int backup_run(struct job *job, struct tree *tree,
               const struct value *arguments);

/* The complete backups, oldest first: their number, and NAMES, which the caller
 * frees with its items.  PARENT: the path of their directory. */
int backup_list(const struct tree *tree, struct blob *parent,
                struct dirent ***names);

/* Add a text to PROBLEMS for each file of a backup that is not as its manifest
 * says.  COUNT: backups looked at. */
int backup_verify(const struct tree *tree, const struct work *work,
                  struct value *problems, uint64_t *count);

/* Take in what `engramctl restore` has left for backends, before anybody asks
 * for records.  What cannot be taken in waits for the next mount. */
int backup_restore(const struct tree *tree);

#endif
