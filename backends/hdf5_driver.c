/* SPDX-License-Identifier: MIT */
#include "backends/hdf5_driver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/file.h"

#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

#define NUMBER 511 /* of those that are free for everybody */

/* What the library keeps for the driver in an access list. */
struct choice {
	struct journal *journal; /* NULL: it is only read */
};

/* An open file. */
struct driven {
	H5FD_t base; /* the library's */
	H5FD_t *under;
	int fd;
	struct journal *journal;
	haddr_t end; /* of what is allocated */
	char why[HDF5_MESSAGE_SIZE];
};

static struct driven *driven(H5FD_t *file)
{
	return (struct driven *)file;
}

static const struct driven *driven_const(const H5FD_t *file)
{
	return (const struct driven *)file;
}

/* The words that hdf5_errno_of knows are in WHY. */
static void report(const char *function, const char *why)
{
	H5Epush2(H5E_DEFAULT, __FILE__, function, __LINE__, H5E_ERR_CLS,
	         H5E_VFL, H5E_WRITEERROR, "%s", why);
}

static int descriptor(H5FD_t *under)
{
	void *handle = NULL;

	if (H5FDget_vfd_handle(under, H5P_FILE_ACCESS_DEFAULT, &handle) < 0 ||
	    !handle)
		return -1;
	return *(int *)handle;
}

static H5FD_t *open_under(const char *path, unsigned flags, hid_t access,
                          haddr_t max)
{
	hid_t list = H5Pcopy(access);
	H5FD_t *under = NULL;

	if (list >= 0 && H5Pset_fapl_sec2(list) >= 0)
		under = H5FDopen(path, flags, list, max);
	hdf5_close_id(list);
	return under;
}

static H5FD_t *driver_open(const char *path, unsigned flags, hid_t access,
                           haddr_t max)
{
	const struct choice *choice = H5Pget_driver_info(access);
	struct driven *file = calloc(1, sizeof(*file));
	int rc;

	if (!choice || !file) {
		free(file);
		return NULL;
	}
	file->journal = choice->journal;
	file->under = open_under(path, flags, access, max);
	if (!file->under) {
		free(file);
		return NULL;
	}
	file->fd = descriptor(file->under);
	rc = file->journal ? journal_begin(file->journal, file->fd) : 0;
	if (rc) {
		H5FDclose(file->under);
		free(file);
		report(__func__, strerror(-rc));
		return NULL;
	}
	return &file->base;
}

/* The library forgets what went wrong when a function of it is called. */
static herr_t driver_close(H5FD_t *base)
{
	struct driven *file = driven(base);
	herr_t status = H5FDclose(file->under);

	if (file->why[0])
		report(__func__, file->why);
	free(file);
	return status;
}

static int driver_compare(const H5FD_t *a, const H5FD_t *b)
{
	return H5FDcmp(driven_const(a)->under, driven_const(b)->under);
}

/* H5Fget_eoa wants SWMR of a driver, to no end that we know. */
static herr_t driver_query(const H5FD_t *file, unsigned long *flags)
{
	(void)file;
	*flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA |
	         H5FD_FEAT_DATA_SIEVE | H5FD_FEAT_AGGREGATE_SMALLDATA |
	         H5FD_FEAT_POSIX_COMPAT_HANDLE | H5FD_FEAT_SUPPORTS_SWMR_IO |
	         H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
	return 0;
}

static haddr_t get_end(const H5FD_t *file, H5FD_mem_t type)
{
	(void)type;
	return driven_const(file)->end;
}

static herr_t set_end(H5FD_t *file, H5FD_mem_t type, haddr_t end)
{
	(void)type;
	driven(file)->end = end;
	return 0;
}

static haddr_t get_size(const H5FD_t *file, H5FD_mem_t type)
{
	const struct driven *driver = driven_const(file);

	return driver->journal ? journal_size(driver->journal)
	                       : H5FDget_eof(driver->under, type);
}

static herr_t get_handle(H5FD_t *file, hid_t access, void **handle)
{
	(void)access;
	*handle = &driven(file)->fd;
	return 0;
}

/* What lies beyond the end is zeros. */
static int read_plain(int fd, void *data, size_t size, uint64_t offset)
{
	ssize_t got = file_read_at(fd, data, size, (off_t)offset);

	if (got < 0)
		return (int)got;
	memset((char *)data + got, 0, size - (size_t)got);
	return 0;
}

/* NOLINTBEGIN(readability-*): the signatures are the library's. */
static herr_t driver_read(H5FD_t *file, H5FD_mem_t type, hid_t transfer,
                          haddr_t offset, size_t size, void *data)
{
	const struct driven *driver = driven(file);
	int rc = driver->journal
	             ? journal_read(driver->journal, data, size, offset)
	             : read_plain(driver->fd, data, size, offset);

	(void)type;
	(void)transfer;
	if (rc == 0)
		return 0;
	report(__func__, strerror(-rc));
	hdf5_note_unread();
	if (driver->journal)
		journal_doom(driver->journal);
	return -1;
}

static herr_t driver_write(H5FD_t *file, H5FD_mem_t type, hid_t transfer,
                           haddr_t offset, size_t size, const void *data)
{
	int rc = journal_write(driven(file)->journal, data, size, offset);

	(void)transfer;
	if (rc == 0 || type != H5FD_MEM_DRAW)
		return 0;
	report(__func__, strerror(-rc));
	return -1;
}

/* NOLINTEND(readability-*) */

static herr_t driver_truncate(H5FD_t *file, hid_t transfer, hbool_t closing)
{
	struct driven *driver = driven(file);

	(void)transfer;
	(void)closing;
	if (journal_size(driver->journal) != driver->end)
		journal_resize(driver->journal, driver->end);
	return 0;
}

static herr_t driver_lock(H5FD_t *base, hbool_t writing)
{
	struct driven *file = driven(base);
	herr_t status = H5FDlock(file->under, writing);

	if (status < 0)
		hdf5_last_message(file->why);
	return status;
}

/* The journal still has to be ended. */
static herr_t driver_unlock(H5FD_t *file)
{
	(void)file;
	return 0;
}

static const H5FD_class_t driver = {
#if H5_VERSION_GE(1, 13, 0)
	.version = H5FD_CLASS_VERSION,
	.value = (H5FD_class_value_t)NUMBER,
#endif
	.name = "engramfs",
	.maxaddr = INT64_MAX,
	.fc_degree = H5F_CLOSE_WEAK,
	.fapl_size = sizeof(struct choice),
	.open = driver_open,
	.close = driver_close,
	.cmp = driver_compare,
	.query = driver_query,
	.get_eoa = get_end,
	.set_eoa = set_end,
	.get_eof = get_size,
	.get_handle = get_handle,
	.read = driver_read,
	.write = driver_write,
	.truncate = driver_truncate,
	.lock = driver_lock,
	.unlock = driver_unlock,
	.fl_map = H5FD_FLMAP_DICHOTOMY,
};

int hdf5_driver_set(hid_t access, struct journal *journal)
{
	const struct choice choice = { .journal = journal };
	hid_t id = H5FDregister(&driver);
	herr_t status = id < 0 ? -1 : H5Pset_driver(access, id, &choice);

	hdf5_close_id(id); /* the list has it */
	return status < 0 ? -EIO : 0;
}
