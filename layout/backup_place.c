/* SPDX-License-Identifier: MIT */
#include "layout/backup_internal.h"

#include "backends/log.h"
#include "layout/node.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_NS 20000000

/* A backup has files only.  What cannot be removed stays. */
static void remove_files(const char *path)
{
	DIR *stream = opendir(path);
	const struct dirent *entry;

	while (stream && (entry = readdir(stream)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(stream), entry->d_name, 0);
	if (stream)
		closedir(stream);
	if (rmdir(path) != 0 && errno != ENOENT)
		log_warn("backup: cannot remove %s: %s", path, strerror(errno));
}

void backup_place_remove(const char *directory, const char *name)
{
	struct blob path = { 0 };
	struct blob part = { 0 };
	int rc = blob_printf(&path, "%s/%s", directory, name);

	if (rc == 0)
		rc = blob_printf(&part, "%s" BACKUP_PART, path.data);
	if (rc == 0 && rename(path.data, part.data) != 0)
		rc = -errno;
	if (rc == 0)
		remove_files(part.data);
	else
		log_warn("backup: cannot remove %s/%s: %s", directory, name,
		         strerror(-rc));
	blob_release(&part);
	blob_release(&path);
}

static int lock_part(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int rc = fd < 0 ? -errno : 0;

	if (rc == 0 && flock(fd, LOCK_EX | LOCK_NB) != 0)
		rc = -errno;
	if (rc == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return rc;
}

static int is_part(const struct dirent *entry)
{
	const size_t size = BACKUP_NAME_SIZE - 1;

	return strlen(entry->d_name) == size + strlen(BACKUP_PART) &&
	       strspn(entry->d_name, "0123456789TZ") == size &&
	       strcmp(entry->d_name + size, BACKUP_PART) == 0;
}

/* What a crash has left.  Others may be at work on theirs. */
static void remove_stale(const char *directory)
{
	struct dirent **names = NULL;
	int count = scandir(directory, &names, is_part, NULL);

	for (int i = 0; i < count; i++) {
		struct blob path = { 0 };
		int fd = -1;

		if (blob_printf(&path, "%s/%s", directory, names[i]->d_name) ==
		    0)
			fd = lock_part(path.data);
		if (fd >= 0) {
			remove_files(path.data);
			close(fd);
		}
		blob_release(&path);
		free(names[i]);
	}
	free(names);
}

static int make_parent(const char *directory)
{
	return mkdir(directory, 0700) != 0 && errno != EEXIST ? -errno : 0;
}

/* DIRECTORY/NAME.part.  -EEXIST: something has one of the names. */
static int make_part(const char *directory, const char *name,
                     struct backup_part *out)
{
	struct blob path = { 0 };
	struct stat status;
	int rc = blob_printf(&path, "%s/%s", directory, name);

	if (rc == 0 && lstat(path.data, &status) == 0)
		rc = -EEXIST;
	if (rc == 0)
		rc = blob_append_text(&path, BACKUP_PART);
	if (rc == 0 && mkdir(path.data, 0700) != 0)
		rc = -errno;
	if (rc == 0) {
		out->fd = lock_part(path.data);
		rc = out->fd < 0 ? out->fd : 0;
	}
	if (rc == 0)
		out->path = path;
	else
		blob_release(&path);
	return rc;
}

static void end_part(struct backup_part *part)
{
	if (part->path.size)
		remove_files(part->path.data);
	if (part->fd >= 0)
		close(part->fd);
	blob_release(&part->path);
	part->fd = -1;
}

static void name_it(struct making *making)
{
	time_t now = time(NULL);
	struct tm utc;

	gmtime_r(&now, &utc);
	strftime(making->name, sizeof(making->name), "%Y%m%dT%H%M%SZ", &utc);
}

/* STAGE may be NULL.  As make_part. */
static int make_parts(struct making *making, const char *place,
                      const char *stage)
{
	int rc;

	name_it(making);
	rc = make_part(place, making->name, &making->place);
	if (rc == 0 && stage)
		rc = make_part(stage, making->name, &making->stage);
	if (rc == -EEXIST)
		end_part(&making->place);
	return rc;
}

int backup_place_make(struct making *making)
{
	const struct timespec pause = { 0, PAUSE_NS };
	const char *place = backups_directory(making->tree->backups);
	bool packs = making->packing.compressed || making->packing.key;
	struct blob inside = { 0 };
	const char *stage = NULL;
	int rc =
	    blob_printf(&inside, "%s/backups", making->tree->stores.directory);

	making->place.fd = making->stage.fd = -1;
	if (rc == 0 && packs && strcmp(inside.data, place) != 0)
		stage = inside.data;
	if (rc == 0)
		rc = make_parent(place);
	if (rc == 0 && stage)
		rc = make_parent(stage);
	if (rc == 0) {
		remove_stale(place);
		if (stage)
			remove_stale(stage);
		rc = make_parts(making, place, stage);
	}
	while (rc == -EEXIST) {
		nanosleep(&pause, NULL);
		rc = job_step(making->job, 0);
		if (rc == 0)
			rc = make_parts(making, place, stage);
	}
	blob_release(&inside);
	return rc;
}

int backup_place_finish(struct making *making)
{
	struct blob *part = &making->place.path;
	struct blob path = { 0 };
	int rc =
	    blob_append(&path, part->data, part->size - strlen(BACKUP_PART));

	if (rc == 0 && rename(part->data, path.data) != 0)
		rc = -errno;
	if (rc == 0) {
		blob_release(part);
		rc = file_sync(backups_directory(making->tree->backups));
	}
	blob_release(&path);
	return rc;
}

void backup_place_end(struct making *making)
{
	end_part(&making->stage);
	end_part(&making->place);
}
