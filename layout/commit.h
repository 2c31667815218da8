/* SPDX-License-Identifier: MIT */
/*
 * commit.h - changing records through their files
 *
 * Errors:     int functions return 0 or a negative errno value; -EINVAL fills
 *             WHY with what was wrong and where.
 * Threads:    calls may overlap.
 */
#ifndef ENGRAMFS_LAYOUT_COMMIT_H
#define ENGRAMFS_LAYOUT_COMMIT_H

#include "layout/node.h"

#include <time.h>

struct packed;

/* The file of a part of a record. */
struct part {
	const void *bytes;
	size_t size;
	struct timespec mtime;       /* tv_nsec may be UTIME_NOW */
	const struct packed *packed; /* of an array: NULL, or its chunks */
	int fd; /* of the file that BYTES are mapped from; 0 or less: none */
};

/*
 * Parse, check and store PART as the part of a record that NODE names.  A
 * named copy becomes a record, its name a symlink, and NODE the record's.
 */
int commit_part(struct tree *tree, struct node *node, const struct part *part,
                char why[WHY_SIZE]);

/* BYTES are the beginning of a part whose rest is to follow, as programs leave
 * it that reserve a file before they fill it: nothing at all, or an npy header
 * alone. */
bool commit_is_begun(const struct node *node, const void *bytes, size_t size);

int commit_remove(struct tree *tree, const struct node *node);

/* Set the kept mtime of a part. */
int commit_touch(struct tree *tree, const struct node *node,
                 struct timespec mtime);

/* Set when the record of NODE expires: absolute milliseconds. */
int commit_expiry(struct tree *tree, const struct node *node,
                  int64_t expires_ms, char why[WHY_SIZE]);

/* A record without arrays for the directory NODE. */
int commit_mkdir(struct tree *tree, const struct node *node,
                 char why[WHY_SIZE]);
/* -ENOTEMPTY while a part is left. */
int commit_rmdir(struct tree *tree, const struct node *node);

/* The directory that NODE is in stays when NODE goes, the last in it.  NODE has
 * gone: that the directory went too is no more than noted. */
void commit_keep_directory(struct tree *tree, const struct node *node);

/* Give FROM's record the key of TO, in the same collection. */
int commit_rename(struct tree *tree, const struct node *from,
                  const struct node *to, enum rename_mode mode);

#endif
