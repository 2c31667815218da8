/* SPDX-License-Identifier: MIT */
/*
 * feed.h - one input of a fuzzer, taken apart
 *
 * What is asked for beyond the end is zeros and empty texts.
 */
#ifndef ENGRAMFS_TESTS_FUZZ_FEED_H
#define ENGRAMFS_TESTS_FUZZ_FEED_H

#include "backends/blob.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct feed {
	const uint8_t *data;
	size_t size;
};

static inline unsigned int feed_byte(struct feed *feed)
{
	if (feed->size == 0)
		return 0;
	feed->size--;
	return *feed->data++;
}

static inline size_t feed_short(struct feed *feed)
{
	size_t low = feed_byte(feed);

	return low | (size_t)feed_byte(feed) << 8;
}

/* Everything up to the next STOP, which goes too, as a text of its own that
 * ends with a NUL. */
static inline void feed_text(struct feed *feed, char stop, struct blob *out)
{
	const uint8_t *end =
	    feed->size ? memchr(feed->data, stop, feed->size) : NULL;
	size_t size = end ? (size_t)(end - feed->data) : feed->size;

	if (blob_set(out, feed->size ? (const char *)feed->data : "", size))
		abort();
	feed->data += size;
	feed->size -= size;
	feed_byte(feed);
}

/* What must be so. */
static inline void feed_check(bool sound)
{
	if (!sound)
		abort();
}

#endif
