/* SPDX-License-Identifier: MIT */
/* The three ways to unpack agree, keep to their limit, and unpack what was
 * packed.  The first two bytes are the limit. */
#include "tests/fuzz/feed.h"

#include "backends/compress.h"

struct packer {
	int (*pack)(const void *bytes, size_t size, struct blob *out);
	int (*unpack)(const void *bytes, size_t size, size_t limit,
	              struct blob *out);
	int (*measure)(const void *bytes, size_t size, size_t limit,
	               size_t *out);
	int (*start)(const void *bytes, size_t size, size_t limit,
	             struct blob *out, bool *ended);
};

static const struct packer packers[] = {
	{ compress_zlib, decompress_zlib, decompress_zlib_size,
	  decompress_zlib_start },
	{ compress_zstd, decompress_zstd, decompress_zstd_size,
	  decompress_zstd_start },
};

static void check_unpacking(const struct packer *packer,
                            const struct feed *feed, size_t limit)
{
	struct blob all = { 0 };
	struct blob start = { 0 };
	size_t size = 0;
	bool ended = false;
	int rc = packer->unpack(feed->data, feed->size, limit, &all);

	feed_check(packer->measure(feed->data, feed->size, limit, &size) == rc);
	feed_check(rc != 0 || (size == all.size && size <= limit));
	if (packer->start(feed->data, feed->size, limit, &start, &ended) == 0)
		feed_check(start.size <= limit);
	else
		feed_check(rc != 0);
	if (rc == 0 && all.size)
		feed_check(start.size == all.size &&
		           memcmp(start.data, all.data, all.size) == 0);
	blob_release(&start);
	blob_release(&all);
}

static void check_packing(const struct packer *packer, const struct feed *feed)
{
	struct blob packed = { 0 };
	struct blob back = { 0 };

	feed_check(packer->pack(feed->data, feed->size, &packed) == 0);
	feed_check(
	    packer->unpack(packed.data, packed.size, feed->size, &back) == 0);
	feed_check(back.size == feed->size &&
	           (feed->size == 0 ||
	            memcmp(back.data, feed->data, feed->size) == 0));
	blob_release(&back);
	blob_release(&packed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feed feed = { data, size };
	size_t limit = feed_short(&feed);

	for (size_t i = 0; i < sizeof(packers) / sizeof(packers[0]); i++) {
		check_unpacking(&packers[i], &feed, limit);
		check_packing(&packers[i], &feed);
	}
	return 0;
}
