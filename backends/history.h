/* SPDX-License-Identifier: MIT */
/*
 * history.h - changes between backups, for restoring to a point in time
 *
 * STORE/spool/history/ has segments, whose names say which time they cover, in
 * nanoseconds since 1970:
 *
 *   <begin>.log          changes are added to it
 *   <begin>-<end>.log    complete: it has all changes before END.  The next
 *                        one begins with END, unless changes were made that
 *                        nobody kept
 *
 * Each backup begins a segment, and takes the complete ones with it.  A segment
 * is the line `engramfs-history 1` and entries with checksums; an entry that is
 * half written is cut off when the segment is opened again.  What an entry has
 * is the backend's own: what a record is after the change, so that entries may
 * be replayed over any later state, in their order, and give the last one.
 *
 * Errors:     0 or a negative errno value.
 * Threads:    calls on one history may overlap.
 */
#ifndef ENGRAMFS_BACKENDS_HISTORY_H
#define ENGRAMFS_BACKENDS_HISTORY_H

#include "backends/backend.h"

#include <dirent.h>

#define HISTORY_PLACE "spool/history"
#define HISTORY_OPEN INT64_MAX /* the end of a segment that goes on */

enum history_kind {
	HISTORY_REDIS,  /* a line of JSON, as in a backup */
	HISTORY_SQLITE, /* a patchset of SQLite's session extension */
	HISTORY_KINDS,
};

struct history;

/* Go on with the last segment of STORE, or begin one. */
int history_open(const char *store, struct history **out);
/* Accepts NULL. */
void history_close(struct history *history);
/* Changes of STORE are not kept from now on: complete its segments. */
int history_end(const char *store);

/* Add a change, which has been made, or will be at once.  TIME (may be NULL)
 * receives its time.  Where it cannot be kept the segment ends; changes are
 * kept again from the next backup on. */
void history_add(struct history *history, enum history_kind kind,
                 const void *bytes, size_t size, int64_t *time);
/* The change of TIME (0: of now) was not made after all, or was not kept: the
 * segment ends with it.  WHY goes to the log. */
void history_break(struct history *history, int64_t time, const char *why);

/* Begin a segment; BEGIN receives when. */
int history_rotate(struct history *history, int64_t *begin);
/* Later than everything that was added before, and before what follows. */
int64_t history_time(struct history *history);
/* What was added survives a power cut.  Accepts NULL. */
int history_sync(struct history *history);

struct history_figures {
	int64_t begin;  /* of the segment; 0: changes are not kept */
	uint64_t bytes; /* of the segment */
};

void history_figures(struct history *history, struct history_figures *out);

/* Write the beginning of a segment to FD, and entries. */
int history_write_begin(int fd);
int history_write(int fd, enum history_kind kind, int64_t time,
                  const void *bytes, size_t size);

/* ---- history_read.c ---- */

/* NAME is that of a segment. */
bool history_parse_name(const char *name, int64_t *begin, int64_t *end);

/* A non-zero result stops and is returned. */
typedef int history_fn(enum history_kind kind, int64_t time, const void *bytes,
                       size_t size, void *arg);

/* Call VISIT for each entry of the segment PATH up to time UNTIL.  -EBADMSG:
 * it is damaged there.  GOOD (may be NULL) receives the size of what is sound;
 * a half entry at the end is no error where it is asked for. */
int history_read(const char *path, int64_t until, history_fn *visit, void *arg,
                 uint64_t *good);

/* What a backend does for it. */
struct history_ops {
	/* From now on each change goes to HISTORY, which stays. */
	int (*start)(struct store *store, struct history *history);
	/* Others have changed the record.  NULL: nobody tells. */
	void (*note)(struct store *store, const struct collection *collection,
	             struct key key);
	/* Make the changes of the segment PATH, all or none.  NULL:
	 * maintenance.h's restore does. */
	int (*replay)(struct store *store, const char *path);
};

/* Entries of backends with replay that the next mount makes. */
#define HISTORY_WAITING "spool/restore.history"

#endif
