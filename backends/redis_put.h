/* SPDX-License-Identifier: MIT */
/*
 * redis_put.h - a record on its way into the server; private to redis_write.c,
 * which decides, and redis_commit.c, which writes
 */
#ifndef ENGRAMFS_BACKENDS_REDIS_PUT_H
#define ENGRAMFS_BACKENDS_REDIS_PUT_H

#include "backends/change.h"
#include "backends/redis_internal.h"

struct redis_put {
	struct redis_store *redis;
	const struct collection *collection;
	struct key key;
	struct blob whole; /* the key of the hash */
	struct change *change;

	bool guess_new; /* it was missing a moment ago */
	bool done;      /* its ticket was used: nothing is left to do */
	bool exists;
	struct redis_image image; /* as it is stored */
	struct change_result result;

	bool is_encoded; /* BYTES are the array of the change, in ENCODING */
	enum encoding encoding;
	struct blob bytes;
};

/*
 * Write the result of PUT over LINK, which watches the record.  -ESTALE: the
 * record has changed since it was read, and nothing was written.
 */
int redis_commit(struct redis_link *link, struct redis_put *put);

/*
 * Write the result of PUT as a new record.  -EEXIST: there is one, or the server
 * cannot tell so and write at once; nothing was done.
 */
int redis_create(struct redis_link *link, struct redis_put *put);

#endif
