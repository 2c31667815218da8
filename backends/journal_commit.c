/* SPDX-License-Identifier: MIT */
#include "backends/journal_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* O_EXCL: a journal that is there belongs to a writer that is gone, and to
 * whoever opens the file next. */
static int open_log(struct journal *journal)
{
	struct stat status;
	int rc;

	if (fstat(journal->file, &status) != 0)
		return -errno;
	journal->log = open(journal->path,
	                    O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
	                    status.st_mode & 0666);
	if (journal->log < 0)
		return errno == EEXIST ? -EIO : -errno;
	rc = journal_lock(journal->log);
	if (rc)
		return -EIO;
	return journal->synced ? journal_sync_directory(journal->path) : 0;
}

static int ensure_log(struct journal *journal)
{
	return journal->log >= 0 ? 0 : open_log(journal);
}

/* Images to be written at the tail of the journal. */
struct batch {
	unsigned char *data;
	size_t size;
};

/* CHANGED: PAGE is not what the file has. */
static int add_image(const struct journal *journal, struct batch *batch,
                     const struct journal_page *page, bool *changed)
{
	struct journal_record record;
	unsigned char *place = batch->data + batch->size;
	unsigned char *image = place + sizeof(record);
	int rc =
	    journal_pread(journal->file, image, page->size, page->offset, NULL);

	if (rc)
		return rc;
	*changed = memcmp(image, page->data, page->size) != 0;
	if (!*changed)
		return 0;
	journal_record_init(&record, journal->number, page, image);
	memcpy(place, &record, sizeof(record));
	batch->size += sizeof(record) + page->size;
	return 0;
}

/* Pages that are what the file has wait no more. */
static int add_images(struct journal *journal, struct batch *batch)
{
	struct journal_pages *pages = &journal->pages;
	size_t kept = 0;
	int rc = 0;

	for (size_t i = 0; i < pages->count; i++) {
		struct journal_page *page = pages->items[i];
		bool changed = true;

		if (rc == 0)
			rc = add_image(journal, batch, page, &changed);
		if (changed)
			pages->items[kept++] = page;
		else
			free(page);
	}
	pages->count = kept;
	return rc;
}

/* The first batch of a transaction begins with the header. */
static int make_batch(struct journal *journal, struct batch *batch)
{
	size_t each = sizeof(struct journal_record) + JOURNAL_PAGE;
	size_t start = journal->tail ? 0 : JOURNAL_SECTOR;
	int rc;

	batch->data = malloc(start + journal->pages.count * each);
	if (!batch->data)
		return -ENOMEM;
	if (start && getrandom(&journal->number, sizeof(journal->number), 0) !=
	                 (ssize_t)sizeof(journal->number))
		return -EIO;
	memset(batch->data, 0, start);
	batch->size = start;
	rc = add_images(journal, batch);
	if (rc == 0 && start) {
		struct journal_header header;

		journal_header_init(&header, journal, batch->size);
		memcpy(batch->data, &header, sizeof(header));
	}
	return rc;
}

static int write_batch(struct journal *journal, const struct batch *batch)
{
	uint64_t position = journal->tail;
	int rc = ensure_log(journal);

	if (rc)
		return rc;
	journal->batches++;
	journal->tail += batch->size;
	rc = journal_pwrite(journal->io, journal->log, batch->data, batch->size,
	                    position);
	if (rc == 0 && journal->synced &&
	    journal->io->fdatasync(journal->log) != 0)
		rc = -errno;
	return rc;
}

static int write_pages(struct journal *journal)
{
	struct journal_pages *pages = &journal->pages;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < pages->count; i++)
		rc = journal_pwrite(
		    journal->io, journal->file, pages->items[i]->data,
		    pages->items[i]->size, pages->items[i]->offset);
	return rc;
}

int journal_spill(struct journal *journal)
{
	struct batch batch = { 0 };
	int rc;

	if (journal->pages.count == 0)
		return 0;
	rc = make_batch(journal, &batch);
	if (rc == 0 && journal->pages.count > 0)
		rc = write_batch(journal, &batch);
	free(batch.data);
	if (rc == 0)
		rc = write_pages(journal);
	if (rc == 0)
		journal_pages_clear(&journal->pages);
	return rc;
}

/* The file is as long as its writer sees it.  LONGER: it may be longer. */
static int fit_size(struct journal *journal, bool longer)
{
	struct stat status;
	uint64_t size;

	if (fstat(journal->file, &status) != 0)
		return -errno;
	size = (uint64_t)status.st_size;
	if (size == journal->size || (longer && size > journal->size))
		return 0;
	if (journal->io->ftruncate(journal->file, (off_t)journal->size) != 0)
		return -errno;
	return 0;
}

/*
 * In a power cut it may be lost that the journal is void: then the transaction
 * is undone, as long as its records are there.  The next one overwrites them.
 * The first batch is not believed unless all of it is there; but further ones,
 * and an end of the file that is cut off, must not be lost before.
 */
static int end_log(struct journal *journal)
{
	bool lasting = journal->batches > 1 || journal->size < journal->base;
	int rc = journal_make_void(journal->io, journal->log);

	journal->ended = rc == 0;
	if (rc == 0 && journal->synced && lasting &&
	    journal->io->fdatasync(journal->log) != 0)
		rc = -errno;
	return rc;
}

static int try_commit(struct journal *journal)
{
	int rc = journal_spill(journal);

	if (rc == 0)
		rc = fit_size(journal, true);
	if (rc == 0 && journal->synced &&
	    journal->io->fdatasync(journal->file) != 0)
		rc = -errno;
	if (rc == 0 && journal->tail)
		rc = end_log(journal);
	return rc;
}

static void start_anew(struct journal *journal)
{
	journal_pages_clear(&journal->pages);
	journal->active = false;
	journal->tail = 0;
	journal->batches = 0;
	journal->ended = false;
}

int journal_commit(struct journal *journal)
{
	int rc;

	if (journal->doomed)
		return journal->error ? journal->error : -EIO;
	if (!journal->active)
		return 0;
	rc = try_commit(journal);
	if (rc) {
		journal->error = rc;
		journal->doomed = true;
		return rc;
	}
	start_anew(journal);
	/* A file that is too long can be read, and is cut another time. */
	(void)fit_size(journal, false);
	return 0;
}

/* Where the journal is void already, only a sync has failed: it is valid once
 * more.  If it cannot be, the transaction has happened. */
static int undo(struct journal *journal)
{
	uint64_t pages;
	int rc = 0;

	if (journal->ended && journal_make_valid(journal->io, journal->log)) {
		start_anew(journal);
		return 0;
	}
	if (journal->tail)
		rc = journal_undo(journal->io, journal->file, journal->log,
		                  false, &pages);
	if (rc == -ENOENT)
		rc = 0;
	journal->size = journal->base;
	if (rc == 0)
		rc = fit_size(journal, false);
	if (rc == 0 && journal->tail)
		rc = journal_make_void(journal->io, journal->log);
	if (rc == 0)
		start_anew(journal);
	return rc;
}

static int remove_log(struct journal *journal)
{
	int rc = 0;

	if (journal->synced && journal->io->fdatasync(journal->log) != 0)
		rc = -errno;
	if (rc == 0 && unlink(journal->path) != 0)
		rc = -errno;
	journal->loose = !journal->synced;
	return rc;
}

int journal_end(struct journal *journal)
{
	int rc = 0;
	int undone = 0;

	if (journal->file < 0)
		return 0;
	if (!journal->doomed)
		rc = journal_commit(journal);
	if (journal->active)
		undone = undo(journal);
	if (undone == 0 && journal->log >= 0)
		undone = remove_log(journal);
	if (journal->log >= 0)
		close(journal->log);
	close(journal->file);
	start_anew(journal);
	journal->log = -1;
	journal->file = -1;
	return rc ? rc : undone;
}

int journal_sync(struct journal *journal)
{
	int rc = 0;

	if (journal->loose)
		rc = journal_sync_directory(journal->path);
	if (rc)
		return rc;
	journal->loose = false;
	if (journal->file < 0)
		return 0;
	if (journal->io->fdatasync(journal->file) != 0 ||
	    (journal->log >= 0 && journal->io->fdatasync(journal->log) != 0))
		return -errno;
	return 0;
}
