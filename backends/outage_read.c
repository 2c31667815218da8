/* SPDX-License-Identifier: MIT */
#include "backends/outage_internal.h"

#include <errno.h>

#include "backends/glimpse.h"

/* Who answers for a record; with the lock held.  NULL: the inner store would
 * have to, and is away. */
static struct store *source_of(struct outage_store *outage,
                               const struct collection *collection,
                               struct key key)
{
	const struct outage_shadow *shadow =
	    outage_shadow_find(outage, collection, key);

	if (shadow && shadow->known)
		return outage->overlay;
	return outage->away ? NULL : outage->base.under;
}

/* One question about one record. */
struct asking {
	const struct collection *collection;
	struct key key;
	const char *array;
	struct record *record;
	struct reader **reader;
};

typedef int ask_fn(struct store *store, const struct asking *asking);

/* The overlay is asked under the lock: the record cannot leave it meanwhile. */
static int ask(struct store *store, ask_fn *fn, const struct asking *asking)
{
	struct outage_store *outage = outage_store(store);
	struct store *source;
	int rc = -EIO;

	pthread_mutex_lock(&outage->lock);
	source = source_of(outage, asking->collection, asking->key);
	if (source == outage->overlay)
		rc = fn(source, asking);
	pthread_mutex_unlock(&outage->lock);
	if (source == outage->base.under) {
		rc = fn(source, asking);
		outage_notice(outage, rc);
	}
	return rc;
}

static int ask_record(struct store *store, const struct asking *asking)
{
	return store->backend->get(store, asking->collection, asking->key,
	                           asking->record);
}

static int ask_array(struct store *store, const struct asking *asking)
{
	return store->backend->open_array(store, asking->collection,
	                                  asking->key, asking->array,
	                                  asking->reader);
}

static int ask_opaque(struct store *store, const struct asking *asking)
{
	if (!store->backend->open_opaque)
		return -ENOENT;
	return store->backend->open_opaque(store, asking->collection,
	                                   asking->key, asking->reader);
}

/* What changes while the storage is away does not come along. */
static int ask_glimpse(struct store *store, const struct asking *asking)
{
	const struct glimpse_ops *ops = store->backend->glimpse;

	if (ops)
		return ops->get(store, asking->collection, asking->key,
		                asking->array, asking->record, asking->reader);
	return ask_record(store, asking);
}

static int outage_glimpse(struct store *store,
                          const struct collection *collection, struct key key,
                          const char *name, struct record *out,
                          struct reader **reader)
{
	struct reader *found = NULL;
	const struct asking asking = { .collection = collection,
		                       .key = key,
		                       .array = name,
		                       .record = out,
		                       .reader = &found };
	int rc = ask(store, ask_glimpse, &asking);

	if (rc == 0)
		*reader = found;
	return rc;
}

/* Changes that wait are told by nobody when they are handed on. */
static uint64_t outage_moment(struct store *store)
{
	struct outage_store *outage = outage_store(store);
	struct store *inner = outage->base.under;
	bool plain;

	pthread_mutex_lock(&outage->lock);
	plain = !outage->away && outage->shadow_count == 0;
	pthread_mutex_unlock(&outage->lock);
	return plain ? inner->backend->glimpse->moment(inner) : 0;
}

const struct glimpse_ops outage_glimpse_ops = {
	.get = outage_glimpse,
	.moment = outage_moment,
};

int outage_get(struct store *store, const struct collection *collection,
               struct key key, struct record *out)
{
	const struct asking asking = { .collection = collection,
		                       .key = key,
		                       .record = out };

	return ask(store, ask_record, &asking);
}

int outage_open_array(struct store *store, const struct collection *collection,
                      struct key key, const char *name, struct reader **out)
{
	const struct asking asking = { .collection = collection,
		                       .key = key,
		                       .array = name,
		                       .reader = out };

	return ask(store, ask_array, &asking);
}

int outage_open_opaque(struct store *store, const struct collection *collection,
                       struct key key, struct reader **out)
{
	const struct asking asking = { .collection = collection,
		                       .key = key,
		                       .reader = out };

	return ask(store, ask_opaque, &asking);
}

/* A match that leaves out what the overlay answers for. */
struct filter {
	struct outage_store *outage;
	const struct collection *collection;
	bool (*match)(struct key key, void *arg);
	void *arg;
};

static bool match_inner(struct key key, void *arg)
{
	const struct filter *filter = arg;
	struct outage_store *outage = filter->outage;
	bool hidden;

	pthread_mutex_lock(&outage->lock);
	hidden = source_of(outage, filter->collection, key) == outage->overlay;
	pthread_mutex_unlock(&outage->lock);
	return !hidden && filter->match(key, filter->arg);
}

int outage_find(struct store *store, const struct collection *collection,
                struct key prefix, bool (*match)(struct key key, void *arg),
                void *arg, struct blob *key_out)
{
	struct outage_store *outage = outage_store(store);
	struct store *inner = outage->base.under;
	struct filter filter = { outage, collection, match, arg };
	int rc = outage->overlay->backend->find(outage->overlay, collection,
	                                        prefix, match, arg, key_out);

	if (rc != -ENOENT)
		return rc;
	if (outage_is_away(outage))
		return -EIO;
	rc = inner->backend->find(inner, collection, prefix, match_inner,
	                          &filter, key_out);
	outage_notice(outage, rc);
	return rc;
}
