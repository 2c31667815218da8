/* SPDX-License-Identifier: MIT */
#include "backends/outage_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/change.h"
#include "backends/log.h"

static int overlay_put(struct outage_store *outage, struct outage_entry *entry)
{
	struct change *change = &entry->change;

	change->written = entry->accepted;
	return outage->overlay->backend->put(outage->overlay, entry->collection,
	                                     entry->key, change, NULL);
}

static bool makes_record(const struct change *change)
{
	return change->fields_action == PART_SET ||
	       change->array_action == PART_SET || change->exclusive;
}

/* Parts of a record that nobody knows go: a pair of which both went is gone. */
static void note_drops(struct outage_shadow *shadow,
                       const struct change *change)
{
	shadow->array_dropped |= change->array_action == PART_DROP;
	shadow->fields_dropped |= change->fields_action == PART_DROP;
	if (shadow->collection->shape == RECORD_PAIR && shadow->array_dropped &&
	    shadow->fields_dropped)
		shadow->known = true;
	if (shadow->collection->shape == RECORD_FIELDS &&
	    shadow->fields_dropped)
		shadow->known = true;
}

static int apply_put(struct outage_store *outage, struct outage_shadow *shadow,
                     struct outage_entry *entry)
{
	int rc;

	if (!shadow->known && !makes_record(&entry->change)) {
		note_drops(shadow, &entry->change);
		return 0;
	}
	rc = overlay_put(outage, entry);
	if (rc == 0)
		shadow->known = true;
	return rc;
}

static int apply_remove(struct outage_store *outage,
                        struct outage_shadow *shadow,
                        const struct outage_entry *entry)
{
	int rc = shadow->known
	             ? outage->overlay->backend->remove(
			   outage->overlay, entry->collection, entry->key)
	             : 0;

	if (rc == 0)
		shadow->known = true;
	return rc;
}

static int apply_rename(struct outage_store *outage,
                        struct outage_shadow *shadow,
                        const struct outage_entry *entry)
{
	struct outage_shadow *target;
	int rc = shadow->known ? outage_shadow_add(outage, entry->collection,
	                                           entry->to, &target)
	                       : -EIO;

	if (rc)
		return rc;
	rc = outage->overlay->backend->rename(outage->overlay,
	                                      entry->collection, entry->key,
	                                      entry->to, entry->mode);
	if (rc)
		outage_shadow_drop(outage, entry->collection, entry->to);
	else
		target->known = true;
	return rc;
}

static int apply(struct outage_store *outage, struct outage_entry *entry)
{
	struct outage_shadow *shadow;
	int rc =
	    outage_shadow_add(outage, entry->collection, entry->key, &shadow);

	if (rc)
		return rc;
	shadow->known |= entry->known;
	if (entry->operation == OUTAGE_PUT)
		rc = apply_put(outage, shadow, entry);
	else if (entry->operation == OUTAGE_REMOVE)
		rc = apply_remove(outage, shadow, entry);
	else
		rc = apply_rename(outage, shadow, entry);
	if (rc)
		outage_shadow_drop(outage, entry->collection, entry->key);
	return rc;
}

void outage_waiting_free(struct outage_waiting *waiting)
{
	if (!waiting)
		return;
	blob_release(&waiting->key);
	blob_release(&waiting->to);
	free(waiting);
}

static int new_waiting(const struct outage_entry *entry, uint64_t number,
                       uint64_t bytes, struct outage_waiting **out)
{
	struct outage_waiting *waiting = calloc(1, sizeof(*waiting));
	int rc = waiting ? 0 : -ENOMEM;

	if (rc == 0)
		rc = blob_set(&waiting->key, entry->key.data, entry->key.size);
	if (rc == 0 && entry->operation == OUTAGE_RENAME)
		rc = blob_set(&waiting->to, entry->to.data, entry->to.size);
	if (rc) {
		outage_waiting_free(waiting);
		return rc;
	}
	waiting->number = number;
	waiting->bytes = bytes;
	waiting->collection = entry->collection;
	waiting->renames = entry->operation == OUTAGE_RENAME;
	*out = waiting;
	return 0;
}

static void append(struct outage_store *outage, struct outage_waiting *waiting)
{
	*outage->last = waiting;
	outage->last = &waiting->next;
	outage->waiting++;
	outage->bytes += waiting->bytes;
	outage->last_number = waiting->number;
	pthread_cond_signal(&outage->wake);
}

/* Numbers grow, and hardly ever come again after the files that had them. */
static uint64_t next_number(const struct outage_store *outage)
{
	struct timespec now;
	uint64_t number;

	clock_gettime(CLOCK_REALTIME, &now);
	number = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	return number > outage->last_number ? number : outage->last_number + 1;
}

/* Other changes of the record wait.  With the lock held. */
static bool has_others(const struct outage_store *outage,
                       const struct outage_entry *entry)
{
	return outage_shadow_find(outage, entry->collection, entry->key);
}

/* -EAGAIN: those that it was to go behind have been handed on, and what there
 * is now has to be learned. */
static int try_to_take(struct outage_store *outage, struct outage_entry *entry,
                       struct outage_waiting *waiting)
{
	bool follows;
	int rc = -EAGAIN;

	pthread_mutex_lock(&outage->lock);
	follows = has_others(outage, entry);
	pthread_mutex_unlock(&outage->lock);
	entry->known =
	    !follows && outage_learn(outage, entry->collection, entry->key);
	pthread_mutex_lock(&outage->lock);
	if (!follows || outage->away || has_others(outage, entry))
		rc = apply(outage, entry);
	if (rc == 0)
		append(outage, waiting);
	pthread_mutex_unlock(&outage->lock);
	return rc;
}

/* What was learned for a change that did not come about. */
static void forget(struct outage_store *outage,
                   const struct outage_entry *entry)
{
	pthread_mutex_lock(&outage->lock);
	if (entry->known && !has_others(outage, entry))
		outage->overlay->backend->remove(outage->overlay,
		                                 entry->collection, entry->key);
	pthread_mutex_unlock(&outage->lock);
}

/* Takes over WAITING, whose file there is. */
static int take(struct outage_store *outage, struct outage_entry *entry,
                struct outage_waiting *waiting)
{
	int rc;

	do
		rc = try_to_take(outage, entry, waiting);
	while (rc == -EAGAIN);
	if (rc) {
		forget(outage, entry);
		outage_file_remove(outage->fd, waiting->number);
		outage_waiting_free(waiting);
	}
	return rc;
}

static int keep(struct outage_store *outage, const struct outage_entry *entry,
                struct blob *bytes, struct outage_waiting **out)
{
	struct outage_waiting *waiting = NULL;
	uint64_t number;
	bool full;
	int rc = outage_entry_encode(entry, bytes);

	pthread_mutex_lock(&outage->lock);
	number = next_number(outage);
	full = outage->bytes + bytes->size > OUTAGE_MAX_BYTES;
	pthread_mutex_unlock(&outage->lock);
	if (rc == 0 && full)
		rc = -ENOSPC;
	if (rc == 0)
		rc = new_waiting(entry, number, bytes->size, &waiting);
	if (rc == 0)
		rc = outage_file_write(outage->fd, number, bytes);
	if (rc)
		outage_waiting_free(waiting);
	else
		*out = waiting;
	return rc;
}

int outage_accept(struct outage_store *outage, struct outage_entry *entry)
{
	struct outage_waiting *waiting;
	struct blob bytes = { 0 };
	int rc;

	pthread_mutex_lock(&outage->spooling);
	rc = keep(outage, entry, &bytes, &waiting);
	if (rc == 0)
		rc = take(outage, entry, waiting);
	pthread_mutex_unlock(&outage->spooling);
	blob_release(&bytes);
	return rc;
}

void outage_queue_pop(struct outage_store *outage)
{
	struct outage_waiting *waiting = outage->first;

	outage->first = waiting->next;
	if (!outage->first)
		outage->last = &outage->first;
	outage->waiting--;
	outage->bytes -= waiting->bytes;
	outage_shadow_drop(
	    outage, waiting->collection,
	    (struct key){ waiting->key.data, waiting->key.size });
	if (waiting->renames)
		outage_shadow_drop(
		    outage, waiting->collection,
		    (struct key){ waiting->to.data, waiting->to.size });
}

static void free_list(struct outage_waiting *list)
{
	while (list) {
		struct outage_waiting *next = list->next;

		outage_waiting_free(list);
		list = next;
	}
}

void outage_queue_free(struct outage_store *outage)
{
	free_list(outage->first);
	free_list(outage->made);
}

/* What does not fit the overlay any more waits all the same: it has expired, or
 * the inner store is to judge it. */
static int load_entry(struct outage_store *outage, uint64_t number,
                      struct outage_entry *entry, uint64_t bytes)
{
	struct outage_waiting *waiting = NULL;
	struct outage_shadow *shadow;
	int rc = new_waiting(entry, number, bytes, &waiting);

	if (rc == 0)
		rc = apply(outage, entry);
	if (rc && rc != -ENOMEM && waiting) {
		waiting->renames = false;
		rc = outage_shadow_add(outage, entry->collection, entry->key,
		                       &shadow);
		if (rc == 0)
			shadow->known = true;
	}
	if (rc == 0)
		append(outage, waiting);
	else
		outage_waiting_free(waiting);
	return rc;
}

int outage_put_aside(struct outage_store *outage, uint64_t number, int cause)
{
	struct outage_event event = { .news = OUTAGE_REFUSED,
		                      .cause = cause,
		                      .why = "a change in the spool is damaged "
		                             "and was put aside" };
	int rc = 0;

	if (cause == -ENOENT)
		event.why = "a change in the spool has gone";
	else
		rc = outage_file_set_aside(outage->fd, number);
	if (rc)
		return rc;
	log_error("%s: spool: %s", outage->backend.name, event.why);
	(void)outage_tell(outage, &event);
	return 0;
}

static int load_file(struct outage_store *outage, uint64_t number)
{
	struct outage_entry entry = { 0 };
	struct blob bytes = { 0 };
	int rc = outage_file_read(outage->fd, number, &bytes);

	if (rc == 0)
		rc = outage_entry_decode(&bytes, outage->options.rows, &entry);
	if (rc == 0) {
		entry.known = outage_learn(outage, entry.collection, entry.key);
		rc = load_entry(outage, number, &entry, bytes.size);
	} else if (rc == -EBADMSG) {
		rc = outage_put_aside(outage, number, rc);
	}
	outage_entry_release(&entry);
	blob_release(&bytes);
	return rc;
}

int outage_queue_load(struct outage_store *outage)
{
	uint64_t *numbers = NULL;
	size_t count = 0;
	int rc = outage_file_list(outage->fd, &numbers, &count);

	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = load_file(outage, numbers[i]);
	free(numbers);
	return rc;
}
