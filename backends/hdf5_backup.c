/* SPDX-License-Identifier: MIT */
#include "backends/hdf5_volumes.h"

#include <errno.h>
#include <stdlib.h>
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
static int copy_once(struct hdf5_file *file, const char *to, struct work *work)
{
	const char *from = hdf5_file_path(file);
	struct stat before;
	struct stat after;
	int rc = hdf5_file_sync(file);

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
static int copy_waiting(struct hdf5_store *store, struct hdf5_file *file,
                        const char *to, struct work *work)
{
	int rc = -ESTALE;

	pthread_mutex_lock(&store->writer);
	for (int i = 0; rc == -ESTALE && i < TRIES; i++)
		rc = copy_once(file, to, work);
	pthread_mutex_unlock(&store->writer);
	return rc == -ESTALE ? -EBUSY : rc;
}

static int copy_file(struct hdf5_store *store, struct hdf5_file *file,
                     const char *directory, struct work *work,
                     struct value *files)
{
	const char *path = hdf5_file_path(file);
	const char *name = strrchr(path, '/') + 1;
	struct blob to = { 0 };
	int rc = blob_printf(&to, "%s/%s", directory, name);

	if (rc == 0)
		rc = copy_waiting(store, file, to.data, work);
	if (rc == 0)
		rc = backup_add_file(files, name, path);
	if (rc && rc != -ECANCELED)
		log_error("hdf5: cannot back up %s: %s", path, strerror(-rc));
	blob_release(&to);
	return rc;
}

int hdf5_backup(struct store *base, const struct collection *rows,
                const char *directory, const struct work *given,
                struct value *out)
{
	struct hdf5_store *store = hdf5_store(base);
	struct hdf5_file **files = NULL;
	size_t count = 0;
	int rc = store->read_only ? -EROFS
	                          : hdf5_volumes_list(store, &files, &count);

	(void)rows;
	for (size_t i = 0; rc == 0 && i < count; i++) {
		struct work work = work_part(given, i, count);

		rc = copy_file(store, files[i], directory, &work, out);
	}
	free(files);
	return rc;
}
