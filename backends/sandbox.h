/* SPDX-License-Identifier: MIT */
/*
 * sandbox.h - a process gives up what it does not need
 *
 * There is no way back, and children inherit it all.  Each part is worth
 * something alone, so what the kernel does not have is left out, and struct
 * sandbox says what holds.
 *
 *   core dumps       none are written, and no other process of the user can
 *                    read this one's memory or environment
 *   privileges       none are gained by running a program (set-user-ID)
 *   paths            Landlock: nothing is opened, made, renamed or removed
 *                    but below given paths; TCP leads to one port only
 *   calls            seccomp: system calls that nobody here needs fail with
 *                    EPERM.  Those that are denied are listed, not those that
 *                    are allowed: what the C library and the storage libraries
 *                    call differs from version to version.
 *
 * Errors:     int functions return 0 or a negative errno value.
 * Threads:    for a process that has one thread: others stay as they are.
 */
#ifndef ENGRAMFS_BACKENDS_SANDBOX_H
#define ENGRAMFS_BACKENDS_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

/* What may be done below a path. */
enum sandbox_access {
	SANDBOX_READ,   /* read files and directories */
	SANDBOX_RUN,    /* and run programs */
	SANDBOX_USE,    /* read and write files that are there: devices */
	SANDBOX_CHANGE, /* read, write, make, rename and remove */
	SANDBOX_REMOVE, /* remove, and nothing else */
};

/* One that does not exist is left out. */
struct sandbox_path {
	const char *path;
	enum sandbox_access access;
};

enum sandbox_kind {
	SANDBOX_DAEMON, /* runs programs and talks to servers */
	SANDBOX_WORKER, /* neither, and is alone: it has what it needs */
};

struct sandbox_rules {
	enum sandbox_kind kind;
	const struct sandbox_path *paths;
	size_t path_count;
	int port; /* TCP may lead there; 0: nowhere */
};

/* What holds. */
struct sandbox {
	bool no_core_dumps;
	bool no_new_privileges;
	int landlock; /* version of the kernel's; 0: none */
	bool seccomp;
};

/* Before anything secret is read. */
void sandbox_forbid_core_dumps(struct sandbox *sandbox);

/* The rest.  An error is one of a kernel that has the means and refuses. */
int sandbox_enter(const struct sandbox_rules *rules, struct sandbox *sandbox);

/* For sandbox_enter alone: sandbox_paths.c and sandbox_calls.c.  -ENOSYS: the
 * kernel cannot. */
int sandbox_limit_paths(const struct sandbox_rules *rules, int *version);
int sandbox_limit_calls(enum sandbox_kind kind);

#endif
