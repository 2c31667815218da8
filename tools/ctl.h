/* SPDX-License-Identifier: MIT */
/*
 * ctl.h - what the files of engramctl share
 *
 * Functions print why they fail.
 */
#ifndef ENGRAMFS_TOOLS_CTL_H
#define ENGRAMFS_TOOLS_CTL_H

#include <stdbool.h>

struct value;

enum exit_code {
	EXIT_OK,
	EXIT_FAILED,
	EXIT_USAGE,
};

/* ctl_mount.c: the mount point of PLACE (absolute), or NULL; the caller frees
 * it. */
char *ctl_find_mount(const char *place);

/* ctl_job.c: send LINE, show how far the job is, and print its result. */
enum exit_code ctl_run(const char *mount, const char *line);
/* One line for each job. */
enum exit_code ctl_list_jobs(const char *mount);

/* The JSON file PATH, or NULL where it cannot be read. */
struct value *ctl_read_json(const char *path);

/* ctl_top.c: what metrics.prom says, again and again, or ONCE. */
enum exit_code ctl_top(const char *mount, bool once);

/* What the options and the parameter of restore say; NULL: nothing. */
struct ctl_choices {
	bool yes;
	bool once;
	const char *backup; /* a directory, or the name of one of the store's */
	const char *key_file;
	const char *at;
};

/* ctl_restore.c: put a backup into STORE, which must not be mounted. */
enum exit_code ctl_restore(const char *store,
                           const struct ctl_choices *choices);

/* ctl_backups.c: one line for each backup in DIRECTORY. */
enum exit_code ctl_list_backups(const char *directory);
enum exit_code ctl_list_mounted_backups(const char *mount);
/* Make the file PATH with a new key. */
enum exit_code ctl_make_key(const char *path);

/* ctl_recover.c: undo what was broken off in the HDF5 files in STORE, and in
 * FILES, which end with NULL. */
enum exit_code ctl_recover(const char *store, char **files);

#endif
