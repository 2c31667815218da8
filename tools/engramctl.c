/* SPDX-License-Identifier: MIT */
/*
 * engramctl - ask a mounted store, and look after it
 *
 * Everything it says comes from the files in .engram of the mount; it finds
 * the mount of a store in /proc/self/mounts, where engramfs stands as
 * `engramfs:<absolute path of the store>`.
 */
#include "tools/ctl.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_SIZE 4096

/* How a command is done. */
enum kind {
	KIND_PRINT,   /* a file below .engram */
	KIND_CONTROL, /* a line for .engram/control */
	KIND_JOBS,
	KIND_TOP,
	KIND_RECOVER,
	KIND_RESTORE,
	KIND_BACKUPS,
};

struct command {
	const char *name;
	const char *parameters;
	const char *help;
	enum kind kind;
	const char *file; /* of KIND_PRINT */
	bool asks;        /* first, unless --yes */
};

static const struct command commands[] = {
	{ "status", "", "health, counts and sizes of the backends", KIND_PRINT,
	  "status.json", false },
	{ "errors", "", "the last refusals and failures", KIND_PRINT,
	  "errors.jsonl", false },
	{ "config", "", "the settings in force, and where each came from",
	  KIND_PRINT, "config.json", false },
	{ "metrics", "", "counts and latencies, as Prometheus text", KIND_PRINT,
	  "metrics.prom", false },
	{ "top", "", "what the mount is doing, again and again", KIND_TOP, NULL,
	  false },
	{ "stats", "", "count records and measure what they take", KIND_CONTROL,
	  NULL, false },
	{ "vacuum", "", "rebuild the SQLite database", KIND_CONTROL, NULL,
	  false },
	{ "rotate", "[if_larger=BYTES]", "go on with a new HDF5 file",
	  KIND_CONTROL, NULL, false },
	{ "check-size", "", "rotate where the HDF5 file is over its limit",
	  KIND_CONTROL, NULL, false },
	{ "compact", "", "rebuild the HDF5 files", KIND_CONTROL, NULL, false },
	{ "cleanup", "retention_days=N [collections=A,B]",
	  "remove old records, of HDF5 if not told otherwise", KIND_CONTROL,
	  NULL, false },
	{ "clear-expired", "", "remove what has expired in Redis", KIND_CONTROL,
	  NULL, false },
	{ "flush", "", "remove all Redis records", KIND_CONTROL, NULL, true },
	{ "verify", "", "check everything that is stored, and the backups",
	  KIND_CONTROL, NULL, false },
	{ "backup", "", "copy everything into STORE/backups", KIND_CONTROL,
	  NULL, false },
	{ "backups", "[DIRECTORY]", "the backups that are there", KIND_BACKUPS,
	  NULL, false },
	{ "restore", "[BACKUP]",
	  "put a backup into a store that is not mounted", KIND_RESTORE, NULL,
	  false },
	{ "recover", "[FILE...]", "undo HDF5 writes that were broken off",
	  KIND_RECOVER, NULL, false },
	{ "jobs", "", "what runs, waits and has ended", KIND_JOBS, NULL,
	  false },
	{ "cancel", "JOB", "stop a job", KIND_CONTROL, NULL, false },
	{ 0 },
};

static void print_usage(FILE *stream)
{
	fprintf(stream, "usage: engramctl [--yes] STORE-or-MOUNT COMMAND "
	                "[PARAMETERS]\n"
	                "       engramctl keygen FILE\n\n");
	for (const struct command *command = commands; command->name; command++)
		fprintf(stream, "  %-13s %s\n", command->name, command->help);
	fprintf(stream, "\n  -y, --yes     do not ask\n"
	                "  -o, --once    top: one table\n"
	                "  -k, --key FILE  restore: of an encrypted backup\n"
	                "  -a, --at TIME   restore: as it was then\n"
	                "  -h, --help    this help\n"
	                "  -V, --version the version\n");
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

static enum exit_code print(const char *mount, const struct command *command)
{
	char path[PATH_MAX];
	int rc;

	snprintf(path, sizeof(path), "%s/.engram/%s", mount, command->file);
	rc = print_file(path);
	if (rc == 0)
		return EXIT_OK;
	fprintf(stderr, "engramctl: %s: %s\n", path, strerror(-rc));
	return EXIT_FAILED;
}

static bool is_sure(const struct command *command)
{
	char answer[16] = "";

	fprintf(stderr, "%s: %s. Sure? (yes/no) ", command->name,
	        command->help);
	return fgets(answer, sizeof(answer), stdin) &&
	       strcmp(answer, "yes\n") == 0;
}

static enum exit_code control(const char *mount, const struct command *command,
                              char **parameters, bool yes)
{
	char line[LINE_SIZE];
	size_t used = (size_t)snprintf(line, sizeof(line), "%s", command->name);

	if (command->asks && !yes && !is_sure(command)) {
		fprintf(stderr, "engramctl: nothing was done\n");
		return EXIT_FAILED;
	}
	for (; *parameters && used < sizeof(line); parameters++)
		used += (size_t)snprintf(line + used, sizeof(line) - used,
		                         " %s", *parameters);
	if (command->asks && used < sizeof(line))
		used +=
		    (size_t)snprintf(line + used, sizeof(line) - used, " yes");
	if (used >= sizeof(line)) {
		fprintf(stderr, "engramctl: the command is too long\n");
		return EXIT_USAGE;
	}
	return ctl_run(mount, line);
}

static enum exit_code restore(const char *store, char **parameters,
                              struct ctl_choices *choices)
{
	choices->backup = parameters[0];
	return ctl_restore(store, choices);
}

/* DIRECTORY, or that of the store. */
static enum exit_code list_backups(const char *store, const char *mount,
                                   const char *directory)
{
	char path[PATH_MAX];

	if (directory)
		return ctl_list_backups(directory);
	if (mount)
		return ctl_list_mounted_backups(mount);
	snprintf(path, sizeof(path), "%s/backups", store);
	return ctl_list_backups(path);
}

static enum exit_code run(const char *place, const struct command *command,
                          char **parameters, struct ctl_choices *choices)
{
	char *absolute = realpath(place, NULL);
	char *mount = absolute ? ctl_find_mount(absolute) : NULL;
	enum exit_code code = EXIT_FAILED;

	if (!absolute)
		fprintf(stderr, "engramctl: %s: %s\n", place, strerror(errno));
	else if (command->kind == KIND_RECOVER)
		code = ctl_recover(absolute, parameters);
	else if (command->kind == KIND_RESTORE && mount)
		fprintf(stderr, "engramctl: %s: is mounted; unmount it first\n",
		        place);
	else if (command->kind == KIND_RESTORE)
		code = restore(absolute, parameters, choices);
	else if (command->kind == KIND_BACKUPS)
		code = list_backups(absolute, mount, parameters[0]);
	else if (!mount)
		fprintf(stderr, "engramctl: %s: no mounted store\n", place);
	else if (command->kind == KIND_PRINT)
		code = print(mount, command);
	else if (command->kind == KIND_JOBS)
		code = ctl_list_jobs(mount);
	else if (command->kind == KIND_TOP)
		code = ctl_top(mount, choices->once);
	else
		code = control(mount, command, parameters, choices->yes);
	free(mount);
	free(absolute);
	return code;
}

/* COMMAND takes what is given: COUNT parameters, and CHOICES. */
static bool is_complete(const struct command *command, int count,
                        const struct ctl_choices *choices)
{
	if (command->kind == KIND_RESTORE)
		return count == 1 || (count == 0 && choices->at);
	if (choices->key_file || choices->at)
		return false;
	if (command->parameters[0] == '\0')
		return count == 0;
	if (command->kind == KIND_RECOVER)
		return true;
	if (command->parameters[0] == '[')
		return count <= 1;
	return count >= 1;
}

/* False: OPTION is none of those that go with commands. */
static bool take_choice(int option, struct ctl_choices *choices)
{
	choices->yes |= option == 'y';
	choices->once |= option == 'o';
	if (option == 'k')
		choices->key_file = optarg;
	if (option == 'a')
		choices->at = optarg;
	return option == 'y' || option == 'o' || option == 'k' || option == 'a';
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "yes", no_argument, NULL, 'y' },
		{ "once", no_argument, NULL, 'o' },
		{ "key", required_argument, NULL, 'k' },
		{ "at", required_argument, NULL, 'a' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	const struct command *command = NULL;
	struct ctl_choices choices = { 0 };
	int option;

	while ((option = getopt_long(argc, argv, "yok:a:hV", options, NULL)) !=
	           -1 &&
	       take_choice(option, &choices))
		continue;
	if (option == 'h') {
		print_usage(stdout);
		return EXIT_OK;
	}
	if (option == 'V') {
		printf("engramctl %s\n", ENGRAMFS_VERSION);
		return EXIT_OK;
	}
	if (option == -1 && argc - optind >= 2)
		command = find_command(argv[optind + 1]);
	if (option == -1 && !command && argc - optind == 2 &&
	    strcmp(argv[optind], "keygen") == 0)
		return (int)ctl_make_key(argv[optind + 1]);
	if (!command || !is_complete(command, argc - optind - 2, &choices)) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	return (int)run(argv[optind], command, argv + optind + 2, &choices);
}
