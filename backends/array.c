/* SPDX-License-Identifier: MIT */
#include "backends/array.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void array_info_release(struct array_info *info)
{
	dtype_release(&info->dtype);
	blob_release(&info->header);
	*info = (struct array_info){ 0 };
}

int array_info_copy(struct array_info *out, const struct array_info *info)
{
	struct array_info copy = *info;

	copy.dtype = (struct dtype){ 0 };
	copy.header = (struct blob){ 0 };
	if (dtype_copy(&copy.dtype, &info->dtype))
		return -ENOMEM;
	if (info->header.size &&
	    blob_set(&copy.header, info->header.data, info->header.size)) {
		dtype_release(&copy.dtype);
		return -ENOMEM;
	}
	*out = copy;
	return 0;
}

bool array_info_equal(const struct array_info *a, const struct array_info *b)
{
	return a->ndim == b->ndim && a->fortran == b->fortran &&
	       memcmp(a->shape, b->shape,
	              (size_t)a->ndim * sizeof(a->shape[0])) == 0 &&
	       dtype_equal(&a->dtype, &b->dtype) &&
	       blob_equal(&a->header, &b->header);
}

int array_info_count(const struct array_info *info, uint64_t *out)
{
	uint64_t count = 1;
	bool empty = false;

	/* An empty array, too, must not claim impossible other axes. */
	for (int i = 0; i < info->ndim; i++) {
		if (info->shape[i] == 0)
			empty = true;
		else if (__builtin_mul_overflow(count, info->shape[i], &count))
			return -EOVERFLOW;
	}
	if (count > INT64_MAX)
		return -EOVERFLOW;
	*out = empty ? 0 : count;
	return 0;
}

int array_info_measure(struct array_info *info)
{
	uint64_t nbytes;
	int rc = array_info_count(info, &nbytes);

	if (rc)
		return rc;
	if (__builtin_mul_overflow(nbytes, info->dtype.itemsize, &nbytes) ||
	    nbytes > INT64_MAX)
		return -EOVERFLOW;
	info->nbytes = nbytes;
	return 0;
}

void array_release(struct array *array)
{
	array_info_release(&array->info);
	blob_release(&array->owned);
	*array = (struct array){ 0 };
}

int array_copy(struct array *out, const struct array *array)
{
	struct array copy = { 0 };

	if (blob_set(&copy.owned, array->data, array->info.nbytes) ||
	    array_info_copy(&copy.info, &array->info)) {
		array_release(&copy);
		return -ENOMEM;
	}
	copy.data = copy.owned.data;
	*out = copy;
	return 0;
}

bool array_equal(const struct array *a, const struct array *b)
{
	return a->info.nbytes == b->info.nbytes &&
	       array_info_equal(&a->info, &b->info) &&
	       (a->info.nbytes == 0 ||
	        memcmp(a->data, b->data, a->info.nbytes) == 0);
}
