/* SPDX-License-Identifier: MIT */
#include "backends/hdf5_file.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "backends/blob.h"
#include "backends/file.h"

static int fill_new(const char *path, int (*fill)(hid_t id, const void *arg),
                    const void *arg)
{
	hid_t access = hdf5_file_access(H5F_LIBVER_V18);
	hid_t id = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, access);
	int rc = id < 0 ? hdf5_error("cannot create", path) : fill(id, arg);

	hdf5_close_id(access);
	if (id >= 0 && H5Fclose(id) < 0 && rc == 0)
		rc = hdf5_error("cannot write", path);
	return rc ? rc : file_sync(path);
}

int hdf5_file_create(const char *path, int (*fill)(hid_t id, const void *arg),
                     const void *arg)
{
	struct blob made = { 0 };
	int rc = blob_printf(&made, "%s.new", path);

	if (rc)
		return rc;
	hdf5_lock();
	rc = fill_new(made.data, fill, arg);
	hdf5_unlock();
	if (rc == 0 && rename(made.data, path) != 0)
		rc = -errno;
	if (rc)
		unlink(made.data);
	blob_release(&made);
	return rc;
}
