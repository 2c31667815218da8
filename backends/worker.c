/* SPDX-License-Identifier: MIT */
#include "backends/worker_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Nobody waits longer to hear how it is. */
#define STATUS_MS 250

static void worker_close(struct store *base);

struct worker_store *worker_store(struct store *store)
{
	return (struct worker_store *)store_bottom(store);
}

/* What is known without the worker. */
static void known_status(struct worker_store *store, struct backend_status *out)
{
	pthread_mutex_lock(&store->lock);
	*out = store->status;
	if (!store->life && store->rest_ms) {
		out->healthy = false;
		out->away = false;
		memcpy(out->detail, store->why, sizeof(out->detail));
	}
	pthread_mutex_unlock(&store->lock);
}

static bool has_life(struct worker_store *store)
{
	bool has;

	pthread_mutex_lock(&store->lock);
	has = store->life && !store->changing;
	pthread_mutex_unlock(&store->lock);
	return has;
}

static void worker_status(struct store *base, struct backend_status *out)
{
	struct worker_store *store = worker_store(base);
	struct worker_call call = { .operation = WORKER_STATUS,
		                    .patience_ms = STATUS_MS };

	if (has_life(store) && worker_do(store, &call) == 0) {
		pthread_mutex_lock(&store->lock);
		store->status = call.status;
		pthread_mutex_unlock(&store->lock);
	}
	known_status(store, out);
}

static int copy_settings(struct worker_store *store,
                         const struct settings *settings)
{
	struct settings given = *settings;
	struct blob bytes = { 0 };
	struct wire wire;
	int rc = settings_init(&store->settings);

	wire_write_to(&wire, &bytes);
	wire_settings(&wire, &given);
	if (rc == 0)
		rc = wire.rc;
	if (rc == 0) {
		wire_read_from(&wire, bytes.data, bytes.size);
		wire_settings(&wire, &store->settings);
		rc = wire_end(&wire);
	}
	blob_release(&bytes);
	return rc;
}

static int store_new(const struct backend *inner, const char *directory,
                     struct worker_store **out)
{
	struct worker_store *store = calloc(1, sizeof(*store));

	if (!store)
		return -ENOMEM;
	store->inner = inner;
	store->base.backend = &store->backend;
	store->program = -1;
	LIST_INIT(&store->readers);
	pthread_mutex_init(&store->lock, NULL);
	pthread_cond_init(&store->settled, NULL);
	worker_fill_backend(store);
	worker_fill_maintenance(store);
	store->backend.close = worker_close;
	store->backend.status = worker_status;
	store->directory = strdup(directory);
	*out = store;
	return store->directory ? 0 : -ENOMEM;
}

static void worker_close(struct store *base)
{
	struct worker_store *store = (struct worker_store *)base;

	if (!store)
		return;
	worker_stop(store);
	if (store->program >= 0)
		close(store->program);
	pthread_cond_destroy(&store->settled);
	pthread_mutex_destroy(&store->lock);
	settings_release(&store->settings);
	free(store->directory);
	free(store);
}

int worker_open(const struct backend *inner, const char *directory,
                const struct settings *settings, struct store **out,
                char why[WHY_SIZE])
{
	struct worker_store *store = NULL;
	int rc = store_new(inner, directory, &store);

	if (rc == 0)
		rc = copy_settings(store, settings);
	if (rc == 0)
		rc = worker_program(&store->program, why);
	if (rc == 0)
		rc = worker_start(store, why);
	/* What cannot be read is tried again. */
	if (rc && rc != -EIO)
		worker_close(&store->base);
	else
		*out = &store->base;
	return rc == -EIO ? 0 : rc;
}

bool worker_describe(struct store *base, struct worker_figures *out)
{
	struct worker_store *store = worker_store(base);
	struct worker_life *life;

	if (!store || store->base.backend->close != worker_close)
		return false;
	pthread_mutex_lock(&store->lock);
	life = store->life;
	*out = (struct worker_figures){
		.pid = life ? worker_process_pid(life->process) : 0,
		.ends = store->ends,
	};
	pthread_mutex_unlock(&store->lock);
	return true;
}
