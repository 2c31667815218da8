/* SPDX-License-Identifier: MIT */
#include "backends/hdf5_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backends/utf8.h"

/* There is a group at PATH; COUNT gets how many links it has. */
static bool is_group(hid_t file, const char *path, hsize_t *count)
{
	H5G_info_t info = { 0 };
	hid_t group = -1;
	bool is = hdf5_open_group(file, path, &group) == 0 &&
	          H5Gget_info(group, &info) >= 0;

	hdf5_close_id(group);
	*count = info.nlinks;
	return is;
}

int hdf5_array_check(hid_t file, const struct array_row *row, const char *name,
                     const char *path, char why[WHY_SIZE])
{
	hsize_t count;

	if (row->name)
		return 0;
	if (!utf8_is_valid(name, strlen(name)))
		snprintf(why, WHY_SIZE, "an HDF5 name must be UTF-8");
	else if (is_group(file, path, &count) && count > 0)
		snprintf(why, WHY_SIZE,
		         "array '%.100s': there is a group of that name", name);
	else
		return 0;
	return -EINVAL;
}

int hdf5_prune(hid_t file, const char *root, const char *path)
{
	struct blob part = { 0 };
	hsize_t count = 0;
	size_t size = strlen(path);
	int rc = blob_set(&part, path, size);

	while (rc == 0 && size > strlen(root) && count == 0) {
		rc = hdf5_unlink(file, part.data);
		while (size > 0 && part.data[size - 1] != '/')
			size--;
		size -= size > 0;
		part.data[size] = '\0';
		if (!is_group(file, part.data, &count))
			break;
	}
	blob_release(&part);
	return rc;
}
