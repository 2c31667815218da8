/* SPDX-License-Identifier: MIT */
#include "backends/redis_history.h"
#include "backends/redis_internal.h"

#include "backends/maintenance.h"
#include "backends/redis_scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SCAN_COUNT 500 /* keys looked at in a step */

/* A walk over the keys of one family. */
struct walk {
	struct redis_scan scan;
	struct redis_page page;
	/* Fill BATCH with a command for each key; NULL: none. */
	void (*ask)(struct redis_batch *batch, const struct blob *key);
	bool removes; /* what it asks for */
	uint64_t keys;
	int64_t total; /* sum of the integers that were answered */
};

static int ask_page(struct redis_link *link, struct walk *walk)
{
	struct redis_batch batch = { 0 };
	int64_t total = 0;
	int rc = 0;

	for (size_t i = 0; i < walk->page.count; i++)
		walk->ask(&batch, &walk->page.keys[i]);
	if (batch.count)
		rc = redis_link_run(link, &batch);
	for (size_t i = 0; rc == 0 && i < batch.count; i++) {
		rc = redis_link_check(link, batch.replies[i]);
		if (rc == 0 && batch.replies[i]->type == REDIS_REPLY_INTEGER)
			total += batch.replies[i]->integer;
	}
	if (rc == 0)
		walk->total += total;
	redis_batch_release(&batch);
	return rc;
}

static int walk_step(struct redis_link *link, void *arg)
{
	struct walk *walk = arg;
	int rc;

	redis_page_release(&walk->page);
	rc = redis_scan_step(link, &walk->scan, &walk->page);
	if (rc == 0 && walk->ask)
		rc = ask_page(link, walk);
	return rc;
}

static int walk_family(struct redis_store *redis, struct walk *walk,
                       const char *place, const struct work *work)
{
	int rc =
	    redis_scan_init(&walk->scan, place, (struct key){ 0 }, SCAN_COUNT);

	while (rc == 0) {
		rc = redis_pool_do(redis->pool, walk_step, walk);
		if (rc)
			break;
		for (size_t i = 0; walk->removes && i < walk->page.count; i++)
			redis_remember(redis, &walk->page.keys[i]);
		walk->keys += walk->page.count;
		walk->scan.position = walk->page.next;
		if (walk->scan.position == 0)
			break;
		rc = work_step(work, 0);
	}
	redis_page_release(&walk->page);
	redis_scan_release(&walk->scan);
	return rc;
}

static void ask_unlink(struct redis_batch *batch, const struct blob *key)
{
	redis_batch_key(batch, "UNLINK", key);
}

static int flush(struct store *store, const struct collection *collection,
                 const struct work *work, uint64_t *count)
{
	struct redis_store *redis = redis_store_of(store);
	struct walk walk = { .ask = ask_unlink, .removes = true };
	int rc;

	if (redis->read_only)
		return -EROFS;
	rc = walk_family(redis, &walk, collection->place, work);
	*count += (uint64_t)walk.total;
	return rc;
}

/* One INFO section's figure NAME ("expired_keys:"), or 0. */
struct figure {
	const char *section;
	const char *name;
	int64_t number;
};

static int read_figure(struct redis_link *link, void *arg)
{
	struct figure *figure = arg;
	struct redis_batch batch = { 0 };
	int rc;

	redis_batch_begin(&batch, 2);
	redis_batch_text(&batch, "INFO");
	redis_batch_text(&batch, figure->section);
	rc = redis_link_run(link, &batch);
	if (rc == 0)
		rc = redis_link_check(link, batch.replies[0]);
	if (rc == 0 && batch.replies[0]->str) {
		const char *found = strstr(batch.replies[0]->str, figure->name);

		figure->number =
		    found ? strtoll(found + strlen(figure->name), NULL, 10) : 0;
	}
	redis_batch_release(&batch);
	return rc;
}

/* The server removes what has expired as it is looked at, and counts it. */
static int clear_expired(struct store *store,
                         const struct collection *collection,
                         const struct work *work, uint64_t *count)
{
	struct redis_store *redis = redis_store_of(store);
	struct figure before = { "stats", "\nexpired_keys:", 0 };
	struct figure after = before;
	struct walk walk = { 0 };
	int rc = redis->read_only
	             ? -EROFS
	             : redis_pool_do(redis->pool, read_figure, &before);

	if (rc == 0)
		rc = walk_family(redis, &walk, collection->place, work);
	if (rc == 0)
		rc = redis_pool_do(redis->pool, read_figure, &after);
	if (rc == 0 && after.number > before.number)
		*count += (uint64_t)(after.number - before.number);
	return rc;
}

/* All fields: the server would take five of them for the others, too. */
static void ask_memory(struct redis_batch *batch, const struct blob *key)
{
	redis_batch_begin(batch, 5);
	redis_batch_text(batch, "MEMORY");
	redis_batch_text(batch, "USAGE");
	redis_batch_arg(batch, key->data, key->size);
	redis_batch_text(batch, "SAMPLES");
	redis_batch_text(batch, "0");
}

static int usage(struct store *store, const struct collection *collection,
                 const struct work *work, uint64_t *keys, uint64_t *bytes)
{
	struct walk walk = { .ask = ask_memory };
	int rc =
	    walk_family(redis_store_of(store), &walk, collection->place, work);

	if (rc == 0) {
		*keys = walk.keys;
		*bytes = (uint64_t)walk.total;
	}
	return rc;
}

static int statistics(struct store *store, struct value *out)
{
	struct figure memory = { "memory", "\nused_memory:", 0 };
	int rc =
	    redis_pool_do(redis_store_of(store)->pool, read_figure, &memory);

	return rc ? rc
	          : value_dict_set(out, "total_memory",
	                           value_new_int(memory.number));
}

static int verify(struct store *store, const struct work *work,
                  struct value *out, struct value *problems)
{
	static const char away[] = "redis: the server does not answer";
	struct redis_store *redis = redis_store_of(store);
	struct redis_batch batch = { 0 };
	int rc;

	redis_batch_line(&batch, "PING");
	rc = redis_pool_run(redis->pool, &batch);
	if (rc == 0 && !redis_reply_is(batch.replies[0], "PONG"))
		rc = -EIO;
	redis_batch_release(&batch);
	if (rc == 0)
		rc = value_dict_set(out, "answers", value_new_bool(true));
	else if (rc == -EIO)
		rc = value_list_append(problems,
		                       value_new_text(away, sizeof(away) - 1));
	return rc ? rc : work_step(work, 1);
}

const struct maintenance_ops redis_maintenance = {
	.statistics = statistics,
	.usage = usage,
	.clear_expired = clear_expired,
	.flush = flush,
	.verify = verify,
	.backup = redis_backup,
	.restore = redis_restore,
};
