/* SPDX-License-Identifier: MIT */
#include "backends/log.h"
#include "backends/redis_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Redis gives a hash field as a whole, so a reader holds it. */
struct redis_reader {
	struct reader base;
	struct value *value; /* the array, or NULL: opaque bytes, in REPLY */
	redisReply *reply;
};

static ssize_t reader_read(struct reader *base, uint64_t offset, void *buffer,
                           size_t size)
{
	const struct redis_reader *reader = (const struct redis_reader *)base;
	const char *bytes =
	    reader->value ? reader->value->array.data : reader->reply->str;

	if (offset >= base->size)
		return 0;
	if (size > base->size - offset)
		size = (size_t)(base->size - offset);
	memcpy(buffer, bytes + offset, size);
	return (ssize_t)size;
}

static void reader_close(struct reader *base)
{
	struct redis_reader *reader = (struct redis_reader *)base;

	if (!reader)
		return;
	array_info_release(&base->info);
	value_unref(reader->value);
	if (reader->reply)
		freeReplyObject(reader->reply);
	free(reader);
}

static const struct reader_ops reader_ops = {
	.read = reader_read,
	.close = reader_close,
};

static struct redis_reader *reader_new(void)
{
	struct redis_reader *reader = calloc(1, sizeof(*reader));

	if (reader)
		reader->base.ops = &reader_ops;
	return reader;
}

static int decode(const redisReply *reply, const struct blob *key,
                  struct value **out)
{
	struct value *value = NULL;
	char why[WHY_SIZE] = "holds something other than an array";
	int rc = codec_decode(reply->str, reply->len, &value, why);

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

static int read_array(struct redis_store *redis,
                      const struct collection *collection,
                      const struct blob *key, struct reader **out)
{
	struct redis_reader *reader;
	redisReply *reply;
	int rc = redis_fetch_array(redis, collection, key, &reply);

	if (rc)
		return rc;
	reader = reader_new();
	rc = reader ? decode(reply, key, &reader->value) : -ENOMEM;
	freeReplyObject(reply);
	if (rc == 0)
		rc = array_info_copy(&reader->base.info,
		                     &reader->value->array.info);
	if (rc) {
		reader_close(reader ? &reader->base : NULL);
		return rc;
	}
	reader->base.size = reader->base.info.nbytes;
	*out = &reader->base;
	return 0;
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

int redis_open_opaque(struct store *store, const struct collection *collection,
                      struct key key, struct reader **out)
{
	struct redis_reader *reader = NULL;
	struct redis_image image = { 0 };
	struct blob whole = { 0 };
	redisReply *reply = NULL;
	int rc = redis_key(collection, key, &whole);

	if (rc == 0)
		rc = redis_fetch_array(redis_store_of(store), collection,
		                       &whole, &reply);
	if (rc == 0)
		rc = redis_image_look(&image, reply->str, reply->len);
	if (rc == 0 && !image.opaque)
		rc = -ENOENT;
	if (rc == 0) {
		reader = reader_new();
		rc = reader ? 0 : -ENOMEM;
	}
	if (rc == 0) {
		reader->reply = reply;
		reader->base.size = reply->len;
		*out = &reader->base;
	} else if (reply) {
		freeReplyObject(reply);
	}
	redis_image_release(&image);
	blob_release(&whole);
	return rc;
}
