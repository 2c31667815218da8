/* SPDX-License-Identifier: MIT */
#include "backends/redis_internal.h"
#include "backends/redis_scan.h"

#include <errno.h>
#include <string.h>

#define LOOK_STEP 1000
#define LOOK_STEPS 10 /* per place */

/* Where the Python classes keep arrays. */
static const struct {
	const char *keys;
	const char *field;
} places[] = {
	{ "wm:", "pattern" },
	{ "attention:", "weights" },
	{ "spikes:", "spikes" },
};

static int form_of(const redisReply *reply, enum encoding *out)
{
	struct codec_form form;

	if (reply->type != REDIS_REPLY_STRING ||
	    codec_sniff(reply->str, reply->len, &form))
		return -ENOENT;
	*out = form.encoding;
	return 0;
}

/* What the first array among the keys of PAGE says.  -ENOENT: there is none. */
static int look_at_page(struct redis_link *link, const char *field,
                        const struct redis_page *page, enum encoding *out)
{
	int rc = -ENOENT;

	for (size_t i = 0; i < page->count && rc == -ENOENT; i++) {
		struct redis_batch batch = { 0 };

		redis_batch_begin(&batch, 3);
		redis_batch_text(&batch, "HGET");
		redis_batch_arg(&batch, page->keys[i].data, page->keys[i].size);
		redis_batch_text(&batch, field);
		rc = redis_link_run(link, &batch);
		if (rc == 0)
			rc = form_of(batch.replies[0], out);
		redis_batch_release(&batch);
	}
	return rc;
}

static int look_at_place(struct redis_link *link, size_t place,
                         enum encoding *out)
{
	struct redis_scan scan;
	int rc = redis_scan_init(&scan, places[place].keys,
	                         (struct key){ "", 0 }, LOOK_STEP);

	if (rc)
		return rc;
	rc = -ENOENT;
	for (int step = 0; step < LOOK_STEPS && rc == -ENOENT; step++) {
		struct redis_page page = { 0 };

		rc = redis_scan_step(link, &scan, &page);
		if (rc == 0)
			rc =
			    look_at_page(link, places[place].field, &page, out);
		scan.position = page.next;
		redis_page_release(&page);
		if (scan.position == 0)
			break;
	}
	redis_scan_release(&scan);
	return rc;
}

static int look_everywhere(struct redis_link *link, void *arg)
{
	int rc = -ENOENT;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		rc = look_at_place(link, i, arg);
		if (rc != -ENOENT)
			break;
	}
	return rc;
}

void redis_settle_encoding(struct redis_store *redis, enum encoding encoding)
{
	int unknown = ENCODE_AUTO;

	atomic_compare_exchange_strong(
	    &redis->encoding, &unknown,
	    encoding == ENCODING_PICKLE ? ENCODE_PICKLE : ENCODE_NPY);
}

int redis_choose_encoding(struct redis_store *redis, enum encoding *out)
{
	enum encoding seen = ENCODING_NPY;
	int rc;

	if (atomic_load(&redis->encoding) == ENCODE_AUTO) {
		rc = redis_pool_do(redis->pool, look_everywhere, &seen);
		if (rc == 0)
			redis_settle_encoding(redis, seen);
		else if (rc != -ENOENT)
			return rc;
	}
	*out = atomic_load(&redis->encoding) == ENCODE_PICKLE ? ENCODING_PICKLE
	                                                      : ENCODING_NPY;
	return 0;
}
