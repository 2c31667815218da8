/* SPDX-License-Identifier: MIT */
/*
 * mem_relation.h - the relationships in one table of the mem backend
 *
 * They are known by the keys of their ends, so a table tells them of every
 * record that goes or gets another key.  The caller locks.
 */
#ifndef ENGRAMFS_BACKENDS_MEM_RELATION_H
#define ENGRAMFS_BACKENDS_MEM_RELATION_H

#include "backends/relation.h"

struct mem_relation {
	struct blob source;
	struct relation relation;
};

struct mem_relations {
	struct mem_relation *items;
	size_t count;
};

void mem_relations_release(struct mem_relations *relations);

/* The record with KEY is gone. */
void mem_relations_forget(struct mem_relations *relations, struct key key);

/* The record FROM is called TO now; SWAP: and the record TO is called FROM. */
int mem_relations_rename(struct mem_relations *relations, struct key from,
                         struct key to, bool swap);

extern const struct relation_ops mem_relation_ops;

#endif
