/* SPDX-License-Identifier: MIT */
/*
 * Redis records become lines behind those of the backup, which the next mount
 * loads in any case; SQLite's changes a segment that it replays.
 */
#include "tools/ctl_restore.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SEGMENT "spool/restore.segment" /* one that is being read */
#define AT ".at" /* behind the name of the Redis records of a time */
#define MILLISECOND INT64_C(1000000)

/* What the changes go to. */
struct replaying {
	struct restore *restore;
	int64_t as_of; /* the database has SQLite's changes up to here */
	int redis;
	int sqlite;
};

static int write_change(enum history_kind kind, int64_t time, const void *bytes,
                        size_t size, void *arg)
{
	struct replaying *replaying = arg;

	if (kind == HISTORY_SQLITE && time <= replaying->as_of)
		return 0;
	replaying->restore->changes++;
	return kind == HISTORY_REDIS
	           ? file_write_all(replaying->redis, bytes, size)
	           : history_write(replaying->sqlite, kind, time, bytes, size);
}

static int read_segment(struct replaying *replaying, const char *path,
                        bool goes_on)
{
	uint64_t good;
	int rc = history_read(path, replaying->restore->at, write_change,
	                      replaying, goes_on ? &good : NULL);

	return rc ? restore_complain(path, rc == -EBADMSG ? "is damaged"
	                                                  : strerror(-rc))
	          : 0;
}

int restore_unpack_segment(struct restore *restore,
                           const struct segment *segment, const char *to)
{
	struct manifest manifest = { 0 };
	char path[PATH_MAX] = "";
	char why[WHY_SIZE] = "";
	int rc =
	    restore_read_manifest(restore, segment->directory, &manifest, why);

	for (size_t i = 0; rc == 0 && i < manifest_count(&manifest); i++) {
		struct manifest_file file = manifest_file(&manifest, i);

		if (!restore_is_segment(&file) ||
		    strcmp(strrchr(file.place, '/') + 1, segment->name) != 0)
			continue;
		rc = manifest_unpack(&manifest, segment->directory, &file,
		                     &restore->how, to);
		if (rc)
			restore_join(path, segment->directory, file.name, "");
	}
	manifest_release(&manifest);
	if (rc)
		restore_complain(path[0] ? path : segment->directory,
		                 why[0]           ? why
		                 : rc == -EBADMSG ? "is damaged"
		                                  : strerror(-rc));
	return rc;
}

static int add_segment(struct replaying *replaying,
                       const struct segment *segment)
{
	struct restore *restore = replaying->restore;
	char path[PATH_MAX];
	int rc;

	if (segment->directory
	        ? !restore_join(path, restore->store, SEGMENT, "")
	        : !restore_join(path, restore->store, HISTORY_PLACE "/",
	                        segment->name))
		return restore_complain(restore->store, strerror(ENAMETOOLONG));
	if (!segment->directory)
		return read_segment(replaying, path,
		                    segment->end == HISTORY_OPEN);
	unlink(path); /* of a restore that was broken off */
	rc = restore_unpack_segment(restore, segment, path);
	if (rc == 0)
		rc = read_segment(replaying, path, false);
	unlink(path);
	return rc;
}

static int create(const struct restore *restore, const char *place,
                  const char *suffix, int *fd)
{
	char path[PATH_MAX];

	if (!restore_join(path, restore->store, place, suffix))
		return -ENAMETOOLONG;
	unlink(path);
	*fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return *fd < 0 ? -errno : 0;
}

/* A line that says what time the records are of, then those of the backup. */
static int begin_redis(struct replaying *replaying)
{
	const struct restore *restore = replaying->restore;
	char path[PATH_MAX];
	char buffer[65536];
	FILE *from = NULL;
	size_t size;
	int rc = create(restore, BACKUP_REDIS_PLACE, AT, &replaying->redis);

	if (rc)
		return rc;
	size = (size_t)snprintf(buffer, sizeof(buffer),
	                        "{\"at_ms\": %" PRId64 "}\n",
	                        restore->at / MILLISECOND);
	rc = file_write_all(replaying->redis, buffer, size);
	if (rc == 0 && restore_join(path, restore->store, BACKUP_REDIS_PLACE,
	                            RESTORE_WAITING))
		from = fopen(path, "re");
	if (rc == 0 && !from)
		return errno == ENOENT ? 0 : -errno;
	while (rc == 0 && (size = fread(buffer, 1, sizeof(buffer), from)) > 0)
		rc = file_write_all(replaying->redis, buffer, size);
	if (rc == 0 && ferror(from))
		rc = -EIO;
	if (from)
		fclose(from);
	return rc;
}

static int end_file(int fd, int rc)
{
	if (rc == 0 && fd >= 0 && fsync(fd) != 0)
		rc = -errno;
	if (fd >= 0 && close(fd) != 0 && rc == 0)
		rc = -errno;
	return rc;
}

static int rename_at(const struct restore *restore)
{
	char from[PATH_MAX];
	char to[PATH_MAX];

	if (!restore_join(from, restore->store, BACKUP_REDIS_PLACE, AT) ||
	    !restore_join(to, restore->store, BACKUP_REDIS_PLACE,
	                  RESTORE_WAITING))
		return -ENAMETOOLONG;
	return rename(from, to) != 0 ? -errno : 0;
}

static int begin(struct replaying *replaying)
{
	const struct manifest *manifest = &replaying->restore->manifest;
	int rc;

	for (size_t i = 0; i < manifest_count(manifest); i++) {
		int64_t as_of = manifest_file(manifest, i).as_of;

		replaying->as_of = as_of ? as_of : replaying->as_of;
	}
	rc = begin_redis(replaying);
	if (rc == 0)
		rc = create(replaying->restore, HISTORY_WAITING,
		            RESTORE_WAITING, &replaying->sqlite);
	return rc ? rc : history_write_begin(replaying->sqlite);
}

int restore_add_changes(struct restore *restore)
{
	struct replaying replaying = { .restore = restore,
		                       .redis = -1,
		                       .sqlite = -1 };
	int rc = begin(&replaying);
	int added = 0;

	for (size_t i = 0; rc == 0 && added == 0 && i < restore->segment_count;
	     i++)
		added = add_segment(&replaying, &restore->segments[i]);
	rc = end_file(replaying.redis, rc);
	rc = end_file(replaying.sqlite, rc);
	if (rc == 0 && added == 0)
		rc = rename_at(restore);
	return rc ? restore_complain(restore->store, strerror(-rc)) : added;
}

void restore_forget_changes(const struct restore *restore)
{
	char path[PATH_MAX];

	if (restore_join(path, restore->store, BACKUP_REDIS_PLACE, AT))
		unlink(path);
	if (restore_join(path, restore->store, HISTORY_WAITING,
	                 RESTORE_WAITING))
		unlink(path);
}
