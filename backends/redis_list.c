/* SPDX-License-Identifier: MIT */
#include "backends/redis_internal.h"
#include "backends/redis_scan.h"
#include "backends/redis_seen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STEP_MAX 1000
#define LIST_MS 300 /* a listing that finds little returns after this */

enum found {
	FOUND_NOTHING, /* it has gone, or is no hash */
	FOUND_RECORD,
	FOUND_INEXACT, /* read it again */
};

/* One step of a listing. */
struct listing {
	const struct collection *collection;
	struct redis_scan scan;
	struct redis_page page;
	struct redis_image *images; /* one per key of the page */
	enum found *found;
};

static void release_step(struct listing *listing)
{
	for (size_t i = 0; listing->images && i < listing->page.count; i++)
		redis_image_release(&listing->images[i]);
	free(listing->images);
	free(listing->found);
	listing->images = NULL;
	listing->found = NULL;
	redis_page_release(&listing->page);
}

static int keep_image(size_t index, int rc, struct redis_image *image,
                      void *arg)
{
	struct listing *listing = arg;

	if (rc == -ENOENT || rc == -EINVAL)
		return 0;
	if (rc && rc != -ESTALE)
		return rc;
	listing->found[index] = rc ? FOUND_INEXACT : FOUND_RECORD;
	listing->images[index] = *image;
	*image = (struct redis_image){ 0 };
	return 0;
}

static int read_step(struct redis_link *link, void *arg)
{
	struct listing *listing = arg;
	int rc;

	release_step(listing);
	rc = redis_scan_step(link, &listing->scan, &listing->page);
	if (rc || listing->page.count == 0)
		return rc;
	listing->images = calloc(listing->page.count, sizeof(*listing->images));
	listing->found = calloc(listing->page.count, sizeof(*listing->found));
	if (!listing->images || !listing->found)
		return -ENOMEM;
	return redis_ask_images(
	    link, &(struct redis_asking){ .collection = listing->collection,
	                                  .keys = listing->page.keys,
	                                  .count = listing->page.count,
	                                  .fn = keep_image,
	                                  .arg = listing });
}

static struct key short_key(const struct collection *collection,
                            const struct blob *whole)
{
	size_t place = strlen(collection->place);

	return (struct key){ whole->data + place, whole->size - place };
}

/* -ENOENT: it has gone meanwhile. */
static int show(struct redis_store *redis, struct listing *listing,
                size_t index, struct record_list *out)
{
	const struct blob *whole = &listing->page.keys[index];
	struct redis_image *image = &listing->images[index];
	struct record record = { 0 };
	int rc = 0;

	if (listing->found[index] == FOUND_INEXACT) {
		redis_image_release(image);
		rc = redis_read_image(redis, listing->collection, whole, image);
	}
	if (rc == 0)
		rc =
		    redis_look(redis, listing->collection, whole, false, image);
	if (rc == 0)
		rc = redis_image_show(listing->collection,
		                      short_key(listing->collection, whole),
		                      image, &record);
	if (rc == 0)
		rc = record_list_append(out, &record);
	record_release(&record);
	return rc;
}

/* Append the records of the page, those that were listed before too. */
static int show_step(struct redis_store *redis, struct listing *listing,
                     struct record_list *out)
{
	for (size_t i = 0; i < listing->page.count; i++) {
		int rc = -ENOENT;

		if (listing->found[i] != FOUND_NOTHING)
			rc = show(redis, listing, i, out);
		if (rc && rc != -ENOENT)
			return rc;
	}
	return 0;
}

static void drop_records(struct record_list *list, size_t count)
{
	while (list->count > count)
		record_release(&list->items[--list->count]);
}

/* Of the records of LIST from FIRST on, leave those that SEEN has not. */
static int drop_seen(struct redis_seen *seen, struct record_list *list,
                     size_t first)
{
	int rc = redis_seen_reserve(seen, list->count - first);

	if (rc)
		return rc;
	for (size_t i = first; i < list->count;) {
		const struct blob *key = &list->items[i].key;

		if (redis_seen_add(seen,
		                   (struct key){ key->data, key->size })) {
			i++;
			continue;
		}
		record_release(&list->items[i]);
		list->items[i] = list->items[--list->count];
	}
	return 0;
}

/* On failure the cursor is as it was, and nothing is lost. */
static int list_step(struct redis_store *redis, struct listing *listing,
                     struct cursor *cursor, struct record_list *out)
{
	size_t before = out->count;
	int rc;

	listing->scan.position = cursor->position;
	rc = redis_pool_do(redis->pool, read_step, listing);
	if (rc == 0)
		rc = show_step(redis, listing, out);
	if (rc == 0)
		rc = drop_seen(cursor->state, out, before);
	if (rc) {
		drop_records(out, before);
		return rc;
	}
	cursor->position = listing->page.next;
	cursor->end = cursor->position == 0;
	return 0;
}

/* Where other keys are many, look at more of them in a step. */
static void widen(struct redis_scan *scan, bool found)
{
	if (!found)
		scan->count *= 4;
	if (scan->count > STEP_MAX)
		scan->count = STEP_MAX;
}

static int list_steps(struct redis_store *redis, struct listing *listing,
                      struct cursor *cursor, size_t limit,
                      struct record_list *out)
{
	int64_t until = redis_clock_ms() + LIST_MS;
	size_t before = out->count;
	int rc;

	do {
		rc = list_step(redis, listing, cursor, out);
		widen(&listing->scan, out->count > before);
	} while (rc == 0 && !cursor->end && out->count - before < limit &&
	         redis_clock_ms() < until);
	return out->count > before ? 0 : rc;
}

int redis_list(struct store *store, const struct collection *collection,
               struct cursor *cursor, size_t limit, struct record_list *out)
{
	struct listing listing = { .collection = collection };
	int rc;

	if (cursor->end)
		return 0;
	if (!cursor->state) {
		cursor->state = redis_seen_new();
		cursor->free_state = redis_seen_free;
	}
	if (!cursor->state)
		return -ENOMEM;
	rc = redis_scan_init(&listing.scan, collection->place,
	                     (struct key){ "", 0 },
	                     limit < STEP_MAX ? limit + 1 : STEP_MAX);
	if (rc == 0)
		rc = list_steps(redis_store_of(store), &listing, cursor, limit,
		                out);
	release_step(&listing);
	redis_scan_release(&listing.scan);
	return rc;
}
