/* SPDX-License-Identifier: MIT */
#include "backends/outage_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "backends/json.h"
#include "backends/log.h"
#include "backends/npy.h"

#define PAUSE_MS 200 /* between two looks whether the storage is back */
#define MOST_TRIES 5 /* of a change that fails while the storage is there */

/* The file as it would be in the mount, for rejected/. */
static int render(const struct outage_entry *entry, struct blob *out)
{
	const struct change *change = &entry->change;

	if (entry->operation != OUTAGE_PUT)
		return 0;
	if (change->array_action == PART_SET)
		return npy_append(change->array, out);
	if (change->fields_action == PART_SET)
		return json_append(change->fields, JSON_STYLE_FILE,
		                   JSON_ARRAYS_INLINE, SIZE_MAX, out);
	return 0;
}

/* The user has the bytes now, or an error is returned. */
static int refuse(struct outage_store *outage, const struct outage_entry *entry,
                  int cause)
{
	const struct change *change = &entry->change;
	struct blob bytes = { 0 };
	int rc = render(entry, &bytes);
	struct outage_event event = {
		.news = OUTAGE_REFUSED,
		.cause = cause,
		.why = change->why[0] ? change->why : strerror(-cause),
		.collection = entry->collection,
		.key = entry->key,
		.array = change->array_action == PART_KEEP ? NULL
		                                           : change->array_name,
	};

	int told = 0;

	if (rc == 0 && bytes.size) {
		event.bytes = bytes.data;
		event.size = bytes.size;
	}
	if (rc != -ENOMEM)
		told = outage_tell(outage, &event);
	blob_release(&bytes);
	return rc ? rc : told;
}

/* -EROFS: a replica, which may become a master.  -EIO is final only when it
 * keeps on. */
static bool may_pass_by(struct outage_store *outage, int rc)
{
	static const int passing[] = { EROFS,  ENOSPC, EDQUOT, ENOMEM,
		                       EMFILE, ENFILE, EAGAIN, EBUSY };

	if (rc == -EIO && outage_notice(outage, rc))
		return true;
	if (rc == -EIO)
		return ++outage->first->tries < MOST_TRIES;
	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++)
		if (rc == -passing[i])
			return true;
	return false;
}

static int read_first(struct outage_store *outage, uint64_t number,
                      struct blob *bytes, struct outage_entry *entry)
{
	int rc = outage_file_read(outage->fd, number, bytes);

	if (rc == 0)
		rc = outage_entry_decode(bytes, outage->options.rows, entry);
	return rc;
}

/* Its file stays in the spool where the user cannot have the bytes. */
static int give_up(struct outage_store *outage,
                   const struct outage_entry *entry, uint64_t number, int cause)
{
	int rc = refuse(outage, entry, cause);

	if (rc == 0 || rc == -ENOMEM)
		return rc;
	rc = outage_file_set_aside(outage->fd, number);
	if (rc == 0)
		log_error("%s: spool: a change that was refused is put aside "
		          "as %020" PRIu64 ".bad",
		          outage->backend.name, number);
	return rc;
}

/* Only this thread takes changes out, so the first one stays. */
static int deliver_first(struct outage_store *outage, uint64_t number)
{
	struct outage_entry entry = { 0 };
	struct blob bytes = { 0 };
	int rc = read_first(outage, number, &bytes, &entry);
	bool unread = rc != 0;

	if (rc == 0)
		rc = outage_hand_on(outage, &entry, number);
	if (rc && !may_pass_by(outage, rc))
		rc = unread ? outage_put_aside(outage, number, rc)
		            : give_up(outage, &entry, number, rc);
	outage_entry_release(&entry);
	blob_release(&bytes);
	return rc;
}

/* False: the file of a change that was made is still there. */
static bool remove_file(const struct outage_store *outage,
                        struct outage_waiting *made)
{
	int rc = outage_file_remove(outage->fd, made->number);

	if (rc == 0 || rc == -ENOENT)
		return true;
	if (!made->stays)
		log_error("%s: spool: cannot remove a change that was made: %s",
		          outage->backend.name, strerror(-rc));
	made->stays = true;
	return false;
}

/* Files that could not be removed: the next mount would make their changes
 * again. */
static void remove_made(struct outage_store *outage)
{
	struct outage_waiting **link = &outage->made;

	while (*link) {
		struct outage_waiting *made = *link;

		if (!remove_file(outage, made)) {
			link = &made->next;
			continue;
		}
		*link = made->next;
		outage_waiting_free(made);
	}
}

/* The first change is done with. */
static void finish_first(struct outage_store *outage)
{
	struct outage_waiting *first = outage->first;
	bool removed = remove_file(outage, first);

	pthread_mutex_lock(&outage->lock);
	outage_queue_pop(outage);
	outage->delivered++;
	outage->held = false;
	pthread_mutex_unlock(&outage->lock);
	if (removed) {
		outage_waiting_free(first);
		return;
	}
	first->next = outage->made;
	outage->made = first;
}

/* One change.  False: there is none, or it has to wait. */
static bool deliver_next(struct outage_store *outage)
{
	uint64_t number = 0;
	bool more;

	pthread_mutex_lock(&outage->lock);
	more = outage->first && !outage->away && !outage->stopping;
	if (more)
		number = outage->first->number;
	pthread_mutex_unlock(&outage->lock);
	if (!more || deliver_first(outage, number))
		return false;
	finish_first(outage);
	return true;
}

/* Any record of the backend will do: it answers, or it does not. */
static void look(struct outage_store *outage)
{
	const struct collection *row = outage->options.rows;
	struct store *inner = outage->base.under;
	struct backend_status status;
	struct record record = { 0 };
	int rc;

	while (row->path && strcmp(row->backend, outage->backend.name) != 0)
		row++;
	if (!row->path)
		row = outage->options.rows;
	rc = inner->backend->get(inner, row, (struct key){ "0", 1 }, &record);
	if (rc == 0)
		record_release(&record);
	inner->backend->status(inner, &status);
	if (status.away)
		return;
	pthread_mutex_lock(&outage->lock);
	outage->away = false;
	pthread_mutex_unlock(&outage->lock);
}

/* Once it is back and everything was handed on. */
static void tell_end(struct outage_store *outage)
{
	struct outage_event event = { .news = OUTAGE_ENDED };
	char why[WHY_SIZE];
	bool ends;

	pthread_mutex_lock(&outage->lock);
	ends = outage->told_begin && !outage->away && !outage->first;
	event.count = outage->delivered;
	outage->held &= !!outage->first;
	if (ends || (!outage->told_begin && !outage->first)) {
		outage->told_begin = false;
		outage->delivered = 0;
	}
	pthread_mutex_unlock(&outage->lock);
	if (!ends)
		return;
	snprintf(why, sizeof(why), "%s is back; changes handed on: %llu",
	         outage->backend.name, (unsigned long long)event.count);
	event.why = why;
	(void)outage_tell(outage, &event);
}

/* Until there is something to do; while something waits, for a moment only. */
static bool wait_for_work(struct outage_store *outage)
{
	struct timespec until;
	bool goes_on;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += PAUSE_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&outage->lock);
	if (!outage->stopping && !outage->away && !outage->first &&
	    !outage->made)
		pthread_cond_wait(&outage->wake, &outage->lock);
	else
		while (!outage->stopping &&
		       pthread_cond_timedwait(&outage->wake, &outage->lock,
		                              &until) == 0)
			;
	goes_on = !outage->stopping;
	pthread_mutex_unlock(&outage->lock);
	return goes_on;
}

void *outage_deliver(void *arg)
{
	struct outage_store *outage = arg;

	do {
		if (outage_is_away(outage))
			look(outage);
		while (deliver_next(outage))
			;
		remove_made(outage);
		tell_end(outage);
	} while (wait_for_work(outage));
	return NULL;
}
