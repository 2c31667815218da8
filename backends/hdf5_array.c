/* SPDX-License-Identifier: MIT */
#include "backends/hdf5_internal.h"

#include <errno.h>
#include <string.h>

#include "backends/hdf5_attr.h"
#include "backends/hdf5_type.h"
#include "backends/log.h"
#include "backends/npy.h"

/* Elements in other files are not followed. */
static bool is_self_contained(hid_t dataset)
{
	hid_t list = H5Dget_create_plist(dataset);
	bool inside = list >= 0 && H5Pget_external_count(list) == 0 &&
	              H5Pget_layout(list) != H5D_VIRTUAL;

	hdf5_close_id(list);
	return inside;
}

static int append_axes(struct array_info *info, hid_t dataset, int extra,
                       const uint64_t *axes)
{
	hsize_t dims[H5S_MAX_RANK];
	hid_t space = H5Dget_space(dataset);
	int ndim = H5Sget_simple_extent_dims(space, dims, NULL);
	bool is_null = H5Sget_simple_extent_type(space) == H5S_NULL;

	hdf5_close_id(space);
	if (ndim < 0 || is_null || ndim + extra > ARRAY_MAX_DIMS)
		return -ENOTSUP;
	for (int i = 0; i < ndim; i++)
		info->shape[i] = dims[i];
	for (int i = 0; i < extra; i++)
		info->shape[ndim + i] = axes[i];
	info->ndim = ndim + extra;
	return 0;
}

/* The attribute that says more than the type, where it agrees with it. */
static int refine_dtype(hid_t dataset, struct array_info *info)
{
	struct blob descr = { 0 };
	struct dtype dtype = { 0 };
	int rc = hdf5_attr_read_bytes(dataset, HDF5_ATTR_DESCR, &descr);

	if (rc == 0)
		rc = dtype_parse_descr(descr.data, descr.size, &dtype, NULL);
	blob_release(&descr);
	if (rc)
		return rc == -ENOENT || rc == -EINVAL ? 0 : rc;
	if (dtype.itemsize != info->dtype.itemsize && dtype.itemsize != 0) {
		dtype_release(&dtype);
		return 0;
	}
	dtype_release(&info->dtype);
	info->dtype = dtype;
	return 0;
}

/* The header that was kept, where it still tells the truth. */
static int read_header(hid_t dataset, struct array_info *info)
{
	struct array_info parsed = { 0 };
	struct blob header = { 0 };
	size_t size;
	int rc = hdf5_attr_read_bytes(dataset, HDF5_ATTR_HEADER, &header);

	if (rc == 0)
		rc = npy_parse_header(header.data, header.size, &parsed, &size,
		                      NULL);
	blob_release(&header);
	if (rc)
		return rc == -ENOMEM ? rc : 0;
	blob_move(&header, &parsed.header);
	if (array_info_equal(&parsed, info))
		blob_move(&info->header, &header);
	blob_release(&header);
	array_info_release(&parsed);
	return 0;
}

static int read_own_attributes(hid_t dataset, bool can_transpose,
                               struct array_info *info)
{
	int64_t fortran = 0;
	size_t count;
	int rc;

	rc = hdf5_attr_read_ints(dataset, HDF5_ATTR_FORTRAN, &fortran, 1,
	                         &count);
	info->fortran = can_transpose && rc == 0 && count == 1 && fortran == 1;
	rc = refine_dtype(dataset, info);
	if (rc == 0)
		rc = array_info_measure(info);
	if (rc == 0)
		rc = read_header(dataset, info);
	return rc == -EOVERFLOW ? -ENOTSUP : rc;
}

int hdf5_array_info(hid_t dataset, struct array_info *out)
{
	struct array_info info = { 0 };
	uint64_t axes[ARRAY_MAX_DIMS];
	int extra = 0;
	hid_t type = H5Dget_type(dataset);
	int rc = type < 0 || !is_self_contained(dataset)
	             ? -ENOTSUP
	             : hdf5_type_read(type, &info.dtype, &extra, axes);

	hdf5_close_id(type);
	if (rc == 0)
		rc = append_axes(&info, dataset, extra, axes);
	if (rc == 0)
		rc = read_own_attributes(dataset, extra == 0, &info);
	if (rc)
		array_info_release(&info);
	else
		*out = info;
	return rc;
}

int hdf5_array_grid(hid_t dataset, const struct array_info *info,
                    struct hdf5_grid *out)
{
	struct hdf5_grid grid = { .dataset = dataset,
		                  .fortran = info->fortran };
	hsize_t dims[H5S_MAX_RANK];
	hid_t space = H5Dget_space(dataset);

	grid.ndim = H5Sget_simple_extent_dims(space, dims, NULL);
	hdf5_close_id(space);
	grid.type = H5Dget_type(dataset);
	if (grid.type < 0 || grid.ndim < 0)
		return hdf5_error("cannot read", "a data set");
	for (int i = 0; i < grid.ndim; i++)
		grid.dims[i] = dims[i];
	grid.element = H5Tget_size(grid.type);

	/* As h5py shows texts that are padded with something else. */
	if (H5Tget_class(grid.type) == H5T_STRING)
		H5Tset_strpad(grid.type, H5T_STR_NULLPAD);
	*out = grid;
	return 0;
}

int hdf5_array_open(hid_t file, const char *path, hid_t *dataset,
                    struct array_info *info)
{
	hid_t id = -1;
	int rc = hdf5_open_object(file, path, &id);

	if (rc)
		return rc;
	rc = H5Iget_type(id) == H5I_DATASET ? hdf5_array_info(id, info)
	                                    : -ENOENT;
	if (rc == 0) {
		*dataset = id;
		return 0;
	}
	hdf5_close_id(id);
	if (rc != -ENOTSUP)
		return rc;
	log_debug("hdf5: %s is left out: not an array for npy", path);
	return -ENOENT;
}
