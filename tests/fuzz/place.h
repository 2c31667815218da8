/* SPDX-License-Identifier: MIT */
/*
 * place.h - a directory in memory for the files of a fuzzer
 *
 * It is made when it is first used, and goes with everything in it when the
 * program ends.  What cannot be done ends the program.
 */
#ifndef ENGRAMFS_TESTS_FUZZ_PLACE_H
#define ENGRAMFS_TESTS_FUZZ_PLACE_H

#include "backends/blob.h"
#include "backends/seal.h"

#include <stdbool.h>

#define PLACE_PATH_SIZE 128

/* The path of NAME in it; "": its own. */
void place_path(const char *name, char path[PLACE_PATH_SIZE]);

/* Make the directory NAME, unless it is there. */
void place_mkdir(const char *name);

/* The file NAME has these bytes; nobody else may read it. */
void place_write(const char *name, const void *data, size_t size);
/* False: there is no file NAME. */
bool place_read(const char *name, struct blob *out);

/* Remove the files in its directory NAME. */
void place_clear(const char *name);

/* A key, which is always the same.  The caller frees it. */
struct seal_key *place_key(void);

#endif
