/* SPDX-License-Identifier: MIT */
/*
 * rename.h - one RENAME request, and the cases in which bytes move
 *
 * Errors:     0 or a negative errno value.
 */
#ifndef ENGRAMFS_FS_RENAME_H
#define ENGRAMFS_FS_RENAME_H

#include "fs/fs.h"

struct rename {
	struct fs *fs;
	const char *from_path;
	const char *to_path;
	struct found from;
	struct found to; /* info only where TO_EXISTS */
	bool to_exists;
	unsigned int flags;
};

/* The bytes of a record's file move to a scratch file; the record loses that
 * part. */
int rename_record_to_scratch(struct rename *rename);

/* The bytes of a scratch file become the part that the new name means. */
int rename_scratch_to_record(struct rename *rename);

/* Either end is a file of a relationship, or where one would be. */
int rename_link(struct rename *rename);

/* One array of a record takes another's name. */
int rename_array_to_array(struct rename *rename);

#endif
