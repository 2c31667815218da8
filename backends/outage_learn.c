/* SPDX-License-Identifier: MIT */
#include "backends/outage_internal.h"

#include <errno.h>
#include <string.h>

/* Larger arrays are not copied: such a record is seen as far as it changes. */
#define COPY_LIMIT ((uint64_t)256 << 20)

static int read_array(struct store *inner, const struct collection *row,
                      struct key key, const struct record_array *from,
                      struct array *out)
{
	struct reader *reader;
	int rc =
	    inner->backend->open_array(inner, row, key, from->name, &reader);
	ssize_t size;

	if (rc)
		return rc;
	rc = array_info_copy(&out->info, &reader->info);
	if (rc == 0)
		rc = blob_resize(&out->owned, (size_t)reader->size);
	if (rc == 0) {
		size = reader->ops->read(reader, 0, out->owned.data,
		                         out->owned.size);
		if (size < 0)
			rc = (int)size;
		else if ((size_t)size != out->owned.size)
			rc = -EIO;
	}
	out->data = out->owned.data;
	reader->ops->close(reader);
	return rc;
}

static int copy_array(struct outage_store *outage, const struct collection *row,
                      struct key key, const struct record_array *from)
{
	struct store *overlay = outage->overlay;
	struct array array = { 0 };
	struct change change = { .array_action = PART_SET,
		                 .array_name = from->name,
		                 .array = &array,
		                 .array_mtime = from->mtime,
		                 .expires_ms = EXPIRES_KEEP };
	int rc = from->info.nbytes > COPY_LIMIT
	             ? -EFBIG
	             : read_array(outage->base.under, row, key, from, &array);

	if (rc == 0)
		rc = overlay->backend->put(overlay, row, key, &change, NULL);
	array_release(&array);
	return rc;
}

static int copy_fields(struct outage_store *outage,
                       const struct collection *row, struct key key,
                       const struct record *from)
{
	struct store *overlay = outage->overlay;
	struct change change = { .fields_action = PART_SET,
		                 .fields = from->fields,
		                 .fields_mtime = from->fields_mtime,
		                 .expires_ms = from->expires_ms
		                                   ? from->expires_ms
		                                   : EXPIRES_KEEP };
	struct change drop = { .fields_action = PART_DROP,
		               .expires_ms = EXPIRES_KEEP };
	int rc = overlay->backend->put(overlay, row, key, &change, NULL);

	if (rc == 0 && from->fields_dropped)
		rc = overlay->backend->put(overlay, row, key, &drop, NULL);
	return rc;
}

static int copy_record(struct outage_store *outage,
                       const struct collection *row, struct key key,
                       const struct record *from)
{
	int rc = from->opaque_size ? -EFBIG : 0;

	for (size_t i = 0; rc == 0 && i < from->array_count; i++)
		rc = copy_array(outage, row, key, &from->arrays[i]);
	if (rc == 0)
		rc = copy_fields(outage, row, key, from);
	if (rc)
		outage->overlay->backend->remove(outage->overlay, row, key);
	return rc;
}

static bool is_needed(struct outage_store *outage, const struct collection *row,
                      struct key key)
{
	bool needed;

	pthread_mutex_lock(&outage->lock);
	needed = !outage->away && !outage_shadow_find(outage, row, key);
	pthread_mutex_unlock(&outage->lock);
	return needed;
}

bool outage_learn(struct outage_store *outage, const struct collection *row,
                  struct key key)
{
	struct store *inner = outage->base.under;
	struct record record = { 0 };
	bool known;
	int rc;

	if (!row || !is_needed(outage, row, key))
		return false;
	rc = inner->backend->get(inner, row, key, &record);
	known = rc == -ENOENT ||
	        (rc == 0 && copy_record(outage, row, key, &record) == 0);
	record_release(&record);
	return known;
}
