/* SPDX-License-Identifier: MIT */
#include "backends/hdf5_volumes.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backends/hdf5_attr.h"
#include "backends/maintenance.h"

#define MEBIBYTE 1048576.0

static herr_t count_object(hid_t file, const char *name, const H5O_info_t *info,
                           void *arg)
{
	int64_t *count = arg;

	(void)file;
	(void)name;
	*count += info->type == H5O_TYPE_DATASET;
	return 0;
}

static herr_t add_group(hid_t file, const char *name, const H5L_info_t *info,
                        void *arg)
{
	(void)file;
	(void)info;
	return value_list_append(arg, value_new_text(name, strlen(name)));
}

static int add_created(hid_t file, struct value *out)
{
	struct value *created = NULL;
	int rc = hdf5_attr_read(file, "created_at", &created);

	if (rc == -ENOENT || rc == -ENOTSUP)
		return value_dict_set(out, "created_at", value_new_null());
	return rc ? rc : value_dict_set(out, "created_at", created);
}

static int add_contents(hid_t file, struct value *out)
{
	struct value *groups = value_new_list(VALUE_LIST);
	int64_t count = 0;
	int rc = groups ? 0 : -ENOMEM;

	if (rc == 0 && H5Ovisit2(file, H5_INDEX_NAME, H5_ITER_NATIVE,
	                         count_object, &count, H5O_INFO_BASIC) < 0)
		rc = hdf5_error("cannot list", "the file");
	if (rc == 0)
		rc = H5Literate(file, H5_INDEX_NAME, H5_ITER_INC, NULL,
		                add_group, groups);
	if (rc == HDF5_FAILED)
		rc = hdf5_error("cannot list", "the file");
	if (rc == 0)
		rc =
		    value_dict_set(out, "total_datasets", value_new_int(count));
	if (rc) {
		value_unref(groups);
		return rc;
	}
	rc = value_dict_set(out, "groups", groups);
	return rc ? rc : add_created(file, out);
}

static int add_file(struct hdf5_file *file, struct value *out)
{
	const char *path = hdf5_file_path(file);
	struct stat status = { 0 };
	int rc = stat(path, &status) == 0 || errno == ENOENT ? 0 : -errno;

	if (rc == 0)
		rc = value_dict_set(out, "file_path",
		                    value_new_text(path, strlen(path)));
	if (rc == 0)
		rc = value_dict_set(
		    out, "file_size_mb",
		    value_new_float((double)status.st_size / MEBIBYTE));
	if (rc == 0)
		rc = hdf5_file_enter(file, HDF5_READ);
	if (rc)
		return rc;
	rc = add_contents(hdf5_file_id(file), out);
	hdf5_file_leave(file);
	return rc;
}

/* One that cannot be read is left out here: verify reports it. */
static int add_rotated(struct hdf5_file *file, struct value *list)
{
	struct value *dict = value_new_dict();
	int rc = dict ? add_file(file, dict) : -ENOMEM;

	if (rc == 0)
		return value_list_append(list, dict);
	value_unref(dict);
	return rc == -ENOENT || rc == -EIO || rc == -EACCES ? 0 : rc;
}

static int statistics(struct store *base, struct value *out)
{
	struct hdf5_store *store = hdf5_store(base);
	const char *compression = store->settings.compression;
	struct value *rotated = value_new_list(VALUE_LIST);
	struct hdf5_file **files = NULL;
	size_t count = 0;
	int rc = rotated ? hdf5_volumes_list(store, &files, &count) : -ENOMEM;

	if (rc == 0)
		rc = add_file(files[0], out);
	if (rc == 0)
		rc = value_dict_set(
		    out, "compression",
		    value_new_text(compression, strlen(compression)));
	for (size_t i = 1; rc == 0 && i < count; i++)
		rc = add_rotated(files[i], rotated);
	if (rc == 0)
		rc = value_dict_set(out, "rotated_files", value_ref(rotated));
	value_unref(rotated);
	free(files);
	return rc;
}

/* After a look at all records the library and the heap keep what the largest of
 * them needed. */
static int give_memory_back(int rc)
{
	hdf5_lock();
	H5garbage_collect();
	hdf5_unlock();
	malloc_trim(0);
	return rc;
}

static int compact(struct store *base, const struct work *work,
                   struct value *out)
{
	return give_memory_back(hdf5_compact(base, work, out));
}

static int verify(struct store *base, const struct work *work,
                  struct value *out, struct value *problems)
{
	return give_memory_back(hdf5_verify(base, work, out, problems));
}

const struct maintenance_ops hdf5_maintenance = {
	.statistics = statistics,
	.compact = compact,
	.rotate = hdf5_rotate,
	.is_full = hdf5_is_full,
	.remove_before = hdf5_remove_before,
	.verify = verify,
	.backup = hdf5_backup,
};
