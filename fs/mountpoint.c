/* SPDX-License-Identifier: MIT */
#include "fs/mountpoint.h"

#include <dirent.h>
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int mountpoint_complain(const char *what, const char *why)
{
	fprintf(stderr, "engramfs: %s: %s\n", what, why);
	return -EINVAL;
}

static bool is_empty(const char *path)
{
	DIR *stream = opendir(path);
	int entries = 0;

	while (stream && readdir(stream))
		entries++;
	if (stream)
		closedir(stream);
	return entries <= 2;
}

static bool is_inside(const char *path, const char *directory)
{
	size_t size = strlen(directory);

	return strncmp(path, directory, size) == 0 &&
	       (path[size] == '/' || path[size] == '\0' ||
	        directory[size - 1] == '/');
}

int mountpoint_check_store(const struct options *options, char store[PATH_MAX])
{
	struct stat found;

	if (!realpath(options->store, store))
		return mountpoint_complain(options->store, strerror(errno));
	if (stat(store, &found) < 0)
		return mountpoint_complain(store, strerror(errno));
	if (!S_ISDIR(found.st_mode))
		return mountpoint_complain(store, "a store is a directory");
	return 0;
}

/* What a daemon leaves behind that was killed. */
static bool is_dead(const char *path)
{
	DIR *stream = opendir(path);

	if (stream)
		closedir(stream);
	return !stream && errno == ENOTCONN;
}

static int unmount_dead(const char *path)
{
	char program[] = "fusermount3";
	char options[] = "-uz";
	char end[] = "--";
	char *copy = strdup(path);
	char *const arguments[] = { program, options, end, copy, NULL };
	char *const environment[] = { NULL }; /* ours may hold a password */
	pid_t child;
	int status = -1;
	int rc = copy ? 0 : ENOMEM;

	if (rc == 0)
		rc = posix_spawnp(&child, program, NULL, NULL, arguments,
		                  environment);
	if (rc == 0 && waitpid(child, &status, 0) < 0)
		rc = errno;
	free(copy);
	return rc == 0 && status == 0 ? 0 : -ENOTCONN;
}

static int complain_of_dead(const char *given)
{
	char why[PATH_MAX + 100];

	snprintf(why, sizeof(why),
	         "an earlier mount ended without being unmounted; run: "
	         "fusermount3 -uz '%s'",
	         given);
	return mountpoint_complain(given, why);
}

static int resolve(const char *given, char mountpoint[PATH_MAX])
{
	struct stat here;

	if (is_dead(given) && unmount_dead(given))
		return complain_of_dead(given);
	if (!realpath(given, mountpoint) || stat(mountpoint, &here) < 0)
		return mountpoint_complain(given, strerror(errno));
	if (!S_ISDIR(here.st_mode))
		return mountpoint_complain(given,
		                           "a mount point is a directory");
	return 0;
}

int mountpoint_check(const struct options *options, const char *store,
                     char mountpoint[PATH_MAX])
{
	const char *given = options->mountpoint;
	int rc = resolve(given, mountpoint);

	if (rc)
		return rc;
	if (is_inside(store, mountpoint))
		return mountpoint_complain(
		    given, "the mount would hide its own store");
	if (!options->nonempty && !is_empty(mountpoint))
		return mountpoint_complain(given,
		                           "the mount point is not empty (-o "
		                           "nonempty mounts over it)");
	if (access("/dev/fuse", F_OK) < 0)
		return mountpoint_complain(
		    "/dev/fuse", "missing; load the fuse kernel module, or let "
				 "the container have the device");
	return 0;
}
