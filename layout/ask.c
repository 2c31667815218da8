/* SPDX-License-Identifier: MIT */
#include "layout/ask.h"

#include "backends/glimpse.h"
#include "layout/metrics.h"

#include <errno.h>
#include <string.h>

/* A call under way. */
struct asking {
	const struct stores *stores;
	size_t slot;
	struct store *store; /* NULL: it could not be opened */
	enum metric_call call;
	uint64_t started;
};

static struct asking begin(const struct stores *stores,
                           const struct collection *collection,
                           enum metric_call call)
{
	struct asking asking = { .stores = stores, .call = call };

	while (asking.slot < STORES_MAX && stores->slots[asking.slot].backend &&
	       strcmp(stores->slots[asking.slot].backend->name,
	              collection->backend) != 0)
		asking.slot++;
	if (asking.slot < STORES_MAX)
		asking.store = stores->slots[asking.slot].store;
	asking.started = metrics_now();
	return asking;
}

/* What the caller did wrong, or looked for in vain, is no failure. */
static bool is_failure(int rc)
{
	return rc && rc != -ENOENT && rc != -EEXIST && rc != -EINVAL;
}

static int end(const struct asking *asking, int rc)
{
	if (asking->slot < STORES_MAX)
		metrics_call(asking->stores->metrics, asking->slot,
		             asking->call, asking->started, is_failure(rc));
	return rc;
}

int ask_get(const struct stores *stores, const struct collection *collection,
            struct key key, struct record *out)
{
	struct asking asking = begin(stores, collection, METRIC_CALL_GET);
	struct store *store = asking.store;

	return end(&asking,
	           store ? store->backend->get(store, collection, key, out)
	                 : -EIO);
}

int ask_glimpse(const struct stores *stores,
                const struct collection *collection, struct key key,
                const char *name, struct record *out, struct reader **reader)
{
	struct asking asking = begin(stores, collection, METRIC_CALL_GET);
	struct store *store = asking.store;

	return end(&asking,
	           store ? store->backend->glimpse->get(store, collection, key,
	                                                name, out, reader)
	                 : -EIO);
}

int ask_list(const struct stores *stores, const struct collection *collection,
             struct cursor *cursor, size_t limit, struct record_list *out)
{
	struct asking asking = begin(stores, collection, METRIC_CALL_LIST);
	struct store *store = asking.store;

	return end(&asking, store ? store->backend->list(store, collection,
	                                                 cursor, limit, out)
	                          : -EIO);
}

int ask_open_array(const struct stores *stores,
                   const struct collection *collection, struct key key,
                   const char *name, struct reader **out)
{
	struct asking asking = begin(stores, collection, METRIC_CALL_OPEN);
	struct store *store = asking.store;

	return end(&asking, store ? store->backend->open_array(
					store, collection, key, name, out)
	                          : -EIO);
}

int ask_put(const struct stores *stores, const struct collection *collection,
            struct key key, struct change *change, struct blob *key_out)
{
	struct asking asking = begin(stores, collection, METRIC_CALL_PUT);
	struct store *store = asking.store;

	return end(&asking, store ? store->backend->put(store, collection, key,
	                                                change, key_out)
	                          : -EIO);
}

int ask_remove(const struct stores *stores, const struct collection *collection,
               struct key key)
{
	struct asking asking = begin(stores, collection, METRIC_CALL_REMOVE);
	struct store *store = asking.store;

	return end(&asking, store
	                        ? store->backend->remove(store, collection, key)
	                        : -EIO);
}

int ask_rename(const struct stores *stores, const struct collection *collection,
               struct key from, struct key to, enum rename_mode mode)
{
	struct asking asking = begin(stores, collection, METRIC_CALL_RENAME);
	struct store *store = asking.store;

	return end(&asking, store ? store->backend->rename(store, collection,
	                                                   from, to, mode)
	                          : -EIO);
}
