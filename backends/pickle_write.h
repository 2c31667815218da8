/* SPDX-License-Identifier: MIT */
/*
 * pickle_write.h - the parts of the pickle writer
 *
 * A pickler appends opcodes to a blob.  Its error sticks: after the first one
 * nothing more is written, so that only the end has to look.
 */
#ifndef ENGRAMFS_BACKENDS_PICKLE_WRITE_H
#define ENGRAMFS_BACKENDS_PICKLE_WRITE_H

#include "backends/array.h"
#include "backends/blob.h"

#include <stdint.h>

struct pickler {
	struct blob *out;
	int rc;
};

/* Opcodes as a string literal; NULs in it count. */
#define PICKLER_CODES(pickler, codes)                                          \
	pickler_put((pickler), (codes), sizeof(codes) - 1)

void pickler_put(struct pickler *pickler, const void *bytes, size_t size);
void pickler_fail(struct pickler *pickler, int rc);
void pickler_int(struct pickler *pickler, int64_t number);
void pickler_text(struct pickler *pickler, const char *text, size_t size);
void pickler_bytes(struct pickler *pickler, const void *bytes, size_t size);
void pickler_array(struct pickler *pickler, const struct array *array);

#endif
