/* SPDX-License-Identifier: MIT */
/*
 * names.h - the names in directories whose names are not records
 *
 * Errors:     int functions return 0 or a negative errno value.
 * Ownership:  names_release frees what was added.
 */
#ifndef ENGRAMFS_LAYOUT_NAMES_H
#define ENGRAMFS_LAYOUT_NAMES_H

#include "layout/node.h"

struct names {
	char **items;
	size_t count;
};

void names_release(struct names *names);

/* A name that is there already is not added again. */
int names_add(struct names *names, const char *name, size_t size);

/* The directories in NODE_BRANCH: the root, activations. */
int names_of_branch(const struct node *node, struct names *out);

/* The directories in NODE_VIEWS, a directory of questions. */
int names_of_views(const struct node *node, struct names *out);

/* The files in .engram. */
int names_of_control(struct names *out);

/* The files in .engram/jobs. */
int names_of_jobs(const struct tree *tree, struct names *out);

/* The files and directories of RECORD in NODE_RECORD or NODE_SUBDIR. */
int names_of_record(const struct node *node, const struct record *record,
                    struct names *out);

#endif
