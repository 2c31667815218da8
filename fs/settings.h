/* SPDX-License-Identifier: MIT */
/*
 * settings.h - settings from everywhere, and where each came from
 *
 * Sources, later wins: the defaults (settings_init), storage.yaml in the
 * store, the environment, -o options.  One table (settings_row.c) names every
 * setting for all of them.  An empty variable and a YAML null leave a setting
 * as it is.  A server is implied by any of redis.port, db, password and
 * password_file: its host is then localhost.
 *
 * Errors:     int functions return 0 or a negative errno value; -EINVAL fills
 *             WHY with one line that names the source (and the line of the
 *             file), the setting and what is allowed.
 * Ownership:  a loaded struct settings is released by settings_release.
 * Threads:    settings_load reads the environment it is given and the files;
 *             no shared state.
 */
#ifndef ENGRAMFS_FS_SETTINGS_H
#define ENGRAMFS_FS_SETTINGS_H

#include "backends/blob.h"
#include "backends/settings.h"

#include <stdbool.h>
#include <stddef.h>

#define SETTINGS_FILE "storage.yaml"
#define SETTINGS_MAX 64 /* rows there may be */
#define SETTINGS_WHY_SIZE 512

enum origin {
	ORIGIN_DEFAULT,
	ORIGIN_FILE,
	ORIGIN_ENVIRONMENT,
	ORIGIN_OPTION,
};

/* Where the value in force of each row came from. */
struct settings_origins {
	struct {
		enum origin from;
		unsigned int line; /* of the file, from 1; else 0 */
	} rows[SETTINGS_MAX];
};

struct settings_sources {
	const char *directory;      /* the store; it may lack a file */
	char *const *environment;   /* environ */
	const char *const *options; /* as given to -o: "redis.port=6380" */
	size_t option_count;
};

/* Fill OUT and ORIGINS.  Nothing is to be released on error. */
int settings_load(const struct settings_sources *sources, struct settings *out,
                  struct settings_origins *origins,
                  char why[SETTINGS_WHY_SIZE]);

/* Once they are loaded: overwrite the values of ENVIRONMENT that are secrets,
 * for children inherit it, and others may read it. */
void settings_hide_secrets(char *const *environment);

/* OPTION (of -o) is meant for settings_load, be it right or wrong. */
bool settings_is_option(const char *option);

/* Append the settings in force as one JSON object, by section and key:
 * {"value": ..., "origin": "storage.yaml:3"}.  Secrets show as "********". */
int settings_append_json(const struct settings *settings,
                         const struct settings_origins *origins,
                         struct blob *out);

#endif
