/* SPDX-License-Identifier: MIT */
#include "backends/hdf5_internal.h"

#include <errno.h>

#include "backends/hdf5_volumes.h"
#include "backends/maintenance.h"

/* Where a record waits while two trade keys. */
#define ASIDE ".engramfs-swap"

int hdf5_remove_roots(struct hdf5_store *store, struct hdf5_file *file,
                      const struct hdf5_roots *roots)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < roots->count; i++) {
		hdf5_readers_expire(store, file, roots->paths[i].data);
		rc = hdf5_unlink(hdf5_file_id(file), roots->paths[i].data);
	}
	hdf5_names_forget(store, file);
	return rc;
}

/* The places of the collection may hold something else under this key. */
static int any_link(hid_t file, const struct hdf5_roots *roots)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < roots->count; i++)
		rc = hdf5_exists(file, roots->paths[i].data);
	return rc;
}

static int move_link(struct hdf5_store *store, struct hdf5_file *in,
                     const char *old, const char *new, hid_t list)
{
	hid_t file = hdf5_file_id(in);
	int rc = hdf5_exists(file, old);

	if (rc <= 0)
		return rc;
	hdf5_readers_expire(store, in, old);
	if (H5Lmove(file, old, file, new, list, hdf5_link_access()) < 0)
		return hdf5_error("cannot rename", old);
	return 0;
}

static int move_roots(struct hdf5_store *store, struct hdf5_file *in,
                      const struct hdf5_roots *from,
                      const struct hdf5_roots *to)
{
	hid_t list = hdf5_link_creation();
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < from->count; i++)
		rc = move_link(store, in, from->paths[i].data,
		               to->paths[i].data, list);
	hdf5_close_id(list);
	hdf5_names_forget(store, in);
	return rc;
}

static int swap_roots(struct hdf5_store *store, struct hdf5_file *file,
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

static int replace_roots(struct hdf5_store *store, struct hdf5_file *file,
                         const struct hdf5_roots *from,
                         const struct hdf5_roots *to)
{
	int rc = hdf5_remove_roots(store, file, to);

	return rc ? rc : move_roots(store, file, from, to);
}

/* What is to be renamed, in one file. */
struct renaming {
	struct hdf5_store *store;
	struct hdf5_file *file;
	const struct collection *collection;
	struct key from;
	struct key to;
	enum rename_mode mode;
};

static int rename_roots(const struct renaming *renaming,
                        const struct hdf5_roots *from,
                        const struct hdf5_roots *to)
{
	struct hdf5_store *store = renaming->store;
	hid_t file = hdf5_file_id(renaming->file);
	bool swaps = renaming->mode == RENAME_SWAP;
	int rc = hdf5_find_record(renaming->file, renaming->collection,
	                          renaming->from);

	if (rc == 0 && swaps)
		rc = hdf5_find_record(renaming->file, renaming->collection,
		                      renaming->to);
	if (rc == 0 && renaming->mode == RENAME_KEEP) {
		rc = any_link(file, to);
		rc = rc > 0 ? -EEXIST : rc;
	}
	if (rc)
		return rc;
	if (blob_equal(&from->paths[0], &to->paths[0]))
		return 0;
	if (swaps)
		return swap_roots(store, renaming->file, renaming->collection,
		                  from, to);
	return replace_roots(store, renaming->file, from, to);
}

/* RC is that of the change.  These two were found before anything was done. */
static int end_change(struct hdf5_file *file, int rc)
{
	if (rc == 0)
		return hdf5_file_flush(file);
	if (rc != -ENOENT && rc != -EEXIST)
		hdf5_file_abort(file);
	return rc;
}

static int rename_inside(const struct renaming *renaming)
{
	struct hdf5_roots old = { 0 };
	struct hdf5_roots new = { 0 };
	int rc = hdf5_roots(renaming->collection, renaming->from, &old);

	if (rc == 0)
		rc = hdf5_roots(renaming->collection, renaming->to, &new);
	if (rc == 0)
		rc = hdf5_file_reserve(renaming->file, HDF5_RECORD_ROOM);
	if (rc == 0)
		rc = rename_roots(renaming, &old, &new);
	rc = end_change(renaming->file, rc);
	hdf5_roots_release(&old);
	hdf5_roots_release(&new);
	return rc;
}

/* The first of two volumes is the newer one. */
static bool is_newer(const struct hdf5_volume *one,
                     const struct hdf5_volume *other)
{
	while (one && one != other)
		one = one->next;
	return one != NULL;
}

/* A record that goes over one in a newer file would be hidden by it, and two
 * that trade keys must be in one file: such come to the current one. */
static int bring_together(const struct renaming *renaming,
                          const struct hdf5_volume *from,
                          const struct hdf5_volume *to)
{
	bool swaps = renaming->mode == RENAME_SWAP;
	int rc = 0;

	if (to == from || (!swaps && !is_newer(to, from)))
		return 0;
	rc = hdf5_gather(renaming->store, renaming->collection, renaming->from);
	if (rc == 0 && swaps)
		rc = hdf5_gather(renaming->store, renaming->collection,
		                 renaming->to);
	return rc;
}

static int choose_file(struct renaming *renaming)
{
	struct hdf5_store *store = renaming->store;
	struct hdf5_volume *from;
	struct hdf5_volume *to = NULL;
	int rc = hdf5_volumes_find(store, renaming->collection, renaming->from,
	                           HDF5_WRITE, &from);

	if (rc == 0 && !hdf5_volumes_is_one(store)) {
		rc = hdf5_volumes_find(store, renaming->collection,
		                       renaming->to, HDF5_WRITE, &to);
		if (rc == 0 && renaming->mode == RENAME_KEEP)
			rc = -EEXIST;
		if (rc == -ENOENT && renaming->mode != RENAME_SWAP)
			rc = 0;
		if (rc == 0 && to)
			rc = bring_together(renaming, from, to);
		if (rc == 0)
			rc = hdf5_volumes_find(store, renaming->collection,
			                       renaming->from, HDF5_WRITE,
			                       &from);
		if (rc == 0 && renaming->mode != RENAME_SWAP)
			rc = hdf5_remove_older(store, from->file,
			                       renaming->collection,
			                       renaming->from);
	}
	if (rc == 0)
		renaming->file = from->file;
	return rc;
}

static int rename_locked(struct renaming *renaming)
{
	int rc;

	hdf5_volumes_enter(renaming->store);
	rc = choose_file(renaming);
	if (rc == 0)
		rc = rename_inside(renaming);
	hdf5_unlock();
	return rc;
}

int hdf5_rename(struct store *base, const struct collection *collection,
                struct key from, struct key to, enum rename_mode mode)
{
	struct hdf5_store *store = hdf5_store(base);
	struct renaming renaming = { .store = store,
		                     .collection = collection,
		                     .from = from,
		                     .to = to,
		                     .mode = mode };
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
	rc = rename_locked(&renaming);
	pthread_mutex_unlock(&store->writer);
	return rc;
}

static int remove_from(struct hdf5_store *store, struct hdf5_file *file,
                       const struct collection *collection, struct key key)
{
	struct hdf5_roots roots;
	int rc = hdf5_roots(collection, key, &roots);

	if (rc)
		return rc;
	rc = hdf5_find_record(file, collection, key);
	if (rc == 0)
		rc = hdf5_remove_roots(store, file, &roots);
	rc = end_change(file, rc);
	hdf5_roots_release(&roots);
	return rc;
}

int hdf5_remove_older(struct hdf5_store *store, struct hdf5_file *file,
                      const struct collection *collection, struct key key)
{
	struct hdf5_volume *volume = store->volumes;
	int rc = 0;

	while (volume->file != file)
		volume = volume->next;
	while (rc == 0) {
		rc = hdf5_volumes_find_from(store, volume->next, collection,
		                            key, HDF5_WRITE, &volume);
		if (rc == 0)
			rc = remove_from(store, volume->file, collection, key);
	}
	return rc == -ENOENT ? hdf5_file_join(file, HDF5_WRITE) : rc;
}

static int check_date(struct hdf5_file *file,
                      const struct collection *collection, struct key key,
                      double before)
{
	struct record record = { 0 };
	int rc = hdf5_record_load(file, collection, key, &record);

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
	struct hdf5_file *file;
	int rc;

	if (store->read_only)
		return -EROFS;
	if (!hdf5_key_can_be(key))
		return -ENOENT;
	pthread_mutex_lock(&store->writer);
	rc = hdf5_enter_record(store, collection, key, HDF5_WRITE, &file);
	if (rc == 0) {
		if (before)
			rc = check_date(file, collection, key, *before);
		if (rc == 0)
			rc = hdf5_remove_older(store, file, collection, key);
		if (rc == 0)
			rc = remove_from(store, file, collection, key);
		hdf5_file_leave(file);
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
