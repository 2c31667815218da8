/* SPDX-License-Identifier: MIT */
#include "backends/hdf5_file_internal.h"

#include <errno.h>
#include <string.h>

#include "backends/file.h"
#include "backends/log.h"

static int commit(struct hdf5_file *file)
{
	int rc = journal_commit(file->journal);

	if (rc)
		log_error("hdf5: cannot write %s: %s", file->path,
		          strerror(-rc));
	return rc;
}

int hdf5_file_flush(struct hdf5_file *file)
{
	int rc = 0;

	file->flushes++;
	if (H5Fflush(file->id, H5F_SCOPE_GLOBAL) < 0)
		rc = hdf5_error("cannot write", file->path);
	else
		rc = commit(file);
	hdf5_file_unreserve(file);
	if (rc)
		hdf5_file_abort(file);
	return rc;
}

void hdf5_file_abort(struct hdf5_file *file)
{
	journal_doom(file->journal);
	hdf5_file_close(file);
}

int hdf5_file_sync(struct hdf5_file *file)
{
	int rc = 0;

	hdf5_lock();
	if (file->id >= 0 && file->writable)
		rc = hdf5_file_flush(file);
	if (rc == 0)
		rc = journal_sync(file->journal);
	hdf5_unlock();
	if (rc == 0)
		rc = file_sync(file->path);
	if (rc == -ENOENT)
		return 0;
	if (rc)
		log_error("hdf5: cannot sync %s: %s", file->path,
		          strerror(-rc));
	return rc;
}
