/* SPDX-License-Identifier: MIT */
/*
 * Nothing is overwritten: the backup is checked and copied beside what is
 * there, which then moves to STORE/replaced/<UTC time>, and the copies take its
 * place.
 */
#include "tools/ctl.h"
#include "tools/ctl_restore.h"

#include "backends/file.h"

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

int restore_complain(const char *what, const char *why)
{
	fprintf(stderr, "engramctl: %s: %s\n", what, why);
	return -EINVAL;
}

bool restore_join(char path[PATH_MAX], const char *directory, const char *name,
                  const char *suffix)
{
	return snprintf(path, PATH_MAX, "%s/%s%s", directory, name, suffix) <
	       PATH_MAX;
}

bool restore_is_segment(const struct manifest_file *file)
{
	const size_t size = strlen(HISTORY_PLACE "/");

	return strncmp(file->place, HISTORY_PLACE "/", size) == 0 &&
	       !strchr(file->place + size, '/');
}

/* A directory, or the name of a backup of the store; NULL: all of them. */
static int find_backup(struct restore *restore, const char *given)
{
	char path[PATH_MAX];

	if (given && realpath(given, restore->backup))
		return 0;
	if (!restore_join(path, restore->store, "backups/", given ? given : ""))
		return restore_complain(given, strerror(ENAMETOOLONG));
	if (!realpath(path, restore->backup))
		return restore_complain(given ? given : path, strerror(errno));
	return 0;
}

static int load_key(struct restore *restore, const char *path)
{
	char why[WHY_SIZE] = "";
	int rc = path ? seal_key_load(path, &restore->key, why) : 0;

	restore->how.key = restore->key;
	if (rc)
		fprintf(stderr, "engramctl: %s\n",
		        why[0] ? why : strerror(-rc));
	return rc;
}

int restore_read_manifest(const struct restore *restore, const char *directory,
                          struct manifest *out, char why[WHY_SIZE])
{
	int rc = manifest_read(directory, restore->key, out, why);

	if (rc || out->key || !restore->key)
		return rc;
	manifest_release(out);
	snprintf(why, WHY_SIZE,
	         "%.120s: is not encrypted, so nobody vouches for it; restore "
	         "it without --key if you trust it",
	         directory);
	return -EINVAL;
}

static int read_manifest(struct restore *restore)
{
	char why[WHY_SIZE] = "";
	int rc = restore_read_manifest(restore, restore->backup,
	                               &restore->manifest, why);

	if (rc)
		fprintf(stderr, "engramctl: %s\n",
		        why[0] ? why : strerror(-rc));
	else if (restore->manifest.key && !restore->key)
		rc = restore_complain(restore->backup,
		                      "is encrypted; --key FILE is needed");
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
	if (!restore_join(path, restore->backup, file->name, ""))
		return restore_complain(restore->backup,
		                        strerror(ENAMETOOLONG));
	return restore_complain(
	    path, rc == -EBADMSG ? "differs from its checksum, or cannot be "
				   "unpacked: it is damaged"
				 : strerror(-rc));
}

static int check_file(struct restore *restore, const struct manifest_file *file)
{
	if (file->place[0] == '/')
		return restore_complain(
		    file->place, "belongs outside of the store; copy it there "
				 "by hand");
	return unpack(restore, file, NULL);
}

/* Nobody mounts the store meanwhile. */
static int lock_store(struct restore *restore)
{
	char path[PATH_MAX];

	if (!restore_join(path, restore->store, "spool", ""))
		return restore_complain(restore->store, strerror(ENAMETOOLONG));
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return restore_complain(path, strerror(errno));
	if (!restore_join(path, restore->store, "spool/lock", ""))
		return restore_complain(restore->store, strerror(ENAMETOOLONG));
	restore->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (restore->lock < 0)
		return restore_complain(path, strerror(errno));
	if (flock(restore->lock, LOCK_EX | LOCK_NB) != 0)
		return restore_complain(restore->store,
		                        "is mounted; unmount it first");
	return 0;
}

static int copy_file(struct restore *restore, const struct manifest_file *file)
{
	char to[PATH_MAX];

	if (!restore_join(to, restore->store, file->place, RESTORE_WAITING))
		return restore_complain(restore->store, strerror(ENAMETOOLONG));
	for (char *slash = strchr(to + strlen(restore->store) + 1, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(to, 0700);
		*slash = '/';
	}
	unlink(to); /* of a restore that was broken off */
	return unpack(restore, file, to);
}

static int remove_copy(struct restore *restore,
                       const struct manifest_file *file)
{
	char path[PATH_MAX];

	if (restore_join(path, restore->store, file->place, RESTORE_WAITING))
		unlink(path);
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

		if (!restore_is_segment(&file))
			rc = fn(restore, &file);
	}
	return rc;
}

/* Nothing is written before everything was looked at. */
static int check(struct restore *restore)
{
	int rc = each_file(restore, check_file);

	return rc == 0 && restore->at ? restore_find_segments(restore) : rc;
}

/* Where they cannot be made they do not take room. */
static int make_copies(struct restore *restore)
{
	int rc = each_file(restore, copy_file);

	if (rc == 0 && restore->at)
		rc = restore_add_changes(restore);
	if (rc) {
		(void)each_file(restore, remove_copy);
		restore_forget_changes(restore);
	}
	return rc;
}

static int put_into_place(struct restore *restore)
{
	int rc = lock_store(restore);

	if (rc == 0)
		rc = make_copies(restore);
	if (rc == 0)
		rc = each_file(restore, restore_move_rotated);
	if (rc == 0)
		rc = restore_move_history(restore);
	if (rc == 0)
		rc = each_file(restore, restore_place_file);
	if (rc == 0)
		rc = restore_place_history(restore);
	return rc ? rc : file_sync(restore->store);
}

static void say_done(const struct restore *restore)
{
	size_t count = 0;

	for (size_t i = 0; i < manifest_count(&restore->manifest); i++) {
		struct manifest_file file =
		    manifest_file(&restore->manifest, i);

		count += !restore_is_segment(&file);
	}
	printf("restored %zu files", count);
	if (restore->at)
		printf(" of %s, and %zu changes", restore->manifest.name,
		       restore->changes);
	printf("%s%s\n", restore->aside[0] ? "; what was there is in " : "",
	       restore->aside);
}

static int find(struct restore *restore, const struct ctl_choices *choices)
{
	char path[PATH_MAX];
	int rc = load_key(restore, choices->key_file);

	if (rc == 0 && choices->at)
		rc = restore_parse_time(choices->at, &restore->at);
	if (rc == 0)
		rc = find_backup(restore, choices->backup);
	if (rc == 0 && restore->at &&
	    restore_join(path, restore->backup, MANIFEST_NAME, "") &&
	    access(path, F_OK) != 0)
		rc = restore_find_base(restore);
	return rc ? rc : read_manifest(restore);
}

enum exit_code ctl_restore(const char *store, const struct ctl_choices *choices)
{
	struct restore restore = { .store = store, .lock = -1 };
	int rc = find(&restore, choices);

	if (rc == 0)
		rc = check(&restore);
	if (rc == 0)
		rc = put_into_place(&restore);
	if (rc == 0)
		say_done(&restore);
	if (restore.lock >= 0)
		close(restore.lock);
	restore_release_segments(&restore);
	manifest_release(&restore.manifest);
	seal_key_free(restore.key);
	return rc ? EXIT_FAILED : EXIT_OK;
}
