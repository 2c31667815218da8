/* SPDX-License-Identifier: MIT */
#include "backends/hdf5_type.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TAG "NUMPY:"

static int read_type(hid_t type, int depth, struct dtype *out);

static char order_of(hid_t type)
{
	if (H5Tget_size(type) == 1)
		return '|';
	return H5Tget_order(type) == H5T_ORDER_BE ? '>' : '<';
}

static int read_bits(hid_t type, char kind, struct dtype *out)
{
	size_t size = H5Tget_size(type);
	H5T_order_t order = H5Tget_order(type);

	if ((size != 1 && size != 2 && size != 4 && size != 8) ||
	    H5Tget_precision(type) != 8 * size ||
	    (order != H5T_ORDER_LE && order != H5T_ORDER_BE))
		return -ENOTSUP;
	dtype_plain(out, kind, size);
	out->order = order_of(type);
	return 0;
}

static int read_integer(hid_t type, int depth, struct dtype *out)
{
	(void)depth;
	return read_bits(type, H5Tget_sign(type) == H5T_SGN_2 ? 'i' : 'u', out);
}

static int read_bitfield(hid_t type, int depth, struct dtype *out)
{
	(void)depth;
	return read_bits(type, 'u', out);
}

/* TYPE is the one that hdf5_type_make makes of SIZE and ORDER. */
static bool is_float(hid_t type, uint64_t size, char order)
{
	struct dtype dtype = { 0 };
	hid_t known = -1;
	bool same;

	dtype_plain(&dtype, 'f', size);
	dtype.order = order;
	if (hdf5_type_make(&dtype, &known) != 0)
		return false;
	same = H5Tequal(type, known) > 0;
	hdf5_close_id(known);
	return same;
}

static int read_float(hid_t type, int depth, struct dtype *out)
{
	size_t size = H5Tget_size(type);
	char order = order_of(type);

	(void)depth;
	if ((size != 2 && size != 4 && size != 8 && size != 16) ||
	    !is_float(type, size, order))
		return -ENOTSUP;
	dtype_plain(out, 'f', size);
	out->order = order;
	return 0;
}

bool hdf5_type_is_bool(hid_t type)
{
	hid_t boolean = -1;
	bool same;

	if (H5Tget_size(type) != 1 || hdf5_type_bool(&boolean) != 0)
		return false;
	same = H5Tequal(type, boolean) > 0;
	hdf5_close_id(boolean);
	return same;
}

static int read_enum(hid_t type, int depth, struct dtype *out)
{
	hid_t base;
	int rc;

	if (hdf5_type_is_bool(type)) {
		dtype_plain(out, 'b', 1);
		return 0;
	}
	base = H5Tget_super(type);
	rc = read_integer(base, depth, out);
	hdf5_close_id(base);
	return rc;
}

static int read_string(hid_t type, int depth, struct dtype *out)
{
	(void)depth;
	if (H5Tis_variable_str(type) != 0)
		return -ENOTSUP;
	dtype_plain(out, 'S', H5Tget_size(type));
	return 0;
}

/* The descr in a tag, if it says as many bytes as there are. */
static int read_tag(const char *tag, size_t size, struct dtype *out)
{
	struct dtype dtype = { 0 };
	struct blob descr = { 0 };
	int rc = blob_printf(&descr, "'%s'", tag);

	if (rc == 0)
		rc = dtype_parse_descr(descr.data, descr.size, &dtype, NULL);
	blob_release(&descr);
	if (rc == 0 && dtype.itemsize != size) {
		dtype_release(&dtype);
		rc = -EINVAL;
	}
	if (rc == 0)
		*out = dtype;
	return rc;
}

static int read_opaque(hid_t type, int depth, struct dtype *out)
{
	size_t size = H5Tget_size(type);
	char *tag = H5Tget_tag(type);
	int rc = -EINVAL;

	(void)depth;
	if (tag && strncmp(tag, TAG, strlen(TAG)) == 0)
		rc = read_tag(tag + strlen(TAG), size, out);
	H5free_memory(tag);
	if (rc == -EINVAL) {
		dtype_plain(out, 'V', size);
		rc = 0;
	}
	return rc;
}

/* Take array types apart: their axes go to SHAPE, what is inside to OUT. */
static int read_element(hid_t type, int depth, struct dtype *out, int *ndim,
                        uint64_t shape[ARRAY_MAX_DIMS])
{
	hsize_t dims[H5S_MAX_RANK];
	hid_t base;
	int rank;
	int rc;

	if (H5Tget_class(type) != H5T_ARRAY)
		return read_type(type, depth, out);
	rank = H5Tget_array_ndims(type);
	if (rank < 0 || *ndim + rank > ARRAY_MAX_DIMS ||
	    depth >= DTYPE_MAX_DEPTH)
		return -ENOTSUP;
	H5Tget_array_dims2(type, dims);
	for (int i = 0; i < rank; i++)
		shape[(*ndim)++] = dims[i];
	base = H5Tget_super(type);
	rc = read_element(base, depth + 1, out, ndim, shape);
	hdf5_close_id(base);
	return rc;
}

static int add_field(struct dtype *out, const char *name, uint64_t offset,
                     struct dtype **type)
{
	struct dtype_field *field = &out->fields[out->field_count];

	field->name = strdup(name);
	if (!field->name)
		return -ENOMEM;
	field->offset = offset;
	field->type = *type;
	*type = NULL;
	out->field_count++;
	return 0;
}

/* numpy spells a gap as a field without a name. */
static int add_gap(struct dtype *out, uint64_t from, uint64_t to)
{
	struct dtype *type;
	int rc;

	if (from == to)
		return 0;
	type = calloc(1, sizeof(*type));
	if (!type)
		return -ENOMEM;
	dtype_plain(type, 'V', to - from);
	rc = add_field(out, "", from, &type);
	free(type);
	return rc;
}

static int add_member(hid_t compound, unsigned int index, int depth,
                      struct dtype *out)
{
	struct dtype_field *field = &out->fields[out->field_count];
	struct dtype *type = calloc(1, sizeof(*type));
	hid_t member = H5Tget_member_type(compound, index);
	char *name = H5Tget_member_name(compound, index);
	int rc = type && name ? 0 : -ENOMEM;

	if (rc == 0)
		rc = read_element(member, depth + 1, type, &field->ndim,
		                  field->shape);
	if (rc == 0)
		rc = add_field(out, name, H5Tget_member_offset(compound, index),
		               &type);
	if (type)
		dtype_release(type);
	free(type);
	H5free_memory(name);
	hdf5_close_id(member);
	return rc;
}

/* The member that comes next in memory, at or after OFFSET. */
static int next_member(hid_t compound, unsigned int count, uint64_t offset)
{
	uint64_t best = UINT64_MAX;
	int found = -1;

	for (unsigned int i = 0; i < count; i++) {
		uint64_t at = H5Tget_member_offset(compound, i);

		if (at >= offset && at < best) {
			best = at;
			found = (int)i;
		}
	}
	return found;
}

static uint64_t member_size(hid_t compound, unsigned int index)
{
	hid_t member = H5Tget_member_type(compound, index);
	uint64_t size = H5Tget_size(member);

	hdf5_close_id(member);
	return size;
}

static int add_members(hid_t type, unsigned int count, int depth,
                       struct dtype *out)
{
	uint64_t end = 0;
	int rc = 0;

	for (unsigned int i = 0; i < count && rc == 0; i++) {
		int index = next_member(type, count, end);
		uint64_t offset;

		if (index < 0)
			return -ENOTSUP;
		offset = H5Tget_member_offset(type, (unsigned int)index);
		rc = add_gap(out, end, offset);
		if (rc == 0)
			rc = add_member(type, (unsigned int)index, depth, out);
		end = offset + member_size(type, (unsigned int)index);
	}
	return rc ? rc : add_gap(out, end, out->itemsize);
}

static bool is_complex(const struct dtype *dtype)
{
	const struct dtype_field *fields = dtype->fields;

	return dtype->field_count == 2 && strcmp(fields[0].name, "r") == 0 &&
	       strcmp(fields[1].name, "i") == 0 && fields[0].ndim == 0 &&
	       fields[1].ndim == 0 && fields[0].type->kind == 'f' &&
	       dtype_equal(fields[0].type, fields[1].type) &&
	       fields[0].type->itemsize >= 4;
}

static int read_compound(hid_t type, int depth, struct dtype *out)
{
	struct dtype dtype = { 0 };
	int count = H5Tget_nmembers(type);
	char order;
	int rc;

	if (count <= 0 || depth >= DTYPE_MAX_DEPTH)
		return -ENOTSUP;
	dtype_plain(&dtype, 'V', H5Tget_size(type));
	dtype.fields = calloc(2 * (size_t)count + 1, sizeof(*dtype.fields));
	if (!dtype.fields)
		return -ENOMEM;
	rc = add_members(type, (unsigned int)count, depth, &dtype);
	if (rc) {
		dtype_release(&dtype);
		return rc;
	}
	if (is_complex(&dtype)) {
		order = dtype.fields[0].type->order;
		dtype_release(&dtype);
		dtype_plain(&dtype, 'c', H5Tget_size(type));
		dtype.order = order;
	}
	*out = dtype;
	return 0;
}

static int read_type(hid_t type, int depth, struct dtype *out)
{
	static const struct {
		H5T_class_t class;
		int (*read)(hid_t type, int depth, struct dtype *out);
	} table[] = {
		{ H5T_INTEGER, read_integer },   { H5T_FLOAT, read_float },
		{ H5T_BITFIELD, read_bitfield }, { H5T_ENUM, read_enum },
		{ H5T_STRING, read_string },     { H5T_OPAQUE, read_opaque },
		{ H5T_COMPOUND, read_compound },
	};
	H5T_class_t class = H5Tget_class(type);

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		if (table[i].class == class)
			return table[i].read(type, depth, out);
	return -ENOTSUP;
}

int hdf5_type_read(hid_t type, struct dtype *out, int *ndim,
                   uint64_t shape[ARRAY_MAX_DIMS])
{
	*ndim = 0;
	return read_element(type, 0, out, ndim, shape);
}
