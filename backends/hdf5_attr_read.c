/* SPDX-License-Identifier: MIT */
#include "backends/hdf5_attr.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/hdf5_attr_value.h"
#include "backends/log.h"

/* The most that one attribute may hold, in bytes. */
#define ATTR_LIMIT ((uint64_t)64 << 20)

static int read_elements(hid_t attr, hid_t type, hid_t space,
                         struct value **out)
{
	hsize_t dims[H5S_MAX_RANK];
	int ndim = H5Sget_simple_extent_dims(space, dims, NULL);
	hssize_t count = H5Sget_simple_extent_npoints(space);
	size_t size = H5Tget_size(type);
	struct value *value;
	char *data;
	int rc = -ENOTSUP;

	if (!hdf5_values_can_be(type) || ndim < 0 || count < 0 || size == 0 ||
	    (uint64_t)count > ATTR_LIMIT / size)
		return -ENOTSUP;
	data = calloc((size_t)count + 1, size);
	if (!data)
		return -ENOMEM;
	if (H5Aread(attr, type, data) >= 0) {
		value = hdf5_values_make(type, data, ndim, dims);
		H5Dvlen_reclaim(type, space, H5P_DEFAULT, data);
		rc = value ? 0 : -ENOMEM;
	}
	free(data);
	if (rc == 0)
		*out = value;
	return rc;
}

static int read_attribute(hid_t attr, struct value **out)
{
	hid_t stored = H5Aget_type(attr);
	hid_t type = H5Tget_native_type(stored, H5T_DIR_ASCEND);
	hid_t space = H5Aget_space(attr);
	int rc = -ENOTSUP;

	if (H5Sget_simple_extent_type(space) == H5S_NULL) {
		*out = value_new_null();
		rc = *out ? 0 : -ENOMEM;
	} else if (type >= 0 && space >= 0) {
		rc = read_elements(attr, type, space, out);
	}
	hdf5_close_id(space);
	hdf5_close_id(type);
	hdf5_close_id(stored);
	return rc;
}

int hdf5_attr_exists(hid_t object, const char *name)
{
	htri_t exists = H5Aexists(object, name);

	return exists < 0 ? hdf5_error("cannot look for the attribute", name)
	                  : exists;
}

int hdf5_attr_read(hid_t object, const char *name, struct value **out)
{
	int rc = hdf5_attr_exists(object, name);
	hid_t attr;

	if (rc <= 0)
		return rc ? rc : -ENOENT;
	attr = H5Aopen(object, name, H5P_DEFAULT);
	if (attr < 0)
		return hdf5_error("cannot read the attribute", name);
	rc = read_attribute(attr, out);
	hdf5_close_id(attr);
	return rc;
}

/* The library has one negative value for all errors. */
struct reading {
	struct value *dict;
	int rc;
};

static herr_t add_attribute(hid_t object, const char *name,
                            const H5A_info_t *info, void *arg)
{
	struct reading *reading = arg;
	struct value *value = NULL;
	int rc = hdf5_attr_read(object, name, &value);

	(void)info;
	if (rc == -ENOTSUP) {
		log_debug("hdf5: the attribute %s cannot be shown", name);
		return 0;
	}
	if (rc == 0)
		rc = value_dict_set(reading->dict, name, value);
	reading->rc = rc;
	return rc ? -1 : 0;
}

int hdf5_attrs_read(hid_t object, struct value **out)
{
	struct reading reading = { .dict = value_new_dict() };
	hsize_t index = 0;
	int rc;

	if (!reading.dict)
		return -ENOMEM;
	rc = H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, &index,
	                 add_attribute, &reading);
	if (rc && !reading.rc)
		reading.rc = hdf5_error("cannot read", "attributes");
	if (reading.rc)
		value_unref(reading.dict);
	else
		*out = reading.dict;
	return reading.rc;
}

int hdf5_attr_read_ints(hid_t object, const char *name, int64_t *items,
                        size_t limit, size_t *count)
{
	struct value *list = NULL;
	int rc = hdf5_attr_read(object, name, &list);

	if (rc)
		return rc == -ENOTSUP ? -ENOENT : rc;
	assert(list);
	if (list->type != VALUE_LIST || list->list.count > limit)
		rc = -ENOENT;
	for (size_t i = 0; rc == 0 && i < list->list.count; i++)
		if (value_to_int(list->list.items[i], &items[i]) != 0)
			rc = -ENOENT;
	if (rc == 0)
		*count = list->list.count;
	value_unref(list);
	return rc;
}

int hdf5_attr_read_bytes(hid_t object, const char *name, struct blob *out)
{
	struct value *bytes = NULL;
	int rc = hdf5_attr_read(object, name, &bytes);

	if (rc)
		return rc == -ENOTSUP ? -ENOENT : rc;
	assert(bytes);
	if (bytes->type == VALUE_BYTES || bytes->type == VALUE_TEXT)
		rc = blob_set(out, bytes->text.data, bytes->text.size);
	else
		rc = -ENOENT;
	value_unref(bytes);
	return rc;
}
