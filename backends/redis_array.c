/* SPDX-License-Identifier: MIT */
#include "backends/log.h"
#include "backends/redis_internal.h"
#include "backends/resident.h"
#include "backends/version.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What an array is read with: its bytes, and what tells of its header. */
enum part {
	PART_ARRAY,
	PART_NOTE,
	PART_TIMESTAMP,
	PART_COUNT,
};

struct opening {
	const struct collection *collection;
	const struct blob *key;
	redisReply *parts; /* an array of PART_COUNT; opaque: the bytes */
};

static const char *timestamp_place(const struct collection *collection)
{
	const struct field_row *row =
	    collection->timestamp
		? collection_field(collection, collection->timestamp)
		: NULL;

	return row ? row->place : "";
}

static int fetch_parts(struct redis_link *link, void *arg)
{
	struct opening *opening = arg;
	struct redis_batch batch = { 0 };
	redisReply *reply;
	int rc;

	redis_batch_begin(&batch, 2 + PART_COUNT);
	redis_batch_text(&batch, "HMGET");
	redis_batch_arg(&batch, opening->key->data, opening->key->size);
	redis_batch_text(&batch, redis_array_place(opening->collection));
	redis_batch_text(&batch, REDIS_NOTE_FIELD);
	redis_batch_text(&batch, timestamp_place(opening->collection));
	rc = redis_link_run(link, &batch);
	reply = rc == 0 ? batch.replies[0] : NULL;
	if (rc == 0)
		rc = redis_link_check(link, reply);
	if (rc == -EINVAL)
		rc = -ENOENT;
	if (rc == 0 &&
	    (reply->type != REDIS_REPLY_ARRAY || reply->elements != PART_COUNT))
		rc = -EIO;
	if (rc == 0 &&
	    (reply->element[PART_ARRAY]->type != REDIS_REPLY_STRING ||
	     reply->element[PART_ARRAY]->len == 0))
		rc = -ENOENT;
	if (rc == 0) {
		opening->parts = reply;
		batch.replies[0] = NULL;
	}
	redis_batch_release(&batch);
	return rc;
}

static int decode(const redisReply *bytes, const struct blob *key,
                  struct value **out)
{
	struct value *value = NULL;
	char why[WHY_SIZE] = "holds something other than an array";
	int rc = codec_decode(bytes->str, bytes->len, &value, why);

	if (rc == 0 && value->type != VALUE_ARRAY)
		rc = -EINVAL;
	if (rc == 0) {
		*out = value;
		return 0;
	}
	value_unref(value);
	if (rc == -ENOMEM)
		return rc;
	log_error("redis: %s: %s", key->data, why);
	return -EIO;
}

/* A pickle has no npy header; an unusual one is in the note. */
static int recall_header(const struct redisReply *parts,
                         struct array_info *info)
{
	const redisReply *text = parts->element[PART_NOTE];
	const redisReply *timestamp = parts->element[PART_TIMESTAMP];
	struct redis_version version = { .size =
		                             parts->element[PART_ARRAY]->len };
	struct redis_note note = { 0 };
	int rc = 0;

	if (text->type != REDIS_REPLY_STRING || info->header.size)
		return 0;
	if (timestamp->type == REDIS_REPLY_STRING)
		rc = blob_append(&version.timestamp, timestamp->str,
		                 timestamp->len);
	if (rc == 0)
		rc = redis_note_parse(text->str, text->len, &version, &note);
	if (rc == 0)
		blob_move(&info->header, &note.header);
	blob_release(&version.timestamp);
	redis_note_release(&note);
	return rc;
}

static uint64_t version_of_reply(const redisReply *bytes)
{
	return version_of(bytes->str, bytes->len, 0);
}

static int make_reader(const struct opening *opening, struct reader **out)
{
	const redisReply *bytes = opening->parts->element[PART_ARRAY];
	struct value *value = NULL;
	int rc = decode(bytes, opening->key, &value);

	if (rc == 0)
		rc = recall_header(opening->parts, &value->array.info);
	if (rc == 0)
		rc = resident_array(value, &value->array,
		                    version_of_reply(bytes), out);
	if (rc)
		value_unref(value);
	return rc;
}

static int read_array(struct redis_store *redis,
                      const struct collection *collection,
                      const struct blob *key, struct reader **out)
{
	struct opening opening = { .collection = collection, .key = key };
	int rc = redis_pool_do(redis->pool, fetch_parts, &opening);

	if (rc)
		return rc;
	rc = make_reader(&opening, out);
	freeReplyObject(opening.parts);
	return rc;
}

int redis_open_array(struct store *store, const struct collection *collection,
                     struct key key, const char *name, struct reader **out)
{
	struct blob whole = { 0 };
	int rc = -ENOENT;

	if (collection_array(collection, name))
		rc = redis_key(collection, key, &whole);
	if (rc == 0)
		rc = read_array(redis_store_of(store), collection, &whole, out);
	blob_release(&whole);
	return rc;
}

static int fetch_opaque(struct redis_link *link, void *arg)
{
	struct opening *opening = arg;

	return redis_fetch_over(link, opening->collection, opening->key,
	                        &opening->parts);
}

static int open_bytes(const redisReply *bytes, struct reader **out)
{
	struct redis_image image = { 0 };
	struct blob copy = { 0 };
	int rc = redis_image_look(&image, bytes->str, bytes->len);

	if (rc == 0 && !image.opaque)
		rc = -ENOENT;
	if (rc == 0)
		rc = blob_append(&copy, bytes->str, bytes->len);
	if (rc == 0)
		rc = resident_bytes(&copy, out);
	blob_release(&copy);
	redis_image_release(&image);
	return rc;
}

int redis_open_opaque(struct store *store, const struct collection *collection,
                      struct key key, struct reader **out)
{
	struct redis_store *redis = redis_store_of(store);
	struct blob whole = { 0 };
	struct opening opening = { .collection = collection, .key = &whole };
	int rc = redis_key(collection, key, &whole);

	if (rc == 0)
		rc = redis_pool_do(redis->pool, fetch_opaque, &opening);
	if (rc == 0)
		rc = open_bytes(opening.parts, out);
	if (opening.parts)
		freeReplyObject(opening.parts);
	blob_release(&whole);
	return rc;
}
