/* SPDX-License-Identifier: MIT */
/*
 * A change is prepared first: what shall be stored is decided, and a new array
 * is written to a data set that no link leads to.  Then attributes and links
 * change, which takes no room worth mentioning, and are flushed together.
 */
#include "backends/hdf5_put.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backends/hdf5_attr.h"
#include "backends/hdf5_fields.h"
#include "backends/hdf5_volumes.h"
#include "backends/json.h"

static const struct array_row *array_row(const struct putting *putting)
{
	return collection_array(putting->collection,
	                        putting->change->array_name);
}

static bool sets_array(const struct putting *putting)
{
	return putting->change->array_action == PART_SET;
}

static int find_paths(struct putting *putting)
{
	int rc = hdf5_place(putting->collection->place, putting->key,
	                    &putting->root);

	if (rc == 0 && putting->change->array_action != PART_KEEP)
		rc = hdf5_array_place(array_row(putting), putting->key,
		                      putting->change->array_name,
		                      &putting->array);
	if (rc == 0 && sets_array(putting))
		rc = hdf5_array_check(
		    hdf5_file_id(putting->file), array_row(putting),
		    putting->change->array_name, putting->array.data,
		    putting->change->why);
	return rc;
}

static int decide(struct putting *putting)
{
	int rc = hdf5_record_load(putting->file, putting->collection,
	                          putting->key, &putting->stored);

	if (rc == 0)
		putting->before = &putting->stored;
	if (rc && rc != -ENOENT)
		return rc;
	rc = change_apply(putting->collection, putting->key, putting->change,
	                  putting->before, &putting->after);
	if (rc == 0 && !putting->after.remove)
		rc = hdf5_fields_check(putting->collection,
		                       putting->after.fields,
		                       putting->change->why);
	return rc;
}

static int stage_array(struct putting *putting)
{
	const struct array *array = putting->change->array;
	int rc = hdf5_write_array(putting->store, putting->file, array,
	                          &putting->staged);

	if (rc != -EFBIG && rc != -ENOTSUP)
		return rc;
	snprintf(putting->change->why, WHY_SIZE,
	         "HDF5 has no elements of kind '%c' and %llu bytes",
	         array->info.dtype.kind,
	         (unsigned long long)array->info.dtype.itemsize);
	return -EINVAL;
}

/* Write the data set that comes to be linked: the new array, or where the
 * fields are on the data set and there is no array, an empty one. */
static int stage(struct putting *putting)
{
	bool on_array = hdf5_fields_on_array(putting->collection);
	bool drops = putting->change->array_action == PART_DROP;

	if (sets_array(putting))
		return stage_array(putting);
	if (on_array && (drops || !putting->before))
		return hdf5_write_nothing(hdf5_file_id(putting->file),
		                          &putting->staged);
	return 0;
}

static int link_object(hid_t file, hid_t object, const char *path)
{
	hid_t list = hdf5_link_creation();
	int rc = hdf5_unlink(file, path);

	if (rc == 0 &&
	    H5Olink(object, file, path, list, hdf5_link_access()) < 0)
		rc = hdf5_error("cannot link", path);
	hdf5_close_id(list);
	return rc;
}

static int make_group(hid_t file, const char *path, hid_t *out)
{
	hid_t list = hdf5_link_creation();
	hid_t group = H5Gcreate2(file, path, list, H5P_DEFAULT, H5P_DEFAULT);

	hdf5_close_id(list);
	if (group < 0)
		return hdf5_error("cannot make the group", path);
	*out = group;
	return 0;
}

static int open_or_make_group(hid_t file, const char *path, bool *made,
                              hid_t *out)
{
	int rc = hdf5_open_group(file, path, out);

	*made = rc == -ENOENT;
	return *made ? make_group(file, path, out) : rc;
}

/* The staged data set gets what was on the one that it replaces. */
static int inherit(struct putting *putting, const char *path)
{
	hid_t old = -1;
	int rc = hdf5_open_object(hdf5_file_id(putting->file), path, &old);

	if (rc == 0)
		rc = hdf5_attrs_copy(old, putting->staged);
	hdf5_close_id(old);
	return rc == -ENOENT ? 0 : rc;
}

static int find_object(struct putting *putting)
{
	hid_t file = hdf5_file_id(putting->file);

	if (putting->staged >= 0) {
		const struct blob *path =
		    sets_array(putting) ? &putting->array : &putting->root;
		int rc = inherit(putting, path->data);

		if (rc)
			return rc;
	}
	if (!hdf5_fields_on_array(putting->collection))
		return open_or_make_group(file, putting->root.data,
		                          &putting->fresh, &putting->object);
	if (putting->staged < 0)
		return hdf5_open_object(file, putting->root.data,
		                        &putting->object);
	putting->object = putting->staged;
	H5Iinc_ref(putting->object);
	return 0;
}

static int write_fields(struct putting *putting)
{
	const struct value *before = NULL;
	int rc;

	if (putting->before && !putting->fresh)
		before = putting->before->fields;
	rc = hdf5_fields_write(putting->store, putting->file, putting->object,
	                       putting->collection, before,
	                       putting->after.fields);
	if (rc)
		return rc;
	if (putting->after.fields_dropped) {
		const int64_t one = 1;

		return hdf5_attr_write_ints(putting->object,
		                            HDF5_ATTR_FIELDS_DROPPED, &one, 1);
	}
	return hdf5_attr_remove(putting->object, HDF5_ATTR_FIELDS_DROPPED);
}

/* Link what was staged; unlink an array that goes. */
static int change_links(struct putting *putting)
{
	hid_t file = hdf5_file_id(putting->file);
	enum part_action action = putting->change->array_action;

	if (action == PART_SET || action == PART_DROP)
		hdf5_readers_expire(putting->store, putting->file,
		                    putting->array.data);
	if (putting->staged >= 0)
		return link_object(file, putting->staged,
		                   sets_array(putting) ? putting->array.data
		                                       : putting->root.data);
	if (action == PART_DROP && !array_row(putting)->name)
		return hdf5_prune(file, putting->root.data,
		                  putting->array.data);
	if (action == PART_DROP)
		return hdf5_unlink(file, putting->array.data);
	return 0;
}

static int make_change(struct putting *putting)
{
	int rc = stage(putting);

	if (rc == 0)
		rc = find_object(putting);
	if (rc == 0)
		rc = write_fields(putting);
	if (rc == 0)
		rc = hdf5_mark_fields(putting);
	if (rc == 0)
		rc = change_links(putting);
	if (rc == 0)
		rc = hdf5_mark_arrays(putting);
	if (rc == 0)
		rc = hdf5_mark_groups(putting);
	return rc;
}

static int remove_record(struct putting *putting)
{
	struct hdf5_roots roots;
	int rc = hdf5_roots(putting->collection, putting->key, &roots);

	if (rc)
		return rc;
	rc = hdf5_remove_older(putting->store, putting->file,
	                       putting->collection, putting->key);
	if (rc == 0)
		rc = hdf5_remove_roots(putting->store, putting->file, &roots);
	hdf5_roots_release(&roots);
	return rc;
}

/* Before anything is changed: room for the fields and the links. */
static int make_room(struct putting *putting)
{
	struct blob text = { 0 };
	uint64_t size;
	int rc;

	if (putting->after.remove)
		return 0; /* takes none */
	rc = json_append(putting->after.fields, JSON_STYLE_PYTHON,
	                 JSON_ARRAYS_INLINE, SIZE_MAX, &text);
	size = 2 * text.size + HDF5_RECORD_ROOM;
	blob_release(&text);
	return rc ? rc : hdf5_file_reserve(putting->file, size);
}

static int put_entered(struct putting *putting)
{
	int rc = decide(putting);

	if (rc == 0)
		rc = find_paths(putting);
	if (rc == 0)
		rc = make_room(putting);
	if (rc)
		return rc;
	rc = putting->after.remove ? remove_record(putting)
	                           : make_change(putting);
	if (!putting->before || putting->after.remove)
		hdf5_names_forget(putting->store, putting->file);
	hdf5_close_id(putting->object);
	hdf5_close_id(putting->staged);
	if (rc)
		hdf5_file_abort(putting->file);
	return rc ? rc : hdf5_file_flush(putting->file);
}

static int put_locked(struct putting *putting)
{
	int rc = hdf5_enter_change(putting->store, putting->collection,
	                           putting->key, &putting->file);

	if (rc)
		return rc;
	rc = put_entered(putting);
	if (rc == 0)
		hdf5_note_size(putting->store, putting->file);
	hdf5_file_leave(putting->file);
	change_result_release(&putting->after);
	record_release(&putting->stored);
	blob_release(&putting->root);
	blob_release(&putting->array);
	return rc;
}

int hdf5_put(struct store *base, const struct collection *collection,
             struct key key, struct change *change, struct blob *key_out)
{
	struct hdf5_store *store = hdf5_store(base);
	struct putting putting = { .store = store,
		                   .collection = collection,
		                   .key = key,
		                   .change = change,
		                   .staged = -1,
		                   .object = -1 };
	int rc;

	(void)key_out; /* for records that are numbered; none are here */
	if (store->read_only)
		return -EROFS;
	rc = hdf5_key_check(key, change->why);
	if (rc)
		return rc;
	pthread_mutex_lock(&store->writer);
	rc = put_locked(&putting);
	pthread_mutex_unlock(&store->writer);
	return rc;
}
