/* SPDX-License-Identifier: MIT */
#include "backends/outage_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * First everything that the overlay has, at once; then what the inner store
 * has, but for records that were listed, and those that the overlay knows to be
 * gone.  A change that is handed on meanwhile cannot list its record twice.
 */
struct state {
	bool begun;
	struct record_list overlay; /* sorted by key, as mem lists it */
	size_t next;                /* of them; those before have keys only */
	struct cursor inner;
};

static void free_state(void *arg)
{
	struct state *state = arg;

	if (!state)
		return;
	record_list_release(&state->overlay);
	cursor_release(&state->inner);
	free(state);
}

static int begin(struct outage_store *outage,
                 const struct collection *collection, struct state *state)
{
	struct store *overlay = outage->overlay;
	struct cursor cursor = { 0 };
	int rc = overlay->backend->list(overlay, collection, &cursor, SIZE_MAX,
	                                &state->overlay);

	cursor_release(&cursor);
	if (rc)
		record_list_release(&state->overlay);
	state->begun = rc == 0;
	return rc;
}

/* Hand out a record; its key stays. */
static int list_one(struct state *state, struct record_list *out)
{
	struct record *from = &state->overlay.items[state->next];
	struct blob key = { 0 };
	int rc = blob_set(&key, from->key.data, from->key.size);

	if (rc == 0)
		rc = record_list_append(out, from);
	if (rc) {
		blob_release(&key);
		return rc;
	}
	*from = (struct record){ .key = key };
	state->next++;
	return 0;
}

static int compare_keys(const void *left, const void *right)
{
	const struct record *a = left;
	const struct record *b = right;
	size_t size = a->key.size < b->key.size ? a->key.size : b->key.size;
	int order = size ? memcmp(a->key.data, b->key.data, size) : 0;

	return order
	           ? order
	           : (a->key.size > b->key.size) - (a->key.size < b->key.size);
}

static bool was_listed(const struct state *state, const struct record *record)
{
	return state->overlay.count &&
	       bsearch(record, state->overlay.items, state->overlay.count,
	               sizeof(*record), compare_keys);
}

/* The overlay knows about it: it is gone, or came after it was listed. */
static bool is_known(struct outage_store *outage,
                     const struct collection *collection,
                     const struct record *record)
{
	const struct key key = { record->key.data, record->key.size };
	const struct outage_shadow *shadow;
	struct record now = { 0 };
	bool known;

	pthread_mutex_lock(&outage->lock);
	shadow = outage_shadow_find(outage, collection, key);
	known = shadow && shadow->known &&
	        outage->overlay->backend->get(outage->overlay, collection, key,
	                                      &now) == -ENOENT;
	pthread_mutex_unlock(&outage->lock);
	record_release(&now);
	return known;
}

static int list_inner(struct outage_store *outage,
                      const struct collection *collection, struct state *state,
                      size_t limit, struct record_list *out)
{
	struct store *inner = outage->base.under;
	size_t kept = out->count;
	size_t before = out->count;
	int rc =
	    inner->backend->list(inner, collection, &state->inner, limit, out);

	for (size_t i = before; i < out->count; i++) {
		struct record record = out->items[i];

		if (was_listed(state, &record) ||
		    is_known(outage, collection, &record))
			record_release(&record);
		else
			out->items[kept++] = record;
	}
	out->count = kept;
	outage_notice(outage, rc);
	return rc;
}

static struct state *state_of(struct cursor *cursor)
{
	if (!cursor->state) {
		cursor->state = calloc(1, sizeof(struct state));
		cursor->free_state = free_state;
	}
	return cursor->state;
}

static int list_overlay(struct outage_store *outage,
                        const struct collection *collection,
                        struct state *state, size_t limit,
                        struct record_list *out)
{
	int rc = state->begun ? 0 : begin(outage, collection, state);

	while (rc == 0 && limit-- && state->next < state->overlay.count)
		rc = list_one(state, out);
	return rc;
}

int outage_list(struct store *store, const struct collection *collection,
                struct cursor *cursor, size_t limit, struct record_list *out)
{
	struct outage_store *outage = outage_store(store);
	struct state *state = state_of(cursor);
	size_t before = out->count;
	int rc;

	if (!state)
		return -ENOMEM;
	if (cursor->end)
		return 0;
	rc = list_overlay(outage, collection, state, limit, out);
	if (rc || out->count > before)
		return rc;
	if (!outage_is_away(outage)) {
		rc = list_inner(outage, collection, state, limit, out);
		cursor->end = rc == 0 && state->inner.end;
		if (rc != -EIO || !outage_is_away(outage))
			return rc;
	}
	cursor->end = state->overlay.count > 0;
	return cursor->end ? 0 : -EIO;
}
