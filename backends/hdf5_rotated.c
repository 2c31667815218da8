/* SPDX-License-Identifier: MIT */
#include "backends/hdf5_volumes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "backends/file.h"

static int visit_entry(const char *directory, const char *name, uint64_t number,
                       int (*visit)(const char *path, uint64_t number,
                                    void *arg),
                       void *arg)
{
	struct blob path = { 0 };
	int rc = blob_printf(&path, "%s/%s", directory, name);

	if (rc == 0)
		rc = visit(path.data, number, arg);
	blob_release(&path);
	return rc;
}

/* A link may lead out of the store. */
static bool is_link(DIR *stream, const struct dirent *entry)
{
	struct stat found;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_LNK;
	return fstatat(dirfd(stream), entry->d_name, &found,
	               AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISLNK(found.st_mode);
}

int hdf5_rotated_visit(const char *path,
                       int (*visit)(const char *path, uint64_t number,
                                    void *arg),
                       void *arg)
{
	struct blob copy = { 0 };
	const struct dirent *entry;
	DIR *stream;
	uint64_t number;
	char *slash;
	int rc = blob_append_text(&copy, path);

	if (rc)
		return rc;
	slash = strrchr(copy.data, '/'); /* the path is absolute */
	*slash = '\0';
	stream = opendir(slash == copy.data ? "/" : copy.data);
	rc = stream ? 0 : -errno;
	while (rc == 0 && (entry = readdir(stream)))
		if (!is_link(stream, entry) &&
		    file_is_rotated(entry->d_name, slash + 1, &number))
			rc = visit_entry(copy.data, entry->d_name, number,
			                 visit, arg);
	if (stream)
		closedir(stream);
	blob_release(&copy);
	return rc;
}

const char *hdf5_file_name(const struct hdf5_file *file)
{
	return strrchr(hdf5_file_path(file), '/') + 1;
}
