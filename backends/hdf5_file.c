/* SPDX-License-Identifier: MIT */
#include "backends/hdf5_file_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "backends/file.h"
#include "backends/hdf5_driver.h"
#include "backends/log.h"

#define LOCKED_MS 1000
#define RETRY_MS 10

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

/* A child process must not inherit the file, and its lock with it. */
static void close_on_exec(hid_t id)
{
	int fd = hdf5_descriptor(id);

	if (fd >= 0)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* Where nothing was opened, nothing has happened. */
static void give_up(struct journal *journal)
{
	journal_doom(journal);
	(void)journal_end(journal);
}

/* For writing, through JOURNAL, unless it is NULL.  The causes of the last
 * trial count. */
static int open_file(const char *path, struct journal *journal, hid_t *out,
                     char why[HDF5_MESSAGE_SIZE])
{
	static const H5F_libver_t versions[] = { H5F_LIBVER_V18,
		                                 H5F_LIBVER_LATEST };
	int rc = -EIO;

	/* A file of a newer format is not opened for writing as an old one. */
	for (size_t i = 0; rc == -EIO && i < 2; i++) {
		hid_t access = hdf5_file_access(versions[i]);
		hid_t id = -1;

		if (hdf5_driver_set(access, journal) == 0)
			id = H5Fopen(path,
			             journal ? H5F_ACC_RDWR : H5F_ACC_RDONLY,
			             access);
		if (id >= 0) {
			close_on_exec(id);
			*out = id;
			rc = 0;
		} else {
			hdf5_last_message(why);
			rc = hdf5_errno_of(why);
			if (journal)
				give_up(journal);
		}
		hdf5_close_id(access);
	}
	return rc;
}

void hdf5_file_close(struct hdf5_file *file)
{
	int rc;

	if (file->id < 0)
		return;
	if (H5Fclose(file->id) < 0) {
		hdf5_error("cannot close", file->path);
		journal_doom(file->journal);
	}
	file->id = -1;
	rc = journal_end(file->journal);
	if (rc)
		log_error("hdf5: cannot finish %s: %s", file->path,
		          strerror(-rc));
	if (stat(file->path, &file->seen) != 0)
		file->seen = (struct stat){ 0 };
}

bool hdf5_file_rest(struct hdf5_file *file, int64_t idle_ms)
{
	if (file->pins == 0 && now_ms() - file->used_ms >= idle_ms)
		hdf5_file_close(file);
	return file->id >= 0;
}

static int try_open(struct hdf5_file *file, bool write)
{
	char why[HDF5_MESSAGE_SIZE];
	struct stat found;
	int rc;

	if (stat(file->path, &found) != 0)
		return errno == ENOENT ? -ENOENT : -EIO;
	rc = hdf5_file_recover(file->path, file->read_only);
	if (rc)
		return rc;
	rc =
	    open_file(file->path, write ? file->journal : NULL, &file->id, why);
	if (rc && rc != -EAGAIN)
		log_error("hdf5: cannot open %s: %s", file->path, why);
	if (rc)
		return rc;
	if (!same_file(&found, &file->seen))
		file->generation++;
	file->seen = found;
	file->writable = write;
	file->session++;
	file->failures = hdf5_failures();
	file->unread = hdf5_unread();
	file->used_ms = now_ms();
	rc = hdf5_closer_wake(file->closer);
	if (rc)
		hdf5_file_close(file);
	return rc;
}

static bool has_failed(const struct hdf5_file *file)
{
	return file->id >= 0 && file->failures != hdf5_failures();
}

/* What the library has failed at is read anew.  A change that is under way
 * cannot be: it is not to be committed. */
static void forget_failures(struct hdf5_file *file)
{
	if (!has_failed(file))
		return;
	if (journal_is_active(file->journal))
		journal_doom(file->journal);
	else if (file->pins == 0)
		hdf5_file_abort(file);
}

void hdf5_file_renew(struct hdf5_file *file)
{
	if (has_failed(file) && file->pins == 0)
		hdf5_file_abort(file);
}

int hdf5_file_doubt(const struct hdf5_file *file, int rc)
{
	bool doubtful = file->id >= 0 && file->unread != hdf5_unread();

	return doubtful && (rc == 0 || rc == -ENOENT) ? -EIO : rc;
}

int hdf5_file_join(struct hdf5_file *file, enum hdf5_access access)
{
	bool write = access == HDF5_WRITE;
	int rc = 0;

	forget_failures(file);
	file->used_ms = now_ms();
	if (write && file->read_only)
		return -EROFS;
	for (int64_t until = now_ms() + LOCKED_MS;;) {
		if (file->id >= 0 && (file->writable || !write))
			return 0;
		hdf5_file_close(file);
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
	hdf5_file_renew(file);
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
	int rc;

	if (!file || !copy) {
		free(file);
		free(copy);
		return -ENOMEM;
	}
	file->id = -1;
	file->read_only = read_only;
	file->closer = closer;
	file->path = copy;
	rc = journal_new(path, &file->journal);
	if (rc)
		hdf5_file_free(file);
	else
		*out = file;
	return rc;
}

void hdf5_file_free(struct hdf5_file *file)
{
	if (!file)
		return;
	hdf5_lock();
	hdf5_file_close(file);
	hdf5_unlock();
	free(file->former);
	journal_free(file->journal);
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
	hdf5_file_close(file);
	file->seen = found;
	file->generation++;
}

int hdf5_file_follow(struct hdf5_file *file, const char *path)
{
	char *copy = strdup(path);
	int rc = copy ? journal_follow(file->journal, path) : -ENOMEM;

	if (rc) {
		free(copy);
		return rc;
	}
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
	hdf5_file_abort(file); /* the old one is nobody's now */
	file->generation++;
	return 0;
}

struct journal *hdf5_file_journal(struct hdf5_file *file)
{
	return file->journal;
}
