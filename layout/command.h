/* SPDX-License-Identifier: MIT */
/*
 * command.h - what can be written to .engram/control
 *
 * A command is a line: a word, then parameters as NAME=VALUE; a parameter that
 * is marked as such may stand there by its value alone (`cancel 3`).
 *
 * Errors:     int functions return 0 or a negative errno value; -EINVAL: WHY
 *             says what is wrong with the line.
 */
#ifndef ENGRAMFS_LAYOUT_COMMAND_H
#define ENGRAMFS_LAYOUT_COMMAND_H

#include "layout/jobs.h"
#include "layout/node.h"

/* Run the command in LINE, or make it a job.  REPLY gets {"job": <number>}, or
 * {} where there is nothing to wait for. */
int command_write(struct tree *tree, const void *line, size_t size,
                  struct blob *reply, char why[WHY_SIZE]);

/* One line for each command. */
int command_list(struct blob *out);

struct command_parameter {
	const char *name;
	bool number; /* a positive number; else a text */
	bool bare;   /* may be given by its value alone */
	bool required;
};

#define COMMAND_PARAMETERS 4

struct command_row {
	const char *name;
	const char *help;
	struct command_parameter parameters[COMMAND_PARAMETERS];
	/* A job ... */
	int (*run)(struct job *job, struct tree *tree,
	           const struct value *arguments);
	/* ... or done at once. */
	int (*now)(struct tree *tree, const struct value *arguments,
	           char why[WHY_SIZE]);
	/* More that is to be checked before; may be NULL. */
	int (*check)(const struct value *arguments, char why[WHY_SIZE]);
};

/* commands.c; ends with an all-zero row. */
extern const struct command_row command_rows[];

#endif
