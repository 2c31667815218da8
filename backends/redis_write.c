/* SPDX-License-Identifier: MIT */
#include "backends/change.h"
#include "backends/log.h"
#include "backends/redis_history.h"
#include "backends/redis_internal.h"
#include "backends/redis_put.h"
#include "backends/redis_ticket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Arrays up to this size are looked at for their encoding. */
#define SNIFF_LIMIT ((uint64_t)1 << 20)
/* Scripts copy what they are given: for more, two questions cost less. */
#define CREATE_LIMIT ((size_t)256 << 10)
/* proto-max-bulk-len: a server hangs up on more. */
#define VALUE_LIMIT ((size_t)512 << 20)

static int encode(struct redis_put *put, enum encoding encoding)
{
	struct blob bytes = { 0 };
	int rc;

	if (put->change->array_action != PART_SET ||
	    (put->is_encoded && put->encoding == encoding))
		return 0;
	rc = codec_encode_array(put->change->array, encoding,
	                        put->redis->threshold, &bytes);
	if (rc == 0 && bytes.size > VALUE_LIMIT) {
		snprintf(put->change->why, WHY_SIZE,
		         "the array takes %zu bytes, and Redis holds %zu at "
		         "most",
		         bytes.size, VALUE_LIMIT);
		rc = -EINVAL;
	}
	if (rc) {
		blob_release(&bytes);
		return rc;
	}
	blob_move(&put->bytes, &bytes);
	put->encoding = encoding;
	put->is_encoded = true;
	return 0;
}

static int refuse_type(struct redis_put *put)
{
	snprintf(put->change->why, WHY_SIZE,
	         "the key %.150s of the server is not a hash", put->whole.data);
	return -EINVAL;
}

/* What is stored now.  From here on the record is watched. */
static int read_before(struct redis_link *link, struct redis_put *put)
{
	struct redis_batch batch = { 0 };
	int rc;

	redis_image_release(&put->image);
	redis_batch_key(&batch, "WATCH", &put->whole);
	redis_image_ask(link, put->collection, &put->whole, &batch);
	redis_ticket_ask(&batch, put->change->ticket);
	rc = redis_link_run(link, &batch);
	if (rc == 0)
		rc = redis_link_check(link, batch.replies[0]);
	if (rc == 0) {
		link->watching = true;
		rc = redis_image_read(link, put->collection, batch.replies + 1,
		                      &put->image);
		put->done = redis_ticket_is_used(batch.replies[batch.count - 1],
		                                 put->change->ticket);
	}
	redis_batch_release(&batch);
	put->exists = rc == 0 || rc == -ESTALE;
	if (rc == -EINVAL)
		return refuse_type(put);
	return rc == -ENOENT || rc == -ESTALE ? 0 : rc;
}

static bool wants_sniff(const struct redis_put *put)
{
	return put->change->array_action == PART_SET && put->redis->follows &&
	       !put->image.note.array_is_ours && put->image.version.size &&
	       put->image.version.size <= SNIFF_LIMIT;
}

/* Look at the stored array: is it one, and how is it encoded? */
static int look_at_array(struct redis_link *link, struct redis_put *put,
                         enum encoding *encoding)
{
	struct redis_image *image = &put->image;
	bool unknown = image->version.size && !image->info_known;
	struct codec_form form;
	redisReply *reply;
	int rc;

	if (image->note.array_is_ours && put->redis->follows)
		*encoding = image->note.encoding;
	if (!unknown && !wants_sniff(put))
		return 0;
	rc = redis_fetch_over(link, put->collection, &put->whole, &reply);
	if (rc)
		return rc;
	if (put->redis->follows &&
	    codec_sniff(reply->str, reply->len, &form) == 0)
		*encoding = form.encoding;
	if (unknown)
		rc = redis_image_look(image, reply->str, reply->len);
	freeReplyObject(reply);
	return rc;
}

static int apply(struct redis_put *put)
{
	static char nameless[] = "";
	const struct array_row *row = put->collection->arrays;
	struct redis_image *image = &put->image;
	struct record_array array = { .name = nameless };
	struct record before = { .fields = image->fields,
		                 .fields_dropped = image->note.dropped,
		                 .expires_ms = image->expires_ms };

	if (image->opaque) {
		before.opaque_size = image->version.size;
	} else if (image->version.size) {
		before.arrays = &array;
		before.array_count = row && row->name ? 1 : 0;
	}
	change_result_release(&put->result);
	return change_apply(put->collection, put->key, put->change,
	                    put->exists ? &before : NULL, &put->result);
}

/* A record that is thought to be new is not read first.  -EEXIST: it is not, or
 * that is to be found out. */
static int create(struct redis_link *link, struct redis_put *put)
{
	int rc;

	if (!put->guess_new)
		return -EEXIST;
	put->guess_new = false;
	rc = apply(put);
	if (rc == 0)
		return redis_create(link, put);
	put->change->why[0] = '\0';
	return rc == -ENOMEM ? rc : -EEXIST;
}

/* Runs once, or again where the server was away. */
static int put_over(struct redis_link *link, void *arg)
{
	struct redis_put *put = arg;
	struct redis_tries tries = { 0 };
	int rc = create(link, put);

	if (rc != -EEXIST)
		return rc;
	do {
		enum encoding encoding = put->encoding;

		rc = read_before(link, put);
		if (rc == 0 && put->done)
			break;
		if (rc == 0)
			rc = look_at_array(link, put, &encoding);
		if (rc == 0)
			rc = apply(put);
		if (rc == 0)
			rc = encode(put, encoding);
		if (rc == 0)
			rc = redis_commit(link, put);
	} while (redis_try_again(&tries, rc));
	if (rc == -ESTALE) {
		log_error("redis: %s changes too often to be written",
		          put->whole.data);
		rc = -EIO;
	}
	redis_unwatch(link);
	return rc;
}

static void release(struct redis_put *put)
{
	change_result_release(&put->result);
	redis_image_release(&put->image);
	blob_release(&put->bytes);
	blob_release(&put->whole);
}

/* The array is encoded before a connection is taken: that may take long. */
static int prepare(struct redis_put *put)
{
	enum encoding encoding = ENCODING_NPY;
	int rc = redis_key(put->collection, put->key, &put->whole);

	if (rc == 0 && put->change->array_action == PART_SET)
		rc = redis_choose_encoding(put->redis, &encoding);
	if (rc == 0)
		rc = encode(put, encoding);
	if (rc == 0)
		rc = redis_server_check_room(put->redis->server,
		                             put->bytes.size);
	return rc;
}

int redis_put(struct store *store, const struct collection *collection,
              struct key key, struct change *change, struct blob *key_out)
{
	struct redis_put put = { .redis = redis_store_of(store),
		                 .collection = collection,
		                 .key = key,
		                 .change = change };
	int rc;

	if (put.redis->read_only)
		return -EROFS;
	change->why[0] = '\0';
	rc = prepare(&put);
	put.guess_new = rc == 0 && !change->ticket &&
	                put.bytes.size <= CREATE_LIMIT &&
	                redis_missing_take(&put.redis->missing, &put.whole);
	if (rc == 0)
		rc = redis_pool_do(put.redis->pool, put_over, &put);
	if (rc == 0)
		redis_remember(put.redis, &put.whole);
	if (rc == 0 && put.is_encoded)
		redis_settle_encoding(put.redis, put.encoding);
	if (rc == 0 && key_out)
		rc = blob_set(key_out, key.data, key.size);
	release(&put);
	return rc;
}
