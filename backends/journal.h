/* SPDX-License-Identifier: MIT */
/*
 * journal.h - one file, changed by transactions that are whole or not at all
 *
 * Whatever writes to the file writes through its journal.  Beyond the end that
 * the file had when the transaction began, bytes go straight to the file; pages
 * below it wait in memory.  To commit, what these pages hold in the file (the
 * before-images) is written to the journal, a file beside it; then the pages
 * are written to the file; then the journal is made void, and that is the
 * instant at which the transaction has happened.  A transaction with more
 * changed pages than memory may hold does the first two steps several times.
 *
 *     FILE-journal:  header, before-image, before-image, ...
 *
 * What a process that ended in between leaves behind is undone by
 * journal_recover: before-images go back, and the file is cut to its old end.
 * All of it may be interrupted and done again.  Every part has a checksum with
 * the number of its transaction: what was half written, or is left of an
 * earlier one, is not taken for an image.
 *
 * A journal that is SYNCED survives a power cut in the same way: the journal is
 * on stable storage before the file is touched, and the file before the journal
 * is made void.  Otherwise that holds only for the end of the process.
 *
 * The file must be locked (flock) as long as it is written to: who finds a
 * journal and gets the lock knows that its writer is gone.
 *
 * Errors:     int functions return 0 or a negative errno value.
 * Threads:    one at a time for each journal.
 */
#ifndef ENGRAMFS_BACKENDS_JOURNAL_H
#define ENGRAMFS_BACKENDS_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define JOURNAL_SUFFIX "-journal" /* behind the name of the file */

struct journal;

/* The calls that change the disk; tests fail them, or end the process.  NULL
 * stands for those of the system. */
struct journal_io {
	ssize_t (*pwrite)(int fd, const void *data, size_t size, off_t offset);
	int (*ftruncate)(int fd, off_t size);
	int (*fdatasync)(int fd);
};

/* That of the file PATH, which need not exist. */
int journal_new(const char *path, struct journal **out);
/* Accepts NULL.  The journal has ended. */
void journal_free(struct journal *journal);

void journal_set_synced(struct journal *journal, bool synced);
/* IO lives longer than JOURNAL. */
void journal_set_io(struct journal *journal, const struct journal_io *io);

/* Write to the file open as FD, which is duplicated: the lock on it is held
 * until journal_end. */
int journal_begin(struct journal *journal, int fd);

/* As the file is after all writes.  What lies beyond its end is zeros. */
int journal_read(const struct journal *journal, void *data, size_t size,
                 uint64_t offset);
/* After the first error the transaction is doomed. */
int journal_write(struct journal *journal, const void *data, size_t size,
                  uint64_t offset);
uint64_t journal_size(const struct journal *journal);
void journal_resize(struct journal *journal, uint64_t size);

/* What was written since the last commit has happened.  On an error, also one
 * of an earlier write, nothing of it has, and the transaction is doomed. */
int journal_commit(struct journal *journal);

/* Something was written since the last commit. */
bool journal_is_active(const struct journal *journal);

/* From now on writes are only pretended, until journal_end undoes what was
 * written since the last commit.  They do not fail. */
void journal_doom(struct journal *journal);

/* Commit, or undo a doomed transaction, and let go of the file.  The journal
 * is removed, unless undoing fails: then it waits to be recovered. */
int journal_end(struct journal *journal);

/* Between two transactions: the file is at PATH now. */
int journal_follow(struct journal *journal, const char *path);

/* What was committed is on stable storage, if the file is. */
int journal_sync(struct journal *journal);

enum journal_finding {
	JOURNAL_NONE,   /* nothing had to be undone */
	JOURNAL_UNDONE, /* a transaction was */
	/* The file was changed by others since, or is gone: nothing was undone,
	 * and the journal has been renamed. */
	JOURNAL_STALE,
};

struct journal_recovery {
	enum journal_finding finding;
	bool crashed;   /* there was a journal: its writer did not end it */
	uint64_t pages; /* restored */
	char name[40];  /* JOURNAL_STALE: what is behind the file's name now */
};

/* Undo what a process that is gone was doing to the file PATH.  -EAGAIN: the
 * file is locked.  -EPROTO, -EBADMSG: the journal is one of another version, or
 * something else. */
int journal_recover(const char *path, const struct journal_io *io,
                    struct journal_recovery *out);

/* There is something to undo, or it cannot be told. */
bool journal_is_hot(const char *path);

#endif
