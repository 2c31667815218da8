/* SPDX-License-Identifier: MIT */
/*
 * loan.h - bytes that are shown where they are, instead of being copied
 *
 * A loan is a piece of a file as spans of memory, one behind the other.  Who
 * lends appends them and may leave a token: what has to be known to take them
 * back.  The borrower only reads the spans.
 *
 * Errors:     0 or a negative errno value.  After an error the loan may have
 *             some of the bytes; it has to be ended all the same.
 * Ownership:  the spans can be read, and do not change, until the loan is ended
 *             or the reader that lent them is closed, whichever comes first.
 *             A loan may be ended after its reader was closed, but not after
 *             its store was.  So a token does not refer to the reader.
 * Threads:    a loan is used by one thread at a time, which may be another one
 *             at its end.
 */
#ifndef ENGRAMFS_BACKENDS_LOAN_H
#define ENGRAMFS_BACKENDS_LOAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct reader;

/* With what else a reply needs they fit into one writev(2). */
#define LOAN_SPANS ((size_t)512)

struct loan {
	size_t count; /* of SPANS */
	void *token;  /* the lender's own */
	/* Takes back what TOKEN stands for; NULL: nothing has to be. */
	void (*take_back)(void *token);
	struct iovec spans[LOAN_SPANS];
};

/* Nothing is lent. */
void loan_init(struct loan *loan);
/* Give back what was lent. */
void loan_end(struct loan *loan);

/* One span more, or the last one grows.  False: there are LOAN_SPANS. */
bool loan_append(struct loan *loan, const void *data, size_t size);

/* Where a loan ends, for who may have to go back there. */
struct loan_mark {
	size_t count;
	size_t length; /* of the last span */
};

struct loan_mark loan_mark(const struct loan *loan);
/* What was appended since does not count. */
void loan_rewind(struct loan *loan, struct loan_mark mark);

/* Memory of the loan's own, for bytes that have to be made: append what has
 * them.  Of a loan without a token.  NULL: there is none. */
void *loan_reserve(struct loan *loan, size_t size);

/* Borrow SIZE bytes at OFFSET of READER, or have them read where it does not
 * lend (backend.h).  Returns how many: short only at the end. */
ssize_t loan_from_reader(struct loan *loan, struct reader *reader,
                         uint64_t offset, size_t size);

/* The lend of a READER that holds all its BYTES until it is closed. */
ssize_t reader_show(const struct reader *reader, const void *bytes,
                    uint64_t offset, size_t size, struct loan *loan);

#endif
