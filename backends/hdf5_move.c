/* SPDX-License-Identifier: MIT */
#include "backends/hdf5_internal.h"

#include <errno.h>

#include "backends/maintenance.h"

/* Where a record waits while two trade keys. */
#define ASIDE ".engramfs-swap"

int hdf5_remove_roots(struct hdf5_store *store, hid_t file,
                      const struct hdf5_roots *roots)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < roots->count; i++) {
		hdf5_readers_expire(store, roots->paths[i].data);
		rc = hdf5_unlink(file, roots->paths[i].data);
	}
	hdf5_names_forget(store);
	return rc;
}

static bool any_root(hid_t file, const struct collection *collection,
                     const struct hdf5_roots *roots)
{
	for (size_t i = 0; i < roots->count; i++) {
		hid_t root = -1;
		int rc = hdf5_open_root(file, collection, roots->paths[i].data,
		                        &root);

		hdf5_close_id(root);
		if (rc == 0)
			return true;
	}
	return false;
}

/* The places of the collection may hold something else under this key. */
static bool any_link(hid_t file, const struct hdf5_roots *roots)
{
	for (size_t i = 0; i < roots->count; i++)
		if (hdf5_exists(file, roots->paths[i].data))
			return true;
	return false;
}

static int move_roots(struct hdf5_store *store, hid_t file,
                      const struct hdf5_roots *from,
                      const struct hdf5_roots *to)
{
	hid_t list = hdf5_link_creation();
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < from->count; i++) {
		const char *old = from->paths[i].data;

		if (!hdf5_exists(file, old))
			continue;
		hdf5_readers_expire(store, old);
		if (H5Lmove(file, old, file, to->paths[i].data, list,
		            hdf5_link_access()) < 0)
			rc = hdf5_error("cannot rename", old);
	}
	hdf5_close_id(list);
	hdf5_names_forget(store);
	return rc;
}

static int swap_roots(struct hdf5_store *store, hid_t file,
                      const struct collection *collection,
                      const struct hdf5_roots *from,
                      const struct hdf5_roots *to)
{
	const struct key key = { ASIDE, sizeof(ASIDE) - 1 };
	struct hdf5_roots aside;
	int rc = hdf5_roots(collection, key, &aside);

	if (rc)
		return rc;
	rc = move_roots(store, file, from, &aside);
	if (rc == 0)
		rc = move_roots(store, file, to, from);
	if (rc == 0)
		rc = move_roots(store, file, &aside, to);
	hdf5_roots_release(&aside);
	return rc;
}

static int replace_roots(struct hdf5_store *store, hid_t file,
                         const struct hdf5_roots *from,
                         const struct hdf5_roots *to)
{
	int rc = hdf5_remove_roots(store, file, to);

	return rc ? rc : move_roots(store, file, from, to);
}

static int rename_roots(struct hdf5_store *store, hid_t file,
                        const struct collection *collection,
                        const struct hdf5_roots *from,
                        const struct hdf5_roots *to, enum rename_mode mode)
{
	if (!any_root(file, collection, from) ||
	    (mode == RENAME_SWAP && !any_root(file, collection, to)))
		return -ENOENT;
	if (mode == RENAME_KEEP && any_link(file, to))
		return -EEXIST;
	if (blob_equal(&from->paths[0], &to->paths[0]))
		return 0;
	if (mode == RENAME_SWAP)
		return swap_roots(store, file, collection, from, to);
	return replace_roots(store, file, from, to);
}

static int rename_entered(struct hdf5_store *store,
                          const struct collection *collection, struct key from,
                          struct key to, enum rename_mode mode)
{
	struct hdf5_roots old = { 0 };
	struct hdf5_roots new = { 0 };
	int rc = hdf5_roots(collection, from, &old);

	if (rc == 0)
		rc = hdf5_roots(collection, to, &new);
	if (rc == 0)
		rc = hdf5_file_reserve(store->file, HDF5_RECORD_ROOM);
	if (rc == 0)
		rc = rename_roots(store, hdf5_file_id(store->file), collection,
		                  &old, &new, mode);
	if (rc == 0)
		rc = hdf5_file_flush(store->file);
	hdf5_roots_release(&old);
	hdf5_roots_release(&new);
	return rc;
}

int hdf5_rename(struct store *base, const struct collection *collection,
                struct key from, struct key to, enum rename_mode mode)
{
	struct hdf5_store *store = hdf5_store(base);
	char why[WHY_SIZE];
	int rc;

	if (store->read_only)
		return -EROFS;
	if (!hdf5_key_can_be(from))
		return -ENOENT;
	rc = hdf5_key_check(to, why);
	if (rc)
		return rc;
	pthread_mutex_lock(&store->writer);
	rc = hdf5_file_enter(store->file, HDF5_WRITE);
	if (rc == 0) {
		rc = rename_entered(store, collection, from, to, mode);
		hdf5_file_leave(store->file);
	}
	pthread_mutex_unlock(&store->writer);
	return rc;
}

static int remove_entered(struct hdf5_store *store,
                          const struct collection *collection, struct key key)
{
	hid_t file = hdf5_file_id(store->file);
	struct hdf5_roots roots;
	int rc = hdf5_roots(collection, key, &roots);

	if (rc)
		return rc;
	if (!any_root(file, collection, &roots))
		rc = -ENOENT;
	if (rc == 0)
		rc = hdf5_remove_roots(store, file, &roots);
	if (rc == 0)
		rc = hdf5_file_flush(store->file);
	hdf5_roots_release(&roots);
	return rc;
}

static int check_date(struct hdf5_store *store,
                      const struct collection *collection, struct key key,
                      double before)
{
	struct record record = { 0 };
	int rc = hdf5_record_load(store->file, collection, key, &record);

	if (rc == 0 && !record_is_before(collection, record.fields, before))
		rc = -ENOENT;
	record_release(&record);
	return rc;
}

/* BEFORE may be NULL: whatever its date. */
static int remove_record(struct store *base,
                         const struct collection *collection, struct key key,
                         const double *before)
{
	struct hdf5_store *store = hdf5_store(base);
	int rc;

	if (store->read_only)
		return -EROFS;
	if (!hdf5_key_can_be(key))
		return -ENOENT;
	pthread_mutex_lock(&store->writer);
	rc = hdf5_file_enter(store->file, HDF5_WRITE);
	if (rc == 0) {
		if (before)
			rc = check_date(store, collection, key, *before);
		if (rc == 0)
			rc = remove_entered(store, collection, key);
		hdf5_file_leave(store->file);
	}
	pthread_mutex_unlock(&store->writer);
	return rc;
}

int hdf5_remove(struct store *base, const struct collection *collection,
                struct key key)
{
	return remove_record(base, collection, key, NULL);
}

int hdf5_remove_before(struct store *base, const struct collection *collection,
                       struct key key, double before)
{
	return remove_record(base, collection, key, &before);
}
