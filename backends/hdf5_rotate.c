/* SPDX-License-Identifier: MIT */
/*
 * The new file is made first, beside the current one; then two renames change
 * them over.  Where the process ends between them the next one finds no current
 * file, makes a new one, and has lost nothing.
 */
#include "backends/hdf5_volumes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "backends/file.h"
#include "backends/log.h"
#include "backends/maintenance.h"

#define APPEAR_MS 1000
#define RETRY_MS 10
#define SUFFIX ".next" /* of the new file, until it takes its place */

void hdf5_note_size(struct hdf5_store *store, const struct hdf5_file *file)
{
	struct stat status;

	if (file == store->file && stat(store->path, &status) == 0 &&
	    (uint64_t)status.st_size > store->settings.max_file_size)
		atomic_store(&store->full, true);
}

bool hdf5_is_full(struct store *base)
{
	return atomic_load(&hdf5_store(base)->full);
}

/* `a.h5` and 7: `a_7.h5`. */
static int rotated_path(const char *path, uint64_t number, struct blob *out)
{
	const char *dot = strrchr(path, '.');
	size_t stem =
	    dot && !strchr(dot, '/') ? (size_t)(dot - path) : strlen(path);
	int rc = blob_set(out, path, stem);

	if (rc == 0)
		rc = blob_printf(out, "_%llu%s", (unsigned long long)number,
		                 path + stem);
	return rc;
}

/* To the first free name from now on: nothing is overwritten. */
static int rename_current(const char *path, struct blob *out)
{
	uint64_t number = (uint64_t)time(NULL);
	int rc;

	do {
		rc = rotated_path(path, number++, out);
		if (rc == 0 && renameat2(AT_FDCWD, path, AT_FDCWD, out->data,
		                         RENAME_NOREPLACE) != 0)
			rc = -errno;
	} while (rc == -EEXIST);
	return rc;
}

/* Inside of the library, so that nobody finds no file. */
static int change_over(struct hdf5_store *store, const char *made,
                       struct blob *rotated)
{
	int rc = rename_current(store->path, rotated);

	if (rc)
		return rc;
	if (renameat2(AT_FDCWD, made, AT_FDCWD, store->path,
	              RENAME_NOREPLACE) != 0) {
		rc = -errno;
		(void)renameat2(AT_FDCWD, rotated->data, AT_FDCWD, store->path,
		                RENAME_NOREPLACE);
	}
	return rc;
}

/* Beside the current file, whole or not at all. */
static int make_next(const struct hdf5_store *store, struct blob *made)
{
	int rc = blob_printf(made, "%s" SUFFIX, store->path);

	return rc ? rc : hdf5_make_file(store, made->data);
}

/* Another program may be between its two steps. */
static bool appears(const char *path)
{
	const struct timespec pause = { .tv_nsec = RETRY_MS * 1000000L };

	for (int waited = 0; waited < APPEAR_MS; waited += RETRY_MS) {
		if (access(path, F_OK) == 0)
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

int hdf5_renew(struct hdf5_store *store)
{
	struct blob made = { 0 };
	int rc;

	if (appears(store->path))
		return 0;
	rc = make_next(store, &made);
	if (rc == 0 && renameat2(AT_FDCWD, made.data, AT_FDCWD, store->path,
	                         RENAME_NOREPLACE) != 0)
		rc = -errno;
	if (rc && made.data)
		unlink(made.data);
	if (rc == 0)
		log_warn("hdf5: %s was gone: a new one was begun", store->path);
	blob_release(&made);
	return rc == -EEXIST ? 0 : rc;
}

static int sync_directory(const char *path)
{
	struct blob directory = { 0 };
	int rc =
	    blob_set(&directory, path, (size_t)(strrchr(path, '/') - path) + 1);

	if (rc == 0)
		rc = file_sync(directory.data);
	blob_release(&directory);
	return rc;
}

/* With the writers waiting. */
static int rotate(struct hdf5_store *store, struct blob *rotated)
{
	struct blob made = { 0 };
	int rc = hdf5_file_sync(store->file);

	if (rc == 0)
		rc = make_next(store, &made);
	if (rc == 0) {
		hdf5_volumes_enter(store);
		rc = change_over(store, made.data, rotated);
		hdf5_volumes_look(store);
		hdf5_unlock();
	}
	if (rc == 0)
		rc = sync_directory(store->path);
	if (rc && made.data)
		unlink(made.data);
	if (rc)
		log_error("hdf5: cannot rotate %s: %s", store->path,
		          strerror(-rc));
	blob_release(&made);
	return rc;
}

static int report(const struct hdf5_store *store, uint64_t size,
                  const struct blob *rotated, struct value *out)
{
	uint64_t limit = store->settings.max_file_size;
	int rc = value_dict_set(out, "file_size", value_new_int((int64_t)size));

	if (rc == 0)
		rc = value_dict_set(out, "max_file_size",
		                    value_new_int((int64_t)limit));
	if (rc == 0)
		rc = value_dict_set(
		    out, "rotated_path",
		    rotated->size ? value_new_text(rotated->data, rotated->size)
				  : value_new_null());
	return rc;
}

int hdf5_rotate(struct store *base, uint64_t if_larger, struct value *out)
{
	struct hdf5_store *store = hdf5_store(base);
	struct blob rotated = { 0 };
	struct stat status = { 0 };
	int rc = 0;

	if (store->read_only)
		return -EROFS;
	if (if_larger == MAINTENANCE_SIZE_LIMIT)
		if_larger = store->settings.max_file_size;
	pthread_mutex_lock(&store->writer);
	if (stat(store->path, &status) != 0)
		rc = -errno;
	if (rc == 0 && (uint64_t)status.st_size > if_larger)
		rc = rotate(store, &rotated);
	atomic_store(&store->full, false);
	pthread_mutex_unlock(&store->writer);
	if (rc == 0)
		rc = report(store, (uint64_t)status.st_size, &rotated, out);
	blob_release(&rotated);
	return rc;
}
