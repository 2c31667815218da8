/* SPDX-License-Identifier: MIT */
#include "backends/hdf5_type.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TAG "NUMPY:"

static int made(hid_t type, hid_t *out)
{
	if (type < 0)
		return hdf5_error("cannot make", "a type");
	*out = type;
	return 0;
}

int hdf5_type_bool(hid_t *out)
{
	hid_t type = H5Tenum_create(H5T_STD_I8LE);
	const int8_t values[] = { 0, 1 };

	if (type < 0 || H5Tenum_insert(type, "FALSE", &values[0]) < 0 ||
	    H5Tenum_insert(type, "TRUE", &values[1]) < 0) {
		hdf5_close_id(type);
		return hdf5_error("cannot make", "bool");
	}
	*out = type;
	return 0;
}

static int make_integer(const struct dtype *dtype, hid_t *out)
{
	hid_t type = H5Tcopy(dtype->kind == 'i' ? H5T_STD_I8LE : H5T_STD_U8LE);

	if (type >= 0 &&
	    (H5Tset_size(type, dtype->itemsize) < 0 ||
	     H5Tset_precision(type, dtype->itemsize * 8) < 0 ||
	     H5Tset_order(type, dtype->order == '>' ? H5T_ORDER_BE
	                                            : H5T_ORDER_LE) < 0)) {
		hdf5_close_id(type);
		type = -1;
	}
	return made(type, out);
}

static hid_t new_float16(void)
{
	hid_t type = H5Tcopy(H5T_IEEE_F32LE);

	H5Tset_fields(type, 15, 10, 5, 0, 10);
	H5Tset_size(type, 2);
	H5Tset_ebias(type, 15);
	return type;
}

/* Little-endian. */
static hid_t new_float(uint64_t size)
{
	switch (size) {
	case 2:
		return new_float16();
	case 4:
		return H5Tcopy(H5T_IEEE_F32LE);
	case 8:
		return H5Tcopy(H5T_IEEE_F64LE);
	default:
		return H5Tcopy(H5T_NATIVE_LDOUBLE);
	}
}

static int make_float(const struct dtype *dtype, hid_t *out)
{
	hid_t type = new_float(dtype->itemsize);

	if (type >= 0 && dtype->order == '>')
		H5Tset_order(type, H5T_ORDER_BE);
	return made(type, out);
}

static int make_complex(const struct dtype *dtype, hid_t *out)
{
	struct dtype half = *dtype;
	hid_t part = -1;
	hid_t type;
	int rc;

	half.itemsize /= 2;
	rc = make_float(&half, &part);
	if (rc)
		return rc;
	type = H5Tcreate(H5T_COMPOUND, dtype->itemsize);
	if (type < 0 || H5Tinsert(type, "r", 0, part) < 0 ||
	    H5Tinsert(type, "i", half.itemsize, part) < 0)
		rc = hdf5_error("cannot make", "a complex type");
	hdf5_close_id(part);
	if (rc) {
		hdf5_close_id(type);
		return rc;
	}
	*out = type;
	return 0;
}

static int make_string(const struct dtype *dtype, hid_t *out)
{
	hid_t type = H5Tcopy(H5T_C_S1);

	if (type >= 0 && (H5Tset_size(type, dtype->itemsize) < 0 ||
	                  H5Tset_strpad(type, H5T_STR_NULLPAD) < 0)) {
		hdf5_close_id(type);
		type = -1;
	}
	return made(type, out);
}

static int make_opaque(uint64_t size, const char *tag, hid_t *out)
{
	hid_t type = H5Tcreate(H5T_OPAQUE, size);

	if (type >= 0 && H5Tset_tag(type, tag) < 0) {
		hdf5_close_id(type);
		type = -1;
	}
	return made(type, out);
}

static int make_tagged(const struct dtype *dtype, hid_t *out)
{
	struct blob tag = { 0 };
	struct blob descr = { 0 };
	int rc = dtype_append_descr(dtype, &descr);

	/* The descr comes in quotes. */
	if (rc == 0)
		rc = blob_printf(&tag, TAG "%.*s", (int)(descr.size - 2),
		                 descr.data + 1);
	if (rc == 0)
		rc = make_opaque(dtype->itemsize, tag.data, out);
	blob_release(&descr);
	blob_release(&tag);
	return rc;
}

static int field_type(const struct dtype_field *field, hid_t *out)
{
	hsize_t dims[ARRAY_MAX_DIMS];
	hid_t element = -1;
	int rc = hdf5_type_make(field->type, &element);

	if (rc || field->ndim == 0) {
		if (rc == 0)
			*out = element;
		return rc;
	}
	for (int i = 0; i < field->ndim; i++)
		dims[i] = field->shape[i];
	rc = made(H5Tarray_create2(element, (unsigned)field->ndim, dims), out);
	hdf5_close_id(element);
	return rc;
}

static bool is_storable(const struct dtype_field *field)
{
	if (*field->name == '\0' || field->type->itemsize == 0)
		return false;
	for (int i = 0; i < field->ndim; i++)
		if (field->shape[i] == 0)
			return false;
	return true;
}

static int insert_fields(hid_t type, const struct dtype *dtype, int *count)
{
	for (size_t i = 0; i < dtype->field_count; i++) {
		const struct dtype_field *field = &dtype->fields[i];
		hid_t member = -1;
		int rc;

		if (!is_storable(field))
			continue;
		rc = field_type(field, &member);
		if (rc)
			return rc;
		if (H5Tinsert(type, field->name, field->offset, member) < 0)
			rc = hdf5_error("cannot store the field", field->name);
		hdf5_close_id(member);
		if (rc)
			return rc;
		++*count;
	}
	return 0;
}

static int make_compound(const struct dtype *dtype, hid_t *out)
{
	hid_t type = H5Tcreate(H5T_COMPOUND, dtype->itemsize);
	int count = 0;
	int rc = type < 0 ? hdf5_error("cannot make", "a structured type")
	                  : insert_fields(type, dtype, &count);

	if (rc == 0 && count > 0) {
		*out = type;
		return 0;
	}
	hdf5_close_id(type);
	return rc ? rc : make_opaque(dtype->itemsize, "", out);
}

static int make_void(const struct dtype *dtype, hid_t *out)
{
	if (dtype->field_count > 0)
		return make_compound(dtype, out);
	return make_opaque(dtype->itemsize, "", out);
}

static int make_bool(const struct dtype *dtype, hid_t *out)
{
	(void)dtype;
	return hdf5_type_bool(out);
}

int hdf5_type_make(const struct dtype *dtype, hid_t *out)
{
	static const struct {
		char kind;
		int (*make)(const struct dtype *dtype, hid_t *out);
	} table[] = {
		{ 'b', make_bool },    { 'i', make_integer },
		{ 'u', make_integer }, { 'f', make_float },
		{ 'c', make_complex }, { 'S', make_string },
		{ 'V', make_void },    { 'U', make_tagged },
		{ 'M', make_tagged },  { 'm', make_tagged },
	};

	if (dtype->itemsize == 0)
		return made(H5Tcopy(H5T_STD_U8LE), out);
	if (dtype->itemsize > UINT32_MAX)
		return -EFBIG;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		if (table[i].kind == dtype->kind)
			return table[i].make(dtype, out);
	return -ENOTSUP;
}
