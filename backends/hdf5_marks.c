/* SPDX-License-Identifier: MIT */
#include "backends/hdf5_put.h"

#include <errno.h>
#include <string.h>

#include "backends/hdf5_attr.h"

static bool is_given(enum part_action action)
{
	return action == PART_SET || action == PART_TOUCH;
}

/* A kept time is bound to the timestamp, and moves on with it. */
static int carry_time(struct putting *putting, hid_t object, const char *name)
{
	struct timespec time;
	int rc = hdf5_time_read(object, name, putting->collection,
	                        putting->before->fields, &time);

	if (rc)
		return rc == -ENOENT ? 0 : rc;
	return hdf5_time_write(object, name, putting->collection,
	                       putting->after.fields, time);
}

int hdf5_mark_fields(struct putting *putting)
{
	const struct change *change = putting->change;

	if (is_given(change->fields_action))
		return hdf5_time_write(putting->object, HDF5_ATTR_FIELDS_MTIME,
		                       putting->collection,
		                       putting->after.fields,
		                       change_mtime(change->fields_mtime));
	if (!putting->before)
		return 0;
	return carry_time(putting, putting->object, HDF5_ATTR_FIELDS_MTIME);
}

static int write_array_time(struct putting *putting, const char *name)
{
	const struct change *change = putting->change;
	const struct array_row *row =
	    collection_array(putting->collection, name);
	bool given = is_given(change->array_action) &&
	             strcmp(change->array_name, name) == 0;
	struct blob path = { 0 };
	hid_t object = -1;
	int rc = hdf5_array_place(row, putting->key, name, &path);

	if (rc == 0)
		rc = hdf5_open_object(hdf5_file_id(putting->file), path.data,
		                      &object);
	if (rc == 0 && given)
		rc = hdf5_time_write(object, HDF5_ATTR_MTIME,
		                     putting->collection, putting->after.fields,
		                     change_mtime(change->array_mtime));
	else if (rc == 0)
		rc = carry_time(putting, object, HDF5_ATTR_MTIME);
	hdf5_close_id(object);
	blob_release(&path);
	return rc == -ENOENT ? 0 : rc;
}

int hdf5_mark_arrays(struct putting *putting)
{
	const struct change *change = putting->change;
	int rc = 0;

	if (is_given(change->array_action))
		rc = write_array_time(putting, change->array_name);
	for (size_t i = 0;
	     rc == 0 && putting->before && i < putting->before->array_count;
	     i++) {
		const char *name = putting->before->arrays[i].name;

		if (change->array_action == PART_KEEP ||
		    strcmp(change->array_name, name) != 0)
			rc = write_array_time(putting, name);
	}
	return rc;
}

static int write_shape(hid_t group, const struct array_info *info)
{
	int64_t shape[ARRAY_MAX_DIMS];

	for (int i = 0; i < info->ndim; i++)
		shape[i] = (int64_t)info->shape[i];
	return hdf5_attr_write_ints(group, "shape", shape, (size_t)info->ndim);
}

static int write_stamp(struct putting *putting, hid_t group)
{
	const struct field_row *row = collection_field(
	    putting->collection, putting->collection->timestamp);
	const struct value *value =
	    row ? value_dict_get(putting->after.fields, row->name) : NULL;

	return value ? hdf5_attr_write(group, row->place, value) : 0;
}

/* The group that goes with ROW, where it is there. */
static int stamp(struct putting *putting, const struct array_row *row)
{
	const struct change *change = putting->change;
	bool meant =
	    change->array_action != PART_KEEP &&
	    collection_array(putting->collection, change->array_name) == row;
	struct blob path = { 0 };
	hid_t group = -1;
	int rc = hdf5_place(row->stamped, putting->key, &path);

	if (rc == 0)
		rc = hdf5_open_group(hdf5_file_id(putting->file), path.data,
		                     &group);
	if (rc == 0)
		rc = write_stamp(putting, group);
	if (rc == 0 && meant && change->array_action == PART_SET)
		rc = write_shape(group, &change->array->info);
	if (rc == 0 && meant && change->array_action == PART_DROP)
		rc = hdf5_attr_remove(group, "shape");
	hdf5_close_id(group);
	blob_release(&path);
	return rc == -ENOENT ? 0 : rc;
}

int hdf5_mark_groups(struct putting *putting)
{
	const struct array_row *row = putting->collection->arrays;
	int rc = 0;

	for (; rc == 0 && row && row->place; row++)
		if (row->stamped)
			rc = stamp(putting, row);
	return rc;
}
