/* SPDX-License-Identifier: MIT */
#include "backends/hdf5_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/log.h"

int hdf5_file_reserve(struct hdf5_file *file, uint64_t size)
{
	int fd = hdf5_descriptor(hdf5_file_id(file));
	haddr_t end;

	if (fd < 0 || H5Fget_eoa(hdf5_file_id(file), &end) < 0)
		return hdf5_error("cannot look at", hdf5_file_path(file));
	if (fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)end, (off_t)size) == 0 ||
	    (errno != ENOSPC && errno != EDQUOT && errno != EFBIG))
		return 0; /* there is room, or no way to tell */
	log_error("hdf5: cannot write %s: %s", hdf5_file_path(file),
	          strerror(ENOSPC));
	hdf5_file_unreserve(file);
	return -ENOSPC;
}

void hdf5_file_unreserve(struct hdf5_file *file)
{
	int fd = hdf5_descriptor(hdf5_file_id(file));
	struct stat status;

	/* To its own size: that frees what lies behind the end. */
	if (fd < 0 || fstat(fd, &status) != 0 ||
	    ftruncate(fd, status.st_size) != 0)
		log_debug("hdf5: cannot trim %s", hdf5_file_path(file));
}
