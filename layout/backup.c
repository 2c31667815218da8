/* SPDX-License-Identifier: MIT */
#include "layout/backup.h"

#include "backends/file.h"
#include "backends/json.h"
#include "backends/log.h"
#include "layout/tree.h"
#include "layout/upkeep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MANIFEST "manifest.json"
#define MANIFEST_LIMIT ((size_t)16 << 20)
#define COPIED 0.8   /* of the work is done then; the rest is checksums */
#define PART ".part" /* behind the name of one that is being made */
#define PAUSE_NS 20000000

/* A backup that is being made. */
struct making {
	struct job *job;
	const struct tree *tree;
	char name[64];
	struct blob path;     /* with PART */
	struct value *files;  /* list of dicts */
	struct value *counts; /* dict of the backends' figures */
};

static struct value *new_text(const char *text)
{
	return value_new_text(text, strlen(text));
}

/* PARENT/NAME.part, NAME being the time.  -EEXIST: something has the name. */
static int make_part(struct making *making, const char *parent)
{
	time_t now = time(NULL);
	struct blob path = { 0 };
	struct stat stat;
	struct tm utc;
	int rc;

	gmtime_r(&now, &utc);
	strftime(making->name, sizeof(making->name), "%Y%m%dT%H%M%SZ", &utc);
	rc = blob_printf(&path, "%s/%s", parent, making->name);
	if (rc == 0 && lstat(path.data, &stat) == 0)
		rc = -EEXIST;
	if (rc == 0)
		rc = blob_append_text(&path, PART);
	if (rc == 0 && mkdir(path.data, 0700) != 0)
		rc = -errno;
	if (rc == 0)
		making->path = path;
	else
		blob_release(&path);
	return rc;
}

/* A backup is named for a second that it has for itself: the oldest are found
 * by their names. */
static int make_directory(struct making *making)
{
	const struct timespec pause = { 0, PAUSE_NS };
	struct blob parent = { 0 };
	int rc =
	    blob_printf(&parent, "%s/backups", making->tree->stores.directory);

	if (rc == 0 && mkdir(parent.data, 0700) != 0 && errno != EEXIST)
		rc = -errno;
	if (rc == 0)
		rc = make_part(making, parent.data);
	while (rc == -EEXIST) {
		nanosleep(&pause, NULL);
		rc = job_step(making->job, 0);
		if (rc == 0)
			rc = make_part(making, parent.data);
	}
	blob_release(&parent);
	return rc;
}

/* PATH below the store is relative to it. */
static const char *relative(const char *store, const char *path)
{
	size_t size = strlen(store);

	return strncmp(path, store, size) == 0 && path[size] == '/'
	           ? path + size + 1
	           : path;
}

static int describe_file(struct making *making, struct value *file,
                         struct work *work)
{
	const char *name = value_dict_get(file, "name")->text.data;
	const char *place = value_dict_get(file, "place")->text.data;
	char checksum[FILE_CHECKSUM_SIZE];
	struct blob path = { 0 };
	uint64_t size = 0;
	int rc = blob_printf(&path, "%s/%s", making->path.data, name);

	if (rc == 0)
		rc = file_checksum(path.data, checksum, &size, backup_step,
		                   work);
	if (rc == 0)
		rc = value_dict_set(
		    file, "place",
		    new_text(relative(making->tree->stores.directory, place)));
	if (rc == 0)
		rc = value_dict_set(file, "size", value_new_int((int64_t)size));
	if (rc == 0)
		rc = value_dict_set(file, "xxh3", new_text(checksum));
	blob_release(&path);
	return rc;
}

static int copy_store(struct making *making, struct store *store,
                      const struct work *work)
{
	const struct maintenance_ops *ops = store->backend->maintenance;
	struct value *counts;
	int rc = 0;

	if (!ops || !ops->backup)
		return 0;
	rc = ops->backup(store, tree_collections, making->path.data, work,
	                 making->files);
	if (rc)
		return rc;
	counts = value_new_dict();
	rc = counts ? upkeep_measure(store, work, counts) : -ENOMEM;
	if (rc == 0)
		return value_dict_set(making->counts, store->backend->name,
		                      counts);
	value_unref(counts);
	return rc;
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
	double part = COPIED / (double)count_stores(stores);
	int rc = 0;

	for (size_t i = 0;
	     rc == 0 && i < STORES_MAX && stores->slots[i].backend; i++) {
		struct work work = job_work(making->job, part * (double)i,
		                            part * (double)(i + 1));

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

static int write_text(const char *path, const struct blob *text)
{
	FILE *file = fopen(path, "wxe");
	int rc = file ? 0 : -errno;

	if (rc)
		return rc;
	if (fwrite(text->data, 1, text->size, file) != text->size)
		rc = -EIO;
	if (fclose(file) != 0 && rc == 0)
		rc = -errno;
	return rc ? rc : file_sync(path);
}

static int fill_manifest(const struct making *making, struct value *manifest)
{
	int rc = value_dict_set(manifest, "format", value_new_int(1));

	if (rc == 0)
		rc = value_dict_set(manifest, "name", new_text(making->name));
	if (rc == 0)
		rc = value_dict_set(manifest, "created_at",
		                    value_new_float((double)time(NULL)));
	if (rc == 0)
		rc = value_dict_set(manifest, "store",
		                    new_text(making->tree->stores.directory));
	if (rc == 0)
		rc =
		    value_dict_set(manifest, "files", value_ref(making->files));
	if (rc == 0)
		rc = value_dict_set(manifest, "statistics",
		                    value_ref(making->counts));
	return rc;
}

static int write_manifest(const struct making *making)
{
	struct value *manifest = value_new_dict();
	struct blob path = { 0 };
	struct blob text = { 0 };
	int rc = manifest ? fill_manifest(making, manifest) : -ENOMEM;

	if (rc == 0)
		rc = json_append(manifest, JSON_STYLE_FILE, JSON_ARRAYS_REFUSE,
		                 MANIFEST_LIMIT, &text);
	if (rc == 0)
		rc = blob_printf(&path, "%s/" MANIFEST, making->path.data);
	if (rc == 0)
		rc = write_text(path.data, &text);
	if (rc == 0)
		rc = file_sync(making->path.data);
	blob_release(&text);
	blob_release(&path);
	value_unref(manifest);
	return rc;
}

/* A backup has files only.  What cannot be removed stays. */
static void remove_backup(const char *path)
{
	DIR *stream = opendir(path);
	const struct dirent *entry;

	while (stream && (entry = readdir(stream)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(stream), entry->d_name, 0);
	if (stream)
		closedir(stream);
	if (rmdir(path) != 0 && errno != ENOENT)
		log_warn("backup: cannot remove %s: %s", path, strerror(errno));
}

static int complete(struct making *making)
{
	struct work work = job_work(making->job, COPIED, 1);
	struct blob path = { 0 };
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < making->files->list.count; i++)
		rc = describe_file(making, making->files->list.items[i], &work);
	if (rc == 0)
		rc = write_manifest(making);
	if (rc == 0)
		rc = blob_append(&path, making->path.data,
		                 making->path.size - strlen(PART));
	if (rc == 0 && rename(making->path.data, path.data) != 0)
		rc = -errno;
	blob_release(&path);
	return rc;
}

/* A complete backup that was made here, not what somebody else put there. */
static int is_backup(const struct dirent *entry)
{
	const char *name = entry->d_name;

	return strlen(name) == 16 && strspn(name, "0123456789") == 8 &&
	       name[8] == 'T' && strspn(name + 9, "0123456789") == 6 &&
	       name[15] == 'Z';
}

int backup_list(const struct tree *tree, struct blob *parent,
                struct dirent ***names)
{
	int count;
	int rc = blob_printf(parent, "%s/backups", tree->stores.directory);

	if (rc)
		return rc;
	count = scandir(parent->data, names, is_backup, alphasort);
	if (count < 0 && errno == ENOENT) {
		*names = NULL;
		return 0;
	}
	return count < 0 ? -errno : count;
}

static void remove_oldest(const struct tree *tree)
{
	struct blob parent = { 0 };
	struct dirent **names = NULL;
	int count = backup_list(tree, &parent, &names);

	for (int i = 0; i < count; i++) {
		struct blob path = { 0 };

		if (tree->max_backups > 0 && i < count - tree->max_backups &&
		    blob_printf(&path, "%s/%s", parent.data,
		                names[i]->d_name) == 0)
			remove_backup(path.data);
		blob_release(&path);
		free(names[i]);
	}
	free(names);
	blob_release(&parent);
}

static int end_job(struct making *making)
{
	struct value *result = value_new_dict();
	int rc = result
	             ? value_dict_set(result, "backup", new_text(making->name))
	             : -ENOMEM;

	if (rc == 0)
		rc = value_dict_set(result, "files", value_ref(making->files));
	if (rc == 0)
		job_result(making->job, result);
	else
		value_unref(result);
	return rc;
}

int backup_run(struct job *job, struct tree *tree,
               const struct value *arguments)
{
	struct making making = { .job = job,
		                 .tree = tree,
		                 .files = value_new_list(VALUE_LIST),
		                 .counts = value_new_dict() };
	int rc =
	    making.files && making.counts ? make_directory(&making) : -ENOMEM;

	(void)arguments;
	if (rc == 0) {
		rc = copy_stores(&making);
		if (rc == 0)
			rc = complete(&making);
		if (rc)
			remove_backup(making.path.data);
	}
	if (rc == 0) {
		remove_oldest(tree);
		rc = end_job(&making);
	}
	value_unref(making.counts);
	value_unref(making.files);
	blob_release(&making.path);
	return rc;
}
