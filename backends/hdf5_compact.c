/* SPDX-License-Identifier: MIT */
/*
 * The file is copied object by object into a new one, which then takes its
 * place.  In between others read and write; where something was written, the
 * copy is made again, the last time with the writers waiting.
 */
#include "backends/hdf5_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/file.h"
#include "backends/log.h"
#include "backends/hdf5_attr.h"
#include "backends/hdf5_items.h"
#include "backends/hdf5_volumes.h"
#include "backends/maintenance.h"

#define TRIES 3

struct compaction {
	struct hdf5_store *store;
	struct hdf5_file *file;
	struct work work;
	struct blob made; /* path of the new file */
	hid_t to;
	struct hdf5_items items;
	uint64_t changes; /* of the file, when the items were listed */
};

static int list_file(struct compaction *compaction)
{
	struct hdf5_file *file = compaction->file;
	int rc = hdf5_file_enter(file, HDF5_READ);

	if (rc)
		return rc;
	hdf5_items_release(&compaction->items);
	compaction->changes = hdf5_file_changes(file);
	rc = hdf5_items_list(hdf5_file_id(file), &compaction->items);
	hdf5_file_leave(file);
	return rc;
}

/* The new file, with the properties of the old one's root. */
static int make_file(struct compaction *compaction)
{
	struct hdf5_file *file = compaction->file;
	hid_t access;
	hid_t creation;
	hid_t from;
	int rc = hdf5_file_enter(file, HDF5_READ);

	if (rc)
		return rc;
	access = hdf5_file_access(H5F_LIBVER_LATEST);
	creation = H5Fget_create_plist(hdf5_file_id(file));
	compaction->to =
	    H5Fcreate(compaction->made.data, H5F_ACC_TRUNC, creation, access);
	if (compaction->to < 0)
		rc = hdf5_error("cannot make", compaction->made.data);
	hdf5_close_id(creation);
	hdf5_close_id(access);
	if (rc == 0) {
		hid_t to = H5Gopen2(compaction->to, "/", H5P_DEFAULT);

		from = H5Gopen2(hdf5_file_id(file), "/", H5P_DEFAULT);
		rc = hdf5_attrs_copy(from, to);
		hdf5_close_id(from);
		hdf5_close_id(to);
	}
	hdf5_file_leave(file);
	return rc;
}

static int copy_group(hid_t from, hid_t to, const char *path)
{
	hid_t old = H5Gopen2(from, path, H5P_DEFAULT);
	hid_t creation = H5Gget_create_plist(old);
	hid_t list = hdf5_link_creation();
	hid_t new = H5Gcreate2(to, path, list, creation, H5P_DEFAULT);
	int rc = old < 0 || new < 0 ? hdf5_error("cannot copy", path)
	                            : hdf5_attrs_copy(old, new);

	hdf5_close_id(new);
	hdf5_close_id(list);
	hdf5_close_id(creation);
	hdf5_close_id(old);
	return rc;
}

/* A link that says where something is. */
static int copy_soft(hid_t from, hid_t to, const struct hdf5_item *item)
{
	H5L_info_t info;
	struct blob value = { 0 };
	const char *file;
	const char *object;
	herr_t status;
	int rc;

	if (H5Lget_info(from, item->path, &info, H5P_DEFAULT) < 0)
		return hdf5_error("cannot copy", item->path);
	rc = blob_resize(&value, info.u.val_size);
	if (rc)
		return rc;
	status =
	    H5Lget_val(from, item->path, value.data, value.size, H5P_DEFAULT);
	if (status >= 0 && item->type == H5L_TYPE_SOFT)
		status = H5Lcreate_soft(value.data, to, item->path, H5P_DEFAULT,
		                        H5P_DEFAULT);
	else if (status >= 0 && item->type == H5L_TYPE_EXTERNAL)
		status = H5Lunpack_elink_val(value.data, value.size, NULL,
		                             &file, &object) < 0
		             ? -1
		             : H5Lcreate_external(file, object, to, item->path,
		                                  H5P_DEFAULT, H5P_DEFAULT);
	else
		status = -1;
	if (status < 0)
		rc = hdf5_error("cannot copy", item->path);
	blob_release(&value);
	return rc;
}

/* The object may be there already, under another of its names. */
static const char *first_name(const struct compaction *compaction, size_t index)
{
	haddr_t address = compaction->items.items[index].shared;

	for (size_t i = 0; address != HADDR_UNDEF && i < index; i++)
		if (compaction->items.items[i].shared == address)
			return compaction->items.items[i].path;
	return NULL;
}

static int copy_object(const struct compaction *compaction, size_t index,
                       hid_t from)
{
	const char *path = compaction->items.items[index].path;
	const char *twin = first_name(compaction, index);
	hid_t list = hdf5_link_creation();
	herr_t status =
	    twin ? H5Lcreate_hard(compaction->to, twin, compaction->to, path,
	                          list, H5P_DEFAULT)
		 : H5Ocopy(from, path, compaction->to, path, H5P_DEFAULT, list);
	int rc = status < 0 ? hdf5_error("cannot copy", path) : 0;

	hdf5_close_id(list);
	return rc;
}

/* -ESTALE: the file has changed since it was listed. */
static int copy_item(const struct compaction *compaction, size_t index)
{
	struct hdf5_file *file = compaction->file;
	const struct hdf5_item *item = &compaction->items.items[index];
	int rc = hdf5_file_enter(file, HDF5_READ);
	hid_t from;

	if (rc)
		return rc;
	from = hdf5_file_id(file);
	if (hdf5_file_changes(file) != compaction->changes)
		rc = -ESTALE;
	else if (item->is_group)
		rc = copy_group(from, compaction->to, item->path);
	else if (item->type == H5L_TYPE_HARD)
		rc = copy_object(compaction, index, from);
	else
		rc = copy_soft(from, compaction->to, item);
	hdf5_file_leave(file);
	return rc;
}

static int copy_items(const struct compaction *compaction)
{
	double count = (double)compaction->items.count + 1;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < compaction->items.count; i++) {
		rc = copy_item(compaction, i);
		if (rc == 0)
			rc = work_step(&compaction->work, (double)i / count);
	}
	return rc;
}

static int close_made(struct compaction *compaction)
{
	hid_t made = compaction->to;
	int rc = 0;

	if (made < 0)
		return 0;
	compaction->to = -1;
	hdf5_lock();
	if (H5Fclose(made) < 0)
		rc = hdf5_error("cannot write", compaction->made.data);
	hdf5_unlock();
	return rc ? rc : file_sync(compaction->made.data);
}

/* With the writers waiting.  What other programs have written shows when the
 * file is opened, which keeps them out. */
static int put_into_place(struct compaction *compaction)
{
	struct hdf5_file *file = compaction->file;
	int rc = hdf5_file_enter(file, HDF5_WRITE);

	if (rc)
		return rc;
	if (hdf5_file_changes(file) != compaction->changes)
		rc = -ESTALE;
	if (rc == 0)
		rc = hdf5_file_replace(file, compaction->made.data);
	if (rc == 0)
		hdf5_names_forget(compaction->store, file);
	hdf5_file_leave(file);
	return rc;
}

static int copy_file(struct compaction *compaction)
{
	int rc = list_file(compaction);
	int closed;

	if (rc == 0)
		rc = make_file(compaction);
	if (rc == 0)
		rc = copy_items(compaction);
	closed = close_made(compaction);
	return rc ? rc : closed;
}

static int try_compact(struct compaction *compaction, bool alone)
{
	struct hdf5_store *store = compaction->store;
	int rc;

	if (alone)
		pthread_mutex_lock(&store->writer);
	rc = copy_file(compaction);
	if (!alone)
		pthread_mutex_lock(&store->writer);
	if (rc == 0)
		rc = put_into_place(compaction);
	pthread_mutex_unlock(&store->writer);
	if (rc)
		unlink(compaction->made.data);
	return rc;
}

static int64_t size_of(const struct hdf5_file *file)
{
	struct stat status;

	return stat(hdf5_file_path(file), &status) == 0
	           ? (int64_t)status.st_size
	           : 0;
}

static int compact_file(struct hdf5_store *store, struct hdf5_file *file,
                        const struct work *work)
{
	struct compaction compaction = {
		.store = store, .file = file, .work = *work, .to = -1
	};
	int rc =
	    blob_printf(&compaction.made, "%s.compact", hdf5_file_path(file));

	if (rc == 0)
		rc = hdf5_file_enter(file, HDF5_READ);
	if (rc == 0) {
		rc = hdf5_check_references(file);
		hdf5_file_leave(file);
	}
	if (rc == 0)
		rc = -ESTALE;
	for (int i = 1; rc == -ESTALE && i <= TRIES; i++)
		rc = try_compact(&compaction, i == TRIES);
	hdf5_items_release(&compaction.items);
	blob_release(&compaction.made);
	return rc == -ESTALE ? -EBUSY : rc;
}

int hdf5_compact(struct store *base, const struct work *work, struct value *out)
{
	struct hdf5_store *store = hdf5_store(base);
	struct hdf5_file **files = NULL;
	size_t count = 0;
	int64_t before = 0;
	int64_t after = 0;
	int rc = store->read_only ? -EROFS
	                          : hdf5_volumes_list(store, &files, &count);

	for (size_t i = 0; rc == 0 && i < count; i++) {
		struct work part = work_part(work, i, count);

		before += size_of(files[i]);
		rc = compact_file(store, files[i], &part);
		after += size_of(files[i]);
	}
	if (rc == 0)
		rc = value_dict_set(out, "bytes_before", value_new_int(before));
	if (rc == 0)
		rc = value_dict_set(out, "bytes_after", value_new_int(after));
	free(files);
	return rc;
}
