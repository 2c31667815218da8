/* SPDX-License-Identifier: MIT */
#include "backends/redis_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Arrays up to this size are looked at to tell their order; larger ones only
 * where their size cannot be told without. */
#define LOOK_LIMIT ((uint64_t)1 << 20)
#define EXPIRY_TRIES 8

static void add_fetch(struct redis_batch *batch,
                      const struct collection *collection,
                      const struct blob *key)
{
	redis_batch_begin(batch, 3);
	redis_batch_text(batch, "HGET");
	redis_batch_arg(batch, key->data, key->size);
	redis_batch_text(batch, redis_array_place(collection));
}

int redis_fetch_over(struct redis_link *link,
                     const struct collection *collection,
                     const struct blob *key, redisReply **out)
{
	struct redis_batch batch = { 0 };
	int rc;

	add_fetch(&batch, collection, key);
	rc = redis_link_run(link, &batch);
	if (rc == 0)
		rc = redis_link_check(link, batch.replies[0]);
	if (rc == -EINVAL ||
	    (rc == 0 && (batch.replies[0]->type != REDIS_REPLY_STRING ||
	                 batch.replies[0]->len == 0)))
		rc = -ENOENT;
	if (rc == 0) {
		*out = batch.replies[0];
		batch.replies[0] = NULL;
	}
	redis_batch_release(&batch);
	return rc;
}

static int read_replies(struct redis_link *link,
                        const struct redis_asking *asking, redisReply **replies,
                        size_t each)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < asking->count; i++) {
		const redisReply *bytes = replies[(i + 1) * each - 1];
		struct redis_image image = { 0 };

		rc = redis_image_read(link, asking->collection,
		                      replies + i * each, &image);
		if ((rc == 0 || rc == -ESTALE) && asking->look &&
		    bytes->type == REDIS_REPLY_STRING && bytes->len &&
		    redis_image_look(&image, bytes->str, bytes->len))
			rc = -ENOMEM;
		rc = asking->fn(i, rc, &image, asking->arg);
		if (asking->bytes) {
			freeReplyObject(*asking->bytes);
			*asking->bytes = replies[(i + 1) * each - 1];
			replies[(i + 1) * each - 1] = NULL;
		}
		redis_image_release(&image);
	}
	return rc;
}

static size_t ask(struct redis_link *link, const struct redis_asking *asking,
                  struct redis_batch *batch)
{
	size_t each = 0;

	for (size_t i = 0; i < asking->count; i++) {
		each = redis_image_ask(link, asking->collection,
		                       &asking->keys[i], batch);
		if (asking->look || asking->bytes)
			add_fetch(batch, asking->collection, &asking->keys[i]);
	}
	return each + (asking->look || asking->bytes);
}

static int ask_at_once(struct redis_link *link,
                       const struct redis_asking *asking)
{
	struct redis_batch batch = { 0 };
	const redisReply *done;
	size_t each;
	int rc;

	redis_batch_line(&batch, "MULTI");
	each = ask(link, asking, &batch);
	redis_batch_line(&batch, "EXEC");
	rc = redis_link_run(link, &batch);
	for (size_t i = 0; rc == 0 && i < batch.count; i++)
		rc = redis_link_why(link, batch.replies[i]);
	if (rc == 0) {
		done = batch.replies[batch.count - 1];
		rc = done->type == REDIS_REPLY_ARRAY &&
		             done->elements == asking->count * each
		         ? read_replies(link, asking, done->element, each)
		         : -EIO;
	}
	redis_batch_release(&batch);
	return rc;
}

static int ask_in_turn(struct redis_link *link,
                       const struct redis_asking *asking)
{
	struct redis_batch batch = { 0 };
	size_t each = ask(link, asking, &batch);
	int rc = redis_link_run(link, &batch);

	for (size_t i = 0; rc == 0 && i < batch.count; i++)
		if (redis_reply_error(batch.replies[i]) != -EINVAL)
			rc = redis_link_check(link, batch.replies[i]);
	if (rc == 0)
		rc = read_replies(link, asking, batch.replies, each);
	redis_batch_release(&batch);
	return rc;
}

/* A server without memory refuses transactions, but not what is in ours; what
 * comes in one piece is hardly ever parted, either. */
int redis_ask_images(struct redis_link *link, const struct redis_asking *asking)
{
	int rc = ask_at_once(link, asking);

	return rc == -ENOSPC || rc == -EIO || rc == -EACCES
	           ? ask_in_turn(link, asking)
	           : rc;
}

static int keep_image(size_t index, int rc, struct redis_image *image,
                      void *arg)
{
	struct redis_image *kept = arg;

	(void)index;
	redis_image_release(kept);
	*kept = *image;
	*image = (struct redis_image){ 0 };
	return rc;
}

static int read_once(struct redis_link *link, void *arg)
{
	int rc = -ESTALE;

	for (int i = 0; i < EXPIRY_TRIES && rc == -ESTALE; i++)
		rc = redis_ask_images(link, arg);
	return rc == -ESTALE ? 0 : rc;
}

static int read_image(struct redis_store *redis,
                      const struct collection *collection,
                      const struct blob *key, bool look, redisReply **bytes,
                      struct redis_image *out)
{
	struct redis_image image = { 0 };
	struct redis_asking asking = { .collection = collection,
		                       .keys = key,
		                       .count = 1,
		                       .look = look,
		                       .bytes = bytes,
		                       .fn = keep_image,
		                       .arg = &image };
	int rc = redis_pool_do(redis->pool, read_once, &asking);

	if (rc)
		redis_image_release(&image);
	else
		*out = image;
	return rc == -EINVAL ? -ENOENT : rc;
}

int redis_read_image(struct redis_store *redis,
                     const struct collection *collection,
                     const struct blob *key, struct redis_image *out)
{
	return read_image(redis, collection, key, false, NULL, out);
}

int redis_read_image_with(struct redis_store *redis,
                          const struct collection *collection,
                          const struct blob *key, struct redis_image *out,
                          redisReply **bytes)
{
	redisReply *reply = NULL;
	int rc = read_image(redis, collection, key, false, &reply, out);

	if (rc)
		freeReplyObject(reply);
	else
		*bytes = reply;
	return rc;
}

/* Everything is read again, so that it belongs together. */
int redis_look(struct redis_store *redis, const struct collection *collection,
               const struct blob *key, bool want_order,
               struct redis_image *image)
{
	bool small = image->version.size <= LOOK_LIMIT;

	if (image->version.size == 0 || image->opaque)
		return 0;
	if (image->info_known && (image->order_known || !want_order || !small))
		return 0;
	redis_image_release(image);
	return read_image(redis, collection, key, true, NULL, image);
}

static int get(struct store *store, const struct collection *collection,
               struct key key, bool want_order, struct record *out)
{
	struct redis_store *redis = redis_store_of(store);
	struct redis_image image = { 0 };
	struct blob whole = { 0 };
	int rc = redis_key(collection, key, &whole);

	if (rc == 0)
		rc = redis_read_image(redis, collection, &whole, &image);
	if (rc == 0)
		rc = redis_look(redis, collection, &whole, want_order, &image);
	if (rc == 0)
		rc = redis_image_show(collection, key, &image, out);
	if (rc == -ENOENT)
		redis_missing_note(&redis->missing, &whole);
	redis_image_release(&image);
	blob_release(&whole);
	return rc;
}

int redis_get(struct store *store, const struct collection *collection,
              struct key key, struct record *out)
{
	return get(store, collection, key, true, out);
}

int redis_get_briefly(struct store *store, const struct collection *collection,
                      struct key key, struct record *out)
{
	return get(store, collection, key, false, out);
}
