/* SPDX-License-Identifier: MIT */
#include "backends/journal_internal.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static uint64_t header_checksum(const struct journal_header *header)
{
	return XXH3_64bits(header, offsetof(struct journal_header, checksum));
}

void journal_header_init(struct journal_header *header,
                         const struct journal *journal, uint64_t batch)
{
	*header = (struct journal_header){ .magic = JOURNAL_MAGIC,
		                           .version = JOURNAL_VERSION,
		                           .page = JOURNAL_PAGE,
		                           .number = journal->number,
		                           .size = journal->base,
		                           .batch = batch };
	header->checksum = header_checksum(header);
}

int journal_header_read(int log, struct journal_header *out)
{
	struct journal_header header;
	size_t got;
	int rc = journal_pread(log, &header, sizeof(header), 0, &got);

	if (rc)
		return rc;
	if (got < sizeof(header) || header.magic[0] == '\0')
		return -ENOENT;
	if (memcmp(header.magic, JOURNAL_MAGIC, sizeof(header.magic)) != 0)
		return -EBADMSG;
	if (header.version != JOURNAL_VERSION)
		return -EPROTO;
	if (header.checksum != header_checksum(&header) ||
	    header.page != JOURNAL_PAGE || header.size > INT64_MAX)
		return -ENOENT;
	*out = header;
	return 0;
}

/* One byte cannot be half written: a header that is not whole would be void
 * where the writing of it has failed. */
int journal_make_void(const struct journal_io *io, int log)
{
	return journal_pwrite(io, log, "", 1, 0);
}

int journal_make_valid(const struct journal_io *io, int log)
{
	return journal_pwrite(io, log, JOURNAL_MAGIC, 1, 0);
}

static uint64_t sector_checksum(const unsigned char *page, size_t size,
                                size_t sector)
{
	size_t from = sector * JOURNAL_SECTOR;
	size_t left = from < size ? size - from : 0;

	return XXH3_64bits(page + from,
	                   left < JOURNAL_SECTOR ? left : JOURNAL_SECTOR);
}

static uint64_t record_checksum(const struct journal_record *record,
                                uint64_t number, const void *image)
{
	uint64_t own = XXH3_64bits_withSeed(
	    record, offsetof(struct journal_record, checksum), number);

	return XXH3_64bits_withSeed(image, record->size, own);
}

void journal_record_init(struct journal_record *record, uint64_t number,
                         const struct journal_page *page, const void *before)
{
	*record = (struct journal_record){ .offset = page->offset,
		                           .size = page->size };
	for (size_t i = 0; i < JOURNAL_SECTORS; i++)
		record->after[i] = sector_checksum(page->data, page->size, i);
	record->checksum = record_checksum(record, number, before);
}

static bool is_sound(const struct journal_record *record, uint64_t size)
{
	return record->size > 0 && record->size <= JOURNAL_PAGE &&
	       record->offset % JOURNAL_PAGE == 0 && record->offset < size &&
	       record->size <= size - record->offset;
}

int journal_record_read(int log, const struct journal_header *header,
                        uint64_t *position, struct journal_record *record,
                        unsigned char image[JOURNAL_PAGE])
{
	size_t got;
	int rc = journal_pread(log, record, sizeof(*record), *position, &got);

	if (rc)
		return rc;
	if (got < sizeof(*record) || !is_sound(record, header->size))
		return -ENOENT;
	rc = journal_pread(log, image, record->size,
	                   *position + sizeof(*record), &got);
	if (rc)
		return rc;
	if (got < record->size ||
	    record->checksum != record_checksum(record, header->number, image))
		return -ENOENT;
	*position += sizeof(*record) + record->size;
	return 0;
}

void journal_record_match(const struct journal_record *record,
                          const unsigned char *image, const unsigned char *page,
                          unsigned int *unknown)
{
	for (size_t i = 0; i * JOURNAL_SECTOR < record->size; i++) {
		uint64_t found = sector_checksum(page, record->size, i);

		if (found == record->after[i] ||
		    found == sector_checksum(image, record->size, i))
			*unknown &= ~(1U << i);
	}
}
