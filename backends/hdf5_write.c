/* SPDX-License-Identifier: MIT */
#include "backends/hdf5_internal.h"

#include <errno.h>
#include <string.h>

#include "backends/hdf5_attr.h"
#include "backends/hdf5_pack.h"
#include "backends/hdf5_plan.h"
#include "backends/hdf5_type.h"

static uint64_t product(const uint64_t *counts, int ndim)
{
	uint64_t count = 1;

	for (int i = 0; i < ndim; i++)
		count *= counts[i];
	return count;
}

/* What was packed already decides. */
static const struct hdf5_filter *filter_of(const struct hdf5_store *store,
                                           const struct array *array)
{
	if (array->packed)
		return hdf5_filter_of_packed(store->filter, array->packed);
	return hdf5_filter_for(store->filter, array->info.dtype.itemsize,
	                       array->data, array->info.nbytes);
}

static int creation_list(struct hdf5_store *store, hid_t type,
                         const struct array *array, const uint64_t *chunk,
                         hid_t *out)
{
	int ndim = array->info.ndim;
	hid_t list = H5Pcreate(H5P_DATASET_CREATE);
	hsize_t dims[ARRAY_MAX_DIMS];
	int rc = 0;

	H5Pset_obj_track_times(list, 0);
	H5Pset_fill_time(list, H5D_FILL_TIME_ALLOC);
	for (int i = 0; i < ndim; i++)
		dims[i] = chunk[i];
	if (ndim > 0 && H5Pset_chunk(list, ndim, dims) < 0)
		rc = hdf5_error("cannot set", "chunks");
	if (rc == 0 && ndim > 0)
		rc =
		    hdf5_filter_apply(filter_of(store, array), &store->settings,
		                      type, product(chunk, ndim), list);
	if (rc)
		hdf5_close_id(list);
	else
		*out = list;
	return rc;
}

/* The first axis can grow, as in the files of the Python classes. */
static hid_t make_space(const struct array_info *info)
{
	hsize_t dims[ARRAY_MAX_DIMS];
	hsize_t most[ARRAY_MAX_DIMS];

	if (info->ndim == 0)
		return H5Screate(H5S_SCALAR);
	for (int i = 0; i < info->ndim; i++) {
		dims[i] = info->shape[i];
		most[i] = i == 0 ? H5S_UNLIMITED : info->shape[i];
	}
	return H5Screate_simple(info->ndim, dims, most);
}

static int create_dataset(struct hdf5_store *store, hid_t file, hid_t type,
                          const struct array *array, const uint64_t *chunk,
                          hid_t *out)
{
	hid_t list = -1;
	hid_t space = make_space(&array->info);
	hid_t access = H5Pcreate(H5P_DATASET_ACCESS);
	hid_t dataset = -1;
	int rc = space < 0 ? hdf5_error("cannot make", "a data space")
	                   : creation_list(store, type, array, chunk, &list);

	/* Whole chunks are written: none is kept for later. */
	H5Pset_chunk_cache(access, 0, 0, 1.0);
	if (rc == 0)
		dataset = H5Dcreate_anon(file, type, space, list, access);
	if (rc == 0 && dataset < 0)
		rc = hdf5_error("cannot make", "a data set");
	hdf5_close_id(space);
	hdf5_close_id(list);
	hdf5_close_id(access);
	if (rc == 0)
		*out = dataset;
	return rc;
}

/* Say in an attribute what the type cannot. */
static int write_descr(hid_t dataset, hid_t type, const struct dtype *dtype)
{
	struct dtype reread = { 0 };
	uint64_t axes[ARRAY_MAX_DIMS];
	struct blob descr = { 0 };
	struct value *text;
	int ndim;
	int rc = hdf5_type_read(type, &reread, &ndim, axes);
	bool complete = rc == 0 && dtype_equal(&reread, dtype);

	if (rc == 0)
		dtype_release(&reread);
	if (complete || (rc && rc != -ENOTSUP))
		return complete ? 0 : rc;
	rc = dtype_append_descr(dtype, &descr);
	if (rc)
		return rc;
	text = value_new_text(descr.data, descr.size);
	rc = text ? hdf5_attr_write(dataset, HDF5_ATTR_DESCR, text) : -ENOMEM;
	value_unref(text);
	blob_release(&descr);
	return rc;
}

static int write_own_attributes(hid_t dataset, hid_t type,
                                const struct array_info *info)
{
	const int64_t one = 1;
	int rc = write_descr(dataset, type, &info->dtype);

	if (rc == 0 && info->fortran)
		rc = hdf5_attr_write_ints(dataset, HDF5_ATTR_FORTRAN, &one, 1);
	if (rc == 0 && info->header.size > 0)
		rc =
		    hdf5_attr_write_bytes(dataset, HDF5_ATTR_HEADER,
		                          info->header.data, info->header.size);
	return rc;
}

static void let_others_in(void *arg)
{
	hdf5_file_yield(arg);
}

static int write_elements(struct hdf5_store *store, struct hdf5_file *file,
                          hid_t dataset, hid_t type, const struct array *array,
                          const uint64_t *chunk)
{
	struct hdf5_grid grid = { .dataset = dataset,
		                  .type = type,
		                  .element = array->info.dtype.itemsize,
		                  .ndim = array->info.ndim,
		                  .fortran = array->info.fortran };

	int rc;

	if (array->info.nbytes == 0)
		return 0;
	memcpy(grid.dims, array->info.shape, sizeof(grid.dims));
	rc = hdf5_pack_write(store->packers, &grid, array, let_others_in, file);
	if (rc != -ENOTSUP)
		return rc;
	return hdf5_range_write(&grid, array->data, chunk, let_others_in, file);
}

/* Bytes of the B-tree of chunks, whose nodes may be half empty. */
static uint64_t index_size(const struct array_info *info, const uint64_t *chunk)
{
	uint64_t entry = 2 * (8 + 8 + 8 * ((uint64_t)info->ndim + 2));
	uint64_t chunks = 1;

	for (int i = 0; i < info->ndim; i++)
		chunks *= (info->shape[i] + chunk[i] - 1) / chunk[i];
	return chunks * entry;
}

static int fill_dataset(struct hdf5_store *store, struct hdf5_file *file,
                        hid_t dataset, hid_t type, const struct array *array,
                        const uint64_t *chunk)
{
	int rc = write_elements(store, file, dataset, type, array, chunk);

	/* The elements are in the file; their index is yet to come. */
	if (rc == 0)
		rc = hdf5_file_reserve(
		    file, HDF5_RECORD_ROOM + index_size(&array->info, chunk));
	if (rc == 0)
		rc = write_own_attributes(dataset, type, &array->info);
	return rc;
}

int hdf5_write_array(struct hdf5_store *store, struct hdf5_file *file,
                     const struct array *array, hid_t *out)
{
	uint64_t chunk[ARRAY_MAX_DIMS];
	hid_t dataset = -1;
	hid_t type = -1;
	int rc = hdf5_type_make(&array->info.dtype, &type);

	if (rc)
		return rc;
	hdf5_plan_chunk(&store->settings, &array->info, H5Tget_size(type),
	                chunk);
	rc = create_dataset(store, hdf5_file_id(file), type, array, chunk,
	                    &dataset);
	if (rc == 0)
		rc = fill_dataset(store, file, dataset, type, array, chunk);
	hdf5_close_id(type);
	if (rc)
		hdf5_close_id(dataset);
	else
		*out = dataset;
	return rc;
}

int hdf5_write_nothing(hid_t file, hid_t *out)
{
	hid_t space = H5Screate(H5S_NULL);
	hid_t list = H5Pcreate(H5P_DATASET_CREATE);

	H5Pset_obj_track_times(list, 0);
	*out = H5Dcreate_anon(file, H5T_STD_U8LE, space, list, H5P_DEFAULT);
	hdf5_close_id(list);
	hdf5_close_id(space);
	return *out < 0 ? hdf5_error("cannot make", "an empty data set") : 0;
}
