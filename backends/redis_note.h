/* SPDX-License-Identifier: MIT */
/*
 * redis_note.h - what a record has that Redis and the Python classes have no
 * place for
 *
 * One more field of the hash, JSON text that other programs do not look at.  It
 * tells which version of the record it belongs to, by the text of the
 * timestamp and the size of the array; once another program has rewritten the
 * record it is void.
 *
 * Errors:     0 or a negative errno value.
 * Ownership:  a note owns what it points to; release accepts all-zero.
 */
#ifndef ENGRAMFS_BACKENDS_REDIS_NOTE_H
#define ENGRAMFS_BACKENDS_REDIS_NOTE_H

#include "backends/array.h"
#include "backends/codec.h"

#include <time.h>

#define REDIS_NOTE_FIELD "engramfs"

struct redis_note {
	bool fields_timed; /* FIELDS_MTIME was kept */
	struct timespec fields_mtime;
	bool array_timed; /* ARRAY_MTIME was kept */
	struct timespec array_mtime;
	bool dropped;       /* the fields' file was removed */
	bool array_is_ours; /* the rest is known */
	enum encoding encoding;
	bool fortran;
	struct blob header; /* as in struct array_info */
	bool shaped; /* the hash has no field for the shape, which is here: */
	int ndim;
	uint64_t shape[ARRAY_MAX_DIMS];
	struct blob descr; /* as dtype_append_descr, where the hash has no field
	                     * that tells it; else empty */
};

/* The version of a record that a note belongs to. */
struct redis_version {
	struct blob timestamp; /* text of the timestamp field; empty: none */
	uint64_t size;         /* stored bytes of the array; 0: none */
};

void redis_note_release(struct redis_note *note);
int redis_note_copy(struct redis_note *out, const struct redis_note *note);

/* OUT is all-zero where TEXT is no note, or one of another version. */
int redis_note_parse(const char *text, size_t size,
                     const struct redis_version *version,
                     struct redis_note *out);

int redis_note_append(const struct redis_note *note,
                      const struct redis_version *version, struct blob *out);

#endif
