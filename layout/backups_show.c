/* SPDX-License-Identifier: MIT */
#include "layout/backups_internal.h"

#include "backends/history.h"
#include "backends/log.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define RETRY_S 300 /* after an attempt that failed, at the latest */

double backups_now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_REALTIME, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

void backups_note(struct backups *backups, const char *why)
{
	pthread_mutex_lock(&backups->lock);
	backups->attempts++;
	backups->failures += why != NULL;
	backups->failed = why ? backups_now() : 0;
	snprintf(backups->why, sizeof(backups->why), "%s", why ? why : "");
	pthread_mutex_unlock(&backups->lock);
}

/* What failed is not tried again at once. */
static double earliest(struct backups *backups)
{
	const struct backup_rules *rules = &backups->rules;
	double pause = RETRY_S;
	double failed;

	for (size_t i = 0; i < rules->count; i++)
		if (rules->list[i].interval)
			pause = fmin(pause, (double)rules->list[i].interval);
	pthread_mutex_lock(&backups->lock);
	failed = backups->failed;
	pthread_mutex_unlock(&backups->lock);
	return failed > 0 ? failed + pause : 0;
}

static double find_next(struct backups *backups, const struct backup_list *list)
{
	double next = backup_rules_next(&backups->rules, list->entries,
	                                list->count, backups_now());

	return next > 0 ? fmax(next, earliest(backups)) : 0;
}

int64_t backups_wait(struct backups *backups)
{
	struct backup_list list = { 0 };
	double next;
	int rc;

	if (backups->rules.count == 0)
		return -1;
	rc = backups_list(backups, &list);
	if (rc) {
		log_error("backup: %s: %s", backups->directory, strerror(-rc));
		backups_note(backups, strerror(-rc));
		return RETRY_S;
	}
	next = find_next(backups, &list);
	backup_list_release(&list);
	return (int64_t)ceil(fmax(next - backups_now(), 0));
}

static int add(struct value *dict, const char *name, struct value *item)
{
	return item ? value_dict_set(dict, name, item) : -ENOMEM;
}

static struct value *text_or_null(const char *text)
{
	return text[0] ? value_new_text(text, strlen(text)) : value_new_null();
}

static struct value *time_or_null(double time)
{
	return time > 0 ? value_new_float(time) : value_new_null();
}

static int describe_list(struct backups *backups,
                         const struct backup_list *list, struct value *dict)
{
	const struct backup_entry *last = NULL;
	uint64_t bytes = 0;
	int64_t whole = 0;
	int rc;

	for (size_t i = 0; i < list->count; i++) {
		bytes += list->entries[i].stored;
		if (list->entries[i].whole) {
			last = &list->entries[i];
			whole++;
		}
	}
	rc = add(dict, "count", value_new_int(whole));
	if (rc == 0)
		rc = add(dict, "total_size", value_new_int((int64_t)bytes));
	if (rc == 0)
		rc = add(dict, "last_backup",
		         text_or_null(last ? last->name : ""));
	if (rc == 0)
		rc = add(dict, "last_backup_at",
		         time_or_null(last ? last->created : 0));
	if (rc == 0)
		rc = add(dict, "next_backup",
		         time_or_null(find_next(backups, list)));
	return rc;
}

static int describe_attempts(struct backups *backups, struct value *dict)
{
	uint64_t attempts;
	uint64_t failures;
	char why[WHY_SIZE];
	int rc;

	pthread_mutex_lock(&backups->lock);
	attempts = backups->attempts;
	failures = backups->failures;
	memcpy(why, backups->why, sizeof(why));
	pthread_mutex_unlock(&backups->lock);
	rc = add(dict, "success_rate",
	         attempts ? value_new_float((double)(attempts - failures) /
	                                    (double)attempts)
	                  : value_new_null());
	return rc ? rc : add(dict, "last_error", text_or_null(why));
}

/* {"kept", "bytes"}, or null. */
static struct value *describe_history(struct history *history)
{
	struct history_figures figures;
	struct value *dict = history ? value_new_dict() : value_new_null();

	if (!history || !dict)
		return dict;
	history_figures(history, &figures);
	if (add(dict, "kept", value_new_bool(figures.begin != 0)) == 0 &&
	    add(dict, "bytes", value_new_int((int64_t)figures.bytes)) == 0)
		return dict;
	value_unref(dict);
	return NULL;
}

struct value *backups_describe(struct backups *backups, struct history *history)
{
	struct value *dict = value_new_dict();
	struct backup_list list = { 0 };
	int rc = dict ? 0 : -ENOMEM;

	if (rc == 0)
		rc = add(dict, "directory", text_or_null(backups->directory));
	if (rc == 0)
		rc = add(dict, "compression",
		         text_or_null(backups->compressed ? "zstd" : "none"));
	if (rc == 0)
		rc = add(dict, "key",
		         text_or_null(backups->key ? seal_key_id(backups->key)
		                                   : ""));
	if (rc == 0 && backups_list(backups, &list) == -ENOMEM)
		rc = -ENOMEM;
	if (rc == 0)
		rc = describe_list(backups, &list, dict);
	if (rc == 0)
		rc = describe_attempts(backups, dict);
	if (rc == 0)
		rc = add(dict, "point_in_time", describe_history(history));
	backup_list_release(&list);
	if (rc == 0)
		return dict;
	value_unref(dict);
	return NULL;
}
