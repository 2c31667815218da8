/* SPDX-License-Identifier: MIT */
/*
 * A page that was changed, written and changed again has several images, each
 * being what its predecessor's writing made of the page.  The first is the
 * page as it was, so they are put back from the last to the first.
 */
#include "backends/journal_internal.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

struct undoing {
	const struct journal_io *io;
	int file;
	int log;
	struct journal_header header;
	uint64_t *positions; /* of the records */
	size_t count;
	size_t capacity;
	unsigned char *seen; /* a bit for each page of the file */
};

static int add_position(struct undoing *undoing, uint64_t position)
{
	if (undoing->count == undoing->capacity) {
		size_t capacity =
		    undoing->capacity ? 2 * undoing->capacity : 64;
		uint64_t *positions = reallocarray(undoing->positions, capacity,
		                                   sizeof(*positions));

		if (!positions)
			return -ENOMEM;
		undoing->positions = positions;
		undoing->capacity = capacity;
	}
	undoing->positions[undoing->count++] = position;
	return 0;
}

static int find_records(struct undoing *undoing)
{
	struct journal_record record;
	unsigned char image[JOURNAL_PAGE];
	uint64_t next = JOURNAL_SECTOR;
	int rc = 0;

	while (rc == 0) {
		uint64_t position = next;

		rc = journal_record_read(undoing->log, &undoing->header, &next,
		                         &record, image);
		if (rc == 0)
			rc = add_position(undoing, position);
	}
	if (rc == -ENOENT && next >= undoing->header.batch)
		rc = 0;
	return rc;
}

static int read_record(const struct undoing *undoing, size_t index,
                       struct journal_record *record, unsigned char *image)
{
	uint64_t position = undoing->positions[index];
	int rc = journal_record_read(undoing->log, &undoing->header, &position,
	                             record, image);

	return rc == -ENOENT ? -EIO : rc; /* it was there just now */
}

/* False where it is set already. */
static bool set_seen(struct undoing *undoing, uint64_t offset)
{
	unsigned char *byte = &undoing->seen[offset / JOURNAL_PAGE / CHAR_BIT];
	unsigned int bit = 1U << (offset / JOURNAL_PAGE % CHAR_BIT);

	if (*byte & bit)
		return false;
	*byte = (unsigned char)(*byte | bit);
	return true;
}

/* The page of record LAST, compared with all records of it. */
static int check_page(const struct undoing *undoing, size_t last)
{
	struct journal_record record;
	unsigned char image[JOURNAL_PAGE];
	unsigned char page[JOURNAL_PAGE];
	unsigned int unknown = 0;
	uint64_t offset;
	int rc = read_record(undoing, last, &record, image);

	if (rc)
		return rc;
	offset = record.offset;
	rc = journal_pread(undoing->file, page, record.size, offset, NULL);
	for (size_t i = 0; i * JOURNAL_SECTOR < record.size; i++)
		unknown |= 1U << i;
	for (size_t i = last + 1; rc == 0 && unknown && i-- > 0;) {
		rc = read_record(undoing, i, &record, image);
		if (rc == 0 && record.offset == offset)
			journal_record_match(&record, image, page, &unknown);
	}
	if (rc)
		return rc;
	return unknown ? -ESTALE : 0;
}

static int check_pages(struct undoing *undoing)
{
	struct journal_record record;
	unsigned char image[JOURNAL_PAGE];
	int rc = 0;

	for (size_t i = undoing->count; rc == 0 && i-- > 0;) {
		rc = read_record(undoing, i, &record, image);
		if (rc == 0 && set_seen(undoing, record.offset))
			rc = check_page(undoing, i);
	}
	return rc;
}

/* It is ours: no shorter than it was, and with no page of others. */
static int check_file(struct undoing *undoing)
{
	struct stat status;
	int rc;

	if (fstat(undoing->file, &status) != 0)
		return -errno;
	if ((uint64_t)status.st_size < undoing->header.size)
		return -ESTALE;
	undoing->seen =
	    calloc(undoing->header.size / JOURNAL_PAGE / CHAR_BIT + 1, 1);
	if (!undoing->seen)
		return -ENOMEM;
	rc = check_pages(undoing);
	free(undoing->seen);
	return rc;
}

static int restore_pages(const struct undoing *undoing)
{
	struct journal_record record;
	unsigned char image[JOURNAL_PAGE];
	int rc = 0;

	for (size_t i = undoing->count; rc == 0 && i-- > 0;) {
		rc = read_record(undoing, i, &record, image);
		if (rc == 0)
			rc = journal_pwrite(undoing->io, undoing->file, image,
			                    record.size, record.offset);
	}
	if (rc == 0 && undoing->io->ftruncate(undoing->file,
	                                      (off_t)undoing->header.size) != 0)
		rc = -errno;
	if (rc == 0 && undoing->io->fdatasync(undoing->file) != 0)
		rc = -errno;
	return rc;
}

int journal_undo(const struct journal_io *io, int file, int log, bool check,
                 uint64_t *pages)
{
	struct undoing undoing = { .io = io, .file = file, .log = log };
	int rc = journal_header_read(log, &undoing.header);

	if (rc == 0)
		rc = find_records(&undoing);
	if (rc == 0 && check)
		rc = check_file(&undoing);
	if (rc == 0)
		rc = restore_pages(&undoing);
	if (rc == 0)
		*pages = undoing.count;
	free(undoing.positions);
	return rc;
}
