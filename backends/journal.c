/* SPDX-License-Identifier: MIT */
#include "backends/journal_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGES_MAX 1024 /* that wait in memory: 4 MiB */

static char *path_for(const char *path)
{
	char *made = malloc(strlen(path) + sizeof(JOURNAL_SUFFIX));

	if (made) {
		strcpy(made, path);
		strcat(made, JOURNAL_SUFFIX);
	}
	return made;
}

int journal_new(const char *path, struct journal **out)
{
	struct journal *journal = calloc(1, sizeof(*journal));

	if (!journal)
		return -ENOMEM;
	journal->path = path_for(path);
	if (!journal->path) {
		free(journal);
		return -ENOMEM;
	}
	journal->io = &journal_system;
	journal->synced = true;
	journal->file = -1;
	journal->log = -1;
	*out = journal;
	return 0;
}

void journal_free(struct journal *journal)
{
	if (!journal)
		return;
	if (journal->log >= 0)
		close(journal->log);
	if (journal->file >= 0)
		close(journal->file);
	journal_pages_release(&journal->pages);
	free(journal->path);
	free(journal);
}

int journal_follow(struct journal *journal, const char *path)
{
	char *made = path_for(path);
	int rc = 0;

	if (!made)
		return -ENOMEM;
	if (journal->log >= 0 && rename(journal->path, made) != 0)
		rc = -errno;
	if (rc) {
		free(made);
		return rc;
	}
	free(journal->path);
	journal->path = made;
	return 0;
}

void journal_set_synced(struct journal *journal, bool synced)
{
	journal->synced = synced;
}

void journal_set_io(struct journal *journal, const struct journal_io *io)
{
	journal->io = io ? io : &journal_system;
}

static int measure(const struct journal *journal, uint64_t *out)
{
	struct stat status;

	if (fstat(journal->file, &status) != 0)
		return -errno;
	*out = (uint64_t)status.st_size;
	return 0;
}

int journal_begin(struct journal *journal, int fd)
{
	int rc;

	if (journal->file >= 0)
		return -EBUSY;
	journal->file = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (journal->file < 0)
		return -errno;
	rc = measure(journal, &journal->size);
	if (rc) {
		close(journal->file);
		journal->file = -1;
		return rc;
	}
	journal->active = false;
	journal->doomed = false;
	journal->error = 0;
	return 0;
}

uint64_t journal_size(const struct journal *journal)
{
	return journal->size;
}

int journal_read(const struct journal *journal, void *data, size_t size,
                 uint64_t offset)
{
	const struct journal_pages *pages = &journal->pages;
	int rc = journal_pread(journal->file, data, size, offset, NULL);

	for (size_t i = journal_pages_find(pages, offset);
	     rc == 0 && i < pages->count; i++) {
		const struct journal_page *page = pages->items[i];
		uint64_t from = page->offset > offset ? page->offset : offset;
		uint64_t to = page->offset + page->size;

		if (from >= offset + size)
			break;
		if (to > offset + size)
			to = offset + size;
		if (from < to)
			memcpy((unsigned char *)data + (from - offset),
			       page->data + (from - page->offset), to - from);
	}
	return rc;
}

static int start(struct journal *journal)
{
	int rc = journal->active ? 0 : measure(journal, &journal->base);

	if (rc == 0)
		journal->active = true;
	return rc;
}

/* The page of the file that begins at OFFSET. */
static int take_page(struct journal *journal, uint64_t offset,
                     struct journal_page **out)
{
	uint64_t left = journal->base - offset;
	struct journal_page *page = journal_pages_get(&journal->pages, offset);
	int rc = 0;

	if (page) {
		*out = page;
		return 0;
	}
	if (journal->pages.count >= PAGES_MAX && !journal->doomed)
		rc = journal_spill(journal);
	if (rc == 0)
		rc = journal_pages_add(&journal->pages, offset, &page);
	if (rc)
		return rc;
	page->size = left < JOURNAL_PAGE ? (size_t)left : JOURNAL_PAGE;
	rc = journal_pread(journal->file, page->data, page->size, offset, NULL);
	if (rc)
		journal_pages_remove(&journal->pages, offset);
	else
		*out = page;
	return rc;
}

/* Below the old end of the file. */
static int change_pages(struct journal *journal, const unsigned char *data,
                        uint64_t size, uint64_t offset)
{
	while (size > 0) {
		uint64_t within = offset % JOURNAL_PAGE;
		uint64_t part = JOURNAL_PAGE - within;
		struct journal_page *page;
		int rc = take_page(journal, offset - within, &page);

		if (rc)
			return rc;
		if (part > size)
			part = size;
		memcpy(page->data + within, data, part);
		data += part;
		offset += part;
		size -= part;
	}
	return 0;
}

static int write_parts(struct journal *journal, const unsigned char *data,
                       size_t size, uint64_t offset)
{
	uint64_t below = 0;
	int rc = start(journal);

	if (rc)
		return rc;
	if (offset < journal->base) {
		below = journal->base - offset;
		if (below > size)
			below = size;
	}
	rc = change_pages(journal, data, below, offset);
	if (rc == 0 && below < size)
		rc = journal_pwrite(journal->io, journal->file, data + below,
		                    size - below, offset + below);
	return rc;
}

int journal_write(struct journal *journal, const void *data, size_t size,
                  uint64_t offset)
{
	int rc;

	if (size > INT64_MAX || offset > INT64_MAX - size)
		return -EFBIG;
	rc = write_parts(journal, data, size, offset);
	if (offset + size > journal->size)
		journal->size = offset + size;
	if (rc == 0 || journal->doomed)
		return 0;
	journal->error = rc;
	journal->doomed = true;
	return rc;
}

void journal_resize(struct journal *journal, uint64_t size)
{
	int rc = start(journal);

	journal->size = size;
	if (rc && !journal->doomed) {
		journal->error = rc;
		journal->doomed = true;
	}
}

bool journal_is_active(const struct journal *journal)
{
	return journal->file >= 0 && journal->active;
}

void journal_doom(struct journal *journal)
{
	journal->doomed = true;
}
