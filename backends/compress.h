/* SPDX-License-Identifier: MIT */
/*
 * compress.h - zstd and zlib, all at once or the start only
 *
 * Packed bytes may unpack to anything, so memory follows what really comes out
 * and never what they claim.
 *
 * Errors:     int functions return 0 or a negative errno value; on error the
 *             blob is as it was.  -EINVAL: damaged, truncated, or more bytes
 *             behind the end.  -EFBIG: more than LIMIT comes out.
 * Threads:    no shared state.
 */
#ifndef ENGRAMFS_BACKENDS_COMPRESS_H
#define ENGRAMFS_BACKENDS_COMPRESS_H

#include "backends/blob.h"

#include <stdbool.h>
#include <stddef.h>

/* zlib level 6 (what Python's zlib.compress writes); zstd level 3, with a
 * checksum. */
int compress_zlib(const void *bytes, size_t size, struct blob *out);
int compress_zstd(const void *bytes, size_t size, struct blob *out);

/* Append what BYTES, a whole stream, unpack to. */
int decompress_zlib(const void *bytes, size_t size, size_t limit,
                    struct blob *out);
int decompress_zstd(const void *bytes, size_t size, size_t limit,
                    struct blob *out);

/* How many bytes that would be, without keeping them. */
int decompress_zlib_size(const void *bytes, size_t size, size_t limit,
                         size_t *out);
int decompress_zstd_size(const void *bytes, size_t size, size_t limit,
                         size_t *out);

/*
 * Append up to LIMIT bytes of what the start of a stream, of which SIZE bytes
 * are at hand, unpacks to.  ENDED says whether that was all of it.
 */
int decompress_zlib_start(const void *bytes, size_t size, size_t limit,
                          struct blob *out, bool *ended);
int decompress_zstd_start(const void *bytes, size_t size, size_t limit,
                          struct blob *out, bool *ended);

#endif
