/* SPDX-License-Identifier: MIT */
#include "backends/log.h"
#include "backends/redis_history.h"
#include "backends/redis_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* One or two hashes that are moved or removed. */
struct moving {
	struct blob from;
	struct blob to;
	bool removes; /* FROM, and there is no TO */
	enum rename_mode mode;
};

enum presence {
	PRESENT_NOT,
	PRESENT_RECORD,
	PRESENT_FOREIGN, /* another type of key */
};

static enum presence presence_of(const redisReply *type)
{
	if (redis_reply_is(type, "hash"))
		return PRESENT_RECORD;
	return redis_reply_is(type, "none") ? PRESENT_NOT : PRESENT_FOREIGN;
}

/* Watch both keys, and see what is there. */
static int look(struct redis_link *link, const struct moving *moving,
                enum presence *from, enum presence *to)
{
	const struct blob *other =
	    moving->removes ? &moving->from : &moving->to;
	struct redis_batch batch = { 0 };
	int rc;

	redis_batch_begin(&batch, 3);
	redis_batch_text(&batch, "WATCH");
	redis_batch_arg(&batch, moving->from.data, moving->from.size);
	redis_batch_arg(&batch, other->data, other->size);
	redis_batch_key(&batch, "TYPE", &moving->from);
	redis_batch_key(&batch, "TYPE", other);
	rc = redis_link_run(link, &batch);
	for (size_t i = 0; rc == 0 && i < batch.count; i++)
		rc = redis_link_check(link, batch.replies[i]);
	if (rc == 0) {
		link->watching = true;
		*from = presence_of(batch.replies[1]);
		*to = presence_of(batch.replies[2]);
	}
	redis_batch_release(&batch);
	return rc;
}

static int check(const struct moving *moving, enum presence from,
                 enum presence to)
{
	if (from != PRESENT_RECORD)
		return -ENOENT;
	if (moving->removes)
		return 0;
	if (moving->mode == RENAME_SWAP)
		return to == PRESENT_RECORD ? 0 : -ENOENT;
	if (to == PRESENT_FOREIGN) {
		log_error("redis: %s is not a hash and is not replaced",
		          moving->to.data);
		return -EIO;
	}
	return to == PRESENT_RECORD && moving->mode == RENAME_KEEP ? -EEXIST
	                                                           : 0;
}

static void add_rename(struct redis_batch *batch, const struct blob *from,
                       const struct blob *to)
{
	redis_batch_begin(batch, 3);
	redis_batch_text(batch, "RENAME");
	redis_batch_arg(batch, from->data, from->size);
	redis_batch_arg(batch, to->data, to->size);
}

/* A key that is nobody's, for the instant of a swap. */
static int spare_key(struct blob *out)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return blob_printf(out, "engramfs:swap:%ld:%" PRId64 "%09ld",
	                   (long)getpid(), (int64_t)now.tv_sec, now.tv_nsec);
}

static int commit(struct redis_link *link, const struct moving *moving)
{
	struct redis_batch batch = { .once = true };
	struct blob spare = { 0 };
	int rc = 0;

	if (moving->removes)
		return redis_unlink(link, &moving->from, NULL);
	redis_batch_line(&batch, "MULTI");
	if (moving->mode == RENAME_SWAP) {
		rc = spare_key(&spare);
		add_rename(&batch, &moving->from, &spare);
		add_rename(&batch, &moving->to, &moving->from);
		add_rename(&batch, &spare, &moving->to);
	} else {
		add_rename(&batch, &moving->from, &moving->to);
	}
	redis_batch_line(&batch, "EXEC");
	if (rc == 0)
		rc = redis_execute(link, &batch);
	blob_release(&spare);
	redis_batch_release(&batch);
	return rc;
}

static bool moves_nowhere(const struct moving *moving)
{
	return !moving->removes && blob_equal(&moving->from, &moving->to);
}

static int move_over(struct redis_link *link, void *arg)
{
	const struct moving *moving = arg;
	enum presence from;
	enum presence to;
	struct redis_tries tries = { 0 };
	int rc;

	do {
		rc = look(link, moving, &from, &to);
		if (rc == 0)
			rc = check(moving, from, to);
		if (rc == 0 && moves_nowhere(moving))
			break;
		if (rc == 0)
			rc = commit(link, moving);
	} while (redis_try_again(&tries, rc));
	if (rc == -ESTALE) {
		log_error("redis: %s changes too often to be moved",
		          moving->from.data);
		rc = -EIO;
	}
	redis_unwatch(link);
	return rc;
}

int redis_remove(struct store *store, const struct collection *collection,
                 struct key key)
{
	struct redis_store *redis = redis_store_of(store);
	struct moving moving = { .removes = true };
	int rc = redis->read_only ? -EROFS : 0;

	if (rc == 0)
		rc = redis_key(collection, key, &moving.from);
	if (rc == 0)
		rc = redis_pool_do(redis->pool, move_over, &moving);
	if (rc == 0)
		redis_remember(redis, &moving.from);
	blob_release(&moving.from);
	return rc;
}

int redis_rename(struct store *store, const struct collection *collection,
                 struct key from, struct key to, enum rename_mode mode)
{
	struct redis_store *redis = redis_store_of(store);
	struct moving moving = { .mode = mode };
	int rc = redis->read_only ? -EROFS : 0;

	if (rc == 0)
		rc = redis_key(collection, from, &moving.from);
	if (rc == 0)
		rc = redis_key(collection, to, &moving.to);
	if (rc == 0)
		rc = redis_pool_do(redis->pool, move_over, &moving);
	if (rc == 0) {
		redis_remember(redis, &moving.to);
		redis_remember(redis, &moving.from);
	}
	blob_release(&moving.from);
	blob_release(&moving.to);
	return rc;
}
