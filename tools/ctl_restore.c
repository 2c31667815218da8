/* SPDX-License-Identifier: MIT */
/*
 * Nothing is overwritten: the backup is checked and copied beside what is
 * there, which then moves to STORE/replaced/<UTC time>, and the copies take its
 * place.
 */
#include "tools/ctl.h"

#include "backends/file.h"
#include "backends/manifest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define WAITING ".restoring" /* behind the name of a copy */
#define REDIS_PLACE "spool/restore.redis"

struct restore {
	const char *store;
	char backup[PATH_MAX];
	char aside[PATH_MAX]; /* made when something moves there */
	struct manifest manifest;
	struct seal_key *key;
	struct parcel_form how;
	int lock;
};

static int complain(const char *what, const char *why)
{
	fprintf(stderr, "engramctl: %s: %s\n", what, why);
	return -EINVAL;
}

/* PATH with both parts; false where that is too long. */
static bool join(char path[PATH_MAX], const char *directory, const char *name,
                 const char *suffix)
{
	return snprintf(path, PATH_MAX, "%s/%s%s", directory, name, suffix) <
	       PATH_MAX;
}

static int find_backup(struct restore *restore, const char *given)
{
	char path[PATH_MAX];

	if (!realpath(given, restore->backup) &&
	    (snprintf(path, sizeof(path), "%s/backups/%s", restore->store,
	              given) >= PATH_MAX ||
	     !realpath(path, restore->backup)))
		return complain(given, strerror(errno));
	return 0;
}

static int read_manifest(struct restore *restore, const char *key_file)
{
	char why[WHY_SIZE] = "";
	int rc = 0;

	if (key_file)
		rc = seal_key_load(key_file, &restore->key, why);
	restore->how.key = restore->key;
	if (rc == 0)
		rc = manifest_read(restore->backup, restore->key,
		                   &restore->manifest, why);
	if (rc == 0 && restore->manifest.key && !key_file)
		rc = complain(restore->backup,
		              "is encrypted; --key FILE is needed");
	else if (rc == 0 && !restore->manifest.key && key_file)
		rc = complain(restore->backup,
		              "is not encrypted, so nobody vouches for it; "
		              "restore it without --key if you trust it");
	else if (rc)
		fprintf(stderr, "engramctl: %s\n",
		        why[0] ? why : strerror(-rc));
	return rc;
}

/* Unpack FILE to the file TO; NULL: only look whether that can be done. */
static int unpack(struct restore *restore, const struct manifest_file *file,
                  const char *to)
{
	char path[PATH_MAX];
	int rc = manifest_unpack(&restore->manifest, restore->backup, file,
	                         &restore->how, to);

	if (rc == 0)
		return 0;
	if (!join(path, restore->backup, file->name, ""))
		return complain(restore->backup, strerror(ENAMETOOLONG));
	return complain(path, rc == -EBADMSG
	                          ? "differs from its checksum, or cannot be "
	                            "unpacked: it is damaged"
	                          : strerror(-rc));
}

static int check_file(struct restore *restore, const struct manifest_file *file)
{
	if (file->place[0] == '/')
		return complain(file->place,
		                "belongs outside of the store; copy it there "
		                "by hand");
	return unpack(restore, file, NULL);
}

/* Nobody mounts the store meanwhile. */
static int lock_store(struct restore *restore)
{
	char path[PATH_MAX];

	if (!join(path, restore->store, "spool", ""))
		return complain(restore->store, strerror(ENAMETOOLONG));
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return complain(path, strerror(errno));
	if (!join(path, restore->store, "spool/lock", ""))
		return complain(restore->store, strerror(ENAMETOOLONG));
	restore->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (restore->lock < 0)
		return complain(path, strerror(errno));
	if (flock(restore->lock, LOCK_EX | LOCK_NB) != 0)
		return complain(restore->store, "is mounted; unmount it first");
	return 0;
}

static int copy_file(struct restore *restore, const struct manifest_file *file)
{
	char to[PATH_MAX];

	if (!join(to, restore->store, file->place, WAITING))
		return complain(restore->store, strerror(ENAMETOOLONG));
	for (char *slash = strchr(to + strlen(restore->store) + 1, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(to, 0700);
		*slash = '/';
	}
	unlink(to); /* of a restore that was broken off */
	return unpack(restore, file, to);
}

static int make_aside(struct restore *restore)
{
	time_t now = time(NULL);
	struct tm utc;
	char name[32];

	if (restore->aside[0])
		return 0;
	gmtime_r(&now, &utc);
	strftime(name, sizeof(name), "%Y%m%dT%H%M%SZ", &utc);
	if (!join(restore->aside, restore->store, "replaced", ""))
		return -ENAMETOOLONG;
	(void)mkdir(restore->aside, 0700);
	if (!join(restore->aside, restore->store, "replaced/", name))
		return -ENAMETOOLONG;
	return mkdir(restore->aside, 0700) == 0 ? 0 : -errno;
}

/* What is at PLACE (with SUFFIX) below the store, if anything. */
static int move_aside(struct restore *restore, const char *place,
                      const char *suffix)
{
	const char *slash = strrchr(place, '/');
	char from[PATH_MAX];
	char to[PATH_MAX];
	int rc = 0;

	if (!join(from, restore->store, place, suffix))
		return complain(restore->store, strerror(ENAMETOOLONG));
	if (access(from, F_OK) != 0)
		return 0;
	rc = make_aside(restore);
	if (rc == 0 &&
	    !join(to, restore->aside, slash ? slash + 1 : place, suffix))
		rc = -ENAMETOOLONG;
	if (rc == 0 && rename(from, to) != 0)
		rc = -errno;
	return rc ? complain(from, strerror(-rc)) : 0;
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

/* Records of rotated files that the backup has not would be seen again. */
static int move_rotated(struct restore *restore,
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
		return complain(restore->store, strerror(errno));
	while (rc == 0 && (entry = readdir(stream)))
		if (file_is_rotated(entry->d_name, place, &number) &&
		    join(path, restore->store, entry->d_name, "") &&
		    is_hdf5(path))
			rc = move_aside(restore, entry->d_name, "");
	closedir(stream);
	return rc;
}

static int place_file(struct restore *restore, const struct manifest_file *file)
{
	static const char *const suffixes[] = { "", "-wal", "-shm",
		                                "-journal" };
	const char *place = file->place;
	char from[PATH_MAX];
	char to[PATH_MAX];
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof(suffixes) / sizeof(*suffixes);
	     i++)
		rc = move_aside(restore, place, suffixes[i]);
	if (rc == 0 && strcmp(place, REDIS_PLACE) == 0)
		rc = move_aside(restore, "redis", "");
	if (rc)
		return rc;
	if (!join(from, restore->store, place, WAITING) ||
	    !join(to, restore->store, place, "") || rename(from, to) != 0)
		return complain(place, strerror(errno));
	return 0;
}

static int each_file(struct restore *restore,
                     int (*fn)(struct restore *restore,
                               const struct manifest_file *file))
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < manifest_count(&restore->manifest);
	     i++) {
		struct manifest_file file =
		    manifest_file(&restore->manifest, i);

		rc = fn(restore, &file);
	}
	return rc;
}

static int put_into_place(struct restore *restore)
{
	int rc = each_file(restore, check_file);

	if (rc == 0)
		rc = lock_store(restore);
	if (rc == 0)
		rc = each_file(restore, copy_file);
	if (rc == 0)
		rc = each_file(restore, move_rotated);
	if (rc == 0)
		rc = each_file(restore, place_file);
	return rc ? rc : file_sync(restore->store);
}

enum exit_code ctl_restore(const char *store, const struct ctl_choices *choices)
{
	struct restore restore = { .store = store, .lock = -1 };
	int rc = find_backup(&restore, choices->backup);

	if (rc == 0)
		rc = read_manifest(&restore, choices->key_file);
	if (rc == 0)
		rc = put_into_place(&restore);
	if (rc == 0)
		printf("restored %zu files%s%s\n",
		       manifest_count(&restore.manifest),
		       restore.aside[0] ? "; what was there is in " : "",
		       restore.aside);
	if (restore.lock >= 0)
		close(restore.lock);
	manifest_release(&restore.manifest);
	seal_key_free(restore.key);
	return rc ? EXIT_FAILED : EXIT_OK;
}
