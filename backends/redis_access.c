/* SPDX-License-Identifier: MIT */
#include "backends/redis_internal.h"
#include "backends/redis_text.h"

#include <errno.h>
#include <stdlib.h>

/*
 * Only a script can look and write as one: a record that has expired must not
 * come back as a hash of two counters.  KEYS[1]: the record; ARGV: the fields
 * of the array, of the count and of the time; how often; when.
 */
static const char count_script[] =
    "if redis.pcall('HEXISTS', KEYS[1], ARGV[1]) ~= 1 then return 0 end "
    "local old = redis.call('HGET', KEYS[1], ARGV[2]) "
    "local new = (tonumber(old or '0') or 0) + tonumber(ARGV[4]) "
    "redis.call('HSET', KEYS[1], ARGV[2], string.format('%.0f', new), "
    "ARGV[3], ARGV[5]) "
    "return 1";

struct counting {
	const struct collection *collection;
	const struct access *items;
	size_t count;
	struct blob *wholes; /* the keys; a batch borrows them */
};

static const char *place_of(const struct collection *collection,
                            const char *name)
{
	return collection_field(collection, name)->place;
}

static int append_time(const struct collection *collection, double seconds,
                       struct blob *out)
{
	struct value *value = value_new_float(seconds);
	int rc = -ENOMEM;

	if (value)
		rc = redis_text_append(
		    collection_field(collection, collection->last_access),
		    value, out);
	value_unref(value);
	return rc;
}

static int add_item(struct redis_batch *batch,
                    const struct collection *collection,
                    const struct access *item, const struct blob *whole)
{
	struct blob time = { 0 };
	int rc = append_time(collection, item->last, &time);

	if (rc == 0) {
		redis_batch_begin(batch, 9);
		redis_batch_text(batch, "EVAL");
		redis_batch_text(batch, count_script);
		redis_batch_int(batch, 1);
		redis_batch_arg(batch, whole->data, whole->size);
		redis_batch_text(batch, redis_array_place(collection));
		redis_batch_text(
		    batch, place_of(collection, collection->access_count));
		redis_batch_text(batch,
		                 place_of(collection, collection->last_access));
		redis_batch_int(batch, item->count);
		redis_batch_arg(batch, time.data, time.size);
	}
	blob_release(&time);
	return rc;
}

static int run_batch(struct redis_link *link, struct redis_batch *batch)
{
	int rc = redis_link_run(link, batch);

	for (size_t i = 0; rc == 0 && i < batch->count; i++)
		rc = redis_link_check(link, batch->replies[i]);
	return rc;
}

static int count_over(struct redis_link *link, void *arg)
{
	const struct counting *counting = arg;
	struct redis_batch batch = { .once = true };
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < counting->count; i++)
		rc = add_item(&batch, counting->collection, &counting->items[i],
		              &counting->wholes[i]);
	if (rc == 0)
		rc = run_batch(link, &batch);
	redis_batch_release(&batch);
	return rc;
}

static int make_keys(struct counting *counting)
{
	int rc = 0;

	counting->wholes = calloc(counting->count, sizeof(struct blob));
	if (!counting->wholes)
		return -ENOMEM;
	for (size_t i = 0; rc == 0 && i < counting->count; i++)
		rc = redis_key(counting->collection, counting->items[i].key,
		               &counting->wholes[i]);
	return rc;
}

static void free_keys(struct counting *counting)
{
	for (size_t i = 0; counting->wholes && i < counting->count; i++)
		blob_release(&counting->wholes[i]);
	free(counting->wholes);
}

static int redis_record_accesses(struct store *store,
                                 const struct collection *collection,
                                 const struct access *items, size_t count)
{
	struct redis_store *redis = redis_store_of(store);
	struct counting counting = { collection, items, count, NULL };
	int rc;

	if (redis->read_only)
		return -EROFS;
	if (count == 0)
		return 0;
	rc = make_keys(&counting);
	if (rc == 0)
		rc = redis_pool_do(redis->pool, count_over, &counting);
	free_keys(&counting);
	return rc;
}

const struct access_ops redis_access_ops = {
	.record = redis_record_accesses,
};
