/* SPDX-License-Identifier: MIT */
/*
 * parcel.h - a file of a backup: compressed, encrypted, both, or as it is
 *
 * The bytes are compressed (one zstd frame with its checksum, which the
 * program zstd unpacks), then encrypted:
 *
 *   engramfs-sealed 1\n
 *   24 bytes: the header of a secretstream (xchacha20poly1305, libsodium)
 *   chunks of 65536 bytes, each with 17 bytes of tag and authentication; the
 *   last one, which may be shorter, says that it is the last
 *
 * Each chunk is authenticated together with its place in the stream and with
 * the label: what was changed, cut, moved, or taken from another file is seen.
 * Memory used does not grow with the file.
 *
 * Errors:     0 or a negative errno value.  -EBADMSG: the file is damaged, or
 *             the key or the label is another.
 */
#ifndef ENGRAMFS_BACKENDS_PARCEL_H
#define ENGRAMFS_BACKENDS_PARCEL_H

#include "backends/file.h"
#include "backends/seal.h"

#define PARCEL_CHUNK ((size_t)65536)

struct parcel_form {
	bool compressed;
	const struct seal_key *key; /* NULL: not encrypted */
	const char *label;          /* of encrypted files */
	file_step_fn *step;         /* may be NULL */
	void *arg;
};

struct parcel {
	uint64_t size;                 /* of the bytes as they are */
	uint64_t stored;               /* of the packed file */
	char xxh3[FILE_CHECKSUM_SIZE]; /* of the packed file */
};

/* What the name of such a file ends with: "", ".zst", ".sealed" or
 * ".zst.sealed". */
const char *parcel_suffix(const struct parcel_form *packing);

/* Make the file TO, which must not exist, from FROM, on stable storage. */
int parcel_write(const char *from, const char *to,
                 const struct parcel_form *packing, struct parcel *out);

/* The other way round.  TO may be NULL: it is only looked whether that can be
 * done.  -EBADMSG, too, where there are more than LIMIT bytes. */
int parcel_read(const char *from, const char *to,
                const struct parcel_form *packing, uint64_t limit,
                struct parcel *out);

#endif
