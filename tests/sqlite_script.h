/* SPDX-License-Identifier: MIT */
/*
 * sqlite_script.h - one change after the other, of every kind that there is
 *
 * All times are given, so that the same steps leave the same rows.
 */
#ifndef ENGRAMFS_TESTS_SQLITE_SCRIPT_H
#define ENGRAMFS_TESTS_SQLITE_SCRIPT_H

#include "backends/backend.h"

#define STEPS 16

/* Ends with NULL, behind STEPS of them. */
extern int (*const sqlite_script[])(struct store *store);

#endif
