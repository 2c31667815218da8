/* SPDX-License-Identifier: MIT */
/*
 * redis_scan.h - the keys of a server that begin with some bytes, in pages
 *
 * Errors:     0 or a negative errno value.
 * Ownership:  release accepts all-zero.
 */
#ifndef ENGRAMFS_BACKENDS_REDIS_SCAN_H
#define ENGRAMFS_BACKENDS_REDIS_SCAN_H

#include "backends/backend.h"
#include "backends/redis_link.h"

struct redis_scan {
	struct blob pattern;
	uint64_t position; /* of SCAN; 0: at the beginning */
	size_t count; /* how many keys of the server to look at in a step */
};

void redis_scan_release(struct redis_scan *scan);

/* Scan for keys that begin with PLACE and PREFIX, whatever bytes those have. */
int redis_scan_init(struct redis_scan *scan, const char *place,
                    struct key prefix, size_t count);

/* What one step has found. */
struct redis_page {
	struct blob *keys;
	size_t count;
	uint64_t next; /* where to go on; 0: that was all */
};

void redis_page_release(struct redis_page *page);

/* One step, over LINK.  It can be made again. */
int redis_scan_step(struct redis_link *link, const struct redis_scan *scan,
                    struct redis_page *out);

#endif
