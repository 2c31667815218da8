/* SPDX-License-Identifier: MIT */
/*
 * engramctl - ask a mounted store
 *
 * Everything it says comes from the files in .engram of the mount; it finds
 * the mount of a store in /proc/self/mounts, where engramfs stands as
 * `engramfs:<absolute path of the store>`.
 */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SOURCE_PREFIX "engramfs:"
#define MOUNT_TYPE "fuse.engramfs"

enum exit_code {
	EXIT_OK,
	EXIT_FAILED,
	EXIT_USAGE,
};

/* What a command prints. */
struct command {
	const char *name;
	const char *file; /* below .engram */
	const char *help;
};

static const struct command commands[] = {
	{ "status", "status.json", "health, counts and sizes of the backends" },
	{ "errors", "errors.jsonl", "the last refusals and failures" },
	{ "config", "config.json",
	  "the settings in force, and where each came from" },
	{ 0 },
};

static void print_usage(FILE *stream)
{
	fprintf(stream, "usage: engramctl STORE-or-MOUNT COMMAND\n\n");
	for (const struct command *command = commands; command->name; command++)
		fprintf(stream, "  %-8s %s\n", command->name, command->help);
	fprintf(stream, "\n  -h       this help\n  -V       the version\n");
}

static const struct command *find_command(const char *name)
{
	for (const struct command *command = commands; command->name;
	     command++) {
		if (strcmp(command->name, name) == 0)
			return command;
	}
	return NULL;
}

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

/* The mount point of PLACE, or NULL; the caller frees it.  A later mount hides
 * an earlier one. */
static char *find_mount(const char *place)
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

static int print_file(const char *path)
{
	FILE *file = fopen(path, "re");
	char buffer[16384];
	size_t size;
	int rc = 0;

	if (!file)
		return -errno;
	while ((size = fread(buffer, 1, sizeof(buffer), file)) > 0)
		fwrite(buffer, 1, size, stdout);
	if (ferror(file))
		rc = -EIO;
	fclose(file);
	if (rc == 0 && fflush(stdout) != 0)
		rc = -errno;
	return rc;
}

static int run(const char *place, const struct command *command)
{
	char *absolute = realpath(place, NULL);
	char *mount = absolute ? find_mount(absolute) : NULL;
	char path[PATH_MAX];
	int rc = EXIT_FAILED;
	int error;

	if (!absolute) {
		fprintf(stderr, "engramctl: %s: %s\n", place, strerror(errno));
		goto out;
	}
	if (!mount) {
		fprintf(stderr, "engramctl: %s: no mounted store\n", place);
		goto out;
	}
	snprintf(path, sizeof(path), "%s/.engram/%s", mount, command->file);
	error = print_file(path);
	if (error) {
		fprintf(stderr, "engramctl: %s: %s\n", path, strerror(-error));
		goto out;
	}
	rc = EXIT_OK;
out:
	free(mount);
	free(absolute);
	return rc;
}

int main(int argc, char **argv)
{
	const struct command *command = NULL;
	int option = getopt(argc, argv, "+hV");

	if (option == 'h') {
		print_usage(stdout);
		return EXIT_OK;
	}
	if (option == 'V') {
		printf("engramctl %s\n", ENGRAMFS_VERSION);
		return EXIT_OK;
	}
	if (option == -1 && argc - optind == 2)
		command = find_command(argv[optind + 1]);
	if (!command) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	return run(argv[optind], command);
}
