/* SPDX-License-Identifier: MIT */
#include "backends/hdf5_internal.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/file.h"
#include "backends/log.h"
#include "backends/maintenance.h"

#define TRIES 5

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* -ESTALE: it was written to meanwhile. */
static int copy_once(struct hdf5_store *store, const char *to,
                     struct work *work)
{
	const char *from = hdf5_file_path(store->file);
	struct stat before;
	struct stat after;
	int rc = hdf5_file_sync(store->file);

	if (rc == 0 && stat(from, &before) != 0)
		rc = -errno;
	if (rc == 0)
		rc = file_copy(from, to, backup_step, work);
	if (rc)
		return rc;
	if (stat(from, &after) == 0 && is_same(&before, &after))
		return 0;
	unlink(to);
	return -ESTALE;
}

/* Our writers wait; other programs may write. */
static int copy_current(struct hdf5_store *store, const char *to,
                        struct work *work)
{
	int rc = -ESTALE;

	pthread_mutex_lock(&store->writer);
	for (int i = 0; rc == -ESTALE && i < TRIES; i++)
		rc = copy_once(store, to, work);
	pthread_mutex_unlock(&store->writer);
	return rc == -ESTALE ? -EBUSY : rc;
}

static size_t directory_size(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (size_t)(slash - path) : 0;
}

/* NAME is that of the current file, with `_<digits>` before its `.h5`. */
static bool is_rotated(const char *name, const char *current)
{
	const char *dot = strrchr(current, '.');
	size_t stem = dot ? (size_t)(dot - current) : strlen(current);
	size_t digits;

	if (strncmp(name, current, stem) != 0 || name[stem] != '_')
		return false;
	digits = strspn(name + stem + 1, "0123456789");
	return digits > 0 &&
	       strcmp(name + stem + 1 + digits, current + stem) == 0;
}

static int copy_named(const char *directory, const char *name, const char *to,
                      struct work *work, struct value *files)
{
	struct blob from = { 0 };
	struct blob copy = { 0 };
	int rc = blob_printf(&from, "%s/%s", directory, name);

	if (rc == 0)
		rc = blob_printf(&copy, "%s/%s", to, name);
	if (rc == 0)
		rc = file_copy(from.data, copy.data, backup_step, work);
	if (rc == 0)
		rc = backup_add_file(files, name, from.data);
	blob_release(&copy);
	blob_release(&from);
	return rc;
}

static int copy_rotated(const char *path, const char *to, struct work *work,
                        struct value *files)
{
	struct blob directory = { 0 };
	size_t size = directory_size(path);
	const struct dirent *entry;
	DIR *stream = NULL;
	int rc = blob_append(&directory, path, size);

	if (rc == 0) {
		stream = opendir(directory.data);
		rc = stream ? 0 : -errno;
	}
	while (rc == 0 && (entry = readdir(stream)))
		if (is_rotated(entry->d_name, path + size + 1))
			rc = copy_named(directory.data, entry->d_name, to, work,
			                files);
	if (stream)
		closedir(stream);
	blob_release(&directory);
	return rc;
}

int hdf5_backup(struct store *base, const struct collection *rows,
                const char *directory, const struct work *given,
                struct value *files)
{
	struct hdf5_store *store = hdf5_store(base);
	const char *path = hdf5_file_path(store->file);
	const char *name = path + directory_size(path) + 1;
	struct work work = *given;
	struct blob to = { 0 };
	int rc = store->read_only ? -EROFS
	                          : blob_printf(&to, "%s/%s", directory, name);

	(void)rows;
	if (rc == 0)
		rc = copy_current(store, to.data, &work);
	if (rc == 0)
		rc = backup_add_file(files, name, path);
	if (rc == 0)
		rc = copy_rotated(path, directory, &work, files);
	if (rc && rc != -ECANCELED)
		log_error("hdf5: cannot back up %s: %s", path, strerror(-rc));
	blob_release(&to);
	return rc;
}
