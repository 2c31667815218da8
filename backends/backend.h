/* SPDX-License-Identifier: MIT */
/*
 * backend.h - what every storage backend promises
 *
 * A backend keeps the records of collections (collection.h) in one storage
 * system.  It knows nothing of files, inodes or FUSE.  backends/mem.c is the
 * reference; tests/test_contract.c runs every promise below over all backends.
 *
 * Errors:     int functions return 0, or a negative errno value; on error the
 *             out-parameters are untouched.  -ENOENT: no such record or array.
 *             -EIO: the storage failed or is away (within a second).  -ENOSPC:
 *             it is full.  -EBUSY: another program has locked it (for a
 *             second).  -EROFS: it cannot be written.  -EINVAL: the change
 *             does not fit the collection; change->why says what and where.
 *             Causes other than -ENOENT, -EEXIST and -EINVAL are logged by the
 *             backend, once.
 * Ownership:  arguments are borrowed until the call returns.  What comes back
 *             through an out-parameter belongs to the caller.
 * Threads:    calls on one store may overlap; the backend does its own
 *             locking.  Readers see a record before or after a change, never
 *             between.
 */
#ifndef ENGRAMFS_BACKENDS_BACKEND_H
#define ENGRAMFS_BACKENDS_BACKEND_H

#include "backends/array.h"
#include "backends/blob.h"
#include "backends/collection.h"
#include "backends/value.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

struct access_ops;
struct glimpse_ops;
struct loan;
struct history_ops;
struct maintenance_ops;
struct outage_ops;
struct packed_ops;
struct query_ops;
struct relation_ops;
struct settings;
struct watch_ops;

/* A record's key: any bytes; decimal digits where records are numbered. */
struct key {
	const char *data;
	size_t size;
};

/* An array of a record, without its elements. */
struct record_array {
	char *name; /* as in the collection's row; RECORD_NEST: its path */
	struct array_info info;
	struct timespec mtime;
};

/*
 * A record without the elements of its arrays.
 *
 * Every record has fields; FIELDS_DROPPED says that their file was removed
 * (PART_DROP) since they, or an array, were last set.  A kept mtime (change)
 * is void once another program changes the record: then, and where none was
 * kept, the time is the record's timestamp field.
 */
struct record {
	struct blob key;
	struct blob
	    volume; /* get: the file that has it, if not the usual one */
	struct value *fields; /* dict: the rows with a value, by name */
	bool fields_dropped;
	struct timespec fields_mtime;
	struct timespec atime; /* last access if tracked, else fields_mtime */
	struct record_array *arrays; /* in the order of rows, or in the nest */
	size_t array_count;
	int64_t expires_ms; /* milliseconds since 1970; 0: never */
	/* Bytes of stored data that cannot be shown as fields and arrays (a
	 * pickle of some class); 0: everything is shown. */
	uint64_t opaque_size;
};

void record_release(struct record *record);
/* NULL where RECORD has no array NAME. */
const struct record_array *record_array(const struct record *record,
                                        const char *name);

enum part_action {
	PART_KEEP,  /* leave as it is */
	PART_SET,   /* replace by what is given */
	PART_DROP,  /* remove */
	PART_TOUCH, /* only its mtime */
};

#define EXPIRES_KEEP ((int64_t)-1) /* what is left stays */
/* The collection's TTL from now on; an array that comes to a record which had
 * none keeps what is left, so that either file of a pair may come first. */
#define EXPIRES_ANEW ((int64_t)-2)

/* One atomic change of one record.  All-zero but for EXPIRES: nothing. */
struct change {
	/* The fields.  SET: a dict that replaces them: rows that it leaves out
	 * get their fallback, derived ones (field_rule) may be left out or must
	 * be equal.  Fields equal to what is stored keep their stored bytes. */
	enum part_action fields_action;
	const struct value *fields;
	struct timespec fields_mtime; /* SET, TOUCH; tv_nsec UTIME_NOW: now */

	/* One array.  DROP of the last part removes the record, unless the
	 * collection is a RECORD_DIRECTORY (empty directories stay). */
	enum part_action array_action;
	const char *array_name;
	const struct array *array;
	struct timespec array_mtime;

	/* Collections with a TTL.  A new record gets its TTL where this says
	 * KEEP.  Absolute milliseconds in the past are -EINVAL. */
	int64_t expires_ms;

	bool exclusive;  /* -EEXIST where the record exists */
	bool must_exist; /* -ENOENT where it does not */

	/* Of changes that were accepted earlier (outage.h); else all-zero. */
	struct timespec written; /* what "now" was */
	const struct ticket *ticket;

	char why[WHY_SIZE]; /* out, on -EINVAL */
};

/*
 * Says that a change was made: a backend that can stores NUMBER under OWNER in
 * the same transaction, and leaves a change alone whose number it has.
 */
struct ticket {
	const char *owner;
	uint64_t number;
};

/*
 * An array opened for reading.  It stays readable, as it was when it was
 * opened, when the record changes, expires or goes (hdf5: until the record is
 * changed through this store; then reads are -ESTALE).
 */
struct reader {
	const struct reader_ops *ops;
	struct array_info info; /* of the array; all-zero for opaque bytes */
	uint64_t size;          /* bytes: info.nbytes, or of the opaque bytes */
	/* Another number where the elements are others, and mostly the same
	 * where they are the same; 0: it cannot be told. */
	uint64_t version;
};

struct reader_ops {
	/* Read SIZE bytes at OFFSET of the elements (as info has them: dtype,
	 * order); short only at the end.  Memory used does not grow with the
	 * array.  Returns bytes read or a negative errno value. */
	ssize_t (*read)(struct reader *reader, uint64_t offset, void *buffer,
	                size_t size);
	/* The same without a copy (loan.h): append to LOAN, which has no token
	 * yet, spans with those bytes.  -ENOTSUP: these have to be read; what
	 * was appended does not count, and there is no token.  NULL: all have
	 * to be. */
	ssize_t (*lend)(struct reader *reader, uint64_t offset, size_t size,
	                struct loan *loan);
	/* Another reader of the same bytes, for another user at the same time.
	 * NULL: there can be none. */
	int (*share)(struct reader *reader, struct reader **out);
	/* What was wrong when one of them failed, for the user to know: each cause
	 * once; "" otherwise.  NULL: nothing more than the errno value. */
	void (*why)(struct reader *reader, char why[WHY_SIZE]);
	/* Accepts NULL. */
	void (*close)(struct reader *reader);
};

/* A read of a READER that holds all its BYTES. */
ssize_t reader_copy(const struct reader *reader, const void *bytes,
                    uint64_t offset, void *buffer, size_t size);

/*
 * Where a listing goes on.  All-zero: at the beginning.  A cursor stays valid
 * while records come and go: a record that is there all the time is listed
 * once, one that comes or goes is listed once or not at all.
 */
struct cursor {
	bool end;
	uint64_t position; /* the backend's own */
	struct blob token; /* the backend's own */
	void *state;       /* the backend's own; freed by free_state */
	void (*free_state)(void *state);
};

void cursor_release(struct cursor *cursor);

struct record_list {
	struct record *items;
	size_t count;
	size_t capacity;
};

void record_list_release(struct record_list *list);
/* Takes over the contents of RECORD; on -ENOMEM they stay the caller's. */
int record_list_append(struct record_list *list, struct record *record);

enum rename_mode {
	RENAME_REPLACE, /* a record of the new key goes */
	RENAME_KEEP,    /* -EEXIST where the new key exists */
	RENAME_SWAP,    /* both must exist; they trade keys */
};

/* Health and figures, for status.json. */
struct backend_status {
	bool healthy;
	bool away;             /* it cannot be reached, and may be back soon */
	char detail[WHY_SIZE]; /* "redis 7.0.15, embedded"; or what is wrong */
	uint64_t bytes_used;   /* on disk or in the server's memory */
};

/* An opened backend; each has its own struct that begins with this. */
struct store {
	const struct backend *backend;
	struct store *under; /* NULL, or the one that this one stands before */
};

/* The store that a backend's own functions work on: abilities (access.h and
 * the like) are called with the one before it. */
static inline struct store *store_bottom(struct store *store)
{
	return store && store->under ? store->under : store;
}

/* One backend.  Every function is required unless its comment says NULL. */
struct backend {
	const char *name; /* as in collection rows: "redis" */

	/* What users put into its storage may crash or hang its library: it is
	 * used in a process of its own (worker.h). */
	bool apart;

	/* Open, creating what an empty store lacks.  DIRECTORY is the store's
	 * absolute path.  WHY gets one line where the cause is the user's to
	 * mend (a locked, foreign or unreadable file; a refused password). */
	int (*open)(const char *directory, const struct settings *settings,
	            struct store **out, char why[WHY_SIZE]);

	/* Everything acknowledged is on stable storage; free everything.
	 * Accepts NULL and half-built stores. */
	void (*close)(struct store *store);

	/* Read one record. */
	int (*get)(struct store *store, const struct collection *collection,
	           struct key key, struct record *out);

	/* Append up to about LIMIT records to OUT and move CURSOR on; at the end
	 * CURSOR->end is set (OUT may get records in the same call). */
	int (*list)(struct store *store, const struct collection *collection,
	            struct cursor *cursor, size_t limit,
	            struct record_list *out);

	/* The first record whose key begins with PREFIX, in any order, for which
	 * MATCH returns true.  For names that were cut. */
	int (*find)(struct store *store, const struct collection *collection,
	            struct key prefix, bool (*match)(struct key key, void *arg),
	            void *arg, struct blob *key_out);

	/* Open one array. */
	int (*open_array)(struct store *store,
	                  const struct collection *collection, struct key key,
	                  const char *name, struct reader **out);

	/* Open the bytes counted by opaque_size.  NULL: there never are any. */
	int (*open_opaque)(struct store *store,
	                   const struct collection *collection, struct key key,
	                   struct reader **out);

	/*
	 * Make or change one record.  KEY with data NULL, where records are
	 * numbered: a new record, whose number KEY_OUT (may be NULL otherwise)
	 * receives.  When this returns 0 the change survives the end of this
	 * process at any instant.
	 */
	int (*put)(struct store *store, const struct collection *collection,
	           struct key key, struct change *change, struct blob *key_out);

	int (*remove)(struct store *store, const struct collection *collection,
	              struct key key);

	/* Give a record another key; its TTL, times and fields stay. */
	int (*rename)(struct store *store, const struct collection *collection,
	              struct key from, struct key to, enum rename_mode mode);

	/* Make everything acknowledged survive a power cut. */
	int (*sync)(struct store *store);

	/* From memory, without waiting for the storage. */
	void (*status)(struct store *store, struct backend_status *out);

	/* access.h.  NULL: no collection here has counters. */
	const struct access_ops *access;

	/* Small arrays that come with their records (glimpse.h).  NULL: none. */
	const struct glimpse_ops *glimpse;

	/* What it answers from indexes (query.h).  NULL: nothing. */
	const struct query_ops *query;

	/* Relationships between records (relation.h).  NULL: there are none. */
	const struct relation_ops *relations;

	/* How it looks after its storage (maintenance.h).  NULL: not at all. */
	const struct maintenance_ops *maintenance;

	/* Who changes its storage (watch.h).  NULL: it cannot tell. */
	const struct watch_ops *watch;

	/* How it packs arrays (packed.h).  NULL: it does not. */
	const struct packed_ops *packed;
	/* Changes between backups (history.h).  NULL: they are not kept. */
	const struct history_ops *history;

	/* outage.h.  NULL: what is written while it is away is refused. */
	const struct outage_ops *outage;
};

/* The list of backends of this build; ends with NULL. */
extern const struct backend *const backends[];

/* NULL where there is none of that name. */
const struct backend *backend_find(const char *name);

#endif
