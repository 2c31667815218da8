/* SPDX-License-Identifier: MIT */
/*
 * options.h - the command line of engramfs
 *
 * Errors:     -EINVAL with one line in WHY.
 * Ownership:  options_release frees what options_parse made.
 */
#ifndef ENGRAMFS_FS_OPTIONS_H
#define ENGRAMFS_FS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define OPTIONS_WHY_SIZE 512

struct options {
	char *store;      /* as given */
	char *mountpoint; /* as given */
	bool foreground;
	bool debug;
	bool single_thread;
	bool help;
	bool version;
	bool read_only;
	bool nonempty;
	bool no_sandbox;     /* rights are kept (doors.h) */
	bool core_dumps;     /* may be written */
	bool no_passthrough; /* of scratch files (passthrough.h) */
	bool has_uid, has_gid, has_umask;
	unsigned int uid, gid, umask;
	char **settings; /* -o options for settings_load */
	size_t setting_count;
	char **mount; /* -o options for libfuse and the kernel */
	size_t mount_count;
};

int options_parse(int argc, char *const argv[], struct options *out,
                  char why[OPTIONS_WHY_SIZE]);

/* Reads are to be counted: the mount is writable, and the last word of "atime"
 * and "noatime", if any, is the former. */
bool options_count_accesses(const struct options *options);

void options_release(struct options *options);

#endif
