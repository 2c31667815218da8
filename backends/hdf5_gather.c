/* SPDX-License-Identifier: MIT */
/*
 * A record is copied under another key, takes its place in the current file,
 * and then goes from the older ones: at no instant is it nowhere.
 */
#include "backends/hdf5_volumes.h"

#include <errno.h>

/* Where a record waits until all of it is there. */
#define ASIDE ".engramfs-move"

struct gathering {
	struct hdf5_store *store;
	const struct collection *collection;
	struct key key;
	struct hdf5_volume *from;
	struct hdf5_roots roots;
	struct hdf5_roots aside;
};

static int make_room(const struct gathering *gathering)
{
	struct record record = { 0 };
	uint64_t size = HDF5_RECORD_ROOM;
	int rc = hdf5_record_load(gathering->from->file, gathering->collection,
	                          gathering->key, &record);

	for (size_t i = 0; i < record.array_count; i++)
		if (__builtin_add_overflow(size, record.arrays[i].info.nbytes,
		                           &size))
			rc = -EFBIG;
	record_release(&record);
	return rc ? rc : hdf5_file_reserve(gathering->store->file, size);
}

static int copy_roots(const struct gathering *gathering)
{
	hid_t from = hdf5_file_id(gathering->from->file);
	hid_t to = hdf5_file_id(gathering->store->file);
	hid_t list = hdf5_link_creation();
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < gathering->roots.count; i++) {
		const char *old = gathering->roots.paths[i].data;
		const char *new = gathering->aside.paths[i].data;

		rc = hdf5_unlink(to, new);
		if (rc == 0)
			rc = hdf5_exists(from, old);
		if (rc > 0)
			rc = H5Ocopy(from, old, to, new, H5P_DEFAULT, list) < 0
			         ? hdf5_error("cannot copy", old)
			         : 0;
	}
	hdf5_close_id(list);
	return rc;
}

static int link_roots(const struct gathering *gathering)
{
	hid_t to = hdf5_file_id(gathering->store->file);
	hid_t list = hdf5_link_creation();
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < gathering->roots.count; i++) {
		const char *old = gathering->aside.paths[i].data;
		const char *new = gathering->roots.paths[i].data;

		rc = hdf5_exists(to, old);
		if (rc > 0)
			rc = H5Lmove(to, old, to, new, list,
			             hdf5_link_access()) < 0
			         ? hdf5_error("cannot rename", old)
			         : 0;
	}
	hdf5_close_id(list);
	hdf5_names_forget(gathering->store, gathering->store->file);
	return rc;
}

static int copy_record(const struct gathering *gathering)
{
	struct hdf5_file *to = gathering->store->file;
	int rc = hdf5_check_references(gathering->from->file);

	if (rc == 0)
		rc = make_room(gathering);
	if (rc == 0)
		rc = copy_roots(gathering);
	if (rc == 0)
		rc = link_roots(gathering);
	if (rc)
		hdf5_file_abort(to);
	return rc ? rc : hdf5_file_flush(to);
}

int hdf5_gather(struct hdf5_store *store, const struct collection *collection,
                struct key key)
{
	const struct key aside = { ASIDE, sizeof(ASIDE) - 1 };
	struct gathering gathering = { .store = store,
		                       .collection = collection,
		                       .key = key };
	int rc = hdf5_volume_join(store, store->volumes, HDF5_WRITE);

	if (rc == 0)
		rc = hdf5_volumes_find(store, collection, key, HDF5_WRITE,
		                       &gathering.from);
	if (rc || gathering.from == store->volumes)
		return rc;
	rc = hdf5_roots(collection, key, &gathering.roots);
	if (rc == 0)
		rc = hdf5_roots(collection, aside, &gathering.aside);
	if (rc == 0)
		rc = copy_record(&gathering);
	if (rc == 0)
		rc = hdf5_remove_older(store, store->file, collection, key);
	hdf5_roots_release(&gathering.roots);
	hdf5_roots_release(&gathering.aside);
	return rc;
}
