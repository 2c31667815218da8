/* SPDX-License-Identifier: MIT */
#include "fs/read_ahead.h"

#include "backends/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEVICE_SIZE 32

/* Blanks and backslashes of a path are \ and three octal digits there. */
static void unescape(char *text)
{
	char *out = text;

	while (*text) {
		unsigned int code;

		if (text[0] == '\\' && sscanf(text + 1, "%3o", &code) == 1) {
			*out++ = (char)code;
			text += strnlen(text, 4);
		} else {
			*out++ = *text++;
		}
	}
	*out = '\0';
}

/* LINE of mountinfo is about MOUNTPOINT: then DEVICE is its "major:minor". */
static bool is_of(const char *line, const char *mountpoint,
                  char device[DEVICE_SIZE])
{
	char path[PATH_MAX];
	char found[DEVICE_SIZE];

	if (sscanf(line, "%*s %*s %31s %*s %4095s", found, path) != 2)
		return false;
	unescape(path);
	if (strcmp(path, mountpoint) != 0)
		return false;
	memcpy(device, found, DEVICE_SIZE);
	return true;
}

/* The last one that is mounted there: to ask the mount itself would be a
 * request to this process. */
static int find_device(const char *mountpoint, char device[DEVICE_SIZE])
{
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t size = 0;
	int rc = -ENOENT;

	if (!mounts)
		return -errno;
	while (getline(&line, &size, mounts) >= 0)
		if (is_of(line, mountpoint, device))
			rc = 0;
	free(line);
	fclose(mounts);
	return rc;
}

static int write_number(const char *path, uint64_t number)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int rc = 0;

	if (fd < 0)
		return -errno;
	if (dprintf(fd, "%llu\n", (unsigned long long)number) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

static int set(const struct read_ahead *ahead)
{
	char device[DEVICE_SIZE];
	char path[96];
	int rc = find_device(ahead->mountpoint, device);

	if (rc)
		return rc;
	snprintf(path, sizeof(path), "/sys/class/bdi/%s/read_ahead_kb", device);
	return write_number(path, ahead->bytes >> 10);
}

void read_ahead_set(struct read_ahead *ahead)
{
	int rc;

	if (ahead->bytes == 0 || atomic_load(&ahead->tried) ||
	    atomic_exchange(&ahead->tried, true))
		return;
	rc = set(ahead);
	if (rc)
		log_debug("read_ahead stays as the kernel has it: %s",
		          strerror(-rc));
}
