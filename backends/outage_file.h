/* SPDX-License-Identifier: MIT */
/*
 * outage_file.h - one change as a file
 *
 *   engramfs-change 1 <bytes of JSON> <bytes of npy> <XXH3 of both, in hex>\n
 *   a JSON object that ends in a newline: what is changed, and the new fields
 *   the npy file of the new array, if there is one
 *
 * A file is written under another name, synced and renamed: it is whole, or it
 * is not there.
 *
 * Errors:     0 or a negative errno value.  -EBADMSG: not such a file, or a
 *             damaged one.
 * Ownership:  an entry that was decoded owns what its change points to.
 */
#ifndef ENGRAMFS_BACKENDS_OUTAGE_FILE_H
#define ENGRAMFS_BACKENDS_OUTAGE_FILE_H

#include "backends/backend.h"

enum outage_operation {
	OUTAGE_PUT,
	OUTAGE_REMOVE,
	OUTAGE_RENAME,
};

struct outage_entry {
	enum outage_operation operation;
	const struct collection *collection;
	struct key key;
	struct key to;         /* RENAME */
	enum rename_mode mode; /* RENAME */
	struct timespec accepted;
	bool known;           /* the overlay has what there was before */
	struct change change; /* PUT; times and expiry absolute, or KEEP */

	/* What key, to and change point to, where it was decoded. */
	struct blob key_bytes;
	struct blob to_bytes;
	struct blob array_name;
	struct value *fields;
	struct array array;
};

void outage_entry_release(struct outage_entry *entry);

int outage_entry_encode(const struct outage_entry *entry, struct blob *out);

/* BYTES are borrowed by the entry's array.  ROWS as in outage_options. */
int outage_entry_decode(const struct blob *bytes, const struct collection *rows,
                        struct outage_entry *out);

/* Two rows are of the same collection of one backend. */
bool outage_same_collection(const struct collection *a,
                            const struct collection *b);

/* File NUMBER of the directory FD.  On an error it is not there.  -EEXIST: there
 * is one. */
int outage_file_write(int fd, uint64_t number, const struct blob *bytes);
int outage_file_read(int fd, uint64_t number, struct blob *out);
int outage_file_remove(int fd, uint64_t number);
/* Put a damaged file aside. */
int outage_file_set_aside(int fd, uint64_t number);

/* The numbers of the files there are, ascending; freed by the caller.  What a
 * crash left half written goes. */
int outage_file_list(int fd, uint64_t **out, size_t *count);

#endif
