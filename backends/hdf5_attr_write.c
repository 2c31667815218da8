/* SPDX-License-Identifier: MIT */
#include "backends/hdf5_attr.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/hdf5_type.h"
#include "backends/utf8.h"

#define SCRATCH HDF5_OWN_PREFIX "new"

/* How items of one kind are stored. */
struct form {
	enum value_type type;
	size_t size;
	int (*make)(hid_t *out);
	bool (*fits)(const struct value *value);
	void (*put)(const struct value *value, void *out);
};

static int copy_type(hid_t type, hid_t *out)
{
	*out = H5Tcopy(type);
	return *out < 0 ? hdf5_error("cannot make", "a type") : 0;
}

static int make_int64(hid_t *out)
{
	return copy_type(H5T_STD_I64LE, out);
}

static int make_uint64(hid_t *out)
{
	return copy_type(H5T_STD_U64LE, out);
}

static int make_float64(hid_t *out)
{
	return copy_type(H5T_IEEE_F64LE, out);
}

static int make_text(hid_t *out)
{
	int rc = copy_type(H5T_C_S1, out);

	if (rc == 0) {
		H5Tset_size(*out, H5T_VARIABLE);
		H5Tset_cset(*out, H5T_CSET_UTF8);
	}
	return rc;
}

static bool fits_always(const struct value *value)
{
	(void)value;
	return true;
}

static bool fits_uint64(const struct value *value)
{
	const struct blob *digits = &value->text;

	if (digits->size == 0 || digits->data[0] == '-')
		return false;
	errno = 0;
	strtoull(digits->data, NULL, 10);
	return errno == 0;
}

static bool fits_text(const struct value *value)
{
	const struct blob *text = &value->text;

	return !memchr(text->size ? text->data : "", '\0', text->size) &&
	       utf8_is_valid(text->size ? text->data : "", text->size);
}

static void put_bool(const struct value *value, void *out)
{
	*(int8_t *)out = value->boolean ? 1 : 0;
}

static void put_int(const struct value *value, void *out)
{
	memcpy(out, &value->integer, sizeof(value->integer));
}

static void put_uint(const struct value *value, void *out)
{
	unsigned long long number = strtoull(value->text.data, NULL, 10);

	memcpy(out, &number, sizeof(number));
}

static void put_float(const struct value *value, void *out)
{
	memcpy(out, &value->real, sizeof(value->real));
}

static void put_text(const struct value *value, void *out)
{
	const char *text = value->text.size ? value->text.data : "";

	memcpy(out, &text, sizeof(text));
}

static const struct form forms[] = {
	{ VALUE_BOOL, 1, hdf5_type_bool, fits_always, put_bool },
	{ VALUE_INT, 8, make_int64, fits_always, put_int },
	{ VALUE_BIGINT, 8, make_uint64, fits_uint64, put_uint },
	{ VALUE_FLOAT, 8, make_float64, fits_always, put_float },
	{ VALUE_TEXT, sizeof(char *), make_text, fits_text, put_text },
};

/* NULL where there is none for VALUE. */
static const struct form *form_of(const struct value *value)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++)
		if (forms[i].type == value->type && forms[i].fits(value))
			return &forms[i];
	return NULL;
}

/* The one form of all items; lists of bools would read back as such only. */
static const struct form *form_of_list(const struct value *list)
{
	const struct form *form = NULL;

	for (size_t i = 0; i < list->list.count; i++) {
		const struct form *next = form_of(list->list.items[i]);

		if (!next || (form && form != next))
			return NULL;
		form = next;
	}
	if (!form || list->list.count > HDF5_ATTR_MAX_SIZE / 16)
		return NULL;
	return form;
}

static const struct form *form_of_any(const struct value *value)
{
	return value->type == VALUE_LIST ? form_of_list(value) : form_of(value);
}

bool hdf5_attr_can_hold(const struct value *value)
{
	return form_of_any(value) != NULL;
}

static int create_attribute(hid_t object, const char *name, hid_t type,
                            hid_t space, const void *data)
{
	hid_t access = H5Pcreate(H5P_ATTRIBUTE_CREATE);
	hid_t attr;
	int rc = 0;

	H5Pset_char_encoding(access, H5T_CSET_UTF8);
	attr = H5Acreate2(object, name, type, space, access, H5P_DEFAULT);
	if (attr < 0 || (data && H5Awrite(attr, type, data) < 0))
		rc = hdf5_error("cannot write the attribute", name);
	hdf5_close_id(attr);
	hdf5_close_id(access);
	return rc;
}

int hdf5_attr_remove(hid_t object, const char *name)
{
	int rc = hdf5_attr_exists(object, name);

	if (rc <= 0)
		return rc;
	if (H5Adelete(object, name) < 0)
		return hdf5_error("cannot remove the attribute", name);
	return 0;
}

/* The old one goes when the new one is there. */
static int replace_attribute(hid_t object, const char *name, hid_t type,
                             hid_t space, const void *data)
{
	int rc = hdf5_attr_exists(object, name);

	if (rc < 0)
		return rc;
	if (rc == 0)
		return create_attribute(object, name, type, space, data);
	rc = hdf5_attr_remove(object, SCRATCH);
	if (rc == 0)
		rc = create_attribute(object, SCRATCH, type, space, data);
	if (rc == 0)
		rc = hdf5_attr_remove(object, name);
	if (rc == 0 && H5Arename(object, SCRATCH, name) < 0)
		rc = hdf5_error("cannot write the attribute", name);
	return rc;
}

static const struct value *item_at(const struct value *value, size_t index)
{
	return value->type == VALUE_LIST ? value->list.items[index] : value;
}

static int write_items(hid_t object, const char *name, const struct form *form,
                       const struct value *value, size_t count, hid_t space)
{
	char *data = calloc(count, form->size);
	hid_t type = -1;
	int rc = data ? form->make(&type) : -ENOMEM;

	for (size_t i = 0; rc == 0 && i < count; i++)
		form->put(item_at(value, i), data + i * form->size);
	if (rc == 0)
		rc = replace_attribute(object, name, type, space, data);
	hdf5_close_id(type);
	free(data);
	return rc;
}

int hdf5_attr_write(hid_t object, const char *name, const struct value *value)
{
	const struct form *form = form_of_any(value);
	bool is_list = value->type == VALUE_LIST;
	hsize_t count = is_list ? value->list.count : 1;
	hid_t space;
	int rc;

	if (!form)
		return -ENOTSUP;
	space =
	    is_list ? H5Screate_simple(1, &count, NULL) : H5Screate(H5S_SCALAR);
	rc = write_items(object, name, form, value, count, space);
	hdf5_close_id(space);
	return rc;
}

static int write_vector(hid_t object, const char *name, hid_t type,
                        const void *data, size_t count)
{
	hsize_t dim = count;
	hid_t space = H5Screate_simple(1, &dim, NULL);
	int rc = space < 0 ? hdf5_error("cannot write", name)
	                   : replace_attribute(object, name, type, space,
	                                       count ? data : NULL);

	hdf5_close_id(space);
	return rc;
}

int hdf5_attr_write_ints(hid_t object, const char *name, const int64_t *items,
                         size_t count)
{
	return write_vector(object, name, H5T_STD_I64LE, items, count);
}

int hdf5_attr_write_bytes(hid_t object, const char *name, const void *bytes,
                          size_t size)
{
	hid_t type = H5Tcreate(H5T_OPAQUE, size ? size : 1);
	hid_t space = H5Screate(H5S_SCALAR);
	int rc = replace_attribute(object, name, type, space, bytes);

	hdf5_close_id(space);
	hdf5_close_id(type);
	return rc;
}

static int copy_data(hid_t attr, hid_t to, const char *name, hid_t type,
                     hid_t space)
{
	hssize_t count = H5Sget_simple_extent_npoints(space);
	size_t size = H5Tget_size(type);
	void *data;
	int rc;

	if (count < 0 || size == 0 || (uint64_t)count > SIZE_MAX / size / 2)
		return -EIO;
	data = calloc((size_t)count + 1, size);
	if (!data)
		return -ENOMEM;
	if (H5Aread(attr, type, data) < 0) {
		rc = hdf5_error("cannot read the attribute", name);
	} else {
		rc = create_attribute(to, name, type, space,
		                      count > 0 ? data : NULL);
		H5Dvlen_reclaim(type, space, H5P_DEFAULT, data);
	}
	free(data);
	return rc;
}

static bool is_of_array(const char *name)
{
	static const char *const names[] = { HDF5_ATTR_DESCR, HDF5_ATTR_FORTRAN,
		                             HDF5_ATTR_HEADER,
		                             HDF5_ATTR_MTIME };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* The library has one negative value for all errors. */
struct copying {
	hid_t to;
	int rc;
};

static int copy_opened(hid_t attr, hid_t to, const char *name)
{
	hid_t type = H5Aget_type(attr);
	hid_t space = H5Aget_space(attr);
	int rc = copy_data(attr, to, name, type, space);

	hdf5_close_id(space);
	hdf5_close_id(type);
	return rc;
}

static herr_t copy_attribute(hid_t from, const char *name,
                             const H5A_info_t *info, void *arg)
{
	struct copying *copying = arg;
	hid_t attr;

	(void)info;
	if (is_of_array(name) || H5Aexists(copying->to, name) > 0)
		return 0;
	attr = H5Aopen(from, name, H5P_DEFAULT);
	copying->rc = attr < 0 ? hdf5_error("cannot read the attribute", name)
	                       : copy_opened(attr, copying->to, name);
	hdf5_close_id(attr);
	return copying->rc ? -1 : 0;
}

int hdf5_attrs_copy(hid_t from, hid_t to)
{
	struct copying copying = { .to = to };
	hsize_t index = 0;
	int rc = H5Aiterate2(from, H5_INDEX_NAME, H5_ITER_INC, &index,
	                     copy_attribute, &copying);

	if (rc && !copying.rc)
		return hdf5_error("cannot copy", "attributes");
	return copying.rc;
}
