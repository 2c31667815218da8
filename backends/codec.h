/* SPDX-License-Identifier: MIT */
/*
 * codec.h - stored bytes to values and back
 *
 * A store holds bytes in one of these forms, told apart by their first bytes:
 * npy, pickle, JSON text, and any of them behind zstd or zlib.
 *
 * Errors:     as array.h; -ENOTSUP as pickle.h.
 */
#ifndef ENGRAMFS_BACKENDS_CODEC_H
#define ENGRAMFS_BACKENDS_CODEC_H

#include "backends/blob.h"
#include "backends/value.h"

/* The most that stored bytes may unpack to, in bytes. */
#define CODEC_MAX_UNPACKED ((size_t)4 << 30)

enum encoding {
	ENCODING_NPY, /* arrays: npy bytes; other data: JSON, arrays inline */
	ENCODING_PICKLE, /* pickle, protocol 4 */
};

enum packing {
	PACKING_NONE,
	PACKING_ZSTD,
	PACKING_ZLIB,
};

/* What the first bytes of stored bytes say. */
struct codec_form {
	enum encoding encoding; /* of what is inside; for packed bytes too */
	enum packing packing;
};

/* -EINVAL: none of the known forms.  Looks into the packing. */
int codec_sniff(const void *bytes, size_t size, struct codec_form *out);

/* Decode.  A lone array becomes a VALUE_ARRAY that owns its bytes. */
int codec_decode(const void *bytes, size_t size, struct value **out,
                 char why[WHY_SIZE]);

/*
 * What the array in stored bytes is, from as few of the bytes as possible: a
 * prefix of PREFIX bytes of the SIZE that are stored is at hand.  -EAGAIN:
 * more of the bytes are needed.  -ENODATA: the bytes are sound but hold
 * something other than a lone array.
 *
 * Pickles of protocols 0, 1 and 5 are needed whole, and all of 2 that Python 3
 * wrote.  From a prefix of zlib bytes, whose full size nobody knows, a tuple
 * of up to three items that starts with an array is taken for that array; from
 * all of the bytes the answer is exact.
 */
int codec_array_info(const void *bytes, size_t prefix, size_t size,
                     struct array_info *out, char why[WHY_SIZE]);

/*
 * Encode VALUE and pack what is longer than THRESHOLD bytes: zstd for npy,
 * zlib for pickle, as the Python classes do.  THRESHOLD SIZE_MAX: never pack.
 */
int codec_encode(const struct value *value, enum encoding encoding,
                 size_t threshold, struct blob *out);
int codec_encode_array(const struct array *array, enum encoding encoding,
                       size_t threshold, struct blob *out);

#endif
