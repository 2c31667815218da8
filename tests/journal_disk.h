/* SPDX-License-Identifier: MIT */
/*
 * journal_disk.h - the disk below a journal, watched call by call
 *
 * At each call that the journal makes, the process may end: then everything
 * that was written before it is there.  Or the power may fail: then what was
 * not synced is there or not, sector by sector.  Both are played with a copy of
 * what the disk would have, which must come back as one of the versions.
 *
 * What goes wrong fails the running test.
 */
#ifndef ENGRAMFS_TESTS_JOURNAL_DISK_H
#define ENGRAMFS_TESTS_JOURNAL_DISK_H

#include "backends/journal.h"
#include "tests/scratch.h"

struct content {
	unsigned char *data;
	size_t size;
	size_t capacity; /* zeros behind SIZE */
};

void content_write(struct content *content, size_t offset, const void *data,
                   size_t size);
void content_cut(struct content *content, size_t size);
void content_copy(struct content *to, const struct content *from);

enum trouble { KILL, POWER };

/* Calls to DISK_IO are watched, as those of a journal of the file PATH with
 * CONTENT. */
extern const struct journal_io disk_io;
void disk_start(struct scratch *scratch, const char *path,
                const struct content *content, enum trouble trouble);
void disk_end(void);

/* CONTENT is being committed; it has been. */
void disk_expect(const struct content *content);
void disk_committed(void);

/* The COUNT-th call from now fails with ENOSPC, and has written half of what it
 * was to write; 0: none does. */
void disk_fail_at(int count);
/* None of them has been reached yet. */
bool disk_has_failed(void);

/* Play the trouble now.  DISK_UNDONE: how often something was to be undone. */
void disk_try(void);
unsigned long disk_undone(void);

/* Less than SIDES, the same in each run. */
unsigned int dice(unsigned int sides);

#endif
