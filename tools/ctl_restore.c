/* SPDX-License-Identifier: MIT */
/*
 * Nothing is overwritten: the backup is checked and copied beside what is
 * there, which then moves to STORE/replaced/<UTC time>, and the copies take its
 * place.
 */
#include "tools/ctl.h"

#include "backends/file.h"
#include "backends/json.h"

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
#define REDIS_FILE "redis.jsonl"

struct restore {
	const char *store;
	char backup[PATH_MAX];
	char aside[PATH_MAX]; /* made when something moves there */
	struct value *manifest;
	const struct value *files;
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

static bool is_sound(const struct value *file)
{
	static const char *const names[] = { "name", "place", "xxh3" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const struct value *text = value_dict_get(file, names[i]);

		if (!text || text->type != VALUE_TEXT ||
		    text->text.data[0] == '\0' || strstr(text->text.data, ".."))
			return false;
	}
	return !strchr(value_dict_get(file, "name")->text.data, '/');
}

static int read_manifest(struct restore *restore)
{
	char path[PATH_MAX];
	char why[WHY_SIZE] = "no such file";
	char *text = NULL;
	size_t capacity = 0;
	ssize_t size = -1;
	FILE *file = NULL;

	if (join(path, restore->backup, "manifest.json", ""))
		file = fopen(path, "re");
	if (file)
		size = getdelim(&text, &capacity, '\0', file);
	if (size > 0)
		json_parse(text, (size_t)size, JSON_ARRAYS_REFUSE,
		           &restore->manifest, why);
	if (file)
		fclose(file);
	free(text);
	if (!restore->manifest)
		return complain(path, why);
	restore->files = value_dict_get(restore->manifest, "files");
	if (!restore->files || restore->files->type != VALUE_LIST)
		return complain(path, "no manifest of a backup");
	for (size_t i = 0; i < restore->files->list.count; i++)
		if (!is_sound(restore->files->list.items[i]))
			return complain(path, "no manifest of a backup");
	return 0;
}

static const char *text_of(const struct value *file, const char *name)
{
	return value_dict_get(file, name)->text.data;
}

static int check_file(struct restore *restore, const struct value *file)
{
	char path[PATH_MAX];
	char checksum[FILE_CHECKSUM_SIZE];
	uint64_t size;
	int rc;

	if (!join(path, restore->backup, text_of(file, "name"), ""))
		return complain(restore->backup, strerror(ENAMETOOLONG));
	if (text_of(file, "place")[0] == '/')
		return complain(text_of(file, "place"),
		                "belongs outside of the store; copy it there "
		                "by hand");
	rc = file_checksum(path, checksum, &size, NULL, NULL);
	if (rc)
		return complain(path, strerror(-rc));
	if (strcmp(checksum, text_of(file, "xxh3")) != 0)
		return complain(path, "differs from its checksum");
	return 0;
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

static int copy_file(struct restore *restore, const struct value *file)
{
	char from[PATH_MAX];
	char to[PATH_MAX];
	int rc;

	if (!join(from, restore->backup, text_of(file, "name"), "") ||
	    !join(to, restore->store, text_of(file, "place"), WAITING))
		return complain(restore->store, strerror(ENAMETOOLONG));
	for (char *slash = strchr(to + strlen(restore->store) + 1, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(to, 0700);
		*slash = '/';
	}
	unlink(to); /* of a restore that was broken off */
	rc = file_copy(from, to, NULL, NULL);
	return rc ? complain(to, strerror(-rc)) : 0;
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
static int move_rotated(struct restore *restore, const struct value *file)
{
	const char *place = text_of(file, "place");
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

static int place_file(struct restore *restore, const struct value *file)
{
	static const char *const suffixes[] = { "", "-wal", "-shm",
		                                "-journal" };
	const char *place = text_of(file, "place");
	char from[PATH_MAX];
	char to[PATH_MAX];
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof(suffixes) / sizeof(*suffixes);
	     i++)
		rc = move_aside(restore, place, suffixes[i]);
	if (rc == 0 && strcmp(text_of(file, "name"), REDIS_FILE) == 0)
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
                               const struct value *file))
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < restore->files->list.count; i++)
		rc = fn(restore, restore->files->list.items[i]);
	return rc;
}

enum exit_code ctl_restore(const char *store, const char *backup)
{
	struct restore restore = { .store = store, .lock = -1 };
	int rc = find_backup(&restore, backup);

	if (rc == 0)
		rc = read_manifest(&restore);
	if (rc == 0)
		rc = each_file(&restore, check_file);
	if (rc == 0)
		rc = lock_store(&restore);
	if (rc == 0)
		rc = each_file(&restore, copy_file);
	if (rc == 0)
		rc = each_file(&restore, move_rotated);
	if (rc == 0)
		rc = each_file(&restore, place_file);
	if (rc == 0)
		rc = file_sync(store);
	if (rc == 0)
		printf("restored %zu files%s%s\n", restore.files->list.count,
		       restore.aside[0] ? "; what was there is in " : "",
		       restore.aside);
	if (restore.lock >= 0)
		close(restore.lock);
	value_unref(restore.manifest);
	return rc ? EXIT_FAILED : EXIT_OK;
}
