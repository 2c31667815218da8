/* SPDX-License-Identifier: MIT */
/*
 * pickle.h - Python pickles as data, and nothing but data
 *
 * The reader is a decoder for protocols 0 to 5 that builds values and can do
 * nothing else: no import, no call, no object of a class.  The only globals it
 * knows are the few names that numpy's own pickles use for ndarray, scalar and
 * dtype (numpy 1 and 2 module paths, numpy.core and numpy._core) and
 * _codecs.encode for the bytes of protocols 0 to 2; they are recognised as
 * names and answered by code here.  numpy scalars become plain numbers where
 * they fit, 0-d arrays otherwise.
 * Source: CPython Lib/pickletools.py, numpy.core.multiarray._reconstruct.
 *
 * Errors:     as array.h.  -EINVAL: not a pickle, truncated, too deep, or it
 *             claims sizes that its bytes cannot hold.  -ENOTSUP: a sound
 *             pickle of something that is not data (another class); WHY names
 *             it.  -EFBIG: past LIMIT.
 */
#ifndef ENGRAMFS_BACKENDS_PICKLE_H
#define ENGRAMFS_BACKENDS_PICKLE_H

#include "backends/blob.h"
#include "backends/value.h"

#define PICKLE_MAX_DEPTH 64

/* Decode one pickle that fills BYTES exactly.  LIMIT bounds the memory taken,
 * in bytes; what a pickle shares counts each time that it is used, so that the
 * value can be walked and copied within LIMIT, too. */
int pickle_decode(const void *bytes, size_t size, size_t limit,
                  struct value **out, char why[WHY_SIZE]);

/*
 * What the lone array of a pickle is, from the first PREFIX of its SIZE bytes
 * (SIZE_MAX: unknown).  -EAGAIN: more of them are needed; protocol 5 and
 * protocols 0 and 1 need all.  -ENODATA: it is not a lone array.  With SIZE
 * unknown, a small tuple that starts with an array is taken for the array as
 * long as its end is not seen.
 */
int pickle_array_info(const void *bytes, size_t prefix, size_t size,
                      size_t limit, struct array_info *out, char why[WHY_SIZE]);

/* Append VALUE as a protocol 4 pickle that pickle.loads reads with numpy 1
 * and 2 alike. */
int pickle_append(const struct value *value, struct blob *out);

/* The same for a bare array, without copying its bytes first. */
int pickle_append_array(const struct array *array, struct blob *out);

#endif
