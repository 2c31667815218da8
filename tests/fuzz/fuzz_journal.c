/* SPDX-License-Identifier: MIT */
/* A journal and the file beside it.  A short says how long the file is, then
 * comes the journal.  Checksums, which nobody guesses, are put right where the
 * first byte is odd.  Recovery never makes the file longer, and what it does
 * once, it need not do again. */
#include "tests/fuzz/feed.h"
#include "tests/fuzz/place.h"

#include "backends/journal_internal.h"

#include <stddef.h>
#include <sys/stat.h>

#include <xxhash.h>

static void mend_record(char *at, size_t size, uint64_t number)
{
	struct journal_record record;
	uint64_t own;

	memcpy(&record, at, sizeof(record));
	if (record.size > size - sizeof(record))
		record.size = size - sizeof(record);
	own = XXH3_64bits_withSeed(
	    &record, offsetof(struct journal_record, checksum), number);
	record.checksum =
	    XXH3_64bits_withSeed(at + sizeof(record), record.size, own);
	memcpy(at, &record, sizeof(record));
}

static void mend(struct blob *log)
{
	struct journal_header header;
	struct journal_record record;
	size_t at = JOURNAL_SECTOR;

	if (log->size < sizeof(header))
		return;
	memcpy(&header, log->data, sizeof(header));
	header.checksum =
	    XXH3_64bits(&header, offsetof(struct journal_header, checksum));
	memcpy(log->data, &header, sizeof(header));
	while (at < log->size && log->size - at > sizeof(record)) {
		mend_record(log->data + at, log->size - at, header.number);
		memcpy(&record, log->data + at, sizeof(record));
		at += sizeof(record) + record.size;
	}
}

static off_t file_size(const char *path)
{
	struct stat status;

	feed_check(stat(path, &status) == 0);
	return status.st_size;
}

static void check(size_t size)
{
	struct journal_recovery found;
	char path[PLACE_PATH_SIZE];
	int rc;

	place_path("file", path);
	rc = journal_recover(path, NULL, &found);
	feed_check(file_size(path) <= (off_t)size);
	feed_check(rc || journal_recover(path, NULL, &found) == 0 ||
	           found.finding == JOURNAL_NONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feed feed = { data, size };
	struct blob log = { 0 };
	static const char zeros[65536];
	bool mended = feed_byte(&feed) & 1;
	size_t length = feed_short(&feed);

	feed_check(blob_set(&log, feed.size ? (const char *)feed.data : "",
	                    feed.size) == 0);
	if (mended)
		mend(&log);
	place_clear(""); /* of journals that were put aside, too */
	place_write("file", zeros, length);
	place_write("file" JOURNAL_SUFFIX, log.data, log.size);
	check(length);
	blob_release(&log);
	return 0;
}
