/* SPDX-License-Identifier: MIT */
/*
 * lab.h - a tree over the mem backend, for tests of layout/ and fs/
 *
 * Every function fails the running test where it cannot do its work.
 */
#ifndef ENGRAMFS_TESTS_LAB_H
#define ENGRAMFS_TESTS_LAB_H

#include "layout/node.h"
#include "tests/scratch.h"

struct lab {
	struct scratch scratch; /* the store's directory */
	struct tree tree;
	struct store *store; /* the mem store that answers for all */
	struct settings settings;
};

void lab_init(struct lab *lab);
void lab_release(struct lab *lab);

/* Write TEXT to PATH as a file is written: parse and commit.  Returns
 * commit_part's result; WHY (WHY_SIZE, may be NULL) its reason. */
int lab_write(struct lab *lab, const char *path, const char *text, char *why);

/* Append an npy file of COUNT doubles, all NUMBER. */
void lab_npy(uint64_t count, double number, struct blob *out);

/* Write one. */
int lab_write_array(struct lab *lab, const char *path, uint64_t count,
                    double number);

/* The whole file; false where there is none. */
bool lab_read(struct lab *lab, const char *path, struct blob *out);

bool lab_exists(struct lab *lab, const char *path);

#endif
