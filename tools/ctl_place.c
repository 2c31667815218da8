/* SPDX-License-Identifier: MIT */
#include "tools/ctl_restore.h"

#include "backends/outage.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_NS 20000000

/* -EEXIST: another restore of this second has made it. */
static int make_named(struct restore *restore)
{
	time_t now = time(NULL);
	struct tm utc;
	char name[32];

	gmtime_r(&now, &utc);
	strftime(name, sizeof(name), "%Y%m%dT%H%M%SZ", &utc);
	if (!restore_join(restore->aside, restore->store, "replaced/", name))
		return -ENAMETOOLONG;
	return mkdir(restore->aside, 0700) == 0 ? 0 : -errno;
}

static int make_aside(struct restore *restore)
{
	const struct timespec pause = { 0, PAUSE_NS };
	int rc;

	if (restore->aside[0])
		return 0;
	if (!restore_join(restore->aside, restore->store, "replaced", ""))
		return -ENAMETOOLONG;
	(void)mkdir(restore->aside, 0700);
	while ((rc = make_named(restore)) == -EEXIST)
		nanosleep(&pause, NULL);
	return rc;
}

/* Where that cannot be said, renaming says why. */
static bool exists(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0 || errno != ENOENT;
}

/* What is at PLACE (with SUFFIX) below the store, if anything. */
static int move_aside(struct restore *restore, const char *place,
                      const char *suffix)
{
	const char *slash = strrchr(place, '/');
	char from[PATH_MAX];
	char to[PATH_MAX];
	int rc = 0;

	if (!restore_join(from, restore->store, place, suffix))
		return restore_complain(restore->store, strerror(ENAMETOOLONG));
	if (!exists(from))
		return 0;
	rc = make_aside(restore);
	if (rc == 0 && !restore_join(to, restore->aside,
	                             slash ? slash + 1 : place, suffix))
		rc = -ENAMETOOLONG;
	if (rc == 0 && exists(to))
		rc = -EEXIST;
	if (rc == 0 && rename(from, to) != 0)
		rc = -errno;
	return rc ? restore_complain(from, strerror(-rc)) : 0;
}

static bool is_hdf5(const char *path)
{
	static const char magic[] = "\211HDF\r\n\032\n";
	char start[sizeof(magic) - 1];
	FILE *file = fopen(path, "re");
	bool is = file && fread(start, sizeof(start), 1, file) == 1 &&
	          memcmp(start, magic, sizeof(start)) == 0;

	if (file)
		fclose(file);
	return is;
}

int restore_move_rotated(struct restore *restore,
                         const struct manifest_file *file)
{
	const char *place = file->place;
	const struct dirent *entry;
	char path[PATH_MAX];
	uint64_t number;
	DIR *stream;
	int rc = 0;

	if (strchr(place, '/'))
		return 0;
	stream = opendir(restore->store);
	if (!stream)
		return restore_complain(restore->store, strerror(errno));
	while (rc == 0 && (entry = readdir(stream)))
		if (file_is_rotated(entry->d_name, place, &number) &&
		    restore_join(path, restore->store, entry->d_name, "") &&
		    is_hdf5(path))
			rc = move_aside(restore, entry->d_name, "");
	closedir(stream);
	return rc;
}

/* The copy at PLACE is there to stay. */
static int put(struct restore *restore, const char *place)
{
	char from[PATH_MAX];
	char to[PATH_MAX];
	int rc = 0;

	if (!restore_join(from, restore->store, place, RESTORE_WAITING) ||
	    !restore_join(to, restore->store, place, ""))
		rc = -ENAMETOOLONG;
	if (rc == 0 && rename(from, to) != 0)
		rc = -errno;
	if (rc == 0) {
		*strrchr(to, '/') = '\0';
		rc = file_sync(to);
	}
	return rc ? restore_complain(place, strerror(-rc)) : 0;
}

int restore_place_file(struct restore *restore,
                       const struct manifest_file *file)
{
	static const char *const suffixes[] = { "", "-wal", "-shm",
		                                "-journal" };
	const char *place = file->place;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof(suffixes) / sizeof(*suffixes);
	     i++)
		rc = move_aside(restore, place, suffixes[i]);
	if (rc == 0 && strcmp(place, BACKUP_REDIS_PLACE) == 0)
		rc = move_aside(restore, "redis", "");
	return rc ? rc : put(restore, place);
}

int restore_move_history(struct restore *restore)
{
	int rc = move_aside(restore, HISTORY_PLACE, "");

	if (rc == 0)
		rc = move_aside(restore, HISTORY_WAITING, "");
	if (rc == 0 && restore->at)
		rc = move_aside(restore, OUTAGE_PLACE, "");
	return rc;
}

int restore_place_history(struct restore *restore)
{
	const struct manifest_file file = { .place = HISTORY_WAITING };

	return restore->at ? restore_place_file(restore, &file) : 0;
}
