/* SPDX-License-Identifier: MIT */
/*
 * mem_table.h - the records of one collection, sorted by key
 *
 * Expired records are not there: every function drops those that it meets.
 * Records belong to the table.  The caller locks.
 */
#ifndef ENGRAMFS_BACKENDS_MEM_TABLE_H
#define ENGRAMFS_BACKENDS_MEM_TABLE_H

#include "backends/mem_record.h"
#include "backends/mem_relation.h"

struct mem_table {
	char *place; /* of the collection */
	struct mem_record **records;
	size_t count;
	size_t capacity;
	int64_t last_number;            /* the highest that was ever used */
	struct mem_relations relations; /* between its records */
};

/* As memcmp; a key that begins another comes first. */
int mem_key_compare(struct key a, struct key b);
struct key mem_key(const struct mem_record *record);

void mem_table_release(struct mem_table *table);

/* Index of the first record whose key is not below KEY, or count. */
size_t mem_table_seek(const struct mem_table *table, struct key key);

/* NULL where there is none. */
struct mem_record *mem_table_find(struct mem_table *table, struct key key);

/* The record at INDEX, or NULL where it has expired. */
struct mem_record *mem_table_live(const struct mem_table *table, size_t index);

/* Put RECORD in, over the one with its key, which goes.  On -ENOMEM RECORD
 * stays the caller's; it cannot happen after mem_table_take. */
int mem_table_insert(struct mem_table *table, struct mem_record *record);

/* Take the record with KEY out; it is the caller's.  NULL: none. */
struct mem_record *mem_table_take(struct mem_table *table, struct key key);

/* The record whose FIELD is NUMBER, or NULL. */
struct mem_record *mem_table_numbered(const struct mem_table *table,
                                      const char *field, int64_t number);

#endif
