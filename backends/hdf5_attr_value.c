/* SPDX-License-Identifier: MIT */
#include "backends/hdf5_attr_value.h"

#include <stdio.h>
#include <string.h>

#include "backends/hdf5_type.h"
#include "backends/utf8.h"

#define MAX_DEPTH 16

/* Elements of TYPE can be made values; then NULL is for want of memory. */
static bool can_show(hid_t type, int depth);
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

static bool is_integer(hid_t type, int depth)
{
	(void)depth;
	return H5Tget_size(type) <= sizeof(uint64_t);
}

static bool is_real(hid_t type, int depth)
{
	size_t size = H5Tget_size(type);

	(void)depth;
	return size == sizeof(float) || size == sizeof(double) ||
	       size == sizeof(long double);
}

static bool is_any(hid_t type, int depth)
{
	(void)depth;
	return H5Tget_size(type) > 0;
}

static bool has_base(hid_t type, int depth)
{
	hid_t base = H5Tget_super(type);
	bool fits = can_show(base, depth + 1);

	hdf5_close_id(base);
	return fits;
}

/* The library does not ask what a damaged file counts with. */
static bool counts_integers(hid_t type, int depth)
{
	hid_t base = H5Tget_super(type);
	bool fits = base >= 0 && H5Tget_class(base) == H5T_INTEGER &&
	            is_integer(base, depth);

	hdf5_close_id(base);
	return fits;
}

static bool has_members(hid_t type, int depth)
{
	int count = H5Tget_nmembers(type);
	bool fits = count >= 0;

	for (int i = 0; fits && i < count; i++) {
		hid_t member = H5Tget_member_type(type, (unsigned int)i);

		fits = can_show(member, depth + 1);
		hdf5_close_id(member);
	}
	return fits;
}

static bool is_sequence(hid_t type, int depth)
{
	return H5Tget_array_ndims(type) > 0 && has_base(type, depth);
}

/* What can be shown, how that is seen from the type, and how it is made. */
static const struct {
	H5T_class_t class;
	bool (*fits)(hid_t type, int depth);
	struct value *(*make)(hid_t type, const char *data, int depth);
} kinds[] = {
	{ H5T_INTEGER, is_integer, integer },
	{ H5T_BITFIELD, is_integer, integer },
	{ H5T_FLOAT, is_real, real },
	{ H5T_ENUM, counts_integers, enumeration },
	{ H5T_STRING, is_any, string },
	{ H5T_OPAQUE, is_any, opaque },
	{ H5T_COMPOUND, has_members, compound },
	{ H5T_ARRAY, is_sequence, sequence },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static size_t kind_of(hid_t type)
{
	H5T_class_t class = H5Tget_class(type);
	size_t i = 0;

	while (i < KINDS && kinds[i].class != class)
		i++;
	return i;
}

static bool can_show(hid_t type, int depth)
{
	size_t kind = type < 0 ? KINDS : kind_of(type);

	return kind < KINDS && depth < MAX_DEPTH &&
	       kinds[kind].fits(type, depth);
}

static struct value *element(hid_t type, const char *data, int depth)
{
	return kinds[kind_of(type)].make(type, data, depth);
}

bool hdf5_values_can_be(hid_t type)
{
	return can_show(type, 0);
}

struct value *hdf5_values_make(hid_t type, const char *data, int ndim,
                               const hsize_t *dims)
{
	return lists(type, data, ndim, dims, 0);
}
