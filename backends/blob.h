/* SPDX-License-Identifier: MIT */
/*
 * blob.h - owned bytes that can grow
 *
 * Errors:     int functions return 0 or a negative errno value; on error the
 *             blob is as it was.
 * Ownership:  a blob owns DATA; blob_release frees it.  An all-zero blob is
 *             empty and valid.  blob_append copies what it is given.
 * Threads:    a blob has one user at a time.
 */
#ifndef ENGRAMFS_BACKENDS_BLOB_H
#define ENGRAMFS_BACKENDS_BLOB_H

#include <stdarg.h>
#include <stddef.h>

struct blob {
	char *data; /* always followed by a NUL that SIZE does not count */
	size_t size;
	size_t capacity;
};

/* Free the bytes and leave an empty blob. */
void blob_release(struct blob *blob);

/* Make room for CAPACITY bytes in all, so that appends below it cannot fail. */
int blob_reserve(struct blob *blob, size_t capacity);

/* Set the size; new bytes are zero. */
int blob_resize(struct blob *blob, size_t size);

int blob_append(struct blob *blob, const void *data, size_t size);
int blob_append_text(struct blob *blob, const char *text);
int blob_printf(struct blob *blob, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Replace the contents. */
int blob_set(struct blob *blob, const void *data, size_t size);

/* Byte-wise equality. */
_Bool blob_equal(const struct blob *a, const struct blob *b);

/* Move the bytes of FROM into TO, which is released first. */
void blob_move(struct blob *to, struct blob *from);

#endif
