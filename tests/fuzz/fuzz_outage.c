/* SPDX-License-Identifier: MIT */
/* A change in the spool: the size of its JSON, then the JSON and the npy file;
 * the first line, which has a checksum, is made here.  What is read is written
 * in such a way that it is read as the same. */
#include "tests/fuzz/feed.h"

#include "backends/outage_file.h"
#include "layout/tree.h"

#include <errno.h>
#include <inttypes.h>

#include <xxhash.h>

static void check_again(const struct outage_entry *entry)
{
	struct outage_entry again;
	struct blob first = { 0 };
	struct blob second = { 0 };

	feed_check(outage_entry_encode(entry, &first) == 0);
	feed_check(outage_entry_decode(&first, tree_collections, &again) == 0);
	feed_check(outage_entry_encode(&again, &second) == 0);
	feed_check(blob_equal(&first, &second));
	outage_entry_release(&again);
	blob_release(&second);
	blob_release(&first);
}

static void decode(const struct blob *bytes)
{
	struct outage_entry entry;
	int rc = outage_entry_decode(bytes, tree_collections, &entry);

	feed_check(rc == 0 || rc == -EBADMSG || rc == -ENOTSUP);
	if (rc)
		return;
	check_again(&entry);
	outage_entry_release(&entry);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feed feed = { data, size };
	struct blob raw = { 0 };
	struct blob bytes = { 0 };
	size_t json;

	feed_check(blob_set(&raw, (const char *)data, size) == 0);
	decode(&raw);
	json = feed_short(&feed);
	if (json > feed.size)
		json = feed.size;
	feed_check(
	    blob_printf(&bytes, "engramfs-change 1 %zu %zu %016" PRIx64 "\n",
	                json, feed.size - json,
	                (uint64_t)XXH3_64bits(feed.data, feed.size)) == 0);
	feed_check(blob_append(&bytes, feed.data, feed.size) == 0);
	decode(&bytes);
	blob_release(&bytes);
	blob_release(&raw);
	return 0;
}
