/* SPDX-License-Identifier: MIT */
/*
 * Object and region references name places in their file.  A file that is
 * copied object by object has other places, so one that holds references must
 * not be.  engramfs stores none; h5py's dimension scales are made of them.
 */
#include "backends/hdf5_internal.h"

#include <errno.h>

#include "backends/log.h"

static bool type_refers(hid_t type)
{
	return type >= 0 && H5Tdetect_class(type, H5T_REFERENCE) > 0;
}

static herr_t visit_attribute(hid_t object, const char *name,
                              const H5A_info_t *info, void *arg)
{
	hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
	hid_t type = attribute < 0 ? -1 : H5Aget_type(attribute);
	bool refers = type_refers(type);

	(void)info;
	(void)arg;
	hdf5_close_id(type);
	hdf5_close_id(attribute);
	return refers;
}

/* 1: the object or one of its attributes refers to another. */
static herr_t visit_object(hid_t root, const char *name, const H5O_info_t *info,
                           void *arg)
{
	hid_t object = H5Oopen(root, name, H5P_DEFAULT);
	hid_t type = -1;
	herr_t found = object < 0 ? -1 : 0;

	(void)arg;
	if (found == 0 && info->type == H5O_TYPE_DATASET)
		type = H5Dget_type(object);
	if (type_refers(type))
		found = 1;
	if (found == 0)
		found = H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_NATIVE, NULL,
		                    visit_attribute, NULL);
	hdf5_close_id(type);
	hdf5_close_id(object);
	return found;
}

int hdf5_check_references(const struct hdf5_file *file)
{
	herr_t found =
	    H5Ovisit2(hdf5_file_id(file), H5_INDEX_NAME, H5_ITER_NATIVE,
	              visit_object, NULL, H5O_INFO_BASIC);

	if (found < 0)
		return hdf5_error("cannot look through", "the file");
	if (found == 0)
		return 0;
	log_error("hdf5: %s holds references (of dimension scales?), which a "
	          "copy would lose",
	          hdf5_file_path(file));
	return -ENOTSUP;
}
