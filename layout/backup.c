/* SPDX-License-Identifier: MIT */
#include "layout/backup_internal.h"

#include "backends/log.h"
#include "layout/tree.h"
#include "layout/upkeep.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define COPIED 0.5 /* of a store's part is done then; the rest is packing */

static struct value *new_text(const char *text)
{
	return value_new_text(text, strlen(text));
}

static int measure(struct making *making, struct store *store,
                   const struct work *work)
{
	struct value *counts = value_new_dict();
	int rc = counts ? upkeep_measure(store, work, counts) : -ENOMEM;

	if (rc == 0)
		return value_dict_set(making->counts, store->backend->name,
		                      counts);
	value_unref(counts);
	return rc;
}

static int copy_store(struct making *making, struct store *store,
                      const struct work *work)
{
	const struct maintenance_ops *ops = store->backend->maintenance;
	const struct backup_part *stage = backup_stage(making);
	double middle = work->from + (work->to - work->from) * COPIED;
	struct work copying = *work;
	struct work packing = *work;
	int rc;

	if (!ops || !ops->backup)
		return 0;
	copying.to = packing.from = middle;
	rc = ops->backup(store, tree_collections, stage->path.data, &copying,
	                 making->files);
	if (rc == 0)
		rc = measure(making, store, &copying);
	return rc ? rc : backup_pack_files(making, &packing);
}

static size_t count_stores(const struct stores *stores)
{
	size_t count = 0;

	while (count < STORES_MAX && stores->slots[count].backend)
		count++;
	return count;
}

static int copy_stores(struct making *making)
{
	const struct stores *stores = &making->tree->stores;
	size_t count = count_stores(stores);
	struct work whole = job_work(making->job, 0, 1);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < count; i++) {
		struct work work = work_part(&whole, i, count);

		rc = job_step(making->job, work.from);
		if (rc == 0)
			rc = stores->slots[i].store
			         ? copy_store(making, stores->slots[i].store,
			                      &work)
			         : -EIO;
		if (rc && rc != -ECANCELED)
			job_fail(making->job, "%s: %s",
			         stores->slots[i].backend->name, strerror(-rc));
	}
	return rc;
}

/* One at a time; the first failure stays in RC. */
static void set(struct value *dict, const char *name, struct value *item,
                int *rc)
{
	if (*rc)
		value_unref(item);
	else
		*rc = item ? value_dict_set(dict, name, item) : -ENOMEM;
}

static struct value *describe_schedules(unsigned int mask)
{
	struct value *list = value_new_list(VALUE_LIST);
	int rc = list ? 0 : -ENOMEM;

	for (int i = 0; rc == 0 && i < SCHEDULE_KINDS; i++)
		if (mask & (1u << i))
			rc = value_list_append(
			    list,
			    new_text(schedule_name((enum schedule_kind)i)));
	if (rc == 0)
		return list;
	value_unref(list);
	return NULL;
}

static struct value *describe_history(int64_t begin)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%" PRId64, begin);
	return begin ? new_text(digits) : value_new_null();
}

static struct value *describe_encryption(const struct seal_key *key)
{
	struct value *dict = key ? value_new_dict() : value_new_null();
	int rc = 0;

	if (!key || !dict)
		return dict;
	set(dict, "method", new_text(MANIFEST_METHOD), &rc);
	set(dict, "key", new_text(seal_key_id(key)), &rc);
	if (rc == 0)
		return dict;
	value_unref(dict);
	return NULL;
}

static int fill_manifest(const struct making *making, struct value *manifest)
{
	const struct parcel_form *packing = &making->packing;
	int rc = 0;

	set(manifest, "format", value_new_int(MANIFEST_FORMAT), &rc);
	set(manifest, "name", new_text(making->name), &rc);
	set(manifest, "begun_at", value_new_float(making->begun), &rc);
	set(manifest, "created_at", value_new_float(backups_now()), &rc);
	set(manifest, "store", new_text(making->tree->stores.directory), &rc);
	set(manifest, "schedules", describe_schedules(making->schedules), &rc);
	set(manifest, "compression",
	    new_text(packing->compressed ? "zstd" : "none"), &rc);
	set(manifest, "encryption", describe_encryption(packing->key), &rc);
	set(manifest, "history", describe_history(making->history), &rc);
	set(manifest, "files", value_ref(making->files), &rc);
	set(manifest, "statistics", value_ref(making->counts), &rc);
	return rc;
}

static int complete(struct making *making)
{
	struct value *manifest = value_new_dict();
	int rc = manifest ? fill_manifest(making, manifest) : -ENOMEM;

	if (rc == 0)
		rc = manifest_write(making->place.path.data, manifest,
		                    making->packing.key);
	if (rc == 0)
		rc = backup_place_finish(making);
	value_unref(manifest);
	return rc;
}

/* What schedules keep no longer.  What cannot be removed stays. */
static void remove_expired(const struct backups *backups)
{
	const struct backup_rules *rules = backups_rules(backups);
	struct backup_list list = { 0 };
	int rc = backups_list(backups, &list);

	if (rc)
		log_warn("backup: old ones stay: %s", strerror(-rc));
	for (size_t i = 0; i < list.count; i++)
		if (backup_rules_expired(rules, list.entries, list.count, i,
		                         backups_now()))
			backup_place_remove(backups_directory(backups),
			                    list.entries[i].name);
	backup_list_release(&list);
}

static int end_job(struct making *making)
{
	const char *directory = backups_directory(making->tree->backups);
	struct value *result = value_new_dict();
	int rc = result ? 0 : -ENOMEM;

	if (result) {
		set(result, "backup", new_text(making->name), &rc);
		set(result, "directory", new_text(directory), &rc);
		set(result, "files", value_ref(making->files), &rc);
	}
	if (rc == 0)
		job_result(making->job, result);
	else
		value_unref(result);
	return rc;
}

static int make(struct making *making)
{
	int rc;

	making->begun = backups_now();
	making->files = value_new_list(VALUE_LIST);
	making->counts = value_new_dict();
	rc = making->files && making->counts ? backup_place_make(making)
	                                     : -ENOMEM;
	if (rc == 0)
		rc = backup_history_begin(making);
	if (rc == 0)
		rc = copy_stores(making);
	if (rc == 0)
		rc = backup_history_copy(making);
	if (rc == 0)
		rc = complete(making);
	if (rc == 0)
		backup_history_forget(making);
	return rc ? rc : end_job(making);
}

static int run(struct job *job, struct tree *tree, unsigned int schedules)
{
	struct making making = { .job = job,
		                 .tree = tree,
		                 .schedules = schedules,
		                 .packing = backups_packing(tree->backups),
		                 .place = { .fd = -1 },
		                 .stage = { .fd = -1 } };
	int rc = make(&making);

	backup_place_end(&making);
	if (rc != -ECANCELED)
		backups_note(tree->backups, rc ? strerror(-rc) : NULL);
	if (rc == 0)
		remove_expired(tree->backups);
	value_unref(making.counts);
	value_unref(making.files);
	return rc;
}

int backup_run(struct job *job, struct tree *tree,
               const struct value *arguments)
{
	(void)arguments;
	return tree->backups ? run(job, tree, 0) : -EROFS;
}

int backup_run_scheduled(struct job *job, struct tree *tree,
                         const struct value *arguments)
{
	struct backup_list list = { 0 };
	unsigned int due = 0;
	int rc = backups_list(tree->backups, &list);

	(void)arguments;
	if (rc == 0)
		due = backup_rules_due(backups_rules(tree->backups),
		                       list.entries, list.count, backups_now());
	backup_list_release(&list);
	if (rc == 0 && due == 0)
		return -ECANCELED; /* somebody has set the clock back */
	return rc ? rc : run(job, tree, due);
}

int64_t backup_wait(struct tree *tree)
{
	return backups_wait(tree->backups);
}
