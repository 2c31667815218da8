/* SPDX-License-Identifier: MIT */
#include "backends/hdf5_attr.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/hdf5_type.h"
#include "backends/log.h"
#include "backends/utf8.h"

/* The most that one attribute may hold, in bytes. */
#define ATTR_LIMIT ((uint64_t)64 << 20)
#define MAX_DEPTH 16

/* Elements are in memory in the machine's own form of TYPE. */
static struct value *element(hid_t type, const char *data, int depth);

static struct value *text_or_bytes(const char *text, size_t size)
{
	return utf8_is_valid(text, size) ? value_new_text(text, size)
	                                 : value_new_bytes(text, size);
}

static struct value *integer(hid_t type, const char *data, int depth)
{
	bool is_signed = H5Tget_sign(type) == H5T_SGN_2;
	size_t size = H5Tget_size(type);
	char digits[24];
	uint64_t bits = 0;

	(void)depth;
	if (size > sizeof(bits))
		return NULL;
	memcpy(&bits, data, size);
	if (is_signed) {
		int shift = (int)(64 - 8 * size);

		return value_new_int((int64_t)(bits << shift) >> shift);
	}
	snprintf(digits, sizeof(digits), "%llu", (unsigned long long)bits);
	return value_new_integer_text(digits, strlen(digits));
}

static struct value *real(hid_t type, const char *data, int depth)
{
	float single;
	double number;
	long double wide;

	(void)depth;
	switch (H5Tget_size(type)) {
	case sizeof(single):
		memcpy(&single, data, sizeof(single));
		return value_new_float((double)single);
	case sizeof(number):
		memcpy(&number, data, sizeof(number));
		return value_new_float(number);
	case sizeof(wide):
		memcpy(&wide, data, sizeof(wide));
		return value_new_float((double)wide);
	default:
		return NULL;
	}
}

static struct value *enumeration(hid_t type, const char *data, int depth)
{
	struct value *value;
	hid_t base;

	if (hdf5_type_is_bool(type))
		return value_new_bool(*data != 0);
	base = H5Tget_super(type);
	value = integer(base, data, depth);
	hdf5_close_id(base);
	return value;
}

static struct value *string(hid_t type, const char *data, int depth)
{
	size_t size = H5Tget_size(type);
	const char *text;

	(void)depth;
	if (H5Tis_variable_str(type) > 0) {
		memcpy(&text, data, sizeof(text));
		return text_or_bytes(text ? text : "", text ? strlen(text) : 0);
	}
	if (H5Tget_strpad(type) == H5T_STR_NULLTERM)
		size = strnlen(data, size);
	else
		while (size > 0 && (data[size - 1] == '\0' ||
		                    (data[size - 1] == ' ' &&
		                     H5Tget_strpad(type) == H5T_STR_SPACEPAD)))
			size--;
	return text_or_bytes(data, size);
}

static struct value *opaque(hid_t type, const char *data, int depth)
{
	(void)depth;
	return value_new_bytes(data, H5Tget_size(type));
}

static struct value *compound(hid_t type, const char *data, int depth)
{
	struct value *dict = value_new_dict();
	int count = H5Tget_nmembers(type);

	for (int i = 0; dict && i < count; i++) {
		unsigned int index = (unsigned int)i;
		hid_t member = H5Tget_member_type(type, index);
		char *name = H5Tget_member_name(type, index);
		struct value *item =
		    element(member, data + H5Tget_member_offset(type, index),
		            depth + 1);

		if (!name || !item || value_dict_set(dict, name, item) != 0) {
			if (!name)
				value_unref(item);
			value_unref(dict);
			dict = NULL;
		}
		H5free_memory(name);
		hdf5_close_id(member);
	}
	return dict;
}

/* A list of lists, down the axes from DIMS on. */
static struct value *lists(hid_t type, const char *data, int ndim,
                           const hsize_t *dims, int depth)
{
	struct value *list;
	size_t step = H5Tget_size(type);

	if (ndim == 0)
		return element(type, data, depth + 1);
	for (int i = 1; i < ndim; i++)
		step *= dims[i];
	list = value_new_list(VALUE_LIST);
	for (hsize_t i = 0; list && i < dims[0]; i++) {
		struct value *item =
		    lists(type, data + i * step, ndim - 1, dims + 1, depth);

		if (!item || value_list_append(list, item) != 0) {
			value_unref(list);
			list = NULL;
		}
	}
	return list;
}

static struct value *sequence(hid_t type, const char *data, int depth)
{
	hsize_t dims[H5S_MAX_RANK];
	hid_t base = H5Tget_super(type);
	int ndim = H5Tget_array_dims2(type, dims);
	struct value *list = NULL;

	if (ndim > 0)
		list = lists(base, data, ndim, dims, depth);
	hdf5_close_id(base);
	return list;
}

static struct value *element(hid_t type, const char *data, int depth)
{
	static const struct {
		H5T_class_t class;
		struct value *(*make)(hid_t type, const char *data, int depth);
	} table[] = {
		{ H5T_INTEGER, integer },   { H5T_BITFIELD, integer },
		{ H5T_FLOAT, real },        { H5T_ENUM, enumeration },
		{ H5T_STRING, string },     { H5T_OPAQUE, opaque },
		{ H5T_COMPOUND, compound }, { H5T_ARRAY, sequence },
	};
	H5T_class_t class = H5Tget_class(type);

	for (size_t i = 0;
	     depth < MAX_DEPTH && i < sizeof(table) / sizeof(*table); i++)
		if (table[i].class == class)
			return table[i].make(type, data, depth);
	return NULL;
}

static int read_elements(hid_t attr, hid_t type, hid_t space,
                         struct value **out)
{
	hsize_t dims[H5S_MAX_RANK];
	int ndim = H5Sget_simple_extent_dims(space, dims, NULL);
	hssize_t count = H5Sget_simple_extent_npoints(space);
	size_t size = H5Tget_size(type);
	struct value *value = NULL;
	char *data;

	if (ndim < 0 || count < 0 || size == 0 ||
	    (uint64_t)count > ATTR_LIMIT / size)
		return -ENOTSUP;
	data = calloc((size_t)count + 1, size);
	if (!data)
		return -ENOMEM;
	if (H5Aread(attr, type, data) >= 0) {
		value = lists(type, data, ndim, dims, 0);
		H5Dvlen_reclaim(type, space, H5P_DEFAULT, data);
	}
	free(data);
	if (!value)
		return -ENOTSUP;
	*out = value;
	return 0;
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

int hdf5_attr_read(hid_t object, const char *name, struct value **out)
{
	hid_t attr;
	int rc;

	if (H5Aexists(object, name) <= 0)
		return -ENOENT;
	attr = H5Aopen(object, name, H5P_DEFAULT);
	if (attr < 0)
		return hdf5_error("cannot read the attribute", name);
	rc = read_attribute(attr, out);
	hdf5_close_id(attr);
	return rc;
}

static herr_t add_attribute(hid_t object, const char *name,
                            const H5A_info_t *info, void *arg)
{
	struct value *dict = arg;
	struct value *value = NULL;
	int rc = hdf5_attr_read(object, name, &value);

	(void)info;
	if (rc == -ENOTSUP) {
		log_debug("hdf5: the attribute %s cannot be shown", name);
		return 0;
	}
	if (rc == 0)
		rc = value_dict_set(dict, name, value);
	return rc;
}

int hdf5_attrs_read(hid_t object, struct value **out)
{
	struct value *dict = value_new_dict();
	hsize_t index = 0;
	int rc;

	if (!dict)
		return -ENOMEM;
	rc = H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, &index,
	                 add_attribute, dict);
	if (rc == HDF5_FAILED)
		rc = hdf5_error("cannot read", "attributes");
	if (rc)
		value_unref(dict);
	else
		*out = dict;
	return rc;
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
