/* SPDX-License-Identifier: MIT */
#include "fs/copier.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COMM_SIZE 16 /* TASK_COMM_LEN: longer names are cut */

/* Sorted, and cut as the kernel cuts them. */
static const char *const names[] = {
	"7z",
	"7za",
	"b2sum",
	"bacula-fd",
	"baloo_file",
	"baloo_file_ext",
	"borg",
	"bsdtar",
	"cksum",
	"cmp",
	"cp",
	"cpio",
	"diff",
	"duplicity",
	"file",
	"find",
	"gio",
	"install",
	"localsearch-3",
	"localsearch-ext",
	"md5sum",
	"mv",
	"rclone",
	"recollindex",
	"restic",
	"rsync",
	"scp",
	"sftp-server",
	"sha1sum",
	"sha224sum",
	"sha256sum",
	"sha384sum",
	"sha512sum",
	"star",
	"sum",
	"tar",
	"tracker-extract",
	"tracker-miner-f",
	"unison",
	"updatedb",
	"xxhsum",
	"zip",
};

static int compare(const void *name, const void *entry)
{
	return strcmp(name, *(const char *const *)entry);
}

bool copier_has_name(const char *name)
{
	return bsearch(name, names, sizeof(names) / sizeof(names[0]),
	               sizeof(names[0]), compare) != NULL;
}

bool copier_is(pid_t pid)
{
	char path[32];
	char comm[COMM_SIZE + 1];
	ssize_t size;
	int fd;

	if (pid <= 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) /* it has ended */
		return false;
	size = read(fd, comm, sizeof(comm) - 1);
	close(fd);
	if (size <= 0)
		return false;
	comm[size] = '\0';
	comm[strcspn(comm, "\n")] = '\0';
	return copier_has_name(comm);
}
