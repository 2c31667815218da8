/* SPDX-License-Identifier: MIT */
/*
 * codec_internal.h - what stored bytes are, for codec*.c alone
 */
#ifndef ENGRAMFS_BACKENDS_CODEC_INTERNAL_H
#define ENGRAMFS_BACKENDS_CODEC_INTERNAL_H

#include "backends/codec.h"

#define CODEC_UNKNOWN "codec: neither npy, nor pickle, nor JSON"
#define CODEC_DAMAGED "codec: damaged zstd or zlib bytes"

enum content {
	CONTENT_NPY,
	CONTENT_JSON,
	CONTENT_PICKLE,
};

/* How each packing is undone and done; PACKING_NONE has no functions. */
struct packer {
	int (*pack)(const void *bytes, size_t size, struct blob *out);
	int (*unpack)(const void *bytes, size_t size, size_t limit,
	              struct blob *out);
	int (*unpack_start)(const void *bytes, size_t size, size_t limit,
	                    struct blob *out, bool *ended);
	int (*unpacked_size)(const void *bytes, size_t size, size_t limit,
	                     size_t *out);
};

/* Indexed by enum packing. */
extern const struct packer codec_packers[];

enum packing codec_packing(const void *bytes, size_t size);

/* What unpacked bytes are, by the first of them.  -EAGAIN: nothing but white
 * space so far. */
int codec_content(const void *bytes, size_t size, enum content *out);

/* White space of JSON. */
static inline bool codec_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Fill WHY, return -EINVAL. */
int codec_invalid(char why[WHY_SIZE], const char *what);

#endif
