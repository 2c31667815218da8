/* SPDX-License-Identifier: MIT */
/*
 * settings_row.h - the table of settings; for fs/settings*.c alone
 *
 * A new setting is a member of struct settings with its default in
 * settings_init, and a row.
 *
 * Errors:     as settings.h.
 */
#ifndef ENGRAMFS_FS_SETTINGS_ROW_H
#define ENGRAMFS_FS_SETTINGS_ROW_H

#include "fs/settings.h"

#include <stdint.h>

struct setting_row;
struct value;

/* How texts become the value of a row, and back. */
struct setting_kind {
	/* Store what TEXT means at SLOT.  DIRECTORY is the store's. */
	int (*parse)(const struct setting_row *row, const char *text,
	             const char *directory, void *slot,
	             char why[SETTINGS_WHY_SIZE]);

	/* The value at SLOT, or NULL when memory is short. */
	struct value *(*show)(const struct setting_row *row, const void *slot);
};

extern const struct setting_kind setting_text;
extern const struct setting_kind setting_file; /* absolute from then on */
extern const struct setting_kind setting_secret;
extern const struct setting_kind setting_secret_file;
extern const struct setting_kind setting_choice; /* char * among words */
extern const struct setting_kind setting_enum;   /* int, index in words */
extern const struct setting_kind setting_bool;
extern const struct setting_kind setting_int;
extern const struct setting_kind setting_int64; /* and uint64_t, to 2^63 - 1 */
extern const struct setting_kind setting_real;
extern const struct setting_kind setting_schedules; /* char *, schedule.h */

struct setting_row {
	const char *section; /* "" at the top level of the file */
	const char *key;
	const char *environment;
	const struct setting_kind *kind;
	size_t offset; /* in struct settings; two rows may share a slot */
	int64_t min;
	int64_t max;
	const char *const *words; /* of choices; ends with NULL */
	bool implies_server;      /* a Redis host is meant */
	bool is_program;          /* not for a store to say, which may be
	                           * anybody's */
};

/* Ends with a row whose key is NULL. */
extern const struct setting_row setting_rows[];

/* NULL where there is none. */
const struct setting_row *setting_find(const char *section, const char *key);
/* Any row of that key, whatever its section. */
const struct setting_row *setting_find_key(const char *key);
bool setting_is_section(const char *name);

/* Put a text (as printf) before what WHY says.  Returns -EINVAL. */
int setting_blame(char why[SETTINGS_WHY_SIZE], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* What settings_yaml_each finds.  A section begins with an entry whose key is
 * "". */
struct setting_entry {
	const char *section; /* "" at the top level */
	const char *key;
	const char *value; /* NULL: null, or no single value */
	bool is_single;    /* a text, a number, null */
	unsigned int line;
};

/* A non-zero result stops and is returned. */
typedef int setting_entry_fn(const struct setting_entry *entry, void *arg,
                             char why[SETTINGS_WHY_SIZE]);

/* Every entry of the file PATH, in order; 0 where there is no file.  WHY
 * begins with "LINE: " where a line is to blame, else with a space. */
int settings_yaml_each(const char *path, setting_entry_fn *fn, void *arg,
                       char why[SETTINGS_WHY_SIZE]);

#endif
