/* SPDX-License-Identifier: MIT */
#include "backends/redis_history.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "backends/base64.h"

#define JITTER_MS 1000 /* a life that was read twice may differ so much */

struct remembering {
	const struct blob *key;
	struct blob line;
	struct redis_remembered now;
};

static bool is_same(const struct redis_remembered *a,
                    const struct redis_remembered *b)
{
	int64_t difference = a->expires_ms - b->expires_ms;

	return a->hash == b->hash &&
	       (a->expires_ms == 0) == (b->expires_ms == 0) &&
	       difference < JITTER_MS && difference > -JITTER_MS;
}

/* What the key and its value are now. */
static void identify(struct remembering *out, const redisReply *dump,
                     const redisReply *ttl)
{
	uint64_t seed = XXH3_64bits(out->key->data, out->key->size);

	out->now = (struct redis_remembered){ .hash = seed };
	if (dump->type == REDIS_REPLY_STRING)
		out->now.hash =
		    XXH3_64bits_withSeed(dump->str, dump->len, seed);
	if (ttl->type == REDIS_REPLY_INTEGER && ttl->integer >= 0)
		out->now.expires_ms = redis_clock_ms() + ttl->integer;
}

static int add_gone(const struct blob *key, struct blob *line)
{
	int rc = blob_append_text(line, "{\"key\": \"");

	if (rc == 0)
		rc = base64_encode(key->data, key->size, line);
	return rc ? rc : blob_append_text(line, "\", \"gone\": true}\n");
}

static int read_line(struct redis_link *link, void *arg)
{
	struct remembering *out = arg;
	struct redis_batch batch = { 0 };
	int rc;

	blob_release(&out->line);
	redis_batch_key(&batch, "DUMP", out->key);
	redis_batch_key(&batch, "PTTL", out->key);
	rc = redis_link_run(link, &batch);
	for (size_t i = 0; rc == 0 && i < batch.count; i++)
		rc = redis_link_check(link, batch.replies[i]);
	if (rc == 0)
		identify(out, batch.replies[0], batch.replies[1]);
	if (rc == 0)
		rc = redis_backup_line(&out->line, out->key, batch.replies[0],
		                       batch.replies[1]);
	if (rc == 0 && out->line.size == 0)
		rc = add_gone(out->key, &out->line);
	redis_batch_release(&batch);
	return rc;
}

/* What is read last is added last, and is at least as new as every change that
 * was made before.  A change that was told first by the watch is not added
 * twice. */
static int remember(struct redis_store *redis, const struct blob *key)
{
	struct remembering record = { .key = key };
	struct redis_remembered *last;
	int rc;

	pthread_mutex_lock(&redis->remembering);
	rc = redis_pool_do(redis->pool, read_line, &record);
	last = &redis->remembered[XXH3_64bits(key->data, key->size) %
	                          REDIS_REMEMBERED];
	if (rc == 0 && !is_same(last, &record.now)) {
		history_add(redis->history, HISTORY_REDIS, record.line.data,
		            record.line.size, NULL);
		*last = record.now;
	}
	pthread_mutex_unlock(&redis->remembering);
	blob_release(&record.line);
	return rc;
}

void redis_remember(struct redis_store *redis, const struct blob *key)
{
	int rc = redis->history ? remember(redis, key) : 0;

	if (rc)
		history_break(redis->history, 0, strerror(-rc));
}

static int start(struct store *store, struct history *history)
{
	struct redis_store *redis = redis_store_of(store);

	if (!redis->read_only)
		redis->history = history;
	return 0;
}

static void note(struct store *store, const struct collection *collection,
                 struct key key)
{
	struct redis_store *redis = redis_store_of(store);
	struct blob whole = { 0 };
	int rc;

	if (!redis->history)
		return;
	rc = redis_key(collection, key, &whole);
	if (rc == 0)
		rc = remember(redis, &whole);
	if (rc && rc != -EIO)
		history_break(redis->history, 0, strerror(-rc));
	blob_release(&whole);
}

const struct history_ops redis_history_ops = {
	.start = start,
	.note = note,
};
