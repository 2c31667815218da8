/* SPDX-License-Identifier: MIT */
/*
 * seal.h - the key of encrypted backups
 *
 * A key file is one line of text, `engramfs-key 1 <64 hex digits>`: 32 random
 * bytes from which a key for each purpose is derived.  Only its owner may be
 * able to read it.
 *
 * Errors:     0 or a negative errno value.
 * Ownership:  a key is freed by seal_key_free, which wipes it.
 * Threads:    a key is constant.
 */
#ifndef ENGRAMFS_BACKENDS_SEAL_H
#define ENGRAMFS_BACKENDS_SEAL_H

#include "backends/array.h"

#include <stdbool.h>
#include <stddef.h>

struct seal_key;

#define SEAL_ID_SIZE 17  /* 16 hex digits and the end */
#define SEAL_MAC_SIZE 65 /* 64 hex digits and the end */
#define SEAL_STREAM_KEY_SIZE 32

/* Make the file PATH, which must not exist, with a new key. */
int seal_key_make(const char *path);

/* -EINVAL: WHY has one line, which names PATH. */
int seal_key_load(const char *path, struct seal_key **out, char why[WHY_SIZE]);
/* Accepts NULL. */
void seal_key_free(struct seal_key *key);

/* Tells keys apart and tells nothing about them: 16 hex digits. */
const char *seal_key_id(const struct seal_key *key);

/* SEAL_STREAM_KEY_SIZE bytes, for parcel.h. */
const unsigned char *seal_stream_key(const struct seal_key *key);

/* What only who has KEY can say of BYTES, in hex. */
void seal_sign(const struct seal_key *key, const void *bytes, size_t size,
               char out[SEAL_MAC_SIZE]);
bool seal_check(const struct seal_key *key, const void *bytes, size_t size,
                const char *mac);

#endif
