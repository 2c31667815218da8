/* SPDX-License-Identifier: MIT */
#include "tools/ctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOURCE_PREFIX "engramfs:"
#define MOUNT_TYPE "fuse.engramfs"

static bool is_octal(const char *digits)
{
	return digits[0] >= '0' && digits[0] <= '3' && digits[1] >= '0' &&
	       digits[1] <= '7' && digits[2] >= '0' && digits[2] <= '7';
}

/* Undo the kernel's \040, in place. */
static void unescape(char *text)
{
	char *out = text;

	while (*text) {
		if (*text == '\\' && is_octal(text + 1)) {
			*out++ = (char)((text[1] - '0') * 64 +
			                (text[2] - '0') * 8 + (text[3] - '0'));
			text += 4;
		} else {
			*out++ = *text++;
		}
	}
	*out = '\0';
}

/* PATH is DIRECTORY or below it. */
static bool is_below(const char *path, const char *directory)
{
	size_t length = strlen(directory);

	return strncmp(path, directory, length) == 0 &&
	       (path[length] == '/' || path[length] == '\0');
}

/* LINE of the mount table is the mount that PLACE means; cuts LINE up. */
static bool is_mount_of(char *line, const char *place, char **mount_out)
{
	char *rest = NULL;
	char *source = strtok_r(line, " ", &rest);
	char *mount = strtok_r(NULL, " ", &rest);
	char *type = strtok_r(NULL, " ", &rest);

	if (!type || strcmp(type, MOUNT_TYPE) != 0)
		return false;
	unescape(source);
	unescape(mount);
	*mount_out = mount;
	if (is_below(place, mount))
		return true;
	return strncmp(source, SOURCE_PREFIX, strlen(SOURCE_PREFIX)) == 0 &&
	       strcmp(source + strlen(SOURCE_PREFIX), place) == 0;
}

/* A later mount hides an earlier one. */
char *ctl_find_mount(const char *place)
{
	FILE *table = fopen("/proc/self/mounts", "re");
	char *found = NULL;
	char *line = NULL;
	char *mount;
	size_t size = 0;

	if (!table)
		return NULL;
	while (getline(&line, &size, table) > 0) {
		if (!is_mount_of(line, place, &mount))
			continue;
		free(found);
		found = strdup(mount);
	}
	free(line);
	fclose(table);
	return found;
}
