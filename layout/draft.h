/* SPDX-License-Identifier: MIT */
/*
 * draft.h - bytes being written, before they are a record
 *
 * Small drafts stay in memory; larger ones live in an unnamed file in the
 * spool, so that memory does not grow with what is written.
 *
 * Errors:     int functions return 0 or a negative errno value; -ENOSPC: the
 *             spool is full.
 * Threads:    one user at a time.
 */
#ifndef ENGRAMFS_LAYOUT_DRAFT_H
#define ENGRAMFS_LAYOUT_DRAFT_H

#include "backends/blob.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define DRAFT_IN_MEMORY ((uint64_t)1 << 20) /* bytes */

struct draft {
	int spool_fd; /* directory; borrowed */
	int fd;       /* -1 while in memory */
	struct blob bytes;
	uint64_t size;
};

/* An empty draft that spills into the directory SPOOL_FD. */
void draft_init(struct draft *draft, int spool_fd);
void draft_release(struct draft *draft);

int draft_write(struct draft *draft, uint64_t offset, const void *data,
                size_t size);

/* Bytes read (short at the end), or a negative errno value. */
ssize_t draft_read(const struct draft *draft, uint64_t offset, void *buffer,
                   size_t size);

int draft_resize(struct draft *draft, uint64_t size);

/* The whole draft as memory, until draft_unmap. */
int draft_map(const struct draft *draft, const void **out);
void draft_unmap(const struct draft *draft, const void *map);

#endif
