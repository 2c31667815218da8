/* SPDX-License-Identifier: MIT */
/*
 * wire.h - data as bytes between two processes, one function for both ways
 *
 * wire_x(wire, &x) appends X to the bytes while the wire is a writer, and makes
 * X from them while it is a reader: what one process writes, the other reads,
 * because both have called the same functions.
 *
 * A reader believes nothing: sizes and counts are checked against the bytes
 * that are there before memory is asked for, numbers against what they may be.
 *
 * Errors:     kept in wire->rc, the first one; from then on nothing is written,
 *             and all that is read is zero.  -EPROTO: the bytes are not what
 *             they should be.  -EFBIG: more than WIRE_MOST of them.
 * Ownership:  what is read belongs to the caller, also after an error.  Where a
 *             comment says so, it is borrowed from the bytes.  What X was
 *             before it is read is forgotten, not released.
 * Threads:    a wire has one user.
 */
#ifndef ENGRAMFS_BACKENDS_WIRE_H
#define ENGRAMFS_BACKENDS_WIRE_H

#include "backends/backend.h"

struct packed_plan;
struct settings;

/* Of one message, without the elements of arrays. */
#define WIRE_MOST ((size_t)512 << 20)
/* Of what may be made of one: a byte can stand for a value. */
#define WIRE_MOST_MADE ((size_t)2 << 30)

struct wire {
	struct blob *out; /* NULL: a reader, of what is from AT to END */
	const char *at;
	const char *end;
	size_t made; /* bytes of memory, about, that a reader has asked for */
	int rc;
};

void wire_write_to(struct wire *wire, struct blob *out);
void wire_read_from(struct wire *wire, const void *bytes, size_t size);

static inline bool wire_is_reader(const struct wire *wire)
{
	return !wire->out;
}

/* Keeps the first error.  RC 0 is none. */
void wire_fail(struct wire *wire, int rc);
/* Before a reader makes COUNT things of SIZE bytes. */
void wire_make(struct wire *wire, size_t count, size_t size);
/* The first error; for a reader, -EPROTO too where bytes are left. */
int wire_end(const struct wire *wire);

void wire_u64(struct wire *wire, uint64_t *number);
void wire_i64(struct wire *wire, int64_t *number);
void wire_int(struct wire *wire, int *number);
void wire_double(struct wire *wire, double *number);
void wire_flag(struct wire *wire, bool *flag);
/* A number below LIMIT; of an enum. */
void wire_choice(struct wire *wire, unsigned int *number, unsigned int limit);
void wire_size(struct wire *wire, size_t *size);
/* How many things follow, of at least one byte each. */
void wire_count(struct wire *wire, size_t *count);
/* UTIME_NOW and UTIME_OMIT pass. */
void wire_time(struct wire *wire, struct timespec *time);

/* Borrowed.  A text may be NULL. */
void wire_bytes(struct wire *wire, const void **bytes, size_t *size);
void wire_text(struct wire *wire, const char **text);
void wire_key(struct wire *wire, struct key *key);

/* Owned. */
void wire_blob(struct wire *wire, struct blob *blob);
void wire_string(struct wire *wire, char **text);
/* Of no more than SIZE bytes; what is longer is cut. */
void wire_line(struct wire *wire, char *line, size_t size);

/* wire_value.c.  NULL passes. */
void wire_value(struct wire *wire, struct value **value);
void wire_info(struct wire *wire, struct array_info *info);

/* wire_record.c */
void wire_record(struct wire *wire, struct record *record);
void wire_records(struct wire *wire, struct record_list *list);
/* Position and token; the state of a cursor stays where it is. */
void wire_cursor(struct wire *wire, struct cursor *cursor);
void wire_status(struct wire *wire, struct backend_status *status);

void wire_plan(struct wire *wire, struct packed_plan *plan);

/* What a change that was read refers to. */
struct change_room {
	struct array
	    array; /* without elements: its DATA is the caller's to set */
	struct ticket ticket;
	struct value *fields;
};

void wire_change(struct wire *wire, struct change *change,
                 struct change_room *room);
/* For the reader. */
void change_room_release(struct change_room *room);

/* wire_collection.c: texts are borrowed from the bytes, rows are owned. */
void wire_collection(struct wire *wire, struct collection *collection);
void collection_rows_free(struct collection *collection);
/* What concerns HDF5 and all backends; the rest is settings_init's. */
void wire_settings(struct wire *wire, struct settings *settings);

#endif
