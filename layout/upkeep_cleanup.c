/* SPDX-License-Identifier: MIT */
#include "layout/upkeep.h"

#include "layout/tree.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY 86400.0
#define PAGE 256 /* records listed at once */

/* What is to be removed from where. */
struct cleanup {
	struct job *job;
	const char *wanted; /* "a,b", or NULL: what HDF5 has */
	double before;
	struct value *result;
	int64_t removed; /* in the collection under way */
};

/* PATH is one of the names in LIST, which commas part. */
static bool is_among(const char *path, const char *list)
{
	size_t size = strlen(path);

	while (*list) {
		size_t length = strcspn(list, ",");

		if (length == size && strncmp(list, path, size) == 0)
			return true;
		list += length + (list[length] == ',');
	}
	return false;
}

static bool is_dated_path(const char *path, size_t size)
{
	for (const struct collection *row = tree_collections; row->path; row++)
		if (row->timestamp && strlen(row->path) == size &&
		    strncmp(row->path, path, size) == 0)
			return true;
	return false;
}

int upkeep_check_cleanup(const struct value *arguments, char why[WHY_SIZE])
{
	const struct value *given = value_dict_get(arguments, "collections");
	const char *list = given ? given->text.data : "hdf5";

	while (given && *list) {
		size_t length = strcspn(list, ",");

		if (!is_dated_path(list, length)) {
			snprintf(why, WHY_SIZE,
			         "cleanup: %.*s is no collection of dated "
			         "records",
			         (int)(length < 60 ? length : 60), list);
			return -EINVAL;
		}
		list += length + (list[length] == ',');
	}
	return 0;
}

static bool is_wanted(const struct cleanup *cleanup,
                      const struct collection *row)
{
	if (cleanup->wanted)
		return is_among(row->path, cleanup->wanted);
	return strcmp(row->backend, "hdf5") == 0;
}

/* The backend looks again: the record may have been written anew. */
static int remove_old(struct cleanup *cleanup, struct store *store,
                      const struct collection *row, const struct record *record)
{
	const struct key key = { record->key.data, record->key.size };
	const struct maintenance_ops *ops = store->backend->maintenance;
	int rc;

	if (!record_is_before(row, record->fields, cleanup->before))
		return 0;
	rc = ops->remove_before(store, row, key, cleanup->before);
	if (rc == 0)
		cleanup->removed++;
	return rc == -ENOENT ? 0 : rc;
}

static int clean_page(struct cleanup *cleanup, struct store *store,
                      const struct collection *row,
                      const struct record_list *page)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < page->count; i++) {
		rc = remove_old(cleanup, store, row, &page->items[i]);
		if (rc == 0)
			rc = job_step(cleanup->job, 0);
	}
	return rc;
}

static int clean_store(struct cleanup *cleanup, struct store *store,
                       const struct collection *row)
{
	struct cursor cursor = { 0 };
	int rc = 0;

	while (rc == 0 && !cursor.end) {
		struct record_list page = { 0 };

		rc = store->backend->list(store, row, &cursor, PAGE, &page);
		if (rc == 0)
			rc = clean_page(cleanup, store, row, &page);
		record_list_release(&page);
	}
	cursor_release(&cursor);
	return rc;
}

/* Rows that share a path are counted together. */
static int note_removed(struct cleanup *cleanup, const char *path)
{
	const struct value *old = value_dict_get(cleanup->result, path);
	int64_t count = 0;

	if (old && value_to_int(old, &count))
		count = 0;
	return value_dict_set(cleanup->result, path,
	                      value_new_int(count + cleanup->removed));
}

static int clean_collection(struct cleanup *cleanup, struct tree *tree,
                            const struct collection *row)
{
	struct store *store = stores_get(&tree->stores, row);
	int noted;
	int rc;

	if (!store) {
		job_fail(cleanup->job, "%s: the storage is away", row->path);
		return -EIO;
	}
	if (!store->backend->maintenance ||
	    !store->backend->maintenance->remove_before) {
		job_fail(cleanup->job, "%s: its records expire by themselves",
		         row->path);
		return -ENOTSUP;
	}
	cleanup->removed = 0;
	rc = clean_store(cleanup, store, row);
	noted = note_removed(cleanup, row->path);
	if (rc && rc != -ECANCELED)
		job_fail(cleanup->job, "%s: %s", row->path, strerror(-rc));
	return rc ? rc : noted;
}

static size_t count_rows(void)
{
	size_t count = 0;

	while (tree_collections[count].path)
		count++;
	return count;
}

int upkeep_cleanup(struct job *job, struct tree *tree,
                   const struct value *arguments)
{
	const struct value *wanted = value_dict_get(arguments, "collections");
	struct cleanup cleanup = { .job = job, .result = value_new_dict() };
	size_t count = count_rows();
	double days = 0;
	int rc = cleanup.result
	             ? value_to_double(
			   value_dict_get(arguments, "retention_days"), &days)
	             : -ENOMEM;

	cleanup.wanted = wanted ? wanted->text.data : NULL;
	cleanup.before = (double)time(NULL) - days * DAY;
	for (size_t i = 0; rc == 0 && i < count; i++) {
		rc = job_step(job, (double)i / (double)count);
		if (rc == 0 && is_wanted(&cleanup, &tree_collections[i]))
			rc = clean_collection(&cleanup, tree,
			                      &tree_collections[i]);
	}
	if (cleanup.result)
		job_result(job, cleanup.result);
	return rc;
}
