/* SPDX-License-Identifier: MIT */
#include "tools/ctl.h"

#include "backends/json.h"
#include "backends/manifest.h"
#include "backends/schedule.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define UNITS "kMGTP"

static void print_size(uint64_t bytes)
{
	double size = (double)bytes;
	size_t unit = 0;

	if (bytes < 1000) {
		printf("%6llu B ", (unsigned long long)bytes);
		return;
	}
	for (size /= 1000; size >= 999.5 && UNITS[unit + 1]; unit++)
		size /= 1000;
	printf("%6.*f %cB", size < 99.5 ? 1 : 0, size, UNITS[unit]);
}

static void print_schedules(const struct manifest *manifest)
{
	const struct value *list = manifest->schedules;
	const char *comma = "";

	for (size_t i = 0; list && i < list->list.count; i++) {
		const struct blob *text = &list->list.items[i]->text;
		int kind = schedule_find(text->data, text->size);

		printf("%s%s", comma,
		       kind < 0 ? "unknown"
		                : schedule_name((enum schedule_kind)kind));
		comma = ",";
	}
	if (comma[0] == '\0')
		printf("by hand");
}

static void print_backup(const char *directory, const struct manifest *manifest)
{
	printf("%s  ", manifest->name);
	print_size(manifest_stored(manifest));
	printf("  %s%s  ", manifest->compressed ? "zstd" : "plain",
	       manifest->key ? ", encrypted" : "");
	print_schedules(manifest);
	printf("%s\n", manifest_is_whole(manifest, directory)
	                   ? ""
	                   : "  DAMAGED: files are missing or cut");
}

static int is_backup(const struct dirent *entry)
{
	return manifest_is_backup(entry->d_name);
}

static int print_entry(const char *directory, const char *name)
{
	char path[PATH_MAX];
	char why[WHY_SIZE] = "";
	struct manifest manifest = { 0 };
	int rc = -ENAMETOOLONG;

	if (snprintf(path, sizeof(path), "%s/%s", directory, name) < PATH_MAX)
		rc = manifest_read(path, NULL, &manifest, why);
	if (rc == 0)
		print_backup(path, &manifest);
	else
		fprintf(stderr, "engramctl: %s\n",
		        why[0] ? why : strerror(-rc));
	manifest_release(&manifest);
	return rc;
}

enum exit_code ctl_list_backups(const char *directory)
{
	struct dirent **names = NULL;
	int count = scandir(directory, &names, is_backup, alphasort);
	enum exit_code code = EXIT_OK;

	if (count < 0 && errno != ENOENT) {
		fprintf(stderr, "engramctl: %s: %s\n", directory,
		        strerror(errno));
		return EXIT_FAILED;
	}
	for (int i = 0; i < count; i++) {
		if (print_entry(directory, names[i]->d_name))
			code = EXIT_FAILED;
		free(names[i]);
	}
	free(names);
	return code;
}

enum exit_code ctl_list_mounted_backups(const char *mount)
{
	char path[PATH_MAX];
	enum exit_code code = EXIT_FAILED;
	const struct value *backup;
	const struct value *directory;
	struct value *status;

	snprintf(path, sizeof(path), "%s/.engram/status.json", mount);
	status = ctl_read_json(path);
	backup = status ? value_dict_get(status, "backup") : NULL;
	directory = backup ? value_dict_get(backup, "directory") : NULL;
	if (directory && directory->type == VALUE_TEXT)
		code = ctl_list_backups(directory->text.data);
	else
		fprintf(stderr, "engramctl: %s: cannot be read\n", path);
	value_unref(status);
	return code;
}

enum exit_code ctl_make_key(const char *path)
{
	int rc = seal_key_make(path);

	if (rc == 0)
		return EXIT_OK;
	fprintf(stderr, "engramctl: %s: %s\n", path, strerror(-rc));
	return EXIT_FAILED;
}
