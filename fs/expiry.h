/* SPDX-License-Identifier: MIT */
/*
 * expiry.h - names, and when their records expire
 *
 * A heap, the next to expire first, and a table to find names in it.  Bounded:
 * names beyond EXPIRY_MAX are not taken in.
 *
 * Errors:     int functions return 0 or a negative errno value.
 * Threads:    one user at a time.
 */
#ifndef ENGRAMFS_FS_EXPIRY_H
#define ENGRAMFS_FS_EXPIRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXPIRY_MAX ((size_t)1 << 16)

struct expiry_entry;

struct expiry {
	struct expiry_entry **heap;
	struct expiry_entry **buckets;
	size_t count;
};

/* -ENOMEM. */
int expiry_init(struct expiry *expiry);
/* Accepts one that is all-zero. */
void expiry_release(struct expiry *expiry);

/* PATH expires at MS (since 1970), whatever was said of it before.  -ENOSPC:
 * there are EXPIRY_MAX others.  -ENOMEM. */
int expiry_note(struct expiry *expiry, const char *path, int64_t ms);
bool expiry_has(const struct expiry *expiry, const char *path);
void expiry_drop(struct expiry *expiry, const char *path);

/* When the next one expires; false: none does. */
bool expiry_next(const struct expiry *expiry, int64_t *ms);

/* Take out the next one if it has expired by NOW; its path, which the caller
 * frees, or NULL. */
char *expiry_take(struct expiry *expiry, int64_t now);

#endif
