/* SPDX-License-Identifier: MIT */
#include "backends/outage_internal.h"

#include <errno.h>
#include <string.h>

#include "backends/change.h"

/* What the inner store answered to a change, or would. */
enum verdict {
	VERDICT_ANSWERED,
	VERDICT_AGAIN, /* it failed, but seems to be there */
	VERDICT_SPOOL,
};

static enum verdict judge(struct outage_store *outage, int rc)
{
	if (rc == -EROFS)
		return VERDICT_SPOOL;
	if (rc != -EIO)
		return VERDICT_ANSWERED;
	return outage_notice(outage, rc) ? VERDICT_SPOOL : VERDICT_AGAIN;
}

/* A change of KEY may go to the inner store. */
static bool may_pass(struct outage_store *outage,
                     const struct collection *collection, struct key key)
{
	bool passes;

	pthread_mutex_lock(&outage->lock);
	passes = !outage->away && !outage->held &&
	         !outage_shadow_find(outage, collection, key);
	pthread_mutex_unlock(&outage->lock);
	return passes;
}

/* ANSWER: the inner store's, for which ENTRY is spooled; 0: it was not asked. */
static int accept(struct outage_store *outage, struct outage_entry *entry,
                  int answer)
{
	int rc;

	clock_gettime(CLOCK_REALTIME, &entry->accepted);
	rc = outage_accept(outage, entry);
	if (rc == 0 && answer == -EROFS)
		outage_notice_held(outage);
	return rc;
}

/* An array that comes to a record of the overlay which waited for it keeps the
 * time that is left; else the time to live begins now. */
static int64_t expiry_of(struct outage_store *outage,
                         const struct outage_entry *entry)
{
	const struct change *change = &entry->change;
	struct store *overlay = outage->overlay;
	struct record record = { 0 };
	int64_t expires = change->expires_ms;

	if (expires != EXPIRES_ANEW)
		return expires;
	if (entry->collection->ttl == 0)
		return EXPIRES_KEEP;
	if (overlay->backend->get(overlay, entry->collection, entry->key,
	                          &record) == 0 &&
	    change->array_action == PART_SET &&
	    !record_array(&record, change->array_name))
		expires = EXPIRES_KEEP;
	else
		expires =
		    change_now_ms() + (int64_t)entry->collection->ttl * 1000;
	record_release(&record);
	return expires;
}

static int spool_put(struct outage_store *outage,
                     const struct collection *collection, struct key key,
                     struct change *change, int answer)
{
	struct outage_entry entry = {
		.operation = OUTAGE_PUT,
		.collection = outage_row(outage, collection),
		.key = key,
		.change = *change,
	};
	int rc;

	if (!entry.collection || collection_is_numbered(collection))
		return -EIO;
	entry.change.fields_mtime = change_mtime(change->fields_mtime);
	entry.change.array_mtime = change_mtime(change->array_mtime);
	entry.change.expires_ms = expiry_of(outage, &entry);
	rc = accept(outage, &entry, answer);
	memcpy(change->why, entry.change.why, sizeof(change->why));
	return rc;
}

int outage_put(struct store *store, const struct collection *collection,
               struct key key, struct change *change, struct blob *key_out)
{
	struct outage_store *outage = outage_store(store);
	struct store *inner = outage->base.under;
	enum verdict verdict = VERDICT_SPOOL;
	int rc = 0;

	if (may_pass(outage, collection, key)) {
		rc = inner->backend->put(inner, collection, key, change,
		                         key_out);
		verdict = judge(outage, rc);
		if (verdict == VERDICT_AGAIN) {
			rc = inner->backend->put(inner, collection, key, change,
			                         key_out);
			verdict = judge(outage, rc);
		}
	}
	if (verdict != VERDICT_SPOOL)
		return rc;
	rc = spool_put(outage, collection, key, change, rc);
	if (rc == 0 && key_out)
		rc = blob_set(key_out, key.data, key.size);
	return rc;
}

static int spool_remove(struct outage_store *outage,
                        const struct collection *collection, struct key key,
                        int answer)
{
	struct outage_entry entry = {
		.operation = OUTAGE_REMOVE,
		.collection = outage_row(outage, collection),
		.key = key,
	};

	return entry.collection ? accept(outage, &entry, answer) : -EIO;
}

int outage_remove(struct store *store, const struct collection *collection,
                  struct key key)
{
	struct outage_store *outage = outage_store(store);
	struct store *inner = outage->base.under;
	int rc = 0;

	if (may_pass(outage, collection, key)) {
		rc = inner->backend->remove(inner, collection, key);
		if (judge(outage, rc) != VERDICT_SPOOL)
			return rc;
	}
	return spool_remove(outage, collection, key, rc);
}

/* Only what the overlay has can be renamed: of other records nobody knows
 * whether they are there. */
static int spool_rename(struct outage_store *outage,
                        const struct collection *collection, struct key from,
                        struct key to, enum rename_mode mode, int answer)
{
	struct outage_entry entry = {
		.operation = OUTAGE_RENAME,
		.collection = outage_row(outage, collection),
		.key = from,
		.to = to,
		.mode = mode,
	};

	return entry.collection ? accept(outage, &entry, answer) : -EIO;
}

int outage_rename(struct store *store, const struct collection *collection,
                  struct key from, struct key to, enum rename_mode mode)
{
	struct outage_store *outage = outage_store(store);
	struct store *inner = outage->base.under;
	int rc = 0;

	if (may_pass(outage, collection, from) &&
	    may_pass(outage, collection, to)) {
		rc = inner->backend->rename(inner, collection, from, to, mode);
		if (judge(outage, rc) != VERDICT_SPOOL)
			return rc;
	}
	return spool_rename(outage, collection, from, to, mode, rc);
}
