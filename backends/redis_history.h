/* SPDX-License-Identifier: MIT */
/*
 * redis_history.h - what records are after each change goes to the history
 *
 * Errors:     a record that cannot be read breaks the history; but what others
 *             change while the server goes away is missed, like what they
 *             change while it is away.
 * Threads:    any thread.
 */
#ifndef ENGRAMFS_BACKENDS_REDIS_HISTORY_H
#define ENGRAMFS_BACKENDS_REDIS_HISTORY_H

#include "backends/history.h"
#include "backends/redis_internal.h"

extern const struct history_ops redis_history_ops;

/* The record at KEY (whole) was changed, or removed. */
void redis_remember(struct redis_store *redis, const struct blob *key);

#endif
