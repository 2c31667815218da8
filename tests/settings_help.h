/* SPDX-License-Identifier: MIT */
/*
 * settings_help.h - a store and settings for it, in tests
 *
 * Every test has its own struct settings_help as *STATE.
 */
#ifndef ENGRAMFS_TESTS_SETTINGS_HELP_H
#define ENGRAMFS_TESTS_SETTINGS_HELP_H

#include "fs/settings.h"

#define SETTINGS_HELP_TEXTS 8

struct settings_help {
	char directory[64]; /* the store */
	char *environment[SETTINGS_HELP_TEXTS];
	const char *options[SETTINGS_HELP_TEXTS];
	size_t option_count;
	struct settings settings; /* what came of them */
	struct settings_origins origins;
	char why[SETTINGS_WHY_SIZE];
};

int settings_help_make(void **state);
int settings_help_remove(void **state);

#define SETTINGS_TEST(name)                                                    \
	cmocka_unit_test_setup_teardown(name, settings_help_make,              \
	                                settings_help_remove)

void settings_path(const struct settings_help *help, const char *name,
                   char path[128]);

/* Make the file NAME of the store, readable by its owner alone. */
void settings_write(const struct settings_help *help, const char *name,
                    const char *text);

/* settings_load; the others set one thing first. */
int settings_reload(struct settings_help *help);
int settings_load_file(struct settings_help *help, const char *yaml);
int settings_load_option(struct settings_help *help, const char *option);
int settings_load_variable(struct settings_help *help, char *variable);

#endif
