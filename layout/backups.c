/* SPDX-License-Identifier: MIT */
#include "layout/backups_internal.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* PATH, from the store's directory on; NULL: NAME there. */
static int resolve(const char *store, const char *path, const char *name,
                   char **out)
{
	struct blob full = { 0 };
	int rc;

	if (path && path[0] == '/')
		rc = blob_append_text(&full, path);
	else
		rc = blob_printf(&full, "%s/%s", store, path ? path : name);
	while (rc == 0 && full.size > 1 && full.data[full.size - 1] == '/')
		full.data[--full.size] = '\0';
	*out = full.data;
	return rc;
}

static int load_key(struct backups *backups, const char *given,
                    char why[WHY_SIZE])
{
	char *path = NULL;
	int rc = given ? resolve(backups->store, given, NULL, &path) : 0;

	if (rc == 0 && given)
		rc = seal_key_load(path, &backups->key, why);
	free(path);
	return rc;
}

/* Schedules take the place of the interval. */
static int make_rules(struct backups *backups, const struct settings *settings,
                      char why[WHY_SIZE])
{
	struct backup_rules *rules = &backups->rules;
	const char *text = settings->backup.schedules;
	int rc =
	    text ? schedule_parse(text, rules->list, &rules->count, why) : 0;

	rules->since = backups_now();
	rules->max_backups = settings->sqlite.max_backups;
	if (rc || rules->count || settings->sqlite.backup_interval == 0)
		return rc;
	rules->list[0] = (struct schedule){
		.kind = SCHEDULE_INTERVAL,
		.interval = settings->sqlite.backup_interval,
	};
	rules->count = 1;
	return 0;
}

int backups_open(const char *store, const struct settings *settings,
                 struct backups **out, char why[WHY_SIZE])
{
	struct backups *backups = calloc(1, sizeof(*backups));
	int rc;

	if (!backups)
		return -ENOMEM;
	pthread_mutex_init(&backups->lock, NULL);
	backups->is_inside = !settings->backup.directory;
	backups->compressed = strcmp(settings->backup.compression, "zstd") == 0;
	backups->store = strdup(store);
	rc = backups->store ? resolve(store, settings->backup.directory,
	                              "backups", &backups->directory)
	                    : -ENOMEM;
	if (rc == 0)
		rc = load_key(backups, settings->backup.key_file, why);
	if (rc == 0)
		rc = make_rules(backups, settings, why);
	if (rc)
		backups_close(backups);
	else
		*out = backups;
	return rc;
}

void backups_close(struct backups *backups)
{
	if (!backups)
		return;
	seal_key_free(backups->key);
	pthread_mutex_destroy(&backups->lock);
	free(backups->directory);
	free(backups->store);
	free(backups);
}

const char *backups_directory(const struct backups *backups)
{
	return backups->directory;
}

const struct backup_rules *backups_rules(const struct backups *backups)
{
	return &backups->rules;
}

struct parcel_form backups_packing(const struct backups *backups)
{
	return (struct parcel_form){ .compressed = backups->compressed,
		                     .key = backups->key };
}

static int is_backup(const struct dirent *entry)
{
	return manifest_is_backup(entry->d_name);
}

static unsigned int read_schedules(const struct value *list)
{
	unsigned int mask = 0;

	for (size_t i = 0; list && i < list->list.count; i++) {
		const struct blob *text = &list->list.items[i]->text;
		int kind = schedule_find(text->data, text->size);

		mask |= kind < 0 ? BACKUP_OTHER : 1u << kind;
	}
	return mask;
}

/* False: it is another store's. */
static bool read_entry(const struct backups *backups, const char *name,
                       struct backup_entry *out)
{
	struct manifest manifest = { 0 };
	struct blob path = { 0 };
	char why[WHY_SIZE];
	bool ours = true;

	*out = (struct backup_entry){ .schedules = BACKUP_OTHER };
	snprintf(out->name, sizeof(out->name), "%s", name);
	if (blob_printf(&path, "%s/%s", backups->directory, name) == 0 &&
	    manifest_read(path.data, NULL, &manifest, why) == 0) {
		ours = backups->is_inside ||
		       strcmp(manifest.store, backups->store) == 0;
		out->schedules = read_schedules(manifest.schedules);
		out->created = manifest.created;
		out->stored = manifest_stored(&manifest);
		out->whole = manifest_is_whole(&manifest, path.data);
	}
	manifest_release(&manifest);
	blob_release(&path);
	return ours;
}

int backups_list(const struct backups *backups, struct backup_list *out)
{
	struct backup_list list = { 0 };
	struct dirent **names = NULL;
	int count = scandir(backups->directory, &names, is_backup, alphasort);
	int rc = count < 0 && errno != ENOENT ? -errno : 0;

	if (count > 0) {
		list.entries = calloc((size_t)count, sizeof(*list.entries));
		rc = list.entries ? 0 : -ENOMEM;
	}
	for (int i = 0; i < count; i++) {
		if (rc == 0 && read_entry(backups, names[i]->d_name,
		                          &list.entries[list.count]))
			list.count++;
		free(names[i]);
	}
	free(names);
	if (rc)
		backup_list_release(&list);
	else
		*out = list;
	return rc;
}

void backup_list_release(struct backup_list *list)
{
	free(list->entries);
	*list = (struct backup_list){ 0 };
}
