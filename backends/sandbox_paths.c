/* SPDX-License-Identifier: MIT */
/*
 * Landlock.  Debian 12's header knows less than newer kernels can, so their
 * numbers are here.  Source: the kernel's Documentation/userspace-api/
 * landlock.rst.
 */
#include "backends/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The first version with which a file can be moved to another directory. */
#define VERSION_NEEDED 2

#define FS_TRUNCATE (1ULL << 14)          /* from version 3 */
#define FS_IOCTL_DEVICE (1ULL << 15)      /* 5 */
#define NET_BIND (1ULL << 0)              /* 4 */
#define NET_CONNECT (1ULL << 1)           /* 4 */
#define SCOPE_ABSTRACT_SOCKET (1ULL << 0) /* 6 */
#define RULE_NET_PORT 2                   /* 4 */
#define PORT_OF_NAMES 53                  /* DNS, for long answers */

struct ruleset {
	uint64_t fs;
	uint64_t net;
	uint64_t scoped;
};

struct port_rule {
	uint64_t access;
	uint64_t port;
};

#define READING (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define REMOVING                                                               \
	(LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE)
#define MAKING                                                                 \
	(LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |           \
	 LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |         \
	 LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER)
#define DEVICES (LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK)
#define WRITING (LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE)

/* All that can be said of a file that is no directory. */
#define OF_FILES                                                               \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | WRITING | \
	 FS_IOCTL_DEVICE)

static const uint64_t rights[] = {
	[SANDBOX_READ] = READING,
	[SANDBOX_RUN] = READING | LANDLOCK_ACCESS_FS_EXECUTE,
	[SANDBOX_USE] = READING | WRITING | FS_IOCTL_DEVICE,
	[SANDBOX_CHANGE] = READING | WRITING | MAKING | REMOVING,
	[SANDBOX_REMOVE] = REMOVING,
};

/* What a kernel of VERSION can deny: here, all that it can. */
static struct ruleset deniable(int version)
{
	struct ruleset all = {
		.fs = LANDLOCK_ACCESS_FS_EXECUTE | READING | WRITING | MAKING |
		      REMOVING | DEVICES | FS_IOCTL_DEVICE,
	};

	if (version < 3)
		all.fs &= ~FS_TRUNCATE;
	if (version < 5)
		all.fs &= ~FS_IOCTL_DEVICE;
	if (version >= 4)
		all.net = NET_BIND | NET_CONNECT;
	if (version >= 6)
		all.scoped = SCOPE_ABSTRACT_SOCKET;
	return all;
}

static int allow_path(int fd, const struct ruleset *denied,
                      const struct sandbox_path *path)
{
	struct landlock_path_beneath_attr rule = {
		.allowed_access = rights[path->access] & denied->fs,
		.parent_fd = open(path->path, O_PATH | O_CLOEXEC),
	};
	struct stat status;
	int rc = 0;

	if (rule.parent_fd < 0)
		return 0;
	if (fstat(rule.parent_fd, &status) == 0 && !S_ISDIR(status.st_mode))
		rule.allowed_access &= OF_FILES;
	if (rule.allowed_access &&
	    syscall(SYS_landlock_add_rule, fd, LANDLOCK_RULE_PATH_BENEATH,
	            &rule, 0) < 0)
		rc = -errno;
	close(rule.parent_fd);
	return rc;
}

static int allow_port(int fd, const struct ruleset *denied, int port)
{
	const struct port_rule rule = { .access = NET_CONNECT,
		                        .port = (uint64_t)port };

	if (!denied->net || port <= 0)
		return 0;
	return syscall(SYS_landlock_add_rule, fd, RULE_NET_PORT, &rule, 0) < 0
	           ? -errno
	           : 0;
}

static int fill(int fd, const struct ruleset *denied,
                const struct sandbox_rules *rules)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < rules->path_count; i++)
		rc = allow_path(fd, denied, &rules->paths[i]);
	if (rc == 0)
		rc = allow_port(fd, denied, rules->port);
	if (rc == 0 && rules->port)
		rc = allow_port(fd, denied, PORT_OF_NAMES);
	return rc;
}

int sandbox_limit_paths(const struct sandbox_rules *rules, int *version)
{
	long found = syscall(SYS_landlock_create_ruleset, NULL, 0,
	                     LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset denied;
	int fd;
	int rc;

	if (found < VERSION_NEEDED)
		return -ENOSYS;
	denied = deniable((int)found);
	fd = (int)syscall(SYS_landlock_create_ruleset, &denied, sizeof(denied),
	                  0);
	if (fd < 0)
		return -errno;
	rc = fill(fd, &denied, rules);
	if (rc == 0 && syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		rc = -errno;
	if (rc == 0)
		*version = (int)found;
	close(fd);
	return rc;
}
