/* SPDX-License-Identifier: MIT */
#include "layout/outages.h"

#include "backends/log.h"
#include "backends/outage.h"
#include "layout/tree.h"

#include <errno.h>
#include <string.h>

/* The storages that others own or lock. */
static const char *const names[] = { "redis", "hdf5", NULL };

/* "wm/a.npy": what the change was about. */
static int name_path(const struct outage_event *event, struct blob *out)
{
	const struct collection *collection = event->collection;
	bool directory = collection->shape == RECORD_DIRECTORY;
	const char *array = event->array;
	int rc = blob_printf(out, "%s/", collection->path);

	if (rc == 0)
		rc = node_part_name(event->key,
		                    directory ? ""
		                    : array   ? ".npy"
		                              : ".json",
		                    out);
	if (rc == 0 && directory && array)
		rc = blob_printf(out, "/%s.npy", array);
	else if (rc == 0 && directory)
		rc = blob_append_text(out, "/metadata.json");
	return rc;
}

static int refuse(struct spool *spool, const struct outage_event *event)
{
	struct blob path = { 0 };
	int rc = event->collection ? name_path(event, &path)
	                           : blob_append_text(&path, event->backend);
	const struct refusal refusal = {
		.path = rc == 0 ? path.data : event->backend,
		.bytes = event->bytes,
		.size = event->size,
		.cause = event->cause,
		.reason = event->why,
		.lasting = true,
	};

	rc = 0;
	if (event->bytes)
		rc = spool_reject(spool, &refusal, NULL);
	else
		spool_error(spool, refusal.path, "deliver", event->cause,
		            event->why);
	blob_release(&path);
	return rc;
}

static int tell(const struct outage_event *event, void *arg)
{
	struct tree *tree = arg;

	if (event->news == OUTAGE_REFUSED)
		return refuse(&tree->spool, event);
	spool_error(&tree->spool, event->backend,
	            event->news == OUTAGE_BEGAN ? "outage" : "back",
	            event->cause, event->why);
	return 0;
}

static bool is_wanted(const struct backend *backend)
{
	for (size_t i = 0; names[i]; i++)
		if (strcmp(names[i], backend->name) == 0)
			return true;
	return false;
}

int outages_open(struct tree *tree)
{
	struct stores *stores = &tree->stores;
	const struct outage_options options = {
		.directory = stores->directory,
		.rows = tree_collections,
		.event = tell,
		.arg = tree,
	};

	for (size_t i = 0; i < STORES_MAX && stores->slots[i].backend; i++) {
		struct store *inner = stores->slots[i].store;
		int rc;

		if (!inner || !is_wanted(stores->slots[i].backend))
			continue;
		rc = outage_open(&options, inner, &stores->slots[i].store);
		if (rc) {
			log_error("%s: spool: %s",
			          stores->slots[i].backend->name,
			          strerror(-rc));
			return rc;
		}
	}
	return 0;
}

struct value *outages_describe(struct store *store)
{
	struct outage_figures figures;
	struct value *dict = value_new_dict();

	if (!store->backend->outage || !dict) {
		value_unref(dict);
		return NULL;
	}
	store->backend->outage->figures(store, &figures);
	if (value_dict_set(dict, "away", value_new_bool(figures.away)) ||
	    value_dict_set(dict, "changes",
	                   value_new_int((int64_t)figures.changes)) ||
	    value_dict_set(dict, "bytes",
	                   value_new_int((int64_t)figures.bytes))) {
		value_unref(dict);
		return NULL;
	}
	return dict;
}
