/* SPDX-License-Identifier: MIT */
#include "layout/access.h"

#include "backends/access.h"
#include "backends/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DELAY_MS 500       /* from the first note to the writing */
#define RETRY_MS 1000      /* after a failure */
#define MOST_TRIES 60      /* to write one note */
#define BATCH_ITEMS 1024   /* written by one call of a backend */
#define MOST_NOTES 1048576 /* more are not counted */

/* Some opens of one array. */
struct note {
	const struct collection *collection;
	struct blob key;
	int64_t count;
	double last;
	int tries; /* that failed */
};

struct notes {
	struct note *items;
	size_t count;
	size_t capacity;
};

struct accesses {
	const struct stores *stores;
	accesses_changed_fn *changed;
	void *arg;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct notes notes; /* under LOCK: one for each open, in any order */
	bool stop;          /* under LOCK */
};

static void notes_release(struct notes *notes)
{
	for (size_t i = 0; i < notes->count; i++)
		blob_release(&notes->items[i].key);
	free(notes->items);
	*notes = (struct notes){ 0 };
}

/* Takes over the key of NOTE, unless it fails. */
static int notes_append(struct notes *notes, const struct note *note)
{
	size_t capacity = notes->capacity ? 2 * notes->capacity : 64;
	struct note *items;

	if (notes->count == MOST_NOTES)
		return -ENOSPC;
	if (notes->count == notes->capacity) {
		items = reallocarray(notes->items, capacity, sizeof(*items));
		if (!items)
			return -ENOMEM;
		notes->items = items;
		notes->capacity = capacity;
	}
	notes->items[notes->count++] = *note;
	return 0;
}

static int compare_keys(const struct blob *a, const struct blob *b)
{
	size_t size = a->size < b->size ? a->size : b->size;
	int order = size ? memcmp(a->data, b->data, size) : 0;

	return order ? order : (a->size > b->size) - (a->size < b->size);
}

/* By collection (rows of one table), then by key. */
static int compare_notes(const void *left, const void *right)
{
	const struct note *a = left;
	const struct note *b = right;

	if (a->collection != b->collection)
		return a->collection < b->collection ? -1 : 1;
	return compare_keys(&a->key, &b->key);
}

/* One note for each record, in the order of compare_notes. */
static void notes_merge(struct notes *notes)
{
	size_t kept = 0;

	if (notes->count == 0)
		return;
	qsort(notes->items, notes->count, sizeof(*notes->items), compare_notes);
	for (size_t i = 1; i < notes->count; i++) {
		struct note *last = &notes->items[kept];
		struct note *note = &notes->items[i];

		if (compare_notes(last, note) != 0) {
			notes->items[++kept] = *note;
			continue;
		}
		last->count += note->count;
		if (note->last > last->last)
			last->last = note->last;
		if (note->tries > last->tries)
			last->tries = note->tries;
		blob_release(&note->key);
	}
	notes->count = kept + 1;
}

/* How many of COUNT notes, from the first, one call can take. */
static size_t batch_size(const struct note *notes, size_t count)
{
	size_t size = 1;

	while (size < count && size < BATCH_ITEMS &&
	       notes[size].collection == notes[0].collection)
		size++;
	return size;
}

static int write_batch(const struct accesses *accesses,
                       const struct note *notes, size_t count)
{
	const struct collection *collection = notes[0].collection;
	struct store *store = stores_get(accesses->stores, collection);
	struct access *items;
	int rc;

	if (!store)
		return -EIO;
	items = calloc(count, sizeof(*items));
	if (!items)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		items[i] = (struct access){
			.key = { notes[i].key.data, notes[i].key.size },
			.count = notes[i].count,
			.last = notes[i].last,
		};
	rc = store->backend->access->record(store, collection, items, count);
	free(items);
	return rc;
}

static void tell(const struct accesses *accesses, const struct note *notes,
                 size_t count)
{
	for (size_t i = 0; i < count; i++)
		accesses->changed(
		    notes[i].collection,
		    (struct key){ notes[i].key.data, notes[i].key.size },
		    accesses->arg);
}

/* What was not taken is to be written again. */
static void keep(struct accesses *accesses, struct note *notes, size_t count)
{
	pthread_mutex_lock(&accesses->lock);
	for (size_t i = 0; i < count; i++)
		if (++notes[i].tries < MOST_TRIES &&
		    notes_append(&accesses->notes, &notes[i]) == 0)
			notes[i].key = (struct blob){ 0 };
	pthread_mutex_unlock(&accesses->lock);
}

static bool may_pass(int rc)
{
	return rc == -EIO || rc == -EBUSY || rc == -ENOSPC || rc == -ENOMEM;
}

/* False where something failed and is kept. */
static bool write_notes(struct accesses *accesses, struct notes *notes,
                        bool last)
{
	bool done = true;
	size_t size;

	notes_merge(notes);
	for (size_t i = 0; i < notes->count; i += size) {
		struct note *batch = &notes->items[i];
		int rc;

		size = batch_size(batch, notes->count - i);
		rc = write_batch(accesses, batch, size);
		if (rc == 0 && !last && accesses->changed)
			tell(accesses, batch, size);
		if (!may_pass(rc))
			continue;
		done = false;
		if (last)
			log_warn("%s: %zu access counters were not written",
			         batch->collection->path, size);
		else
			keep(accesses, batch, size);
	}
	return done;
}

/* Wait until MS have passed or the end has come; with the lock held. */
static void wait_for_end(struct accesses *accesses, long ms)
{
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	while (!accesses->stop && rc == 0)
		rc = pthread_cond_timedwait(&accesses->wake, &accesses->lock,
		                            &until);
}

/* What is to be written now.  False: it is the last. */
static bool take(struct accesses *accesses, long delay_ms, struct notes *out)
{
	bool more;

	pthread_mutex_lock(&accesses->lock);
	while (!accesses->stop && accesses->notes.count == 0)
		pthread_cond_wait(&accesses->wake, &accesses->lock);
	wait_for_end(accesses, delay_ms);
	*out = accesses->notes;
	accesses->notes = (struct notes){ 0 };
	more = !accesses->stop;
	pthread_mutex_unlock(&accesses->lock);
	return more;
}

static void *run(void *arg)
{
	struct accesses *accesses = arg;
	bool done = true;
	bool more = true;

	while (more) {
		struct notes notes;

		more = take(accesses, done ? DELAY_MS : RETRY_MS, &notes);
		done = write_notes(accesses, &notes, !more);
		notes_release(&notes);
	}
	return NULL;
}

static void init_wake(pthread_cond_t *wake)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(wake, &attributes);
	pthread_condattr_destroy(&attributes);
}

static void free_accesses(struct accesses *accesses)
{
	notes_release(&accesses->notes);
	pthread_cond_destroy(&accesses->wake);
	pthread_mutex_destroy(&accesses->lock);
	free(accesses);
}

int accesses_start(const struct stores *stores, accesses_changed_fn *changed,
                   void *arg, struct accesses **out)
{
	struct accesses *accesses = calloc(1, sizeof(*accesses));
	int rc;

	if (!accesses)
		return -ENOMEM;
	accesses->stores = stores;
	accesses->changed = changed;
	accesses->arg = arg;
	pthread_mutex_init(&accesses->lock, NULL);
	init_wake(&accesses->wake);
	rc = pthread_create(&accesses->thread, NULL, run, accesses);
	if (rc) {
		free_accesses(accesses);
		return -rc;
	}
	*out = accesses;
	return 0;
}

void accesses_stop(struct accesses *accesses)
{
	if (!accesses)
		return;
	pthread_mutex_lock(&accesses->lock);
	accesses->stop = true;
	pthread_cond_signal(&accesses->wake);
	pthread_mutex_unlock(&accesses->lock);
	pthread_join(accesses->thread, NULL);
	free_accesses(accesses);
}

static bool is_counted(const struct accesses *accesses, const struct node *node)
{
	const struct collection *collection = node->collection;
	const struct store *store;

	if (!accesses || node->kind != NODE_ARRAY || !collection->access_count)
		return false;
	store = stores_get(accesses->stores, collection);
	return store && store->backend->access;
}

void accesses_note(struct accesses *accesses, const struct node *node)
{
	struct note note = { .collection = node->collection, .count = 1 };
	struct timespec now;
	int rc;

	if (!is_counted(accesses, node))
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	note.last = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
	rc = blob_set(&note.key, node->key.data, node->key.size);
	if (rc == 0) {
		pthread_mutex_lock(&accesses->lock);
		rc = notes_append(&accesses->notes, &note);
		if (accesses->notes.count == 1)
			pthread_cond_signal(&accesses->wake);
		pthread_mutex_unlock(&accesses->lock);
	}
	if (rc)
		blob_release(&note.key);
}
