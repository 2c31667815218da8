/* SPDX-License-Identifier: MIT */
#include "backends/glimpse.h"
#include "backends/redis_internal.h"
#include "backends/resident.h"
#include "backends/version.h"

#include <errno.h>
#include <stdlib.h>

/* How large arrays of COLLECTION have been of late.  Redis gives a hash field
 * as a whole or not at all, so the bytes are asked for where they are likely to
 * be few. */
static atomic_size_t *usual_size(struct redis_store *redis,
                                 const struct collection *collection)
{
	size_t number = (uintptr_t)collection / sizeof(*collection);

	return &redis->usual[number % REDIS_USUAL];
}

/* One that is large counts for as many small ones as it is larger, about. */
static void note_size(atomic_size_t *usual, uint64_t size)
{
	size_t old = atomic_load_explicit(usual, memory_order_relaxed);
	size_t faded = old - old / 8;

	atomic_store_explicit(usual, size > faded ? (size_t)size : faded,
	                      memory_order_relaxed);
}

/* hiredis allocates with malloc, so what it received is good for a blob. */
static void take_text(redisReply *reply, struct blob *out)
{
	blob_release(out);
	*out = (struct blob){ reply->str, reply->len, reply->len };
	reply->str = NULL;
}

/* Bytes that cannot be read: the record shows what get shows. */
static int see_unreadable(const struct blob *stored, struct redis_image *image)
{
	return image->info_known && image->order_known
	           ? 0
	           : redis_image_look(image, stored->data, stored->size);
}

/* The bytes tell what the array is.  Takes over VALUE. */
static int open_value(const struct blob *stored, struct value *value,
                      struct redis_image *image, struct reader **out)
{
	int rc;

	array_info_release(&image->info);
	rc = array_info_copy(&image->info, &value->array.info);
	if (rc == 0)
		rc = resident_array(value, &value->array,
		                    version_of(stored->data, stored->size, 0),
		                    out);
	if (rc)
		value_unref(value);
	return rc;
}

/* Where the record does not tell what the array is, or somebody else has
 * written it. */
static int open_unknown(const struct blob *stored, struct redis_image *image,
                        struct reader **out)
{
	struct value *value = NULL;
	char why[WHY_SIZE];
	int rc = codec_decode(stored->data, stored->size, &value, why);

	if (rc == -ENOMEM)
		return rc;
	if (rc == 0 && value->type == VALUE_ARRAY)
		return open_value(stored, value, image, out);
	value_unref(value);
	return see_unreadable(stored, image);
}

static int open_stored(const struct blob *key, redisReply *bytes,
                       struct redis_image *image, struct reader **out)
{
	struct blob stored = { 0 };
	int rc;

	if (bytes->type != REDIS_REPLY_STRING || bytes->len == 0)
		return 0;
	take_text(bytes, &stored);
	if (image->note.array_is_ours && image->info_known)
		rc = resident_stored(&stored, &image->info, key->data, out);
	else
		rc = open_unknown(&stored, image, out);
	blob_release(&stored);
	return rc;
}

static int show(const struct collection *collection, struct key key,
                struct redis_image *image, struct reader *reader,
                struct record *out, struct reader **reader_out)
{
	int rc = redis_image_show(collection, key, image, out);

	if (rc && reader)
		reader->ops->close(reader);
	if (rc == 0)
		*reader_out = reader;
	return rc;
}

static int get_whole(struct redis_store *redis,
                     const struct collection *collection, struct key key,
                     struct record *out, struct reader **reader_out)
{
	struct redis_image image = { 0 };
	struct reader *reader = NULL;
	redisReply *bytes = NULL;
	struct blob whole = { 0 };
	int rc = redis_key(collection, key, &whole);

	if (rc == 0)
		rc = redis_read_image_with(redis, collection, &whole, &image,
		                           &bytes);
	if (rc == 0) {
		note_size(usual_size(redis, collection), image.version.size);
		if (image.version.size <= GLIMPSE_MOST)
			rc = open_stored(&whole, bytes, &image, &reader);
		else
			rc =
			    redis_look(redis, collection, &whole, true, &image);
	}
	if (rc == 0)
		rc = show(collection, key, &image, reader, out, reader_out);
	if (rc == -ENOENT)
		redis_missing_note(&redis->missing, &whole);
	freeReplyObject(bytes);
	redis_image_release(&image);
	blob_release(&whole);
	return rc;
}

static void note_record(atomic_size_t *usual, const struct record *record)
{
	note_size(usual, record->array_count ? record->arrays[0].info.nbytes
	                                     : record->opaque_size);
}

static int redis_glimpse(struct store *store,
                         const struct collection *collection, struct key key,
                         const char *name, struct record *out,
                         struct reader **reader)
{
	struct redis_store *redis = redis_store_of(store);
	atomic_size_t *usual = usual_size(redis, collection);
	int rc;

	if (collection_array(collection, name) &&
	    atomic_load_explicit(usual, memory_order_relaxed) <= GLIMPSE_MOST)
		return get_whole(redis, collection, key, out, reader);
	rc = redis_get(store, collection, key, out);
	if (rc == 0) {
		note_record(usual, out);
		*reader = NULL;
	}
	return rc;
}

static uint64_t redis_moment(struct store *store)
{
	return redis_hearing_moment(&redis_store_of(store)->hearing);
}

const struct glimpse_ops redis_glimpse_ops = {
	.get = redis_glimpse,
	.moment = redis_moment,
};
