/* SPDX-License-Identifier: MIT */
#include "backends/log.h"
#include "backends/redis_history.h"
#include "backends/redis_internal.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define START_MS 10000 /* how long the embedded server may take to answer */
#define START_STEP_MS 5

struct redis_store *redis_store_of(struct store *store)
{
	store = store_bottom(store);
	assert(!store || store->backend == &redis_backend);
	return (struct redis_store *)store;
}

static void redis_close(struct store *store)
{
	struct redis_store *redis = redis_store_of(store);

	if (!redis)
		return;
	redis_pool_free(redis->pool);
	redis_tls_free(redis->tls);
	redis_server_stop(redis->server);
	pthread_mutex_destroy(&redis->syncing);
	redis_missing_release(&redis->missing);
	redis_hearing_release(&redis->hearing);
	pthread_mutex_destroy(&redis->remembering);
	free(redis->host);
	free(redis->password);
	free(redis);
}

static char *copy_text(const char *text)
{
	return text ? strdup(text) : NULL;
}

/* The embedded server has no password: its socket is in a directory of ours. */
static int open_pool(struct redis_store *redis,
                     const struct redis_settings *settings)
{
	struct redis_pool_options options = {
		.max_connections = settings->max_connections,
		.attempts = settings->retry_attempts,
		.delay_ms =
		    (int)lround(fmin(fmax(settings->retry_delay, 0), 1) * 1000),
	};

	redis->address = (struct redis_address){ .host = redis->host,
		                                 .port = settings->port,
		                                 .db = settings->db,
		                                 .password = redis->password,
		                                 .tls = redis->tls };
	if (redis->server) {
		redis->address.host = redis_server_socket(redis->server);
		redis->address.password = NULL;
	}
	options.address = redis->address;
	return redis_pool_new(&options, &redis->pool);
}

/* The server answers, or dies, or takes too long. */
static int wait_until_ready(struct redis_store *redis, char why[WHY_SIZE])
{
	struct timespec step = { .tv_nsec = START_STEP_MS * 1000000L };
	int64_t until = redis_clock_ms() + START_MS;
	int rc;

	while ((rc = redis_pool_probe(redis->pool, why)) == -EAGAIN) {
		if (!redis_server_is_alive(redis->server, why))
			return -EIO;
		if (redis_clock_ms() > until)
			break;
		nanosleep(&step, NULL);
	}
	if (rc == -EAGAIN) {
		log_warn("redis: the server is slow to start: %s", why);
		rc = 0;
	}
	if (rc == 0)
		redis_server_keep_alive(redis->server);
	return rc;
}

static int reach_server(struct redis_store *redis, char why[WHY_SIZE])
{
	int rc = redis_pool_probe(redis->pool, why);

	if (rc != -EAGAIN)
		return rc;
	log_warn("redis: %s", why);
	return 0;
}

static int start(struct redis_store *redis, const char *directory,
                 const struct redis_settings *settings, char why[WHY_SIZE])
{
	int rc = redis_tls_new(settings, &redis->tls, why);

	if (rc)
		return rc;
	redis->host = copy_text(settings->host);
	redis->password = copy_text(settings->password);
	if ((settings->host && !redis->host) ||
	    (settings->password && !redis->password))
		return -ENOMEM;
	if (!settings->host)
		rc = redis_server_start(directory, settings->server,
		                        &redis->server, why);
	if (rc == 0)
		rc = open_pool(redis, settings);
	if (rc)
		return rc;
	return redis->server ? wait_until_ready(redis, why)
	                     : reach_server(redis, why);
}

static int redis_open(const char *directory, const struct settings *settings,
                      struct store **out, char why[WHY_SIZE])
{
	struct redis_store *redis = calloc(1, sizeof(*redis));
	struct redis_pool_status status;
	enum encoding encoding;
	int rc;

	if (!redis)
		return -ENOMEM;
	redis->base.backend = &redis_backend;
	pthread_mutex_init(&redis->syncing, NULL);
	redis_missing_init(&redis->missing);
	redis_hearing_init(&redis->hearing);
	pthread_mutex_init(&redis->remembering, NULL);
	redis->read_only = settings->read_only;
	redis->threshold = (size_t)settings->redis.compression_threshold;
	redis->follows = settings->encoding == ENCODE_AUTO;
	atomic_init(&redis->encoding, (int)settings->encoding);
	rc = start(redis, directory, &settings->redis, why);
	if (rc) {
		redis_close(&redis->base);
		return rc;
	}
	redis_pool_status(redis->pool, &status);
	if (status.healthy)
		redis_choose_encoding(redis, &encoding);
	*out = &redis->base;
	return 0;
}

static int redis_sync(struct store *store)
{
	struct redis_store *redis = redis_store_of(store);

	int rc = history_sync(redis->history);

	if (rc)
		return rc;
	return redis->server ? redis_sync_server(redis) : 0;
}

static void redis_status(struct store *store, struct backend_status *out)
{
	struct redis_store *redis = redis_store_of(store);
	struct backend_status status = { 0 };
	struct redis_pool_status pool;

	redis_pool_status(redis->pool, &pool);
	status.healthy = pool.healthy;
	status.away = !pool.healthy;
	status.bytes_used = pool.memory_bytes;
	if (!pool.healthy)
		snprintf(status.detail, WHY_SIZE, "%s", pool.why);
	else if (redis->server)
		snprintf(status.detail, WHY_SIZE, "redis %s, embedded",
		         pool.version);
	else
		snprintf(status.detail, WHY_SIZE, "redis %s at %.200s",
		         pool.version, redis->host);
	*out = status;
}

const struct backend redis_backend = {
	.name = "redis",
	.open = redis_open,
	.close = redis_close,
	.get = redis_get,
	.list = redis_list,
	.find = redis_find,
	.open_array = redis_open_array,
	.open_opaque = redis_open_opaque,
	.put = redis_put,
	.remove = redis_remove,
	.rename = redis_rename,
	.sync = redis_sync,
	.status = redis_status,
	.access = &redis_access_ops,
	.glimpse = &redis_glimpse_ops,
	.maintenance = &redis_maintenance,
	.history = &redis_history_ops,
	.watch = &redis_watch_ops,
};
