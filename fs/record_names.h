/* SPDX-License-Identifier: MIT */
/*
 * record_names.h - the paths that the files of a record may have
 *
 * One for each row of node_suffixes; NULL where the collection has no such
 * file.  For collections whose records are files, not directories.
 *
 * Ownership:  record_names_release frees the paths.
 */
#ifndef ENGRAMFS_FS_RECORD_NAMES_H
#define ENGRAMFS_FS_RECORD_NAMES_H

#include "layout/node.h"

#define RECORD_NAMES 8

struct record_names {
	char *paths[RECORD_NAMES];
};

/* As many as there is memory for: what is not told is forgotten in time. */
void record_names_fill(const struct collection *collection, struct key key,
                       struct record_names *out);
void record_names_release(struct record_names *names);

/* The file of the name INDEX is in RECORD, of COLLECTION; then INFO is
 * filled. */
bool record_names_has(const struct collection *collection, size_t index,
                      const struct record *record, struct node_info *info);

#endif
