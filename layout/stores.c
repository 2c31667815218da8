/* SPDX-License-Identifier: MIT */
#include "layout/stores.h"

#include "backends/log.h"
#include "backends/worker.h"
#include "layout/metrics.h"
#include "layout/tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_user_error(int rc)
{
	return rc == -EINVAL || rc == -EACCES || rc == -ENOENT;
}

static size_t find_slot(const struct stores *stores, const char *name)
{
	size_t i = 0;

	while (i < STORES_MAX && stores->slots[i].backend &&
	       strcmp(stores->slots[i].backend->name, name) != 0)
		i++;
	return i;
}

static int open_backend(const struct backend *backend, const char *directory,
                        const struct settings *settings, struct store **out,
                        char why[WHY_SIZE])
{
	if (backend->apart && !settings->one_process)
		return worker_open(backend, directory, settings, out, why);
	return backend->open(directory, settings, out, why);
}

/* Open the backend NAME into its slot, unless it is open. */
static int open_slot(struct stores *stores, const char *name,
                     const struct settings *settings, char why[WHY_SIZE])
{
	size_t i = find_slot(stores, name);
	const struct backend *backend = backend_find(name);
	char cause[WHY_SIZE] = "";
	int rc;

	if (i == STORES_MAX || !backend)
		return -EINVAL;
	if (stores->slots[i].backend)
		return 0;
	rc = open_backend(backend, stores->directory, settings,
	                  &stores->slots[i].store, cause);
	if (rc && cause[0] == '\0')
		snprintf(cause, sizeof(cause), "%s", strerror(-rc));
	if (is_user_error(rc)) {
		snprintf(why, WHY_SIZE, "%s: %.200s", name, cause);
		return rc;
	}
	stores->slots[i].backend = backend;
	if (rc) {
		stores->slots[i].store = NULL;
		memcpy(stores->slots[i].why, cause, sizeof(cause));
		log_error("%s: cannot be opened, its collections answer "
		          "EIO: %s",
		          name, cause);
	}
	return 0;
}

int stores_open(const char *directory, const struct settings *settings,
                struct stores *out, char why[WHY_SIZE])
{
	struct stores stores = { .directory = strdup(directory) };
	int rc = stores.directory ? 0 : -ENOMEM;

	stores.metrics = calloc(1, sizeof(*stores.metrics));
	if (!stores.metrics)
		rc = -ENOMEM;
	for (const struct collection *row = tree_collections;
	     rc == 0 && row->path; row++)
		rc = open_slot(&stores, row->backend, settings, why);
	if (rc) {
		stores_close(&stores);
		return rc;
	}
	*out = stores;
	return 0;
}

void stores_close(struct stores *stores)
{
	for (size_t i = 0; i < STORES_MAX && stores->slots[i].backend; i++) {
		struct store *store = stores->slots[i].store;

		if (store)
			store->backend->close(store);
	}
	free(stores->metrics);
	free(stores->directory);
	*stores = (struct stores){ 0 };
}

struct store *stores_get(const struct stores *stores,
                         const struct collection *collection)
{
	size_t i = find_slot(stores, collection->backend);

	return i < STORES_MAX ? stores->slots[i].store : NULL;
}
