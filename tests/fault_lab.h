/* SPDX-License-Identifier: MIT */
/*
 * fault_lab.h - a tree with something of everything, and what is done to it
 *
 * The acts go the way that requests go below FUSE.  They allocate and call as
 * the program does, so that a fault may happen in any of them; they return what
 * the request would.
 */
#ifndef ENGRAMFS_TESTS_FAULT_LAB_H
#define ENGRAMFS_TESTS_FAULT_LAB_H

#include "layout/node.h"
#include "tests/scratch.h"

/* What is behind the tree. */
struct fault_ground {
	const char *name;
	bool mem;                      /* one mem store for all */
	enum encoding_choice encoding; /* of new arrays */
	const char *redis;             /* its socket */
	bool away;                     /* nobody listens there */
	long stride; /* of the calls that are tried, unless all are */
	long sparse; /* the same of acts and mishaps */
};

struct fault_lab {
	struct scratch scratch;
	const struct fault_ground *ground;
	struct settings settings;
	struct tree tree;
	struct store *mem;
	uint64_t answer; /* stands for what was read or listed */
};

/* All but a directory, which is to be in lab->scratch.path for
 * fault_lab_open. */
void fault_lab_prepare(struct fault_lab *lab,
                       const struct fault_ground *ground);

/* A new store.  These fail the running test where they cannot. */
void fault_lab_init(struct fault_lab *lab, const struct fault_ground *ground);
void fault_lab_release(struct fault_lab *lab);
void fault_lab_fill(struct fault_lab *lab);

/* Open what fault_lab_init has made, or close it: 0 or a negative errno value.
 * Closing takes half-opened ones. */
int fault_lab_open(struct fault_lab *lab);
void fault_lab_close(struct fault_lab *lab);

/* All that there is, a line for each file, with its bytes; of what changes by
 * itself (times, expiry) nothing. */
void fault_lab_dump(struct fault_lab *lab, struct blob *out);

/* One request.  PATH and OTHER: what it is about. */
struct act {
	const char *name;
	int (*run)(struct fault_lab *lab, const struct act *act);
	const char *path;
	const char *other;
	unsigned int grounds; /* where it is not done */
};

enum {
	NOT_IN_MEM = 1,
	NOT_AWAY = 2,
	ONCE = 4,     /* what it makes has another number each time */
	MAY_STAY = 8, /* the file at PATH, where it could not be removed */
	TWICE = 16, /* two changes: the first stays where nothing more works */
	TWO_STEPS = 32, /* an end between them leaves both names */
	/* an end before it has its name leaves it under its number */
	NAMED_LATER = 64,
};

/* Ends with an all-zero row. */
extern const struct act acts[];

#endif
