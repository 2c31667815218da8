/* SPDX-License-Identifier: MIT */
#include "backends/sqlite_history.h"
#include "backends/sqlite_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backends/log.h"
#include "backends/sqlite_query.h"
#include "backends/sqlite_relation.h"

extern const struct backend sqlite_backend;

#define SIDE_NAME "engramfs.db"
#define IN_MEMORY ":memory:"
#define MAX_WAIT 1.0 /* seconds; nobody waits longer for a file operation */

struct sqlite_store *sqlite_store(struct store *store)
{
	store = store_bottom(store);
	assert(store->backend == &sqlite_backend);
	return (struct sqlite_store *)store;
}

int sqlite_store_connect(struct sqlite_store *store, struct sqlite_db **out,
                         char why[WHY_SIZE])
{
	struct sqlite_db *db;
	int rc = sqlite_db_open(&store->target, &store->health, &db, why);

	if (rc == 0 && strcmp(store->path, IN_MEMORY) == 0) {
		rc = sqlite_schema_create(db, why);
		if (rc)
			sqlite_db_close(db);
	}
	if (rc == 0)
		*out = db;
	return rc;
}

static char *join(const char *directory, const char *name)
{
	char *path;

	if (*name == '/')
		return strdup(name);
	return asprintf(&path, "%s/%s", directory, name) < 0 ? NULL : path;
}

/* What is not there and must not be made is as good as empty. */
static bool is_missing(const char *path)
{
	struct stat found;

	return stat(path, &found) == 0 ? found.st_size == 0 : errno == ENOENT;
}

static int set_path(struct sqlite_store *store, const char *directory,
                    const char *name)
{
	store->path = join(directory, name);
	if (store->path && store->read_only && is_missing(store->path)) {
		free(store->path);
		store->path = strdup(IN_MEMORY);
	}
	return store->path ? 0 : -ENOMEM;
}

static int open_side(struct sqlite_store *store, const char *directory)
{
	char *path = join(directory, SIDE_NAME);
	int rc = path ? sqlite_side_open(path, &store->target, &store->side)
	              : -ENOMEM;

	free(path);
	return rc;
}

static int open_for_writing(struct sqlite_store *store, char why[WHY_SIZE])
{
	int rc;

	store->target.create = true;
	rc = sqlite_store_connect(store, &store->writer, why);
	store->target.create = false;
	if (rc)
		return rc;
	store->read_only = sqlite_db_is_read_only(store->writer);
	if (store->read_only) {
		log_warn("sqlite: %s cannot be written", store->path);
		store->target.read_only = true;
		return sqlite_schema_check(store->writer, why);
	}
	return sqlite_schema_create(store->writer, why);
}

static int open_for_reading(struct sqlite_store *store, char why[WHY_SIZE])
{
	struct sqlite_db *db;
	int rc = sqlite_store_connect(store, &db, why);

	if (rc)
		return rc;
	rc = sqlite_schema_check(db, why);
	sqlite_pool_give(store, db);
	return rc;
}

static void configure(struct sqlite_store *store,
                      const struct settings *settings)
{
	double wait = settings->sqlite.connection_timeout;

	store->read_only = settings->read_only;
	store->encoding = settings->encoding;
	store->threshold = settings->redis.compression_threshold;
	store->target.read_only = store->read_only;
	store->target.wal = settings->sqlite.enable_wal;
	store->target.busy_ms =
	    (int)(1000 * (wait < MAX_WAIT ? wait : MAX_WAIT));
	atomic_init(&store->health.healthy, true);
	pthread_mutex_init(&store->health.lock, NULL);
	pthread_mutex_init(&store->pool.lock, NULL);
	sqlite_group_init(&store->group);
	pthread_mutex_init(&store->write_lock, NULL);
	pthread_mutex_init(&store->moment_lock, NULL);
	pthread_mutex_init(&store->near_lock, NULL);
}

static int store_sync(struct store *base)
{
	struct sqlite_store *store = sqlite_store(base);
	int rc = store->read_only ? 0 : sqlite_db_sync(store->path);

	if (rc == 0 && store->writer)
		rc = sqlite_recorder_sync(store->writer->recorder);
	return rc ? rc : sqlite_side_sync(store->side);
}

static void store_close(struct store *base)
{
	struct sqlite_store *store = (struct sqlite_store *)base;

	if (!store)
		return;
	if (store->writer)
		(void)store_sync(base);
	sqlite_near_free(store->near);
	sqlite_pool_close(&store->pool);
	sqlite_db_close(store->clock);
	sqlite_db_close(store->writer);
	sqlite_side_close(store->side);
	pthread_mutex_destroy(&store->near_lock);
	pthread_mutex_destroy(&store->moment_lock);
	pthread_mutex_destroy(&store->write_lock);
	sqlite_group_release(&store->group);
	pthread_mutex_destroy(&store->pool.lock);
	pthread_mutex_destroy(&store->health.lock);
	free(store->path);
	free(store);
}

static int store_open(const char *directory, const struct settings *settings,
                      struct store **out, char why[WHY_SIZE])
{
	struct sqlite_store *store = calloc(1, sizeof(*store));
	int rc;

	if (!store)
		return -ENOMEM;
	store->base.backend = &sqlite_backend;
	why[0] = '\0';
	configure(store, settings);
	rc = set_path(store, directory, settings->sqlite.db_path);
	store->target.path = store->path;
	if (rc == 0)
		rc = store->read_only ? open_for_reading(store, why)
		                      : open_for_writing(store, why);
	if (rc == 0)
		rc = open_side(store, directory);
	if (rc) {
		store_close(&store->base);
		return rc;
	}
	*out = &store->base;
	return 0;
}

static uint64_t size_of(const char *path, const char *suffix)
{
	struct stat found;
	char *name;
	uint64_t size = 0;

	if (asprintf(&name, "%s%s", path, suffix) < 0)
		return 0;
	if (stat(name, &found) == 0)
		size = (uint64_t)found.st_size;
	free(name);
	return size;
}

static void store_status(struct store *base, struct backend_status *out)
{
	struct sqlite_store *store = sqlite_store(base);

	pthread_mutex_lock(&store->health.lock);
	out->healthy = atomic_load(&store->health.healthy);
	if (out->healthy)
		snprintf(out->detail, sizeof(out->detail), "sqlite %s",
		         sqlite3_libversion());
	else
		snprintf(out->detail, sizeof(out->detail), "%s",
		         store->health.detail);
	pthread_mutex_unlock(&store->health.lock);
	out->bytes_used =
	    size_of(store->path, "") + size_of(store->path, "-wal");
}

const struct backend sqlite_backend = {
	.name = "sqlite",
	.open = store_open,
	.close = store_close,
	.get = sqlite_get,
	.list = sqlite_list,
	.find = sqlite_find,
	.open_array = sqlite_open_array,
	.open_opaque = sqlite_open_opaque,
	.put = sqlite_put,
	.remove = sqlite_remove,
	.rename = sqlite_rename,
	.sync = store_sync,
	.status = store_status,
	.access = &sqlite_access_ops,
	.glimpse = &sqlite_glimpse_ops,
	.query = &sqlite_query_ops,
	.relations = &sqlite_relation_ops,
	.maintenance = &sqlite_maintenance,
	.history = &sqlite_history_ops,
};
