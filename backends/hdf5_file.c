/* SPDX-License-Identifier: MIT */
#include "backends/hdf5_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "backends/blob.h"
#include "backends/log.h"

#define LOCKED_MS 1000
#define RETRY_MS 10

struct hdf5_file {
	char *path;
	char *former; /* path, which others may be reading */
	bool read_only;
	hid_t id; /* negative: closed */
	bool writable;
	atomic_bool locked; /* another program did not let us in */
	unsigned int pins;  /* long works under way */
	uint64_t session;
	uint64_t generation;
	uint64_t flushes;
	struct stat seen; /* the file as it was left, or found at opening */
	int64_t used_ms;
	struct hdf5_closer *closer; /* borrowed */
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void sleep_ms(int64_t ms)
{
	struct timespec time = { .tv_sec = ms / 1000,
		                 .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

hid_t hdf5_file_access(H5F_libver_t highest)
{
	hid_t access = H5Pcreate(H5P_FILE_ACCESS);

	H5Pset_libver_bounds(access, H5F_LIBVER_EARLIEST, highest);
	H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
	return access;
}

static int descriptor(hid_t id)
{
	void *handle = NULL;

	if (H5Fget_vfd_handle(id, H5P_DEFAULT, &handle) < 0 || !handle)
		return -1;
	return *(int *)handle;
}

/* A child process must not inherit the file, and its lock with it. */
static void close_on_exec(hid_t id)
{
	int fd = descriptor(id);

	if (fd >= 0)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* The causes of the last trial count. */
static int open_file(const char *path, bool write, hid_t *out,
                     char why[HDF5_MESSAGE_SIZE])
{
	static const H5F_libver_t versions[] = { H5F_LIBVER_V18,
		                                 H5F_LIBVER_LATEST };
	int rc = -EIO;

	/* A file of a newer format is not opened for writing as an old one. */
	for (size_t i = 0; rc == -EIO && i < 2; i++) {
		hid_t access = hdf5_file_access(versions[i]);
		hid_t id = H5Fopen(path, write ? H5F_ACC_RDWR : H5F_ACC_RDONLY,
		                   access);

		if (id >= 0) {
			close_on_exec(id);
			*out = id;
			rc = 0;
		} else {
			hdf5_last_message(why);
			rc = hdf5_errno_of(why);
		}
		hdf5_close_id(access);
	}
	return rc;
}

static void close_file(struct hdf5_file *file)
{
	if (file->id < 0)
		return;
	if (H5Fclose(file->id) < 0)
		hdf5_error("cannot close", file->path);
	file->id = -1;
	if (stat(file->path, &file->seen) != 0)
		file->seen = (struct stat){ 0 };
}

bool hdf5_file_rest(struct hdf5_file *file, int64_t idle_ms)
{
	if (file->pins == 0 && now_ms() - file->used_ms >= idle_ms)
		close_file(file);
	return file->id >= 0;
}

static int try_open(struct hdf5_file *file, bool write)
{
	char why[HDF5_MESSAGE_SIZE];
	struct stat found;
	int rc;

	if (stat(file->path, &found) != 0)
		return errno == ENOENT ? -ENOENT : -EIO;
	rc = open_file(file->path, write, &file->id, why);
	if (rc && rc != -EAGAIN)
		log_error("hdf5: cannot open %s: %s", file->path, why);
	if (rc)
		return rc;
	if (!same_file(&found, &file->seen))
		file->generation++;
	file->seen = found;
	file->writable = write;
	file->session++;
	file->used_ms = now_ms();
	rc = hdf5_closer_wake(file->closer);
	if (rc)
		close_file(file);
	return rc;
}

int hdf5_file_join(struct hdf5_file *file, enum hdf5_access access)
{
	bool write = access == HDF5_WRITE;
	int rc = 0;

	file->used_ms = now_ms();
	if (write && file->read_only)
		return -EROFS;
	for (int64_t until = now_ms() + LOCKED_MS;;) {
		if (file->id >= 0 && (file->writable || !write))
			return 0;
		close_file(file);
		rc = try_open(file, write);
		if (rc != -EAGAIN || now_ms() >= until)
			break;
		hdf5_unlock();
		sleep_ms(RETRY_MS);
		hdf5_lock();
	}
	if (rc != -EAGAIN) {
		atomic_store(&file->locked, false);
		return rc;
	}
	if (write && try_open(file, false) == 0)
		return -EROFS;
	if (!atomic_exchange(&file->locked, true))
		log_error("hdf5: cannot open %s: another program holds it",
		          file->path);
	return rc;
}

bool hdf5_file_is_locked(const struct hdf5_file *file)
{
	return atomic_load(&file->locked);
}

int hdf5_file_enter(struct hdf5_file *file, enum hdf5_access access)
{
	int rc;

	hdf5_lock();
	rc = hdf5_file_join(file, access);
	if (rc)
		hdf5_unlock();
	return rc == -EAGAIN ? -EIO : rc;
}

void hdf5_file_leave(struct hdf5_file *file)
{
	file->used_ms = now_ms();
	hdf5_unlock();
}

void hdf5_file_yield(struct hdf5_file *file)
{
	file->pins++;
	hdf5_unlock();
	hdf5_lock();
	file->pins--;
}

int hdf5_file_new(const char *path, bool read_only, struct hdf5_closer *closer,
                  struct hdf5_file **out)
{
	struct hdf5_file *file = calloc(1, sizeof(*file));
	char *copy = strdup(path);

	if (!file || !copy) {
		free(file);
		free(copy);
		return -ENOMEM;
	}
	file->id = -1;
	file->read_only = read_only;
	file->closer = closer;
	file->path = copy;
	*out = file;
	return 0;
}

void hdf5_file_free(struct hdf5_file *file)
{
	if (!file)
		return;
	hdf5_lock();
	close_file(file);
	hdf5_unlock();
	free(file->former);
	free(file->path);
	free(file);
}

hid_t hdf5_file_id(const struct hdf5_file *file)
{
	return file->id;
}

const char *hdf5_file_path(const struct hdf5_file *file)
{
	return file->path;
}

uint64_t hdf5_file_session(const struct hdf5_file *file)
{
	return file->id >= 0 ? file->session : 0;
}

uint64_t hdf5_file_generation(const struct hdf5_file *file)
{
	return file->generation;
}

uint64_t hdf5_file_changes(const struct hdf5_file *file)
{
	return file->generation + file->flushes;
}

bool hdf5_file_is(const struct hdf5_file *file, const struct stat *status)
{
	return file->seen.st_ino == status->st_ino &&
	       file->seen.st_dev == status->st_dev;
}

void hdf5_file_look(struct hdf5_file *file)
{
	struct stat found;

	if (stat(file->path, &found) != 0)
		found = (struct stat){ 0 };
	if (file->pins > 0 || (file->id >= 0 ? hdf5_file_is(file, &found)
	                                     : same_file(&found, &file->seen)))
		return;
	close_file(file);
	file->seen = found;
	file->generation++;
}

int hdf5_file_follow(struct hdf5_file *file, const char *path)
{
	char *copy = strdup(path);

	if (!copy)
		return -ENOMEM;
	free(file->former);
	file->former = file->path;
	file->path = copy;
	return 0;
}

/* The lock on the old file is held until the new one is in its place. */
int hdf5_file_replace(struct hdf5_file *file, const char *made)
{
	if (rename(made, file->path) != 0) {
		int rc = -errno;

		log_error("hdf5: cannot replace %s: %s", file->path,
		          strerror(-rc));
		return rc;
	}
	close_file(file);
	file->generation++;
	return 0;
}

int hdf5_file_reserve(struct hdf5_file *file, uint64_t size)
{
	int fd = descriptor(file->id);
	haddr_t end;

	if (fd < 0 || H5Fget_eoa(file->id, &end) < 0)
		return hdf5_error("cannot look at", file->path);
	if (fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)end, (off_t)size) == 0 ||
	    (errno != ENOSPC && errno != EDQUOT && errno != EFBIG))
		return 0; /* there is room, or no way to tell */
	log_error("hdf5: cannot write %s: %s", file->path, strerror(ENOSPC));
	hdf5_file_unreserve(file);
	return -ENOSPC;
}

void hdf5_file_unreserve(struct hdf5_file *file)
{
	int fd = descriptor(file->id);
	struct stat status;

	/* To its own size: that frees what lies behind the end. */
	if (fd < 0 || fstat(fd, &status) != 0 ||
	    ftruncate(fd, status.st_size) != 0)
		log_debug("hdf5: cannot trim %s", file->path);
}

int hdf5_file_flush(struct hdf5_file *file)
{
	int rc = 0;

	file->flushes++;
	if (H5Fflush(file->id, H5F_SCOPE_GLOBAL) < 0)
		rc = hdf5_error("cannot write", file->path);
	hdf5_file_unreserve(file);
	return rc;
}

static int sync_path(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);
	int rc = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fsync(fd) != 0)
		rc = -errno;
	close(fd);
	if (rc)
		log_error("hdf5: cannot sync %s: %s", path, strerror(-rc));
	return rc;
}

int hdf5_file_sync(struct hdf5_file *file)
{
	int rc = 0;

	hdf5_lock();
	if (file->id >= 0 && file->writable)
		rc = hdf5_file_flush(file);
	hdf5_unlock();
	return rc ? rc : sync_path(file->path, O_RDONLY);
}
