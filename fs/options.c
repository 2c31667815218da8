/* SPDX-License-Identifier: MIT */
#include "fs/options.h"

#include "fs/settings.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What libfuse and the kernel understand; the rest is refused before anything
 * is opened. */
static const char *const mount_words[] = {
	"allow_other", "allow_root",  "auto_unmount", "default_permissions",
	"rw",          "suid",        "nosuid",       "dev",
	"nodev",       "exec",        "noexec",       "atime",
	"noatime",     "sync",        "async",        "dirsync",
	"max_read=",   "fsname=",     "subtype=",     "context=",
	"fscontext=",  "defcontext=", "rootcontext=", NULL,
};

static int add(char ***list, size_t *count, const char *text)
{
	char **grown = reallocarray(*list, *count + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	*list = grown;
	grown[*count] = strdup(text);
	if (!grown[*count])
		return -ENOMEM;
	(*count)++;
	return 0;
}

static bool is_mount_word(const char *option)
{
	for (size_t i = 0; mount_words[i]; i++) {
		size_t size = strlen(mount_words[i]);

		if (mount_words[i][size - 1] == '='
		        ? strncmp(option, mount_words[i], size) == 0
		        : strcmp(option, mount_words[i]) == 0)
			return true;
	}
	return false;
}

/* NAME=NUMBER in BASE.  0: another option; 1: taken. */
static int take_number(const char *option, const char *name, int base,
                       unsigned int *number, bool *given, char *why)
{
	size_t size = strlen(name);
	unsigned long value;
	char *end;

	if (strncmp(option, name, size) != 0)
		return 0;
	errno = 0;
	value = strtoul(option + size, &end, base);
	if (errno || *end || option[size] < '0' || option[size] > '9' ||
	    value > 0xfffffffeUL) {
		snprintf(why, OPTIONS_WHY_SIZE, "-o %s: not %s", option,
		         base == 8 ? "an octal number" : "a number");
		return -EINVAL;
	}
	*number = (unsigned int)value;
	*given = true;
	return 1;
}

static int take_numbers(struct options *options, const char *option, char *why)
{
	int rc = take_number(option, "uid=", 10, &options->uid,
	                     &options->has_uid, why);

	if (rc == 0)
		rc = take_number(option, "gid=", 10, &options->gid,
		                 &options->has_gid, why);
	if (rc == 0)
		rc = take_number(option, "umask=", 8, &options->umask,
		                 &options->has_umask, why);
	return rc;
}

static int take_option(struct options *options, const char *option, char *why)
{
	int rc = take_numbers(options, option, why);

	if (rc)
		return rc < 0 ? rc : 0;
	if (settings_is_option(option))
		return add(&options->settings, &options->setting_count, option);
	if (strcmp(option, "ro") == 0)
		options->read_only = true;
	else if (strcmp(option, "nonempty") == 0)
		options->nonempty = true;
	else if (strcmp(option, "debug") == 0)
		options->debug = true;
	else if (strcmp(option, "no_sandbox") == 0)
		options->no_sandbox = true;
	else if (strcmp(option, "core_dumps") == 0)
		options->core_dumps = true;
	else if (strcmp(option, "no_passthrough") == 0)
		options->no_passthrough = true;
	else if (is_mount_word(option))
		return add(&options->mount, &options->mount_count, option);
	else {
		snprintf(why, OPTIONS_WHY_SIZE, "unknown option: -o %s",
		         option);
		return -EINVAL;
	}
	return 0;
}

/* "a,b\,c" is "a" and "b,c". */
static int take_list(struct options *options, const char *list, char *why)
{
	char *copy = strdup(list);
	char *from = copy;
	char *to = copy;
	char *start = copy;
	int rc = copy ? 0 : -ENOMEM;

	while (rc == 0 && from) {
		bool end = *from == '\0';

		if (end || *from == ',') {
			*to = '\0';
			if (to > start)
				rc = take_option(options, start, why);
			to = start;
			from = end ? NULL : from + 1;
			continue;
		}
		if (*from == '\\' && from[1])
			from++;
		*to++ = *from++;
	}
	free(copy);
	return rc;
}

/* BAD is the word that getopt_long was in when it failed, or the one before:
 * a letter it names itself.  To it, "--help=1" is a misused 'h'. */
static int refuse_letter(int letter, const char *bad, char *why)
{
	if (letter == ':')
		snprintf(why, OPTIONS_WHY_SIZE, "-%c needs a value", optopt);
	else if (optopt == 0 || strchr("hV", optopt))
		snprintf(why, OPTIONS_WHY_SIZE, "unknown option: %s", bad);
	else
		snprintf(why, OPTIONS_WHY_SIZE, "unknown option: -%c", optopt);
	return -EINVAL;
}

static int take_letter(struct options *options, int letter, const char *bad,
                       char *why)
{
	switch (letter) {
	case 'f':
		options->foreground = true;
		return 0;
	case 'd':
		options->debug = true;
		return 0;
	case 's':
		options->single_thread = true;
		return 0;
	case 'h':
		options->help = true;
		return 0;
	case 'V':
		options->version = true;
		return 0;
	case 'o':
		return take_list(options, optarg, why);
	default:
		return refuse_letter(letter, bad, why);
	}
}

static int take_places(struct options *options, int argc, char *const argv[],
                       char *why)
{
	if (options->help || options->version)
		return 0;
	if (argc - optind != 2) {
		snprintf(why, OPTIONS_WHY_SIZE, "%s",
		         argc - optind < 2
		             ? "a store and a mount point are needed"
		             : "too many arguments");
		return -EINVAL;
	}
	options->store = strdup(argv[optind]);
	options->mountpoint = strdup(argv[optind + 1]);
	return options->store && options->mountpoint ? 0 : -ENOMEM;
}

int options_parse(int argc, char *const argv[], struct options *out,
                  char why[OPTIONS_WHY_SIZE])
{
	static const struct option words[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	struct options options = { 0 };
	int letter;
	int rc = 0;

	opterr = 0;
	while (rc == 0 && (letter = getopt_long(argc, argv, ":fdshVo:", words,
	                                        NULL)) != -1)
		rc = take_letter(&options, letter, argv[optind - 1], why);
	if (rc == 0)
		rc = take_places(&options, argc, argv, why);
	if (rc) {
		options_release(&options);
		return rc;
	}
	options.foreground |= options.debug;
	*out = options;
	return 0;
}

bool options_count_accesses(const struct options *options)
{
	bool counts = true;

	for (size_t i = 0; i < options->mount_count; i++) {
		if (strcmp(options->mount[i], "atime") == 0)
			counts = true;
		else if (strcmp(options->mount[i], "noatime") == 0)
			counts = false;
	}
	return counts && !options->read_only;
}

static void release_list(char **list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(list[i]);
	free(list);
}

void options_release(struct options *options)
{
	free(options->store);
	free(options->mountpoint);
	release_list(options->settings, options->setting_count);
	release_list(options->mount, options->mount_count);
	*options = (struct options){ 0 };
}
