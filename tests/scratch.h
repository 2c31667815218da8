/* SPDX-License-Identifier: MIT */
/*
 * scratch.h - a directory for one test, and Python as the independent witness
 *
 * Every function fails the running test where it cannot do its work.
 */
#ifndef ENGRAMFS_TESTS_SCRATCH_H
#define ENGRAMFS_TESTS_SCRATCH_H

#include "backends/blob.h"

#include <stdbool.h>

struct scratch {
	char path[256];
};

/* Made in $TMPDIR or /tmp; scratch_release removes it with all files. */
void scratch_init(struct scratch *scratch);
void scratch_release(struct scratch *scratch);

/* Run SCRIPT with /usr/bin/python3 in the directory. */
void scratch_python(struct scratch *scratch, const char *script);

/* A file of the directory.  false: there is none of that name. */
bool scratch_read(struct scratch *scratch, const char *name, struct blob *out);
void scratch_write(struct scratch *scratch, const char *name, const void *data,
                   size_t size);

#endif
