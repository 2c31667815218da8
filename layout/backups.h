/* SPDX-License-Identifier: MIT */
/*
 * backups.h - where backups go, how they are packed, and which are there
 *
 * Errors:     int functions return 0 or a negative errno value.
 * Ownership:  a list is released by backup_list_release.
 * Threads:    any thread; what the options say is constant.
 */
#ifndef ENGRAMFS_LAYOUT_BACKUPS_H
#define ENGRAMFS_LAYOUT_BACKUPS_H

#include "backends/manifest.h"
#include "backends/settings.h"
#include "layout/backup_rules.h"

struct backups;
struct history;

/* STORE: its absolute path.  -EINVAL: WHY says what the user has to mend. */
int backups_open(const char *store, const struct settings *settings,
                 struct backups **out, char why[WHY_SIZE]);
/* Accepts NULL. */
void backups_close(struct backups *backups);

const char *backups_directory(const struct backups *backups);
const struct backup_rules *backups_rules(const struct backups *backups);

/* How files are packed, without label and steps. */
struct parcel_form backups_packing(const struct backups *backups);

struct backup_list {
	struct backup_entry *entries; /* oldest first */
	size_t count;
};

/* The complete ones of this store. */
int backups_list(const struct backups *backups, struct backup_list *out);
void backup_list_release(struct backup_list *list);

/* ---- backups_show.c ---- */

/* Seconds since 1970. */
double backups_now(void);

/* An attempt has ended; WHY is NULL where it did well. */
void backups_note(struct backups *backups, const char *why);

/* Seconds until one is due by a schedule; 0: now; -1: never. */
int64_t backups_wait(struct backups *backups);

/* For status.json; NULL when memory is short.  HISTORY may be NULL. */
struct value *backups_describe(struct backups *backups,
                               struct history *history);

#endif
