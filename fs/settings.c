/* SPDX-License-Identifier: MIT */
#include "fs/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backends/log.h"
#include "fs/settings_row.h"

struct loading {
	const char *directory;
	struct settings *settings;
	struct settings_origins *origins;
};

static int refuse(char why[SETTINGS_WHY_SIZE], const char *reason)
{
	snprintf(why, SETTINGS_WHY_SIZE, "%s", reason);
	return -EINVAL;
}

static int append_keys(const char *section, struct blob *out)
{
	const char *comma = "";
	int rc = 0;

	for (const struct setting_row *row = setting_rows; !rc && row->key;
	     row++) {
		if (strcmp(row->section, section) != 0)
			continue;
		rc = blob_printf(out, "%s%s", comma, row->key);
		comma = ", ";
	}
	return rc;
}

/* There is no KEY in SECTION: say where it would be, or what there is. */
static int refuse_unknown(const char *section, const char *key,
                          char why[SETTINGS_WHY_SIZE])
{
	const struct setting_row *elsewhere = setting_find_key(key);
	struct blob keys = { 0 };
	int rc;

	if (elsewhere && elsewhere->section[0]) {
		refuse(why, elsewhere->section);
		return setting_blame(why, "%s belongs to ", key);
	}
	if (!setting_is_section(section))
		return refuse(why, "unknown; allowed: encoding, scratch_quota, "
		                   "read_ahead, redis, sqlite, hdf5, backup");
	rc = append_keys(section, &keys);
	if (rc == 0) {
		refuse(why, keys.data);
		rc = setting_blame(why, "unknown; allowed in %s: ", section);
	}
	blob_release(&keys);
	return rc;
}

static enum origin origin_of(const struct loading *loading,
                             const struct setting_row *row)
{
	return loading->origins->rows[row - setting_rows].from;
}

/* Set ROW.  What shares its slot is not in force any more. */
static int set(const struct loading *loading, const struct setting_row *row,
               const char *text, enum origin from, unsigned int line,
               char why[SETTINGS_WHY_SIZE])
{
	void *slot = (char *)loading->settings + row->offset;
	int rc = row->kind->parse(row, text, loading->directory, slot, why);

	if (rc)
		return rc;
	for (size_t i = 0; setting_rows[i].key; i++) {
		if (setting_rows[i].offset == row->offset)
			loading->origins->rows[i].from = ORIGIN_DEFAULT;
	}
	loading->origins->rows[row - setting_rows].from = from;
	loading->origins->rows[row - setting_rows].line = line;
	return 0;
}

/* The row that gave ROW's slot its value in source FROM, or NULL. */
static const struct setting_row *already_set(const struct loading *loading,
                                             const struct setting_row *row,
                                             enum origin from)
{
	for (const struct setting_row *other = setting_rows; other->key;
	     other++) {
		if (other->offset == row->offset &&
		    origin_of(loading, other) == from)
			return other;
	}
	return NULL;
}

static int set_from_entry(const struct loading *loading,
                          const struct setting_entry *entry,
                          char why[SETTINGS_WHY_SIZE])
{
	const struct setting_row *row =
	    setting_find(entry->section, entry->key);
	const struct setting_row *before;

	if (!row)
		return refuse_unknown(entry->section, entry->key, why);
	if (!entry->is_single)
		return refuse(why, "a single value is needed");
	if (!entry->value)
		return 0;
	if (row->is_program)
		return refuse(why, "a store names no programs: use "
		                   "REDIS_SERVER or -o redis.server");
	before = already_set(loading, row, ORIGIN_FILE);
	if (!before)
		return set(loading, row, entry->value, ORIGIN_FILE, entry->line,
		           why);
	refuse(why, before->key);
	return setting_blame(
	    why, "line %u has already set ",
	    loading->origins->rows[before - setting_rows].line);
}

/* A section, or null in its place. */
static bool is_section(const struct setting_entry *entry)
{
	if (!entry->key[0])
		return setting_is_section(entry->section);
	return !entry->section[0] && setting_is_section(entry->key) &&
	       entry->is_single && !entry->value;
}

static int use_entry(const struct setting_entry *entry, void *arg,
                     char why[SETTINGS_WHY_SIZE])
{
	int rc;

	if (is_section(entry))
		return 0;
	if (!entry->section[0] && setting_is_section(entry->key))
		rc = refuse(why, "keys and their values are needed");
	else
		rc = set_from_entry(arg, entry, why);
	if (rc != -EINVAL)
		return rc;
	return setting_blame(why, "%s%s%s: ", entry->section,
	                     entry->section[0] && entry->key[0] ? "." : "",
	                     entry->key);
}

static void warn_of_open_password(const struct loading *loading,
                                  const char *path)
{
	struct stat info;

	if (origin_of(loading, setting_find("redis", "password")) ==
	        ORIGIN_FILE &&
	    stat(path, &info) == 0 && (info.st_mode & 077))
		log_warn("settings: %s: holds a password that other users may "
		         "read (chmod 600)",
		         path);
}

static int use_file(struct loading *loading, char why[SETTINGS_WHY_SIZE])
{
	struct blob path = { 0 };
	int rc = blob_printf(&path, "%s/%s", loading->directory, SETTINGS_FILE);

	if (rc == 0)
		rc = settings_yaml_each(path.data, use_entry, loading, why);
	if (rc == -EINVAL)
		setting_blame(why, "%s:", SETTINGS_FILE);
	else if (rc == 0)
		warn_of_open_password(loading, path.data);
	blob_release(&path);
	return rc;
}

/* The value of NAME, or NULL where it is not set or empty. */
static const char *variable(char *const *environment, const char *name)
{
	size_t length = strlen(name);

	for (; *environment; environment++) {
		if (strncmp(*environment, name, length) == 0 &&
		    (*environment)[length] == '=' && (*environment)[length + 1])
			return *environment + length + 1;
	}
	return NULL;
}

static int set_from_variable(const struct loading *loading,
                             const struct setting_row *row, const char *text,
                             char why[SETTINGS_WHY_SIZE])
{
	const struct setting_row *before =
	    already_set(loading, row, ORIGIN_ENVIRONMENT);

	if (!before)
		return set(loading, row, text, ORIGIN_ENVIRONMENT, 0, why);
	refuse(why, before->environment);
	return setting_blame(why, "not together with ");
}

static int use_environment(struct loading *loading, char *const *environment,
                           char why[SETTINGS_WHY_SIZE])
{
	int rc = 0;

	for (const struct setting_row *row = setting_rows; !rc && row->key;
	     row++) {
		const char *text = variable(environment, row->environment);

		if (!text)
			continue;
		rc = set_from_variable(loading, row, text, why);
		if (rc == -EINVAL)
			setting_blame(why, "%s: ", row->environment);
	}
	return rc;
}

/* OPTION is "section.key=value", and is cut into its parts. */
static int set_from_option(const struct loading *loading, char *option,
                           char why[SETTINGS_WHY_SIZE])
{
	char *value = strchr(option, '=');
	char *dot;
	const struct setting_row *row;

	if (value)
		*value++ = '\0';
	dot = strchr(option, '.');
	if (dot)
		*dot++ = '\0';
	row = setting_find(dot ? option : "", dot ? dot : option);
	if (!row)
		return refuse_unknown(dot ? option : "", dot ? dot : option,
		                      why);
	if (row->kind == &setting_secret)
		return refuse(why, "every user can read a command line: use "
		                   "REDIS_PASSWORD or redis.password_file");
	if (!value)
		return refuse(why, "a value is needed");
	return set(loading, row, value, ORIGIN_OPTION, 0, why);
}

static int use_options(struct loading *loading,
                       const struct settings_sources *sources,
                       char why[SETTINGS_WHY_SIZE])
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sources->option_count; i++) {
		const char *option = sources->options[i];
		char *copy = strdup(option);

		rc = copy ? set_from_option(loading, copy, why) : -ENOMEM;
		if (rc == -EINVAL)
			setting_blame(why,
			              "-o %.*s: ", (int)strcspn(option, "="),
			              option);
		free(copy);
	}
	return rc;
}

/* What follows from the settings given. */
static int conclude(struct loading *loading)
{
	struct settings *settings = loading->settings;
	bool server = false;

	for (const struct setting_row *row = setting_rows; row->key; row++)
		server |= row->implies_server &&
		          origin_of(loading, row) != ORIGIN_DEFAULT;
	settings->hdf5.compression_opts_given =
	    origin_of(loading, setting_find("hdf5", "compression_opts")) !=
	    ORIGIN_DEFAULT;
	settings->hdf5.chunk_size_given =
	    origin_of(loading, setting_find("hdf5", "chunk_size")) !=
	    ORIGIN_DEFAULT;
	if (!server || settings->redis.host)
		return 0;
	settings->redis.host = strdup("localhost");
	return settings->redis.host ? 0 : -ENOMEM;
}

int settings_load(const struct settings_sources *sources, struct settings *out,
                  struct settings_origins *origins, char why[SETTINGS_WHY_SIZE])
{
	struct settings settings;
	struct settings_origins found = { 0 };
	struct loading loading = { .directory = sources->directory,
		                   .settings = &settings,
		                   .origins = &found };
	int rc = settings_init(&settings);

	if (rc)
		return rc;
	rc = use_file(&loading, why);
	if (rc == 0)
		rc = use_environment(&loading, sources->environment, why);
	if (rc == 0)
		rc = use_options(&loading, sources, why);
	if (rc == 0)
		rc = conclude(&loading);
	if (rc) {
		settings_release(&settings);
		return rc;
	}
	*out = settings;
	*origins = found;
	return 0;
}

void settings_hide_secrets(char *const *environment)
{
	for (const struct setting_row *row = setting_rows; row->key; row++) {
		size_t length = strlen(row->environment);

		if (row->kind != &setting_secret)
			continue;
		for (char *const *one = environment; *one; one++)
			if (strncmp(*one, row->environment, length) == 0 &&
			    (*one)[length] == '=')
				explicit_bzero(*one + length + 1,
				               strlen(*one + length + 1));
	}
}

bool settings_is_option(const char *option)
{
	char name[32];
	size_t length = strcspn(option, ".=");

	if (length >= sizeof(name))
		return false;
	memcpy(name, option, length);
	name[length] = '\0';
	return option[length] == '.' ? setting_is_section(name)
	                             : setting_find("", name) != NULL;
}
