/* SPDX-License-Identifier: MIT */
#include "backends/redis_image.h"

#include "backends/change.h"
#include "backends/npy.h"
#include "backends/redis_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void redis_image_release(struct redis_image *image)
{
	value_unref(image->fields);
	blob_release(&image->version.timestamp);
	redis_note_release(&image->note);
	array_info_release(&image->info);
	*image = (struct redis_image){ 0 };
}

static const struct array_row *array_row(const struct collection *collection)
{
	const struct array_row *row = collection->arrays;

	return row && row->place ? row : NULL;
}

const char *redis_array_place(const struct collection *collection)
{
	const struct array_row *row = array_row(collection);

	return row ? row->place : "";
}

int redis_key(const struct collection *collection, struct key key,
              struct blob *out)
{
	int rc = blob_append_text(out, collection->place);

	return rc ? rc : blob_append(out, key.data, key.size);
}

static size_t field_count(const struct collection *collection)
{
	size_t count = 0;

	while (collection->fields[count].name)
		count++;
	return count;
}

/* PEXPIRETIME is exact.  Older servers tell what is left, and the time; where
 * the time is the same before and after, so is the sum exact. */
size_t redis_image_ask(const struct redis_link *link,
                       const struct collection *collection,
                       const struct blob *key, struct redis_batch *batch)
{
	size_t count = field_count(collection);

	redis_batch_begin(batch, count + 3);
	redis_batch_text(batch, "HMGET");
	redis_batch_arg(batch, key->data, key->size);
	for (size_t i = 0; i < count; i++)
		redis_batch_text(batch, collection->fields[i].place);
	redis_batch_text(batch, REDIS_NOTE_FIELD);

	redis_batch_begin(batch, 3);
	redis_batch_text(batch, "HSTRLEN");
	redis_batch_arg(batch, key->data, key->size);
	redis_batch_text(batch, redis_array_place(collection));

	if (link->knows_expiry) {
		redis_batch_key(batch, "PEXPIRETIME", key);
		return 3;
	}
	redis_batch_line(batch, "TIME");
	redis_batch_key(batch, "PTTL", key);
	redis_batch_line(batch, "TIME");
	return 5;
}

static int time_ms(const redisReply *reply, int64_t *out)
{
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
	    reply->element[0]->type != REDIS_REPLY_STRING ||
	    reply->element[1]->type != REDIS_REPLY_STRING)
		return -EIO;
	*out = strtoll(reply->element[0]->str, NULL, 10) * 1000 +
	       strtoll(reply->element[1]->str, NULL, 10) / 1000;
	return 0;
}

/* REPLIES begin with that to PEXPIRETIME, or TIME. */
static int read_expiry(const struct redis_link *link,
                       redisReply *const *replies, int64_t *out)
{
	const redisReply *answer = replies[link->knows_expiry ? 0 : 1];
	int64_t before;
	int64_t after;

	if (answer->type != REDIS_REPLY_INTEGER)
		return -EIO;
	if (answer->integer < 0) {
		*out = 0;
		return answer->integer == -2 ? -ENOENT : 0;
	}
	if (link->knows_expiry) {
		*out = answer->integer;
		return 0;
	}
	if (time_ms(replies[0], &before) || time_ms(replies[2], &after))
		return -EIO;
	*out = after + answer->integer;
	return before == after ? 0 : -ESTALE;
}

static int read_field(const struct field_row *row, const redisReply *reply,
                      struct value *fields)
{
	struct value *value = NULL;
	int rc;

	if (reply->type != REDIS_REPLY_STRING)
		return 0;
	rc = redis_text_parse(row, reply->str, reply->len, &value);
	if (rc || !value)
		return rc;
	return value_dict_set(fields, row->name, value);
}

static bool follows_array(const struct field_row *row)
{
	return row->rule != FIELD_GIVEN && row->rule != FIELD_NUMBER;
}

static int read_fields(const struct collection *collection,
                       const redisReply *texts, struct redis_image *image)
{
	const struct field_row *row = collection->fields;
	int rc = 0;

	image->fields = value_new_dict();
	if (!image->fields)
		return -ENOMEM;
	for (size_t i = 0; rc == 0 && row[i].name; i++) {
		const redisReply *text = texts->element[i];

		if (image->version.size == 0 && follows_array(&row[i]))
			continue;
		rc = read_field(&row[i], text, image->fields);
		if (rc == 0 && collection->timestamp &&
		    strcmp(row[i].name, collection->timestamp) == 0 &&
		    text->type == REDIS_REPLY_STRING)
			rc = blob_set(&image->version.timestamp, text->str,
			              text->len);
	}
	return rc;
}

static int read_dtype(const struct collection *collection,
                      const redisReply *texts, struct redis_image *image)
{
	const struct field_row *row = collection->fields;
	const struct blob *descr = &image->note.descr;
	char why[WHY_SIZE];

	if (descr->size)
		return dtype_parse_descr(descr->data, descr->size,
		                         &image->info.dtype, why);
	for (size_t i = 0; row[i].name; i++)
		if (row[i].rule == FIELD_DTYPE &&
		    texts->element[i]->type == REDIS_REPLY_STRING)
			return dtype_parse_name(texts->element[i]->str,
			                        texts->element[i]->len,
			                        &image->info.dtype, why);
	return -EINVAL;
}

static int read_shape(const struct collection *collection,
                      const redisReply *texts, struct redis_image *image)
{
	const struct field_row *row = collection->fields;
	const struct redis_note *note = &image->note;

	if (note->shaped) {
		image->info.ndim = note->ndim;
		memcpy(image->info.shape, note->shape, sizeof(note->shape));
		return 0;
	}
	for (size_t i = 0; row[i].name; i++)
		if (row[i].rule == FIELD_SHAPE &&
		    texts->element[i]->type == REDIS_REPLY_STRING)
			return redis_shape_parse(
			    texts->element[i]->str, texts->element[i]->len,
			    &image->info.ndim, image->info.shape);
	return -EINVAL;
}

/* An array with one long axis at most is the same in either order; numpy calls
 * that C, and so it does an empty one. */
static bool has_one_order(const struct array_info *info)
{
	int long_axes = 0;

	for (int i = 0; i < info->ndim; i++) {
		if (info->shape[i] == 0)
			return true;
		long_axes += info->shape[i] > 1;
	}
	return long_axes < 2;
}

/* The order is one word of the header, and its length is mostly the same. */
static int compare_orders(struct array_info *info, bool *same)
{
	size_t sizes[2];
	int rc = 0;

	for (int order = 0; order < 2 && rc == 0; order++) {
		info->fortran = order == 1;
		rc = npy_header_size(info, &sizes[order]);
	}
	info->fortran = false;
	if (rc == 0)
		*same = sizes[0] == sizes[1];
	return rc;
}

/* What is known of the array without its bytes. */
static int read_info(const struct collection *collection,
                     const redisReply *texts, struct redis_image *image)
{
	struct array_info *info = &image->info;
	const struct redis_note *note = &image->note;
	int rc;

	if (image->version.size == 0)
		return 0;
	rc = read_dtype(collection, texts, image);
	if (rc == 0)
		rc = read_shape(collection, texts, image);
	if (rc == 0)
		rc = array_info_measure(info);
	if (rc)
		return rc == -ENOMEM ? rc : 0;
	image->order_known = note->array_is_ours || has_one_order(info);
	info->fortran = note->array_is_ours && note->fortran;
	image->info_known = image->order_known;
	if (!image->order_known)
		return compare_orders(info, &image->info_known);
	return blob_append(&info->header, note->header.data, note->header.size);
}

static int read_parts(const struct collection *collection,
                      const redisReply *texts, const redisReply *size,
                      struct redis_image *image)
{
	const redisReply *note = texts->element[texts->elements - 1];
	int rc;

	image->version.size = (uint64_t)size->integer;
	rc = read_fields(collection, texts, image);
	if (rc == 0 && note->type == REDIS_REPLY_STRING)
		rc = redis_note_parse(note->str, note->len, &image->version,
		                      &image->note);
	return rc ? rc : read_info(collection, texts, image);
}

int redis_image_read(const struct redis_link *link,
                     const struct collection *collection,
                     redisReply *const *replies, struct redis_image *out)
{
	const redisReply *texts = replies[0];
	struct redis_image image = { 0 };
	int rc = redis_reply_error(texts);

	if (rc)
		return rc;
	if (texts->type != REDIS_REPLY_ARRAY ||
	    texts->elements != field_count(collection) + 1 ||
	    replies[1]->type != REDIS_REPLY_INTEGER)
		return -EIO;
	rc = read_expiry(link, replies + 2, &image.expires_ms);
	if (rc == 0 || rc == -ESTALE) {
		int failed = read_parts(collection, texts, replies[1], &image);

		rc = failed ? failed : rc;
	}
	if (rc && rc != -ESTALE)
		redis_image_release(&image);
	else
		*out = image;
	return rc;
}

int redis_image_look(struct redis_image *image, const void *bytes, size_t size)
{
	struct array_info info = { 0 };
	char why[WHY_SIZE];
	int rc = codec_array_info(bytes, size, size, &info, why);

	if (rc == -ENOMEM)
		return rc;
	image->opaque = rc != 0;
	image->info_known = rc == 0;
	image->order_known = rc == 0;
	array_info_release(&image->info);
	image->info = info;
	return 0;
}

static int show_array(const struct collection *collection,
                      struct redis_image *image, struct record *record)
{
	struct record_array *array = calloc(1, sizeof(*array));

	if (!array)
		return -ENOMEM;
	record->arrays = array;
	record->array_count = 1;
	array->name = strdup(array_row(collection)->name);
	array->mtime = image->note.array_timed
	                   ? image->note.array_mtime
	                   : change_timestamp(collection, record->fields);
	array->info = image->info;
	image->info = (struct array_info){ 0 };
	return array->name ? 0 : -ENOMEM;
}

int redis_image_show(const struct collection *collection, struct key key,
                     struct redis_image *image, struct record *out)
{
	struct record record = { .fields_dropped = image->note.dropped,
		                 .expires_ms = image->expires_ms };
	int rc = blob_set(&record.key, key.data, key.size);

	record.fields = image->fields;
	image->fields = NULL;
	record.fields_mtime = image->note.fields_timed
	                          ? image->note.fields_mtime
	                          : change_timestamp(collection, record.fields);
	record.atime =
	    change_atime(collection, record.fields, record.fields_mtime);
	if (image->opaque)
		record.opaque_size = image->version.size;
	else if (rc == 0 && image->version.size)
		rc = show_array(collection, image, &record);
	if (rc)
		record_release(&record);
	else
		*out = record;
	return rc;
}
