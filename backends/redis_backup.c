/* SPDX-License-Identifier: MIT */
/*
 * The records of a server as lines of JSON: key and DUMP as base64, the end of
 * its life in milliseconds since 1970 (0: none).  Any server restores them,
 * embedded or not, that is not older than the one they come from.
 *
 * For a point in time, a line {"at_ms": TIME} comes first: what is left of each
 * life is that of TIME.  The changes until then follow; the last line of a key
 * is the one that counts, and {"key": ..., "gone": true} says that there is
 * none.
 */
#include "backends/redis_internal.h"

#include "backends/base64.h"
#include "backends/file.h"
#include "backends/json.h"
#include "backends/log.h"
#include "backends/maintenance.h"
#include "backends/redis_scan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FILE_NAME "redis.jsonl"
#define SCAN_COUNT 100
#define LATEST_MS (INT64_MAX / 4) /* such times are added without overflow */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A page of keys, as text. */
struct page {
	struct redis_scan scan;
	struct redis_page keys;
	struct blob lines;
};

int redis_backup_line(struct blob *lines, const struct blob *key,
                      const redisReply *dump, const redisReply *ttl)
{
	int64_t expires = 0;
	int rc;

	if (dump->type != REDIS_REPLY_STRING ||
	    ttl->type != REDIS_REPLY_INTEGER || ttl->integer == -2)
		return 0; /* it has gone meanwhile */
	if (ttl->integer >= 0)
		expires = now_ms() + ttl->integer;
	rc = blob_append_text(lines, "{\"key\": \"");
	if (rc == 0)
		rc = base64_encode(key->data, key->size, lines);
	if (rc == 0)
		rc =
		    blob_printf(lines, "\", \"expires_ms\": %lld, \"dump\": \"",
		                (long long)expires);
	if (rc == 0)
		rc = base64_encode(dump->str, dump->len, lines);
	return rc ? rc : blob_append_text(lines, "\"}\n");
}

static int dump_page(struct redis_link *link, struct page *page)
{
	struct redis_batch batch = { 0 };
	int rc = 0;

	for (size_t i = 0; i < page->keys.count; i++) {
		redis_batch_key(&batch, "DUMP", &page->keys.keys[i]);
		redis_batch_key(&batch, "PTTL", &page->keys.keys[i]);
	}
	if (batch.count)
		rc = redis_link_run(link, &batch);
	for (size_t i = 0; rc == 0 && i < batch.count; i++)
		rc = redis_link_check(link, batch.replies[i]);
	for (size_t i = 0; rc == 0 && i < page->keys.count; i++)
		rc = redis_backup_line(&page->lines, &page->keys.keys[i],
		                       batch.replies[2 * i],
		                       batch.replies[2 * i + 1]);
	redis_batch_release(&batch);
	return rc;
}

static int read_page(struct redis_link *link, void *arg)
{
	struct page *page = arg;
	int rc;

	redis_page_release(&page->keys);
	blob_release(&page->lines);
	rc = redis_scan_step(link, &page->scan, &page->keys);
	return rc ? rc : dump_page(link, page);
}

static int dump_family(struct redis_store *redis, const char *place, FILE *file,
                       const struct work *work)
{
	struct page page = { 0 };
	int rc =
	    redis_scan_init(&page.scan, place, (struct key){ 0 }, SCAN_COUNT);

	while (rc == 0) {
		rc = redis_pool_do(redis->pool, read_page, &page);
		if (rc == 0 && fwrite(page.lines.data ? page.lines.data : "", 1,
		                      page.lines.size, file) != page.lines.size)
			rc = -errno;
		page.scan.position = page.keys.next;
		if (rc || page.scan.position == 0)
			break;
		rc = work_step(work, 0);
	}
	blob_release(&page.lines);
	redis_page_release(&page.keys);
	redis_scan_release(&page.scan);
	return rc;
}

int redis_backup(struct store *store, const struct collection *rows,
                 const char *directory, const struct work *work,
                 struct value *files)
{
	struct redis_store *redis = redis_store_of(store);
	struct blob path = { 0 };
	FILE *file = NULL;
	int rc = blob_printf(&path, "%s/%s", directory, FILE_NAME);

	if (rc == 0) {
		file = fopen(path.data, "wxe");
		rc = file ? 0 : -errno;
	}
	for (; rc == 0 && rows->path; rows++)
		if (strcmp(rows->backend, "redis") == 0)
			rc = dump_family(redis, rows->place, file, work);
	if (file && fclose(file) != 0 && rc == 0)
		rc = -errno;
	if (rc == 0)
		rc = file_sync(path.data);
	if (rc == 0)
		rc = backup_add_file(files, FILE_NAME, BACKUP_REDIS_PLACE);
	blob_release(&path);
	return rc;
}

/* A record as its line has it. */
struct restored {
	struct blob key;
	struct blob dump;
	int64_t expires_ms;
	bool gone;
};

static int decode_text(const struct value *line, const char *name,
                       struct blob *out)
{
	const struct value *text = value_dict_get(line, name);

	if (!text || text->type != VALUE_TEXT)
		return -EINVAL;
	return base64_decode(text->text.data, text->text.size, out);
}

static int decode_time(const struct value *time, int64_t *out)
{
	int rc = time ? value_to_int(time, out) : -EINVAL;

	return rc == 0 && (*out < 0 || *out > LATEST_MS) ? -EINVAL : rc;
}

static int understand(const struct value *line, struct restored *out)
{
	int rc = decode_text(line, "key", &out->key);

	out->gone = value_dict_get(line, "gone") != NULL;
	if (rc || out->gone)
		return rc;
	rc = decode_time(value_dict_get(line, "expires_ms"), &out->expires_ms);
	return rc ? rc : decode_text(line, "dump", &out->dump);
}

static int remove_record(struct redis_link *link, void *arg)
{
	const struct restored *record = arg;
	struct redis_batch batch = { 0 };
	int rc;

	redis_batch_key(&batch, "UNLINK", &record->key);
	rc = redis_link_run(link, &batch);
	if (rc == 0)
		rc = redis_link_check(link, batch.replies[0]);
	redis_batch_release(&batch);
	return rc;
}

static int restore_record(struct redis_link *link, void *arg)
{
	const struct restored *record = arg;
	struct redis_batch batch = { 0 };
	int rc;

	redis_batch_begin(&batch, 6);
	redis_batch_text(&batch, "RESTORE");
	redis_batch_arg(&batch, record->key.data, record->key.size);
	redis_batch_int(&batch, record->expires_ms);
	redis_batch_arg(&batch, record->dump.data, record->dump.size);
	redis_batch_text(&batch, "REPLACE");
	redis_batch_text(&batch, "ABSTTL");
	rc = redis_link_run(link, &batch);
	if (rc == 0)
		rc = redis_link_check(link, batch.replies[0]);
	redis_batch_release(&batch);
	return rc;
}

/* A file of them that is being restored. */
struct restoring {
	struct redis_store *redis;
	int64_t begun_ms;
	int64_t at_ms; /* 0: the lives went on since */
};

/* Gone or expired, it may have been restored by an earlier line. */
static int restore_one(const struct restoring *restoring,
                       struct restored *record)
{
	int64_t now = restoring->at_ms ? restoring->at_ms : now_ms();
	bool lives = !record->gone &&
	             (record->expires_ms == 0 || record->expires_ms > now);

	if (!lives && !restoring->at_ms)
		return 0;
	if (lives && record->expires_ms && restoring->at_ms)
		record->expires_ms += restoring->begun_ms - restoring->at_ms;
	return redis_pool_do(restoring->redis->pool,
	                     lives ? restore_record : remove_record, record);
}

static int restore_line(struct restoring *restoring, const char *text,
                        size_t size)
{
	struct restored record = { 0 };
	struct value *line = NULL;
	const struct value *at;
	char why[WHY_SIZE];
	int rc = json_parse(text, size, JSON_ARRAYS_REFUSE, &line, why);

	if (rc == 0 && line->type != VALUE_DICT)
		rc = -EINVAL;
	at = rc == 0 ? value_dict_get(line, "at_ms") : NULL;
	if (at)
		rc = decode_time(at, &restoring->at_ms);
	else if (rc == 0)
		rc = understand(line, &record);
	if (rc == 0 && !at)
		rc = restore_one(restoring, &record);
	blob_release(&record.key);
	blob_release(&record.dump);
	value_unref(line);
	return rc;
}

int redis_restore(struct store *store, const char *path)
{
	struct restoring restoring = { .redis = redis_store_of(store),
		                       .begun_ms = now_ms() };
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t capacity = 0;
	ssize_t size;
	int rc = file ? 0 : -errno;

	while (rc == 0 && (size = getline(&line, &capacity, file)) > 0)
		rc = restore_line(&restoring, line, (size_t)size);
	if (rc == 0 && ferror(file))
		rc = -EIO;
	free(line);
	if (file)
		fclose(file);
	if (rc)
		log_error("redis: cannot restore %s: %s", path, strerror(-rc));
	return rc;
}
