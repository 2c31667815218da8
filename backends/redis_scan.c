/* SPDX-License-Identifier: MIT */
#include "backends/redis_scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void redis_scan_release(struct redis_scan *scan)
{
	blob_release(&scan->pattern);
	*scan = (struct redis_scan){ 0 };
}

void redis_page_release(struct redis_page *page)
{
	for (size_t i = 0; i < page->count; i++)
		blob_release(&page->keys[i]);
	free(page->keys);
	*page = (struct redis_page){ 0 };
}

/* Append BYTES so that SCAN takes them as they are. */
static int append_escaped(struct blob *out, const char *bytes, size_t size)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < size; i++) {
		if (bytes[i] && strchr("*?[]\\", bytes[i]))
			rc = blob_append(out, "\\", 1);
		if (rc == 0)
			rc = blob_append(out, &bytes[i], 1);
	}
	return rc;
}

int redis_scan_init(struct redis_scan *scan, const char *place,
                    struct key prefix, size_t count)
{
	struct redis_scan fresh = { .count = count };
	int rc = append_escaped(&fresh.pattern, place, strlen(place));

	if (rc == 0)
		rc = append_escaped(&fresh.pattern, prefix.data, prefix.size);
	if (rc == 0)
		rc = blob_append(&fresh.pattern, "*", 1);
	if (rc)
		redis_scan_release(&fresh);
	else
		*scan = fresh;
	return rc;
}

static int read_page(const redisReply *reply, struct redis_page *page)
{
	const redisReply *keys;
	int rc = 0;

	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
	    reply->element[0]->type != REDIS_REPLY_STRING ||
	    reply->element[1]->type != REDIS_REPLY_ARRAY)
		return -EIO;
	keys = reply->element[1];
	page->next = strtoull(reply->element[0]->str, NULL, 10);
	page->keys = calloc(keys->elements + 1, sizeof(*page->keys));
	if (!page->keys)
		return -ENOMEM;
	for (size_t i = 0; rc == 0 && i < keys->elements; i++) {
		const redisReply *key = keys->element[i];

		rc = key->type != REDIS_REPLY_STRING
		         ? -EIO
		         : blob_append(&page->keys[i], key->str, key->len);
		page->count = i + 1;
	}
	return rc;
}

int redis_scan_step(struct redis_link *link, const struct redis_scan *scan,
                    struct redis_page *out)
{
	struct redis_batch batch = { 0 };
	struct redis_page page = { 0 };
	int rc;

	redis_batch_begin(&batch, 6);
	redis_batch_text(&batch, "SCAN");
	redis_batch_unsigned(&batch, scan->position);
	redis_batch_text(&batch, "MATCH");
	redis_batch_arg(&batch, scan->pattern.data, scan->pattern.size);
	redis_batch_text(&batch, "COUNT");
	redis_batch_unsigned(&batch, scan->count);
	rc = redis_link_run(link, &batch);
	if (rc == 0)
		rc = redis_link_check(link, batch.replies[0]);
	if (rc == 0)
		rc = read_page(batch.replies[0], &page);
	redis_batch_release(&batch);
	if (rc)
		redis_page_release(&page);
	else
		*out = page;
	return rc;
}
