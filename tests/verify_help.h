/* SPDX-License-Identifier: MIT */
/* verify_help.h - what a store says of its own state */
#ifndef ENGRAMFS_TESTS_VERIFY_HELP_H
#define ENGRAMFS_TESTS_VERIFY_HELP_H

#include "backends/backend.h"

/* STORE verifies itself, and is not stopped: what verify of maintenance.h
 * returns.  PROBLEMS: how many it has found. */
int verify_store(struct store *store, size_t *problems);

/* It can, and finds none. */
bool store_is_sound(struct store *store);

#endif
