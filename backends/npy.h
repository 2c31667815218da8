/* SPDX-License-Identifier: MIT */
/*
 * npy.h - the npy file format, versions 1.0, 2.0 and 3.0
 *
 * Pure: bytes in, bytes out.  Everything that numpy.save writes without
 * objects.  What a header claims is checked before anything is allocated.
 * Source: numpy.lib.format (NEP 1).
 *
 * Errors:     as array.h.  Object arrays, unknown versions, truncated files,
 *             trailing bytes and sizes past 2^63 are -EINVAL with a reason.
 */
#ifndef ENGRAMFS_BACKENDS_NPY_H
#define ENGRAMFS_BACKENDS_NPY_H

#include "backends/array.h"

/* A file that starts with these six bytes is meant to be npy. */
#define NPY_MAGIC "\x93NUMPY"
#define NPY_MAGIC_SIZE 6

/* numpy.save writes headers of any length; numpy.load wants to be asked with
 * max_header_size for more than 10000 bytes. */
#define NPY_MAX_HEADER ((size_t)1 << 20)

/*
 * Parse the header at the start of BYTES, of which SIZE are at hand (the
 * elements need not be).  OUT->header keeps the header's exact bytes when they
 * differ from what npy_header would make, and is empty otherwise.
 * HEADER_SIZE receives the offset of the elements.  -EAGAIN: the header is
 * longer than SIZE; nothing is wrong so far.
 */
int npy_parse_header(const void *bytes, size_t size, struct array_info *out,
                     size_t *header_size, char why[WHY_SIZE]);

/*
 * Parse a whole file.  OUT borrows its elements from BYTES, which must stay
 * until OUT is released.
 */
int npy_parse(const void *bytes, size_t size, struct array *out,
              char why[WHY_SIZE]);

/* Append the header of INFO: info->header if it has one, else numpy's. */
int npy_append_header(const struct array_info *info, struct blob *out);

/* Length of that header, and of header plus elements. */
int npy_header_size(const struct array_info *info, size_t *out);
int npy_file_size(const struct array_info *info, uint64_t *out);

/* Append header and elements. */
int npy_append(const struct array *array, struct blob *out);

#endif
