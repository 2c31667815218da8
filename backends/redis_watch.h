/* SPDX-License-Identifier: MIT */
/*
 * redis_watch.h - a connection that hears of changes to keys
 *
 * Servers from Redis 6 on track prefixes of keys (CLIENT TRACKING with BCAST)
 * and send the names of changed keys to the connection, as messages of a
 * channel.  Older ones, and those that refuse, may publish keyspace events; the
 * setting that makes them do so (notify-keyspace-events) is the server's own
 * and is not touched.
 *
 * Errors:     0 or a negative errno value.  -EOPNOTSUPP: the server does
 *             neither.
 * Threads:    one user.
 */
#ifndef ENGRAMFS_BACKENDS_REDIS_WATCH_H
#define ENGRAMFS_BACKENDS_REDIS_WATCH_H

#include "backends/redis_internal.h"

/* Make LINK one that hears of the keys of ROWS.  WHOLE: of whatever happens to
 * them; events leave out what happens to all at once. */
int redis_watch_subscribe(struct redis_link *link, int db,
                          const struct collection *rows, bool *whole);

/* The row of ROWS whose keys begin like WHOLE, and the record's own KEY; NULL
 * where there is none. */
const struct collection *redis_watch_row(const struct collection *rows,
                                         struct key whole, struct key *key);

/* What a message says. */
enum redis_news {
	REDIS_NEWS_NONE, /* an answer to a PING, or to a subscription */
	REDIS_NEWS_KEYS,
	REDIS_NEWS_ANY, /* all keys may be others (FLUSHALL) */
};

/* KEYS are in the COUNT replies at *KEYS; each may be the name of a channel
 * that ends in the key (redis_watch_key). */
enum redis_news redis_watch_read(redisReply *message, redisReply ***keys,
                                 size_t *count);
struct key redis_watch_key(const redisReply *reply);

#endif
