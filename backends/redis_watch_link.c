/* SPDX-License-Identifier: MIT */
#include "backends/redis_watch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TRACKING_CHANNEL "__redis__:invalidate"
#define KEYSPACE "__keyspace@"

static bool is_ours(const struct collection *row)
{
	return strcmp(row->backend, redis_backend.name) == 0;
}

static size_t count_rows(const struct collection *rows)
{
	size_t count = 0;

	for (; rows->path; rows++)
		count += is_ours(rows);
	return count;
}

/* Run BATCH and look at its last reply. */
static int run(struct redis_link *link, struct redis_batch *batch)
{
	int rc = redis_link_run(link, batch);

	if (rc == 0)
		rc = redis_link_why(link, batch->replies[batch->count - 1]);
	return rc;
}

static int ask_id(struct redis_link *link, int64_t *out)
{
	struct redis_batch batch = { 0 };
	int rc;

	redis_batch_line(&batch, "CLIENT ID");
	rc = run(link, &batch);
	if (rc == 0 && batch.replies[0]->type != REDIS_REPLY_INTEGER)
		rc = -EIO;
	if (rc == 0)
		*out = batch.replies[0]->integer;
	redis_batch_release(&batch);
	return rc;
}

/* Messages are redirected to the very connection that asks for them: so there
 * is no second one that could be lost unnoticed. */
static int track(struct redis_link *link, const struct collection *rows)
{
	struct redis_batch batch = { 0 };
	int64_t id = 0;
	int rc = ask_id(link, &id);

	if (rc)
		return rc;
	redis_batch_begin(&batch, 6 + 2 * count_rows(rows));
	redis_batch_text(&batch, "CLIENT");
	redis_batch_text(&batch, "TRACKING");
	redis_batch_text(&batch, "ON");
	redis_batch_text(&batch, "REDIRECT");
	redis_batch_int(&batch, id);
	redis_batch_text(&batch, "BCAST");
	for (const struct collection *row = rows; row->path; row++) {
		if (!is_ours(row))
			continue;
		redis_batch_text(&batch, "PREFIX");
		redis_batch_text(&batch, row->place);
	}
	rc = run(link, &batch);
	redis_batch_release(&batch);
	if (rc)
		return rc;
	redis_batch_line(&batch, "SUBSCRIBE " TRACKING_CHANNEL);
	rc = run(link, &batch);
	redis_batch_release(&batch);
	return rc;
}

/* The server publishes, by key, what hashes, generic commands, expiry and
 * eviction do to them. */
static bool publishes(const char *flags)
{
	static const char needed[] = "ghxe";

	if (!strchr(flags, 'K'))
		return false;
	return strchr(flags, 'A') || strspn(needed, flags) == strlen(needed);
}

static int ask_flags(struct redis_link *link)
{
	struct redis_batch batch = { 0 };
	const redisReply *reply;
	int rc;

	redis_batch_line(&batch, "CONFIG GET notify-keyspace-events");
	rc = run(link, &batch);
	reply = rc == 0 ? batch.replies[0] : NULL;
	if (rc == 0 &&
	    (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
	     reply->element[1]->type != REDIS_REPLY_STRING ||
	     !publishes(reply->element[1]->str)))
		rc = -EOPNOTSUPP;
	redis_batch_release(&batch);
	return rc;
}

/* One command for each pattern: each has its answer. */
static int listen_to_keyspace(struct redis_link *link, int db,
                              const struct collection *rows)
{
	struct redis_batch batch = { 0 };
	int rc = ask_flags(link);

	for (const struct collection *row = rows; rc == 0 && row->path; row++) {
		struct blob pattern = { 0 };

		if (!is_ours(row))
			continue;
		rc = blob_printf(&pattern, KEYSPACE "%d__:%s*", db, row->place);
		if (rc == 0)
			redis_batch_key(&batch, "PSUBSCRIBE", &pattern);
		blob_release(&pattern);
	}
	if (rc == 0)
		rc = run(link, &batch);
	redis_batch_release(&batch);
	return rc;
}

int redis_watch_subscribe(struct redis_link *link, int db,
                          const struct collection *rows, bool *whole)
{
	int rc = track(link, rows);

	*whole = rc == 0;
	if (rc == 0 || link->broken)
		return rc;
	rc = listen_to_keyspace(link, db, rows);
	return rc == 0 || link->broken || rc == -ENOMEM ? rc : -EOPNOTSUPP;
}

const struct collection *redis_watch_row(const struct collection *rows,
                                         struct key whole, struct key *key)
{
	for (; rows->path; rows++) {
		size_t size = is_ours(rows) ? strlen(rows->place) : SIZE_MAX;

		if (size > whole.size ||
		    memcmp(whole.data, rows->place, size) != 0)
			continue;
		*key = (struct key){ whole.data + size, whole.size - size };
		return rows;
	}
	return NULL;
}

static bool is_text(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_STRING;
}

enum redis_news redis_watch_read(redisReply *message, redisReply ***keys,
                                 size_t *count)
{
	redisReply **parts = message->element;
	redisReply *what;

	if (message->type != REDIS_REPLY_ARRAY || message->elements < 3 ||
	    !is_text(parts[0]))
		return REDIS_NEWS_NONE;
	what = parts[2];
	if (strcmp(parts[0]->str, "pmessage") == 0) {
		*keys = &parts[2];
		*count = 1;
		return is_text(what) ? REDIS_NEWS_KEYS : REDIS_NEWS_NONE;
	}
	if (strcmp(parts[0]->str, "message") != 0)
		return REDIS_NEWS_NONE;
	if (what->type != REDIS_REPLY_ARRAY)
		return REDIS_NEWS_ANY;
	*keys = what->element;
	*count = what->elements;
	return REDIS_NEWS_KEYS;
}

struct key redis_watch_key(const redisReply *reply)
{
	struct key key = { reply->str, reply->len };
	size_t prefix = strlen(KEYSPACE);
	const char *end;

	if (key.size < prefix || memcmp(key.data, KEYSPACE, prefix) != 0)
		return key;
	end = memchr(key.data, ':', key.size);
	if (!end)
		return key;
	end++;
	return (struct key){ end, key.size - (size_t)(end - key.data) };
}
