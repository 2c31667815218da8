/* SPDX-License-Identifier: MIT */
#include "backends/worker_process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM "engramfs-worker"
#define SECRETS "REDIS_PASSWORD="

/* The directory of the running program, with a slash. */
static int own_directory(char path[PATH_MAX])
{
	ssize_t size = readlink("/proc/self/exe", path, PATH_MAX - 1);
	char *slash;

	if (size < 0)
		return -errno;
	path[size] = '\0';
	slash = strrchr(path, '/');
	if (!slash)
		return -ENOENT;
	slash[1] = '\0';
	return 0;
}

char *worker_path(void)
{
	/* In a build; in an installation. */
	static const char *const places[] = { PROGRAM,
		                              WORKER_PLACE "/" PROGRAM };
	char directory[PATH_MAX];
	char path[2 * PATH_MAX];

	if (own_directory(directory) != 0)
		return NULL;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, sizeof(path), "%s%s",
		         places[i][0] == '/' ? "" : directory, places[i]);
		if (access(path, X_OK) == 0)
			return realpath(path, NULL);
	}
	return NULL;
}

int worker_program(int *out, char why[WHY_SIZE])
{
	char *path = worker_path();
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	int rc = 0;

	free(path);
	if (fd < 0) {
		snprintf(why, WHY_SIZE, PROGRAM " is not installed");
		return -ENOENT;
	}
	*out = fcntl(fd, F_DUPFD_CLOEXEC, WORKER_FILES);
	if (*out < 0)
		rc = -errno;
	close(fd);
	return rc;
}

/* Ours without secrets; its texts are ours. */
static char **environment_new(void)
{
	size_t count = 0;
	char **out;

	while (environ[count])
		count++;
	out = calloc(count + 1, sizeof(*out));
	if (!out)
		return NULL;
	for (size_t i = 0, kept = 0; i < count; i++)
		if (strncmp(environ[i], SECRETS, strlen(SECRETS)) != 0)
			out[kept++] = environ[i];
	return out;
}

/* What it has on 0 to 4; all signals as they are by default; no terminal. */
static int prepare(posix_spawn_file_actions_t *files, posix_spawnattr_t *ways,
                   const int given[WORKER_FILES])
{
	sigset_t none;
	sigset_t all;
	int rc;

	sigemptyset(&none);
	sigfillset(&all);
	rc = posix_spawnattr_setflags(ways, POSIX_SPAWN_SETSID |
	                                        POSIX_SPAWN_SETSIGMASK |
	                                        POSIX_SPAWN_SETSIGDEF);
	if (rc == 0)
		rc = posix_spawnattr_setsigmask(ways, &none);
	if (rc == 0)
		rc = posix_spawnattr_setsigdefault(ways, &all);
	if (rc == 0)
		rc = posix_spawn_file_actions_addopen(files, STDIN_FILENO,
		                                      "/dev/null", O_RDWR, 0);
	for (int fd = STDIN_FILENO + 1; rc == 0 && fd < WORKER_FILES; fd++)
		rc = posix_spawn_file_actions_adddup2(files, given[fd], fd);
	if (rc == 0)
		rc = posix_spawn_file_actions_addclosefrom_np(files,
		                                              WORKER_FILES);
	return -rc;
}

/* For execve, which changes nothing. */
static char *text(const char *constant)
{
	return (char *)(uintptr_t)constant;
}

int worker_spawn(const int given[WORKER_FILES], const char *name,
                 const char *directory, pid_t *out)
{
	char path[] = "/proc/self/fd/4";
	char *const arguments[] = { (char[]){ PROGRAM }, text(name),
		                    text(directory), NULL };
	char **environment = environment_new();
	posix_spawn_file_actions_t files;
	posix_spawnattr_t ways;
	int rc;

	if (!environment)
		return -ENOMEM;
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&ways);
	rc = prepare(&files, &ways, given);
	if (rc == 0)
		rc = -posix_spawn(out, path, &files, &ways, arguments,
		                  environment);
	posix_spawnattr_destroy(&ways);
	posix_spawn_file_actions_destroy(&files);
	free(environment);
	return rc;
}
