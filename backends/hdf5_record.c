/* SPDX-License-Identifier: MIT */
#include "backends/hdf5_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/change.h"
#include "backends/change_arrays.h"
#include "backends/hdf5_attr.h"
#include "backends/hdf5_fields.h"

/* A record being read. */
struct loading {
	hid_t file;
	const struct collection *collection;
	struct key key;
	struct timespec dated; /* by its timestamp */
	struct record *record;
};

static int append_array(struct loading *loading, const char *name,
                        struct array_info *info, struct timespec mtime)
{
	struct record *record = loading->record;
	struct record_array *arrays = reallocarray(
	    record->arrays, record->array_count + 1, sizeof(*arrays));

	if (!arrays)
		return -ENOMEM;
	record->arrays = arrays;
	arrays += record->array_count;
	arrays->name = strdup(name);
	if (!arrays->name)
		return -ENOMEM;
	arrays->info = *info;
	arrays->mtime = mtime;
	*info = (struct array_info){ 0 };
	record->array_count++;
	return 0;
}

/* Nothing happens where there is no array at PATH. */
static int load_array(struct loading *loading, const char *path,
                      const char *name)
{
	struct array_info info = { 0 };
	struct timespec mtime;
	hid_t dataset = -1;
	int rc = hdf5_array_open(loading->file, path, &dataset, &info);

	if (rc)
		return rc == -ENOENT ? 0 : rc;
	rc = hdf5_time_read(dataset, HDF5_ATTR_MTIME, loading->collection,
	                    loading->record->fields, &mtime);
	if (rc == -ENOENT) {
		mtime = loading->dated;
		rc = 0;
	}
	if (rc == 0)
		rc = append_array(loading, name, &info, mtime);
	array_info_release(&info);
	hdf5_close_id(dataset);
	return rc;
}

/* One level of arrays of any name. */
struct level {
	struct loading *loading;
	const char *path;
	const char *prefix; /* of their names: "", "a/" */
	int depth;
};

static int load_level(const struct level *level);

static int load_below(const struct level *level, const char *path,
                      const char *name)
{
	struct level below = { .loading = level->loading,
		               .path = path,
		               .depth = level->depth + 1 };
	struct blob prefix = { 0 };
	int rc = blob_printf(&prefix, "%s/", name);

	below.prefix = prefix.data;
	if (rc == 0)
		rc = load_level(&below);
	blob_release(&prefix);
	return rc;
}

static int load_link(const struct level *level, const char *link)
{
	struct blob path = { 0 };
	struct blob name = { 0 };
	hid_t group = -1;
	int rc = blob_printf(&path, "%s/%s", level->path, link);

	if (rc == 0)
		rc = blob_printf(&name, "%s%s", level->prefix, link);
	if (rc == 0)
		rc = hdf5_open_group(level->loading->file, path.data, &group);
	if (rc == 0)
		rc = load_below(level, path.data, name.data);
	else if (rc == -ENOENT)
		rc = load_array(level->loading, path.data, name.data);
	hdf5_close_id(group);
	blob_release(&name);
	blob_release(&path);
	return rc;
}

static herr_t visit_link(hid_t group, const char *link, const H5L_info_t *info,
                         void *arg)
{
	(void)group;
	(void)info;
	return load_link(arg, link);
}

static int load_level(const struct level *level)
{
	hid_t group = -1;
	struct level visited = *level;
	int rc = -ENOENT;

	if (level->depth <= CHANGE_ARRAY_DEPTH)
		rc = hdf5_open_group(level->loading->file, level->path, &group);
	if (rc)
		return rc == -ENOENT ? 0 : rc;
	rc = H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, NULL, visit_link,
	                &visited);
	if (rc == HDF5_FAILED)
		rc = hdf5_error("cannot list", level->path);
	hdf5_close_id(group);
	return rc;
}

static int load_row(struct loading *loading, const struct array_row *row)
{
	struct level top = { .loading = loading, .prefix = "" };
	struct blob path = { 0 };
	int rc = hdf5_place(row->place, loading->key, &path);

	top.path = path.data;
	if (rc == 0)
		rc = row->name ? load_array(loading, path.data, row->name)
		               : load_level(&top);
	blob_release(&path);
	return rc;
}

static int load_arrays(struct loading *loading)
{
	const struct array_row *row = loading->collection->arrays;
	int rc = 0;

	for (; rc == 0 && row && row->place; row++)
		rc = load_row(loading, row);
	return rc;
}

/* The first root that is there. */
static int open_first_root(hid_t file, const struct collection *collection,
                           struct key key, hid_t *out)
{
	struct hdf5_roots roots;
	int rc = hdf5_roots(collection, key, &roots);

	if (rc)
		return rc;
	rc = -ENOENT;
	for (size_t i = 0; rc == -ENOENT && i < roots.count; i++)
		rc = hdf5_open_root(file, collection, roots.paths[i].data, out);
	hdf5_roots_release(&roots);
	return rc;
}

static int load_fields(struct loading *loading, hid_t root)
{
	struct record *record = loading->record;
	int rc = hdf5_fields_read(root, loading->collection, &record->fields);

	if (rc)
		return rc;
	loading->dated = change_timestamp(loading->collection, record->fields);
	rc = hdf5_time_read(root, HDF5_ATTR_FIELDS_MTIME, loading->collection,
	                    record->fields, &record->fields_mtime);
	if (rc == -ENOENT)
		record->fields_mtime = loading->dated;
	record->atime = record->fields_mtime;
	if (rc && rc != -ENOENT)
		return rc;
	rc = hdf5_attr_exists(root, HDF5_ATTR_FIELDS_DROPPED);
	record->fields_dropped = rc > 0;
	return rc < 0 ? rc : 0;
}

int hdf5_record_load(struct hdf5_file *file,
                     const struct collection *collection, struct key key,
                     struct record *out)
{
	struct record record = { 0 };
	struct loading loading = { .file = hdf5_file_id(file),
		                   .collection = collection,
		                   .key = key,
		                   .record = &record };
	hid_t root = -1;
	int rc = open_first_root(loading.file, collection, key, &root);

	if (rc == 0)
		rc = blob_set(&record.key, key.data, key.size);
	if (rc == 0)
		rc = load_fields(&loading, root);
	if (rc == 0)
		rc = load_arrays(&loading);
	hdf5_close_id(root);
	rc = hdf5_file_doubt(file, rc);
	if (rc)
		record_release(&record);
	else
		*out = record;
	return rc;
}
