/* SPDX-License-Identifier: MIT */
/*
 * mem_record.h - one record of the mem backend
 *
 * A record is made once and never changed but for its key and number: a change
 * makes a new one that shares what stays.  Readers hold what they read.
 */
#ifndef ENGRAMFS_BACKENDS_MEM_RECORD_H
#define ENGRAMFS_BACKENDS_MEM_RECORD_H

#include "backends/backend.h"
#include "backends/change.h"

/* An array and what keeps it alive: itself as a value, or the nest. */
struct mem_array {
	struct value *holder;
	const struct array *array;
	bool timed; /* its mtime was kept */
};

struct mem_record {
	struct record stored;     /* as change.h wants it */
	struct mem_array *arrays; /* one for each of stored.arrays */
	bool fields_timed;
	bool number_chosen; /* by the store: another may be asked for */
};

/* The record that RESULT describes, which CHANGE makes of BEFORE (may be
 * NULL), with the key KEY. */
int mem_record_new(const struct collection *collection, struct key key,
                   const struct mem_record *before, const struct change *change,
                   const struct change_result *result, struct mem_record **out);

/* Accepts NULL and half-built records. */
void mem_record_free(struct mem_record *record);

/* Give RECORD another FIELD_NUMBER. */
int mem_record_set_number(const struct collection *collection,
                          struct mem_record *record, int64_t number);

/* What another key changes in a record. */
struct mem_rename {
	struct blob key;
	struct value *fields; /* with the number of KEY */
};

/* Prepare RECORD's having the key KEY.  -EINVAL: records are numbered, and KEY
 * is no number. */
int mem_rename_init(const struct collection *collection,
                    const struct mem_record *record, struct key key,
                    struct mem_rename *out);
/* Make it so; cannot fail. */
void mem_rename_apply(struct mem_rename *rename, struct mem_record *record);
void mem_rename_release(struct mem_rename *rename);

/* What get returns. */
int mem_record_show(const struct collection *collection,
                    const struct mem_record *record, struct record *out);

/* NULL where RECORD has no array NAME. */
const struct mem_array *mem_record_array(const struct mem_record *record,
                                         const char *name);

#endif
