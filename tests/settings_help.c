/* SPDX-License-Identifier: MIT */
#include "tests/settings_help.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

int settings_help_make(void **state)
{
	struct settings_help *help = calloc(1, sizeof(*help));
	const char *base = getenv("TMPDIR");

	assert_non_null(help);
	snprintf(help->directory, sizeof(help->directory), "%.30s/%s",
	         base ? base : "/tmp", "settings-XXXXXX");
	assert_non_null(mkdtemp(help->directory));
	*state = help;
	return 0;
}

void settings_path(const struct settings_help *help, const char *name,
                   char path[128])
{
	snprintf(path, 128, "%s/%s", help->directory, name);
}

int settings_help_remove(void **state)
{
	struct settings_help *help = *state;
	char path[128];

	settings_release(&help->settings);
	settings_path(help, SETTINGS_FILE, path);
	unlink(path);
	settings_path(help, "secret", path);
	unlink(path);
	assert_int_equal(rmdir(help->directory), 0);
	free(help);
	return 0;
}

void settings_write(const struct settings_help *help, const char *name,
                    const char *text)
{
	char path[128];
	FILE *file;

	settings_path(help, name, path);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fchmod(fileno(file), 0600), 0);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

int settings_reload(struct settings_help *help)
{
	struct settings_sources sources = {
		.directory = help->directory,
		.environment = help->environment,
		.options = help->options,
		.option_count = help->option_count,
	};

	settings_release(&help->settings);
	return settings_load(&sources, &help->settings, &help->origins,
	                     help->why);
}

int settings_load_file(struct settings_help *help, const char *yaml)
{
	settings_write(help, SETTINGS_FILE, yaml);
	return settings_reload(help);
}

int settings_load_option(struct settings_help *help, const char *option)
{
	help->options[0] = option;
	help->option_count = 1;
	return settings_reload(help);
}

int settings_load_variable(struct settings_help *help, char *variable)
{
	help->environment[0] = variable;
	return settings_reload(help);
}
