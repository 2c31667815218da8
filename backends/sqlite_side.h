/* SPDX-License-Identifier: MIT */
/*
 * sqlite_side.h - what the schema of the database has no place for
 *
 * Kept mtimes and two marks live in a database of their own, engramfs.db
 * beside the lab's.  A note belongs to the record of a number and is stamped
 * with the record's timestamp: it is void once the timestamp is another, for
 * then another program has changed the record.  Notes are no data: where they
 * cannot be kept, mtimes are those of the records.
 *
 * Errors:     int functions return 0 or a negative errno value, logged.
 * Threads:    any thread; the side does its own locking.
 */
#ifndef ENGRAMFS_BACKENDS_SQLITE_SIDE_H
#define ENGRAMFS_BACKENDS_SQLITE_SIDE_H

#include "backends/sqlite_db.h"
#include "backends/value.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

enum sqlite_note_kind {
	SQLITE_NOTE_FIELDS,   /* when the fields were written */
	SQLITE_NOTE_ARRAY,    /* when the array NAME was written */
	SQLITE_NOTE_DROPPED,  /* the fields' file was removed */
	SQLITE_NOTE_IMPLICIT, /* the database chose the record's number */
};

struct sqlite_note {
	enum sqlite_note_kind kind;
	char *name; /* "" but for SQLITE_NOTE_ARRAY */
	struct timespec time;
};

/* The notes of one record. */
struct sqlite_notes {
	struct sqlite_note *items;
	size_t count;
	bool changed; /* since they were loaded */
};

void sqlite_notes_release(struct sqlite_notes *notes);
/* NULL where there is none. */
const struct sqlite_note *sqlite_notes_find(const struct sqlite_notes *notes,
                                            enum sqlite_note_kind kind,
                                            const char *name);
int sqlite_notes_set(struct sqlite_notes *notes, enum sqlite_note_kind kind,
                     const char *name, struct timespec time);
void sqlite_notes_remove(struct sqlite_notes *notes, enum sqlite_note_kind kind,
                         const char *name);

struct sqlite_side;

/* Open what is at PATH, in the way of LIKE; where there is nothing, nothing is
 * made before something is to be saved.  -ENOMEM. */
int sqlite_side_open(const char *path, const struct sqlite_target *like,
                     struct sqlite_side **out);
/* Accepts NULL. */
void sqlite_side_close(struct sqlite_side *side);
const char *sqlite_side_path(const struct sqlite_side *side);
/* Accepts NULL. */
int sqlite_side_sync(struct sqlite_side *side);

/* Load what is noted of record ID of table PLACE, stamped STAMP (may be
 * NULL).  Notes that cannot be read are none. */
int sqlite_side_load(struct sqlite_side *side, const char *place, int64_t id,
                     const struct value *stamp, struct sqlite_notes *out);
/* Replace what is noted, whatever the stamps.  0 where nothing can be kept. */
int sqlite_side_save(struct sqlite_side *side, const char *place, int64_t id,
                     const struct value *stamp,
                     const struct sqlite_notes *notes);
bool sqlite_side_can_save(struct sqlite_side *side);

/*
 * What is noted from now on belongs to the transaction of the records, until
 * its end: KEEP it, or not.  What was noted can be loaded at once.  In between,
 * FAILED: not all could be noted, and what was is lost.
 */
void sqlite_side_begin(struct sqlite_side *side);
bool sqlite_side_failed(struct sqlite_side *side);
int sqlite_side_end(struct sqlite_side *side, bool keep);

void sqlite_side_forget(struct sqlite_side *side, const char *place,
                        int64_t id);
/* The notes of FROM become those of TO, whose own go. */
void sqlite_side_move(struct sqlite_side *side, const char *place, int64_t from,
                      int64_t to);

#endif
