/* SPDX-License-Identifier: MIT */
/*
 * worker_call.h - what is said between a daemon and its worker
 *
 * A call is one function of the contract with its arguments and results.  It is
 * a request, a message to the worker, and a reply; in between the worker may ask
 * the caller back (find: does this key match? long work: shall it go on?).
 *
 * worker_operations has a row for each function: what goes there, and what
 * comes back.  A new function is a row, and a line in worker_run.c or in
 * worker_upkeep.c.
 *
 * Errors:     0 or a negative errno value.
 * Threads:    a call has one user.
 */
#ifndef ENGRAMFS_BACKENDS_WORKER_CALL_H
#define ENGRAMFS_BACKENDS_WORKER_CALL_H

#include "backends/backend.h"
#include "backends/packed.h"
#include "backends/wire.h"

struct work;

enum worker_operation {
	WORKER_OPEN,
	WORKER_CLOSE,
	WORKER_GET,
	WORKER_LIST,
	WORKER_FIND,
	WORKER_OPEN_ARRAY,
	WORKER_OPEN_OPAQUE,
	WORKER_READ,
	WORKER_CLOSE_READER,
	WORKER_PLAN,
	WORKER_PUT,
	WORKER_REMOVE,
	WORKER_RENAME,
	WORKER_SYNC,
	WORKER_STATUS,
	WORKER_STATISTICS,
	WORKER_USAGE,
	WORKER_VACUUM,
	WORKER_COMPACT,
	WORKER_ROTATE,
	WORKER_IS_FULL,
	WORKER_REMOVE_BEFORE,
	WORKER_CLEAR_EXPIRED,
	WORKER_FLUSH,
	WORKER_VERIFY,
	WORKER_BACKUP,
	WORKER_RESTORE,
	WORKER_OPERATIONS,
};

/* An array, opened in the worker; the worker's own address of it. */
struct worker_opened {
	uint64_t handle; /* 0: it was read whole, and is closed again */
	struct array_info info;
	uint64_t size;
	uint64_t version;
};

/* Bytes beside a message: in the slot, or in a file that goes with it. */
struct worker_bytes {
	const void *bytes; /* NULL: none */
	uint64_t size;
	const struct array_file *file; /* NULL, or what BYTES are mapped from */

	bool in_file;
	uint64_t offset;
	size_t mapped; /* bytes; the worker's, to be unmapped */
};

/* What one call has of all this is in its row. */
struct worker_call {
	enum worker_operation operation;
	int64_t rc; /* 0 or an errno; -ETIME: it has computed for too long */

	/* Arguments. */
	const struct collection *collection;
	struct key key;
	struct key second; /* rename: TO */
	const char *name;  /* of an array; of a backend */
	const char *path;
	struct cursor cursor;
	uint64_t number; /* limit; mode; handle; if_larger; version */
	uint64_t offset; /* of a read, as is SIZE; level of logging */
	uint64_t size;
	double real; /* before */
	struct change *change;
	struct settings *settings; /* only looked at by the caller */
	const struct work *work;
	const struct collection *rows;

	/* Of an array that is put, or is to be: its elements, or the first of
	 * them; its packed chunks. */
	struct worker_bytes elements;
	struct worker_bytes chunks;
	struct packed *packed;
	struct array_info *info; /* plan: only looked at */

	/* Results; owned. */
	struct blob key_out;
	struct record record;
	struct record_list list;
	struct cursor next;
	struct worker_opened opened;
	struct backend_status status;
	struct packed_plan plan;
	struct value *value;
	struct value *problems;
	uint64_t counts[2];
	uint64_t in_slot; /* elements that the worker has put there, in bytes */
	char why[WHY_SIZE]; /* also of a call that failed */

	/* Bytes beside the reply: into BUFFER, of SIZE, where it is given. */
	void *buffer;
	struct blob bytes;
	bool borrows; /* they stay in the slot (worker_borrow) */

	/* The worker that it is for, by number; 0: any.  The caller's alone, as
	 * is what find asks. */
	uint64_t life;
	int64_t patience_ms; /* 0: until the worker is given up */
	bool (*match)(struct key key, void *arg);
	void *match_arg;

	/* What a message that is read refers to; the worker's alone. */
	struct worker_collections *known;
	struct change own_change;
	struct change_room room;
	struct collection *own_rows;
	struct packed own_packed;
	struct blob own_chunks; /* the table of them */
	struct array_info own_info;
	double work_from;
	double work_to;
};

/* Results, and whatever reading a message has made. */
void worker_call_release(struct worker_call *call);

struct worker_row {
	const char *name;
	unsigned int takes; /* bits of worker_call.c */
	unsigned int gives;
	bool
	    repeats; /* it can be made again where nobody knows if it was made */
};

extern const struct worker_row worker_operations[WORKER_OPERATIONS];

/* The message of a request, and of a reply; both ways (wire.h).  A reply that
 * failed (rc < 0) has WHY alone. */
void worker_wire_request(struct wire *wire, struct worker_call *call);
void worker_wire_reply(struct wire *wire, struct worker_call *call);

/* Asked back: long work's step, and a key that find has come to. */
struct worker_question {
	bool is_step;
	double progress;
	struct key key;
};

void worker_wire_question(struct wire *wire, struct worker_question *question);

/* The worker's copies of collections: one for equal contents, and it stays, for
 * backends tell collections by their address. */
struct worker_collections;

/* -ENOMEM. */
int worker_collections_new(struct worker_collections **out);
/* Accepts NULL. */
void worker_collections_free(struct worker_collections *known);
/* The one that BYTES spell.  For any thread. */
int worker_collections_get(struct worker_collections *known, const void *bytes,
                           size_t size, const struct collection **out);

#endif
