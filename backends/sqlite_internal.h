/* SPDX-License-Identifier: MIT */
/*
 * sqlite_internal.h - what the files of the SQLite backend share
 *
 *   sqlite.c         opening, closing, the table of functions
 *   sqlite_schema.c  the lab's schema
 *   sqlite_open.c    sqlite_db.c: connections
 *   sqlite_pool.c    connections for readers
 *   sqlite_sql.c     sqlite_bind.c: rows of the tree <-> SQL
 *   sqlite_row.c     a row of a table <-> a record
 *   sqlite_read.c    get, open_array, open_opaque, glimpses
 *   sqlite_moment.c  whether anything has changed
 *   sqlite_list.c    list, find
 *   sqlite_write.c   put; sqlite_decide.c (sqlite_put.h): what it writes;
 *                    sqlite_group.c: many in one transaction
 *   sqlite_access.c  counting reads
 *   sqlite_number.c  which number a record gets
 *   sqlite_habit.c   which encoding a blob gets
 *   sqlite_keep.c    what a put leaves in the side
 *   sqlite_move.c    remove, rename
 *   sqlite_side.c    sqlite_side_open.c, sqlite_notes.c: kept mtimes and marks
 *   sqlite_query.c   questions (sqlite_query.h); sqlite_query_sql.c: their text;
 *                    sqlite_near.c (sqlite_near.h): the nearest arrays
 *   sqlite_relation.c  relationships (sqlite_relation.h)
 *
 * Errors:     int functions return 0 or a negative errno value.
 * Threads:    the writer's connection is used under write_lock; readers take
 *             a connection from the pool.
 */
#ifndef ENGRAMFS_BACKENDS_SQLITE_INTERNAL_H
#define ENGRAMFS_BACKENDS_SQLITE_INTERNAL_H

#include "backends/access.h"
#include "backends/backend.h"
#include "backends/change.h"
#include "backends/codec.h"
#include "backends/glimpse.h"
#include "backends/settings.h"
#include "backends/sqlite_bind.h"
#include "backends/sqlite_db.h"
#include "backends/sqlite_group.h"
#include "backends/sqlite_side.h"
#include "backends/sqlite_sql.h"

/* What the blobs of a table were found to be. */
struct sqlite_habit {
	const struct collection *collection;
	enum encoding encoding;
};

#define SQLITE_MAX_HABITS 16

struct sqlite_pool {
	pthread_mutex_t lock;
	struct sqlite_db *idle;
	size_t idle_count;
};

struct sqlite_store {
	struct store base;
	char
	    *path; /* of the database; ":memory:" where there is none to read */
	struct sqlite_target target;
	bool read_only;
	enum encoding_choice encoding;
	size_t threshold; /* npy blobs longer than this are packed */
	struct sqlite_health health;
	struct sqlite_side *side;
	struct sqlite_pool pool;

	struct sqlite_group group;

	pthread_mutex_t write_lock;
	struct sqlite_db *writer;                      /* NULL: read-only */
	struct sqlite_habit habits[SQLITE_MAX_HABITS]; /* under write_lock */
	size_t habit_count;

	pthread_mutex_t moment_lock;
	struct sqlite_db *clock; /* NULL until it is asked for */

	pthread_mutex_t near_lock;
	struct sqlite_near *near; /* NULL until it is asked for */
};

struct sqlite_store *sqlite_store(struct store *store);

/* Connect to the store's database. */
int sqlite_store_connect(struct sqlite_store *store, struct sqlite_db **out,
                         char why[WHY_SIZE]);

/* ---- sqlite_schema.c ---- */

/* Make the schema in an empty database; look for it in another.  -EINVAL with
 * WHY where that is a database of something else. */
int sqlite_schema_create(struct sqlite_db *db, char why[WHY_SIZE]);
int sqlite_schema_check(struct sqlite_db *db, char why[WHY_SIZE]);

/* Rows of other tables that refer to record FROM of COLLECTION refer to record
 * TO now. */
int sqlite_schema_refer(struct sqlite_db *db,
                        const struct collection *collection, int64_t from,
                        int64_t to);
/* Delete the rows that refer to record ID. */
int sqlite_schema_unrefer(struct sqlite_db *db,
                          const struct collection *collection, int64_t id);

/* ---- sqlite_pool.c ---- */

int sqlite_pool_take(struct sqlite_store *store, struct sqlite_db **out);
/* DB may be NULL. */
void sqlite_pool_give(struct sqlite_store *store, struct sqlite_db *db);
void sqlite_pool_close(struct sqlite_pool *pool);

/* ---- sqlite_row.c ---- */

/* A record as it was read from its table. */
struct sqlite_row {
	int64_t id;
	struct blob key;
	struct value *fields; /* a nest has null in its place */
	uint64_t size;        /* of the stored blob */
	struct blob head;     /* its first bytes, or all of them */
	bool has_array;       /* the blob is a lone array, of which ... */
	struct array_info info;
	struct value *nest; /* RECORD_NEST: the value, unless a lone array
	                       * was not decoded or it cannot be shown */
	bool opaque;        /* it cannot be shown */
	struct sqlite_notes notes;
};

/* How much of a blob to read. */
enum sqlite_depth {
	SQLITE_SHOWN,   /* what get and list need */
	SQLITE_SMALL,   /* HEAD becomes the whole blob up to GLIMPSE_MOST */
	SQLITE_WHOLE,   /* HEAD becomes the whole blob */
	SQLITE_DECODED, /* and the nest its value, lone arrays too */
};

/* Read what STMT (columns SQLITE_READ_*) stands on. */
int sqlite_row_read(struct sqlite_store *store, struct sqlite_db *db,
                    const struct collection *collection, sqlite3_stmt *stmt,
                    enum sqlite_depth depth, struct sqlite_row *out);
/* Find and read one.  -ENOENT. */
int sqlite_row_get(struct sqlite_store *store, struct sqlite_db *db,
                   const struct collection *collection, struct key key,
                   enum sqlite_depth depth, struct sqlite_row *out);
void sqlite_row_release(struct sqlite_row *row);

/* The record that get and list return; ROW->fields become its fields. */
int sqlite_row_show(const struct collection *collection, struct sqlite_row *row,
                    struct record *out);
/* The record that change_apply wants, in the same way. */
int sqlite_row_before(const struct collection *collection,
                      struct sqlite_row *row, struct record *out);

/* The value that dates the record, borrowed; may be NULL. */
const struct value *sqlite_row_stamp(const struct collection *collection,
                                     const struct value *fields);

/* ---- sqlite_read.c ---- */

int sqlite_get(struct store *base, const struct collection *collection,
               struct key key, struct record *out);
int sqlite_open_array(struct store *base, const struct collection *collection,
                      struct key key, const char *name, struct reader **out);
int sqlite_open_opaque(struct store *base, const struct collection *collection,
                       struct key key, struct reader **out);

extern const struct glimpse_ops sqlite_glimpse_ops;

/* ---- sqlite_moment.c ---- */

/* As glimpse_ops->moment. */
uint64_t sqlite_moment(struct store *base);

/* ---- sqlite_list.c ---- */

int sqlite_list(struct store *base, const struct collection *collection,
                struct cursor *cursor, size_t limit, struct record_list *out);
int sqlite_find(struct store *base, const struct collection *collection,
                struct key prefix, bool (*match)(struct key key, void *arg),
                void *arg, struct blob *key_out);

/* ---- sqlite_write.c ---- */

int sqlite_put(struct store *base, const struct collection *collection,
               struct key key, struct change *change, struct blob *key_out);

/* ---- sqlite_access.c ---- */

extern const struct access_ops sqlite_access_ops;

/* ---- sqlite_habit.c ---- */

/* How to write the blob of a record whose blob so far begins with OWN. */
int sqlite_habit_encoding(struct sqlite_store *store,
                          const struct collection *collection,
                          const struct blob *own, enum encoding *out);

/* ---- sqlite_number.c ---- */

/* The number of a record that is put. */
struct sqlite_number {
	int64_t id;    /* 0: the next one */
	bool implicit; /* the database chose it */
	int64_t moved; /* another record that had ID got this one; 0: none */
};

/*
 * Decide the number of a record that CHANGE gives FIELDS, whose number is a
 * wish (change.h).  ROW is the record, which gets the number at once, or NULL
 * where it is new.  In the writer's transaction.  -EINVAL: see CHANGE->why.
 */
int sqlite_number_decide(struct sqlite_store *store,
                         const struct collection *collection,
                         const struct sqlite_row *row, struct change *change,
                         const struct value *fields, struct sqlite_number *out);
/* The number of record KEY.  -ENOENT. */
int sqlite_number_of(struct sqlite_db *db, const struct collection *collection,
                     struct key key, int64_t *out);
/* A number that was never used. */
int sqlite_number_fresh(struct sqlite_db *db,
                        const struct collection *collection, int64_t *out);
/* Give record FROM the number TO, which is free. */
int sqlite_number_change(struct sqlite_db *db,
                         const struct collection *collection, int64_t from,
                         int64_t to);

/* ---- sqlite_keep.c ---- */

/* A change that is to be committed. */
struct sqlite_kept {
	const struct collection *collection;
	const struct change *change;
	struct timespec now;    /* what UTIME_NOW in it means */
	struct sqlite_row *row; /* what was stored before, or NULL */
	const struct change_result *result;
	const struct sqlite_number *number;
};

/* Note what it says of times and marks. */
int sqlite_keep_notes(struct sqlite_side *side, const struct sqlite_kept *kept);

/* ---- sqlite_move.c ---- */

int sqlite_remove(struct store *base, const struct collection *collection,
                  struct key key);
int sqlite_remove_before(struct store *base,
                         const struct collection *collection, struct key key,
                         double before);
int sqlite_rename(struct store *base, const struct collection *collection,
                  struct key from, struct key to, enum rename_mode mode);
/* Delete record ID and what refers to it, in the writer's transaction. */
int sqlite_delete(struct sqlite_db *db, const struct collection *collection,
                  int64_t id);

/* ---- sqlite_upkeep.c, sqlite_backup.c: maintenance.h ---- */

struct work;
extern const struct maintenance_ops sqlite_maintenance;
/* Records that are noted in the side and do not exist: other programs removed
 * them.  No harm. */
int sqlite_count_orphans(struct sqlite_store *store, int64_t *out);
int sqlite_backup(struct store *base, const struct collection *rows,
                  const char *directory, const struct work *work,
                  struct value *files);

#endif
