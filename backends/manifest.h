/* SPDX-License-Identifier: MIT */
/*
 * manifest.h - manifest.json: what a backup is made of
 *
 * Of an encrypted backup it is readable, and signed with the key: the file
 * manifest.seal beside it has what seal_sign says of its bytes.
 *
 * Errors:     0 or a negative errno value; WHY has one line that names the
 *             file.
 * Ownership:  a manifest that was read is released by manifest_release.
 */
#ifndef ENGRAMFS_BACKENDS_MANIFEST_H
#define ENGRAMFS_BACKENDS_MANIFEST_H

#include "backends/parcel.h"
#include "backends/value.h"

#include <stdint.h>

/* NAME is that of a complete backup: <UTC time>, "20261120T170102Z". */
bool manifest_is_backup(const char *name);

#define MANIFEST_NAME "manifest.json"
#define MANIFEST_SEAL "manifest.seal"
#define MANIFEST_FORMAT 2
#define MANIFEST_METHOD "xchacha20poly1305"

struct manifest {
	struct value *dict;
	const char *name;  /* of the backup; borrowed, as what follows */
	const char *store; /* where it comes from */
	const struct value *files;     /* list of dicts; see manifest_file */
	const struct value *schedules; /* list of texts; may be NULL */
	const char *key;               /* seal_key_id; NULL: not encrypted */
	bool compressed;
	double begun;   /* seconds since 1970 */
	double created; /* when it was complete */
};

/* KEY may be NULL: the signature is not looked at then.  -EINVAL: there is no
 * manifest, or not a sound one, or KEY is another key. */
int manifest_read(const char *directory, const struct seal_key *key,
                  struct manifest *out, char why[WHY_SIZE]);
void manifest_release(struct manifest *manifest);

/* Write DICT to stable storage; sign it where KEY is not NULL. */
int manifest_write(const char *directory, const struct value *dict,
                   const struct seal_key *key);

struct manifest_file {
	const char *name;  /* in the backup */
	const char *place; /* absolute, or below the store */
	const char *xxh3;  /* of the file in the backup */
	uint64_t size;     /* of what is restored */
	uint64_t stored;   /* of the file in the backup */
	int64_t as_of;     /* backup_set_time (maintenance.h); 0: not said */
};

struct manifest_file manifest_file(const struct manifest *manifest, size_t i);
size_t manifest_count(const struct manifest *manifest);

/* Bytes of all files in the backup. */
uint64_t manifest_stored(const struct manifest *manifest);

/* Every file is in DIRECTORY, in its size. */
bool manifest_is_whole(const struct manifest *manifest, const char *directory);

/* Unpack FILE of DIRECTORY to the new file TO; NULL: only look.  KEY is needed
 * where it is encrypted, or the checksum is all that is looked at.  -EBADMSG:
 * it is not as the manifest says. */
int manifest_unpack(const struct manifest *manifest, const char *directory,
                    const struct manifest_file *file,
                    const struct parcel_form *how, const char *to);

#endif
