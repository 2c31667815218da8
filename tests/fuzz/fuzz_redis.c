/* SPDX-License-Identifier: MIT */
/* What a server answers when it is asked for a record, as it comes over the
 * wire.  The first byte says of which collection, and what the server is
 * taken to know. */
#include "tests/fuzz/feed.h"

#include "backends/redis_image.h"
#include "layout/tree.h"

#include <errno.h>
#include <stdio.h>

#define REPLIES 5

static const struct collection *choose(unsigned int byte)
{
	const struct collection *rows[8];
	size_t count = 0;

	for (const struct collection *row = tree_collections;
	     row->path && count < 8; row++)
		if (strcmp(row->backend, "redis") == 0)
			rows[count++] = row;
	return rows[byte % count];
}

static size_t read_replies(const struct feed *feed,
                           redisReply *replies[REPLIES])
{
	redisReader *reader = redisReaderCreate();
	struct redis_guard guard;
	size_t count = 0;
	void *reply = NULL;

	feed_check(reader != NULL);
	redis_guard_reader(reader, &guard);
	redisReaderFeed(reader, (const char *)feed->data, feed->size);
	while (count < REPLIES &&
	       redisReaderGetReply(reader, &reply) == REDIS_OK && reply)
		replies[count++] = reply;
	redisReaderFree(reader);
	return count;
}

static void show(const struct collection *collection, struct redis_image *image)
{
	struct record record;
	struct key key = { "key", 3 };

	if (redis_image_show(collection, key, image, &record) == 0)
		record_release(&record);
}

static void look(struct redis_image *image, const redisReply *bytes)
{
	if (bytes->type == REDIS_REPLY_STRING)
		redis_image_look(image, bytes->str, bytes->len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feed feed = { data, size };
	unsigned int first = feed_byte(&feed);
	const struct collection *collection = choose(first & 0x7f);
	struct redis_link link = { .knows_expiry = first & 0x80 };
	size_t needed = link.knows_expiry ? 3 : 5;
	redisReply *replies[REPLIES] = { 0 };
	struct redis_image image = { 0 };
	size_t count = read_replies(&feed, replies);
	int rc;

	if (count >= needed) {
		rc = redis_image_read(&link, collection, replies, &image);
		if (rc == 0 && count > needed)
			look(&image, replies[needed]);
		if (rc == 0)
			show(collection, &image);
		redis_image_release(&image);
	}
	for (size_t i = 0; i < count; i++)
		freeReplyObject(replies[i]);
	return 0;
}
