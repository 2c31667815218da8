/* SPDX-License-Identifier: MIT */
/*
 * sqlite_history.h - the writer's transactions go to the history
 *
 * Each transaction is added, as a patchset, before it is committed.  What
 * others write is not seen.
 *
 * Errors:     0 or a negative errno value.  What cannot be kept breaks the
 *             history; transactions go on.
 * Threads:    as the connection.
 */
#ifndef ENGRAMFS_BACKENDS_SQLITE_HISTORY_H
#define ENGRAMFS_BACKENDS_SQLITE_HISTORY_H

#include "backends/history.h"
#include "backends/sqlite_db.h"

struct sqlite_recorder;

int sqlite_recorder_new(sqlite3 *handle, struct history *history,
                        struct sqlite_recorder **out);
/* All of them accept NULL. */
void sqlite_recorder_free(struct sqlite_recorder *recorder);
/* A transaction has begun. */
void sqlite_recorder_begin(struct sqlite_recorder *recorder);
/* It will be committed now. */
void sqlite_recorder_add(struct sqlite_recorder *recorder);
/* It was committed; RC says whether that went well. */
void sqlite_recorder_end(struct sqlite_recorder *recorder, int rc);
/* What was added survives a power cut. */
int sqlite_recorder_sync(struct sqlite_recorder *recorder);
/* Everything that was committed until now is not later than this; 0 without
 * RECORDER. */
int64_t sqlite_recorder_time(const struct sqlite_recorder *recorder);

extern const struct history_ops sqlite_history_ops;

#endif
