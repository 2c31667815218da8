/* SPDX-License-Identifier: MIT */
/*
 * journal_internal.h - what the files of the journal share
 *
 * The format of a journal, in the byte order of the machine: a header of one
 * sector, then records, each with an image behind it.  A header that begins with
 * a zero is void.  Offsets and sizes that are read are checked before they are
 * believed.
 */
#ifndef ENGRAMFS_BACKENDS_JOURNAL_INTERNAL_H
#define ENGRAMFS_BACKENDS_JOURNAL_INTERNAL_H

#include "backends/journal.h"

#define JOURNAL_MAGIC "engramj"
#define JOURNAL_VERSION 1
#define JOURNAL_PAGE ((size_t)4096)
#define JOURNAL_SECTOR ((size_t)512) /* written whole or not at all */
#define JOURNAL_SECTORS (JOURNAL_PAGE / JOURNAL_SECTOR)

struct journal_header {
	char magic[8];
	uint32_t version;
	uint32_t page;
	uint64_t number;   /* of the transaction, random */
	uint64_t size;     /* of the file before it */
	uint64_t batch;    /* end of the records that were written with this */
	uint64_t checksum; /* of all above */
};

struct journal_record {
	uint64_t offset; /* in the file, of a page */
	uint64_t size;   /* of the image: a page, or what the file has of it */
	/* Checksums of the sectors that were to be written: a sector that holds
	 * neither these nor those of the image was written by somebody else. */
	uint64_t after[JOURNAL_SECTORS];
	uint64_t checksum; /* of all above and the image; seed: the number */
};

/* A page of the file that waits in memory. */
struct journal_page {
	uint64_t offset;
	size_t size; /* up to the old end of the file */
	unsigned char data[JOURNAL_PAGE];
};

struct journal_pages {
	struct journal_page **items; /* by offset */
	size_t count;
	size_t capacity;
};

struct journal {
	char *path;
	const struct journal_io *io;
	bool synced;
	int file; /* -1: not begun */
	int log;  /* -1: not made yet */

	bool active; /* something was written since the last commit */
	bool doomed;
	int error;     /* why it is, if it is not by request */
	uint64_t base; /* size of the file when the transaction began */
	uint64_t size; /* of the file as its writer sees it */
	uint64_t number;
	uint64_t tail; /* end of the journal; 0: it is void */
	unsigned int batches;
	bool ended; /* it is void: the file has all of the transaction */
	bool loose; /* a power cut could bring a removed journal back */
	struct journal_pages pages;
};

/* journal_io.c: whole ranges, with the system's calls. */
extern const struct journal_io journal_system;
int journal_pwrite(const struct journal_io *io, int fd, const void *data,
                   size_t size, uint64_t offset);
/* What is beyond the end is zeros; GOT (may be NULL) is what is not. */
int journal_pread(int fd, void *data, size_t size, uint64_t offset,
                  size_t *got);
/* Where the file system has locks at all.  -EAGAIN: somebody else has it.
 * -ESTALE: it has been removed. */
int journal_lock(int fd);
int journal_sync_directory(const char *path);

/* journal_pages.c */
/* The first one that ends beyond OFFSET. */
size_t journal_pages_find(const struct journal_pages *pages, uint64_t offset);
/* NULL: it does not wait. */
struct journal_page *journal_pages_get(const struct journal_pages *pages,
                                       uint64_t offset);
/* One that does not; its data are the caller's to set. */
int journal_pages_add(struct journal_pages *pages, uint64_t offset,
                      struct journal_page **out);
/* One that waits. */
void journal_pages_remove(struct journal_pages *pages, uint64_t offset);
void journal_pages_clear(struct journal_pages *pages);
void journal_pages_release(struct journal_pages *pages);

/* journal_log.c: the journal itself. */
void journal_header_init(struct journal_header *header,
                         const struct journal *journal, uint64_t batch);
/* -ENOENT: it is void.  -EPROTO: it is one of another version.  -EBADMSG: it is
 * none of ours. */
int journal_header_read(int log, struct journal_header *out);
int journal_make_void(const struct journal_io *io, int log);
/* Again: it was made void, and nothing was written to it since. */
int journal_make_valid(const struct journal_io *io, int log);
/* Fill RECORD for the image BEFORE of PAGE. */
void journal_record_init(struct journal_record *record, uint64_t number,
                         const struct journal_page *page, const void *before);
/* Read the record at *POSITION with its image, and move on.  -ENOENT: there is
 * no other. */
int journal_record_read(int log, const struct journal_header *header,
                        uint64_t *position, struct journal_record *record,
                        unsigned char image[JOURNAL_PAGE]);
/* Clear the bits of those sectors of PAGE that are as before or after. */
void journal_record_match(const struct journal_record *record,
                          const unsigned char *image, const unsigned char *page,
                          unsigned int *unknown);

/* journal_commit.c: write the images of the pages that wait, and then these. */
int journal_spill(struct journal *journal);

/* journal_undo.c: put the images of the journal LOG into FILE, the last first,
 * and cut it.  -ENOENT: there is nothing to be undone.  CHECK: -ESTALE where
 * others have changed it. */
int journal_undo(const struct journal_io *io, int file, int log, bool check,
                 uint64_t *pages);

#endif
