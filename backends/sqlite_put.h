/* SPDX-License-Identifier: MIT */
/*
 * sqlite_put.h - one put: sqlite_decide.c says what, sqlite_write.c does it,
 * sqlite_group.c commits it
 *
 * Errors:     int functions return 0 or a negative errno value; -EINVAL: see
 *             change->why.
 */
#ifndef ENGRAMFS_BACKENDS_SQLITE_PUT_H
#define ENGRAMFS_BACKENDS_SQLITE_PUT_H

#include "backends/change.h"
#include "backends/sqlite_internal.h"

/* One put, from what is stored to what shall be. */
struct sqlite_putting {
	struct sqlite_store *store;
	const struct collection *collection;
	struct key key;
	struct change *change;

	bool exists;
	struct sqlite_row row;
	struct record before;

	struct timespec now; /* when the result was decided */
	struct change_result result;
	struct sqlite_number number;
	struct blob bytes; /* what the blob shall be, where it changes */
	uint32_t columns;  /* that change */

	/* Of the group that it is made in (sqlite_group.h). */
	struct sqlite_putting *next;
	bool is_done;
	int rc;
};

/* The nest among FIELDS, borrowed; NULL where there is none. */
const struct value *sqlite_put_nest(const struct collection *collection,
                                    const struct value *fields);

/* Read what is stored and fill in everything but bytes and columns.  In the
 * writer's transaction. */
int sqlite_put_decide(struct sqlite_putting *putting);

/* Decide, write, and note what the side keeps, in the writer's transaction. */
int sqlite_put_write(struct sqlite_putting *putting);
/* As it was before that. */
void sqlite_put_reset(struct sqlite_putting *putting);

#endif
