/* SPDX-License-Identifier: MIT */
/*
 * redis_link.h - one connection to a Redis server, and what is sent over it
 *
 * A batch is a number of commands that are sent together and answered
 * together: one round trip.
 *
 * Errors:     int functions return 0 or a negative errno value.  -EAGAIN: the
 *             server is away or not ready and the call may be made again on
 *             another link; -EIO: the same, but the commands may have been
 *             executed.  An error that the server replies to one command is a
 *             reply like any other: redis_reply_error.
 * Ownership:  batches borrow large arguments (redis_batch_arg) until they have
 *             run, and own the replies.
 * Threads:    a link and a batch have one user at a time.
 */
#ifndef ENGRAMFS_BACKENDS_REDIS_LINK_H
#define ENGRAMFS_BACKENDS_REDIS_LINK_H

#include "backends/array.h"
#include "backends/blob.h"
#include "backends/redis_guard.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hiredis.h>

/* Monotonic. */
int64_t redis_clock_ms(void);

struct redis_tls;

/* Where the server is.  Texts are borrowed for the life of the pool. */
struct redis_address {
	const char *host; /* starts with '/': the path of a unix socket */
	int port;
	int db;
	const char *password;        /* NULL: none */
	const struct redis_tls *tls; /* NULL: not encrypted */
};

struct redis_link {
	redisContext *context;
	struct redis_guard guard;
	bool encrypted;
	int64_t deadline;  /* by redis_clock_ms: after it nothing waits long */
	int patience_ms;   /* how long one send or receive may stand still */
	bool knows_expiry; /* the server has PEXPIRETIME (Redis 7) */
	bool watching;     /* WATCH without EXEC so far */
	bool broken;       /* cannot be used any more */
	char why[WHY_SIZE];
};

/*
 * Connect, authenticate and select the database before DEADLINE.  -EACCES: the server refuses the password; -EINVAL: it has no
 * such database; -EAGAIN: it is away or loading.  WHY gets the cause.
 */
int redis_link_open(const struct redis_address *address, int64_t deadline,
                    struct redis_link **out, char why[WHY_SIZE]);

/* Accepts NULL. */
void redis_link_close(struct redis_link *link);

/* False where the server has hung up since the link was last used. */
bool redis_link_is_alive(const struct redis_link *link);

struct redis_piece;

struct redis_batch {
	struct blob wire; /* the commands but for large arguments */
	struct redis_piece *pieces;
	size_t piece_count;
	size_t piece_capacity;
	redisReply **replies; /* one per command, after redis_link_run */
	size_t count;         /* of commands */
	bool once; /* never send again what the server may have executed */
	int error; /* first failure of the functions that fill a batch */
};

void redis_batch_release(struct redis_batch *batch);

/* Forget the replies, so that the same commands can run again. */
void redis_batch_forget(struct redis_batch *batch);

/* Begin a command of ARGC words, which redis_batch_arg and _text append.
 * A failure is kept until the batch is run. */
void redis_batch_begin(struct redis_batch *batch, size_t argc);
void redis_batch_arg(struct redis_batch *batch, const void *data, size_t size);
void redis_batch_text(struct redis_batch *batch, const char *text);
void redis_batch_int(struct redis_batch *batch, int64_t number);
void redis_batch_unsigned(struct redis_batch *batch, uint64_t number);

/* A whole command whose words are parted by single spaces. */
void redis_batch_line(struct redis_batch *batch, const char *line);

/* A command with a key as its one argument. */
void redis_batch_key(struct redis_batch *batch, const char *command,
                     const struct blob *key);

/* Send the commands and receive all replies. */
int redis_link_run(struct redis_link *link, struct redis_batch *batch);

/* redis_reply_error; the server's text is kept in link->why. */
int redis_link_why(struct redis_link *link, const redisReply *reply);

/* The same, and logged where the storage has failed for good. */
int redis_link_check(struct redis_link *link, const redisReply *reply);

/*
 * 0, or what an error reply means: -ENOSPC (OOM, disk full), -EROFS, -EACCES,
 * -EAGAIN (LOADING and the like), -EINVAL (WRONGTYPE), else -EIO.  A NULL reply
 * is -EIO.
 */
int redis_reply_error(const redisReply *reply);

/* REPLY is the text WORD. */
bool redis_reply_is(const redisReply *reply, const char *word);

#endif
