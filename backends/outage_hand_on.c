/* SPDX-License-Identifier: MIT */
#include "backends/outage_internal.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "backends/change.h"

static bool is_later(struct timespec a, struct timespec b)
{
	return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec
	                            : a.tv_nsec > b.tv_nsec;
}

/* Somebody else has WRITTEN since the change was accepted.  A time that is still
 * to come was set by a user, and says nothing. */
static bool is_news(const struct outage_entry *entry, struct timespec written)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return is_later(written, entry->accepted) && !is_later(written, now);
}

/* The part that a change sets or drops; its fields otherwise. */
static bool was_part_written_later(const struct outage_entry *entry,
                                   const struct record *before)
{
	const struct change *change = &entry->change;
	const struct record_array *array;

	if (change->array_action == PART_SET ||
	    change->array_action == PART_DROP) {
		array = record_array(before, change->array_name);
		return array && is_news(entry, array->mtime);
	}
	return is_news(entry, before->fields_mtime);
}

/* Whatever it is: all of it is removed or renamed. */
static bool was_any_written_later(const struct outage_entry *entry,
                                  const struct record *before)
{
	bool later = is_news(entry, before->fields_mtime);

	for (size_t i = 0; !later && i < before->array_count; i++)
		later = is_news(entry, before->arrays[i].mtime);
	return later;
}

static bool was_written_later(const struct outage_entry *entry,
                              const struct record *before)
{
	return entry->operation == OUTAGE_PUT
	           ? was_part_written_later(entry, before)
	           : was_any_written_later(entry, before);
}

static bool has_expired(const struct change *change)
{
	return change->expires_ms > 0 && change->expires_ms <= change_now_ms();
}

/* A new record lives from when it was accepted. */
static void settle_expiry(struct outage_entry *entry, bool is_new)
{
	struct change *change = &entry->change;

	if (is_new && entry->collection->ttl &&
	    change->expires_ms == EXPIRES_KEEP)
		change->expires_ms = (int64_t)entry->accepted.tv_sec * 1000 +
		                     entry->accepted.tv_nsec / 1000000 +
		                     (int64_t)entry->collection->ttl * 1000;
}

static int put(struct store *inner, struct outage_entry *entry, bool is_new)
{
	struct change *change = &entry->change;
	int rc;

	settle_expiry(entry, is_new);
	if (has_expired(change))
		return 0;
	rc = inner->backend->put(inner, entry->collection, entry->key, change,
	                         NULL);
	if (rc == -EINVAL && has_expired(change))
		return 0;
	/* It is so already. */
	if ((rc == -ENOENT && change->must_exist) ||
	    (rc == -EEXIST && change->exclusive))
		return 0;
	return rc;
}

static int hand_on_put(struct outage_store *outage, struct outage_entry *entry,
                       uint64_t number, bool is_new)
{
	const struct ticket ticket = { outage->owner, number };
	int rc;

	entry->change.ticket = &ticket;
	entry->change.written = entry->accepted;
	rc = put(outage->base.under, entry, is_new);
	entry->change.ticket = NULL;
	return rc;
}

static int hand_on_move(struct outage_store *outage,
                        const struct outage_entry *entry)
{
	struct store *inner = outage->base.under;
	int rc;

	if (entry->operation == OUTAGE_REMOVE)
		rc = inner->backend->remove(inner, entry->collection,
		                            entry->key);
	else
		rc = inner->backend->rename(inner, entry->collection,
		                            entry->key, entry->to, entry->mode);
	return rc == -ENOENT ? 0 : rc;
}

int outage_hand_on(struct outage_store *outage, struct outage_entry *entry,
                   uint64_t number)
{
	struct store *inner = outage->base.under;
	struct record before = { 0 };
	int rc =
	    inner->backend->get(inner, entry->collection, entry->key, &before);
	bool is_new = rc == -ENOENT;
	bool is_late = rc == 0 && was_written_later(entry, &before);

	record_release(&before);
	if (rc && !is_new)
		return rc;
	if (is_late) {
		snprintf(entry->change.why, WHY_SIZE,
		         "another program wrote it later, while the storage "
		         "was away from here");
		return -ESTALE;
	}
	return entry->operation == OUTAGE_PUT
	           ? hand_on_put(outage, entry, number, is_new)
	           : hand_on_move(outage, entry);
}
