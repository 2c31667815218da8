/* SPDX-License-Identifier: MIT */
#include "fs/doors.h"

#include "backends/log.h"
#include "backends/worker.h"
#include "fs/mountpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PATHS_MAX 48
#define SETTING(member) offsetof(struct settings, member)

/* What a program needs that reads no more than its own files. */
static const struct sandbox_path system_paths[] = {
	{ "/usr", SANDBOX_RUN },
	{ "/bin", SANDBOX_RUN },
	{ "/sbin", SANDBOX_RUN },
	{ "/lib", SANDBOX_RUN },
	{ "/lib32", SANDBOX_RUN },
	{ "/lib64", SANDBOX_RUN },
	{ "/opt", SANDBOX_RUN },
	{ "/nix/store", SANDBOX_RUN },
	{ "/gnu/store", SANDBOX_RUN },
	{ "/etc", SANDBOX_READ },
	{ "/proc", SANDBOX_READ },
	{ "/sys", SANDBOX_READ },
	/* names of servers */
	{ "/run/systemd/resolve", SANDBOX_READ },
	{ "/run/resolvconf", SANDBOX_READ },
	{ "/run/NetworkManager", SANDBOX_READ },
	/* how far the kernel reads ahead (read_ahead.h) */
	{ "/sys/devices/virtual/bdi", SANDBOX_USE },
	{ "/dev/null", SANDBOX_USE },
	{ "/dev/zero", SANDBOX_USE },
	{ "/dev/random", SANDBOX_USE },
	{ "/dev/urandom", SANDBOX_USE },
	/* what SQLite sorts, where the directories below are not set */
	{ "/tmp", SANDBOX_CHANGE },
	{ "/var/tmp", SANDBOX_CHANGE },
};

/* Files that settings name.  Beside a data base are its journals, so it is its
 * directory that counts. */
static const struct {
	size_t offset; /* of a char * in struct settings; it may be NULL */
	enum sandbox_access access;
	bool directory;
} setting_paths[] = {
	{ SETTING(sqlite.db_path), SANDBOX_CHANGE, true },
	{ SETTING(hdf5.file_path), SANDBOX_CHANGE, true },
	{ SETTING(redis.ssl_ca_certs), SANDBOX_READ, false },
	{ SETTING(redis.ssl_certfile), SANDBOX_READ, false },
	{ SETTING(redis.ssl_keyfile), SANDBOX_READ, false },
	{ SETTING(backup.directory), SANDBOX_CHANGE, false },
	{ SETTING(backup.key_file), SANDBOX_READ, false },
};

/* Variables that name directories for temporary files. */
static const char *const temporary[] = { "SQLITE_TMPDIR", "TMPDIR" };

/* Below a store: what is its own. */
static const char *const own_names[] = { "spool", "rejected", "redis",
	                                 "backups", "engramfs.db" };

struct paths {
	struct sandbox_path items[PATHS_MAX];
	char *owned[PATHS_MAX];
	size_t count;
};

/* Takes PATH over; NULL is no path. */
static void add(struct paths *paths, char *path, enum sandbox_access access)
{
	if (!path || paths->count == PATHS_MAX) {
		free(path);
		return;
	}
	paths->items[paths->count] = (struct sandbox_path){ path, access };
	paths->owned[paths->count++] = path;
}

static char *absolute(const char *directory, const char *path)
{
	char *full;

	if (path[0] == '/')
		return strdup(path);
	return asprintf(&full, "%s/%s", directory, path) < 0 ? NULL : full;
}

/* Cut PATH to the directory that it is in; accepts NULL. */
static char *parent_of(char *path)
{
	char *slash = path ? strrchr(path, '/') : NULL;

	if (slash)
		slash[slash == path] = '\0';
	return path;
}

static void add_settings(struct paths *paths, const char *store,
                         const struct settings *settings)
{
	for (size_t i = 0; i < sizeof(setting_paths) / sizeof(*setting_paths);
	     i++) {
		const char *const *slot =
		    (const void *)((const char *)settings +
		                   setting_paths[i].offset);
		char *path = *slot ? absolute(store, *slot) : NULL;

		if (setting_paths[i].directory)
			path = parent_of(path);
		add(paths, path, setting_paths[i].access);
	}
}

/* The program that NAME runs, by PATH where it has no slash.  NULL: none. */
static char *find_program(const char *name)
{
	const char *list = getenv("PATH");
	char path[PATH_MAX];

	if (strchr(name, '/'))
		return realpath(name, NULL);
	while (list && *list) {
		size_t size = strcspn(list, ":");

		snprintf(path, sizeof(path), "%.*s/%s", (int)size, list, name);
		if (access(path, X_OK) == 0)
			return realpath(path, NULL);
		list += size + (list[size] == ':');
	}
	return NULL;
}

static void add_programs(struct paths *paths, const struct settings *settings)
{
	add(paths, parent_of(realpath("/proc/self/exe", NULL)), SANDBOX_RUN);
	add(paths, parent_of(worker_path()), SANDBOX_RUN);
	if (!settings->redis.host)
		add(paths, parent_of(find_program(settings->redis.server)),
		    SANDBOX_RUN);
}

static void collect(struct paths *paths, const char *store,
                    const struct settings *settings)
{
	for (size_t i = 0; i < sizeof(system_paths) / sizeof(*system_paths);
	     i++)
		paths->items[paths->count++] = system_paths[i];
	add(paths, strdup(store), SANDBOX_CHANGE);
	add_settings(paths, store, settings);
	add_programs(paths, settings);
	for (size_t i = 0; i < sizeof(temporary) / sizeof(*temporary); i++) {
		const char *path = getenv(temporary[i]);

		if (path && path[0] == '/')
			add(paths, strdup(path), SANDBOX_CHANGE);
	}
}

/* Later its parent cannot be written.  Who cannot make it now hears of it from
 * the first backup. */
static void make_backups(const char *store, const struct settings *settings)
{
	const char *given = settings->backup.directory;
	char *path =
	    given && !settings->read_only ? absolute(store, given) : NULL;

	if (path)
		(void)mkdir(path, 0700);
	free(path);
}

static int redis_port(const struct settings *settings)
{
	const char *host = settings->redis.host;

	return host && host[0] != '/' ? settings->redis.port : 0;
}

void doors_close(const char *store, const struct settings *settings,
                 struct sandbox *out)
{
	struct paths paths = { .count = 0 };
	struct sandbox_rules rules = { .kind = SANDBOX_DAEMON,
		                       .paths = paths.items,
		                       .port = redis_port(settings) };
	int rc;

	make_backups(store, settings);
	collect(&paths, store, settings);
	rules.path_count = paths.count;
	rc = sandbox_enter(&rules, out);
	if (rc)
		log_warn("cannot give up all rights: %s", strerror(-rc));
	for (size_t i = 0; i < paths.count; i++)
		free(paths.owned[i]);
}

/* NAME, or a directory on the way to it, is a link. */
static bool is_link(int store, const char *name)
{
	const struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_NO_SYMLINKS,
	};
	long fd = syscall(SYS_openat2, store, name, &how, sizeof(how));

	if (fd >= 0)
		close((int)fd);
	return fd < 0 && errno == ELOOP;
}

static int check_name(int store, const char *name, const char *setting)
{
	char why[160] = "a symbolic link, where the store has files of its own";

	if (name[0] == '/' || !is_link(store, name))
		return 0;
	if (setting)
		snprintf(why, sizeof(why),
		         "a symbolic link leads out of the store: let %s name "
		         "the file itself, with an absolute path",
		         setting);
	return mountpoint_complain(name, why);
}

int doors_check_links(const char *store, const struct settings *settings)
{
	int fd = open(store, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = 0;

	if (fd < 0)
		return mountpoint_complain(store, strerror(errno));
	for (size_t i = 0; !rc && i < sizeof(own_names) / sizeof(*own_names);
	     i++)
		rc = check_name(fd, own_names[i], NULL);
	if (rc == 0)
		rc = check_name(fd, settings->sqlite.db_path, "sqlite.db_path");
	if (rc == 0)
		rc = check_name(fd, settings->hdf5.file_path, "hdf5.file_path");
	close(fd);
	return rc;
}
