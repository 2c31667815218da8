/* SPDX-License-Identifier: MIT */
/*
 * sqlite_db.h - one connection to one database file
 *
 * A connection keeps the statements it prepared.  Their text is generated from
 * a collection's row (sqlite_sql.h), so a statement is known by the function
 * that writes its text, the collection and a set of columns.
 *
 * Errors:     int functions return 0 or a negative errno value; SQLite's codes
 *             are turned into errno values, and logged, here and nowhere else.
 *             -EINVAL (a constraint of the database) is not logged.
 * Ownership:  statements belong to the connection.
 * Threads:    a connection has one user at a time.
 */
#ifndef ENGRAMFS_BACKENDS_SQLITE_DB_H
#define ENGRAMFS_BACKENDS_SQLITE_DB_H

#include "backends/array.h"
#include "backends/blob.h"
#include "backends/collection.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* How a database is to be opened. */
struct sqlite_target {
	const char
	    *path;   /* ":memory:": an empty one of this connection's own */
	bool create; /* make the file where it is missing */
	bool read_only;
	bool wal;    /* switch it to write-ahead logging */
	int busy_ms; /* how long to wait for another process's lock */
};

/* The last word about a database's health, shared by its connections. */
struct sqlite_health {
	pthread_mutex_t lock;
	atomic_bool healthy;
	char detail[WHY_SIZE]; /* why not */
};

/* Appends the text of a statement.  COLUMNS as in sqlite_sql.h. */
typedef int sqlite_sql_fn(const struct collection *collection, uint32_t columns,
                          struct blob *out);

#define SQLITE_DB_STATEMENTS 64

struct sqlite_statement {
	sqlite_sql_fn *text;
	const struct collection *collection;
	uint32_t columns;
	sqlite3_stmt *stmt;
};

struct sqlite_recorder;

struct sqlite_db {
	sqlite3 *handle;
	struct sqlite_health *health;     /* may be NULL */
	struct sqlite_recorder *recorder; /* sqlite_history.h; or NULL */
	struct sqlite_statement statements[SQLITE_DB_STATEMENTS];
	size_t statement_count;
	size_t oldest;          /* the next to give way */
	struct sqlite_db *next; /* the pool's */
};

/* WHY gets one line when this fails. */
int sqlite_db_open(const struct sqlite_target *target,
                   struct sqlite_health *health, struct sqlite_db **out,
                   char why[WHY_SIZE]);
/* Accepts NULL. */
void sqlite_db_close(struct sqlite_db *db);

/* It is kept by a write-ahead log. */
bool sqlite_db_is_wal(struct sqlite_db *db);
/* It cannot be written, whatever was asked for. */
bool sqlite_db_is_read_only(struct sqlite_db *db);

/* The errno value of CODE. */
int sqlite_db_error(sqlite3 *handle, int code);

/* The errno value of CODE, which WHAT ended with; logged. */
int sqlite_db_fail(struct sqlite_db *db, int code, const char *what);

/* Run statements that take and give nothing. */
int sqlite_db_run(struct sqlite_db *db, const char *sql);

/* A statement ready for its parameters; sqlite_db_done when it was used. */
int sqlite_db_prepare(struct sqlite_db *db, sqlite_sql_fn *text,
                      const struct collection *collection, uint32_t columns,
                      sqlite3_stmt **out);
/* 1: a row; 0: the end. */
int sqlite_db_step(struct sqlite_db *db, sqlite3_stmt *stmt);
/* Accepts NULL. */
void sqlite_db_done(sqlite3_stmt *stmt);

/* The number that a statement without parameters answers; OUT stays where it
 * answers nothing. */
int sqlite_db_number(struct sqlite_db *db, sqlite_sql_fn *text, int64_t *out);

/* Run a statement that gives no rows, and be done with it.  RC, the result of
 * binding its parameters, is returned where it is an error. */
int sqlite_db_finish(struct sqlite_db *db, sqlite3_stmt *stmt, int rc);

/* A transaction that writes. */
int sqlite_db_begin(struct sqlite_db *db);
int sqlite_db_commit(struct sqlite_db *db);
/* Nothing happens where no transaction is open. */
void sqlite_db_rollback(struct sqlite_db *db);
/* Some errors end it. */
bool sqlite_db_in_transaction(const struct sqlite_db *db);
/* A part of a transaction, and its end: KEEP it, or undo it. */
int sqlite_db_savepoint(struct sqlite_db *db);
int sqlite_db_release(struct sqlite_db *db, bool keep);

/* Append up to SIZE bytes of a blob, from its beginning.  TOTAL receives the
 * number of bytes stored. */
int sqlite_db_read_blob(struct sqlite_db *db,
                        const struct collection *collection, int64_t id,
                        size_t size, struct blob *out, uint64_t *total);

/* Make what was committed to the database at PATH survive a power cut. */
int sqlite_db_sync(const char *path);

#endif
