/* SPDX-License-Identifier: MIT */
/*
 * doors.h - what is closed before the daemon looks at a store
 *
 * A store may come from anywhere, and so may what its servers answer.  The
 * daemon therefore gives up (sandbox.h) whatever reading and writing one does
 * not take.  What is needed beside the store is a table in doors.c, most of it
 * from the settings.
 *
 * Errors:     int functions return 0 or a negative errno value.
 */
#ifndef ENGRAMFS_FS_DOORS_H
#define ENGRAMFS_FS_DOORS_H

#include "backends/sandbox.h"
#include "backends/settings.h"

/* A symbolic link where STORE has its own files leads to somebody else's:
 * -EINVAL after one line on standard error.  Paths that were set absolutely
 * are the user's to choose. */
int doors_check_links(const char *store, const struct settings *settings);

/* Close them.  What cannot be closed is logged. */
void doors_close(const char *store, const struct settings *settings,
                 struct sandbox *out);

#endif
