/* SPDX-License-Identifier: MIT */
#include "tests/journal_disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR 512

enum { THE_FILE, THE_LOG, FILES };

#define VERSIONS 3 /* before, committed, being committed */

/* A call that is not synced yet. */
struct call {
	int which;
	bool cuts; /* ftruncate, to OFFSET */
	size_t offset;
	struct blob data;
};

/* What the calls of the journal go to, beside the files themselves. */
static struct {
	struct content durable[FILES];
	bool log_made;
	struct call calls[64];
	size_t count;
	ino_t file; /* its inode */
	unsigned int seed;
	unsigned long trials;
	unsigned long undone;
	struct scratch *scratch;
	enum trouble trouble;
	struct content versions[VERSIONS];
	int fail_at; /* calls until one fails; 0: none does */
	bool failed;
} disk = { .seed = 1 };

unsigned int dice(unsigned int sides)
{
	disk.seed ^= disk.seed << 13;
	disk.seed ^= disk.seed >> 17;
	disk.seed ^= disk.seed << 5;
	return disk.seed % sides;
}

void content_write(struct content *content, size_t offset, const void *data,
                   size_t size)
{
	if (offset + size >= content->capacity) {
		size_t capacity = 2 * (offset + size) + 1;

		content->data = realloc(content->data, capacity);
		assert_non_null(content->data);
		memset(content->data + content->capacity, 0,
		       capacity - content->capacity);
		content->capacity = capacity;
	}
	memcpy(content->data + offset, data, size);
	if (offset + size > content->size)
		content->size = offset + size;
}

void content_cut(struct content *content, size_t size)
{
	content_write(content, size, "", 0);
	if (size < content->size)
		memset(content->data + size, 0, content->size - size);
	content->size = size;
}

void content_copy(struct content *to, const struct content *from)
{
	content_cut(to, 0);
	if (from->size)
		content_write(to, 0, from->data, from->size);
}

/* MAYBE: each sector of it, or not. */
static void apply(struct content *content, const struct call *call, bool maybe)
{
	if (call->cuts) {
		if (!maybe || dice(2))
			content_cut(content, call->offset);
		return;
	}
	for (size_t at = 0; at < call->data.size;) {
		size_t part = SECTOR - (call->offset + at) % SECTOR;

		if (part > call->data.size - at)
			part = call->data.size - at;
		if (!maybe || dice(2))
			content_write(content, call->offset + at,
			              call->data.data + at, part);
		at += part;
	}
}

static void forget_call(size_t index)
{
	blob_release(&disk.calls[index].data);
	disk.count--;
	memmove(&disk.calls[index], &disk.calls[index + 1],
	        (disk.count - index) * sizeof(disk.calls[0]));
	memset(&disk.calls[disk.count], 0, sizeof(disk.calls[0]));
}

static bool begins_with(const struct blob *found, const struct content *version)
{
	return found->size >= version->size &&
	       memcmp(found->data, version->data, version->size) == 0;
}

static void put_file(const char *name, const struct content *content)
{
	scratch_write(disk.scratch, name,
	              content->size ? (const char *)content->data : "",
	              content->size);
}

static int no_fdatasync(int fd)
{
	(void)fd;
	return 0;
}

static const struct journal_io unsynced = { pwrite, ftruncate, no_fdatasync };

static void recover(const char *path)
{
	struct journal_recovery found;

	assert_int_equal(journal_recover(path, &unsynced, &found), 0);
	assert_int_not_equal(found.finding, JOURNAL_STALE);
	disk.undone += found.finding == JOURNAL_UNDONE;
	assert_int_equal(journal_recover(path, &unsynced, &found), 0);
	assert_int_equal(found.finding, JOURNAL_NONE);
}

void disk_try(void)
{
	struct content left[FILES] = { 0 };
	struct blob found = { 0 };
	char path[300];
	bool good = false;

	for (int i = 0; i < FILES; i++)
		content_copy(&left[i], &disk.durable[i]);
	for (size_t i = 0; i < disk.count; i++)
		apply(&left[disk.calls[i].which], &disk.calls[i],
		      disk.trouble == POWER);
	put_file("left", &left[THE_FILE]);
	if (disk.log_made)
		put_file("left" JOURNAL_SUFFIX, &left[THE_LOG]);
	snprintf(path, sizeof(path), "%s/left", disk.scratch->path);
	recover(path);
	assert_true(scratch_read(disk.scratch, "left", &found));
	for (int i = disk.trouble == KILL; i < VERSIONS && !good; i++)
		good = begins_with(&found, &disk.versions[i]);
	if (!good)
		fail_msg("trial %lu: neither old nor new", disk.trials);
	disk.trials++;
	blob_release(&found);
	for (int i = 0; i < FILES; i++)
		free(left[i].data);
}

static struct call *note(int fd)
{
	struct stat status;
	struct call *call = &disk.calls[disk.count];

	assert_int_equal(fstat(fd, &status), 0);
	call->which = status.st_ino == disk.file ? THE_FILE : THE_LOG;
	if (call->which == THE_LOG)
		disk.log_made = true;
	disk_try();
	assert_true(disk.count++ < 63);
	return call;
}

static bool fails(void)
{
	if (disk.fail_at == 0 || --disk.fail_at > 0)
		return false;
	disk.failed = true;
	errno = ENOSPC;
	return true;
}

static ssize_t watched_pwrite(int fd, const void *data, size_t size,
                              off_t offset)
{
	bool failed = fails();
	struct call *call;

	if (failed)
		size /= 2;
	call = note(fd);
	call->offset = (size_t)offset;
	assert_int_equal(blob_append(&call->data, data, size), 0);
	if (pwrite(fd, data, size, offset) != (ssize_t)size)
		return -1;
	errno = ENOSPC;
	return failed ? -1 : (ssize_t)size;
}

static int watched_ftruncate(int fd, off_t size)
{
	struct call *call;

	if (fails())
		return -1;
	call = note(fd);
	call->cuts = true;
	call->offset = (size_t)size;
	return ftruncate(fd, size);
}

static int watched_fdatasync(int fd)
{
	int which;

	if (fails())
		return -1;
	which = note(fd)->which;
	forget_call(disk.count - 1);
	for (size_t i = 0; i < disk.count;) {
		if (disk.calls[i].which == which) {
			apply(&disk.durable[which], &disk.calls[i], false);
			forget_call(i);
		} else {
			i++;
		}
	}
	return 0;
}

const struct journal_io disk_io = {
	.pwrite = watched_pwrite,
	.ftruncate = watched_ftruncate,
	.fdatasync = watched_fdatasync,
};

void disk_start(struct scratch *scratch, const char *path,
                const struct content *content, enum trouble trouble)
{
	struct stat status;

	disk.scratch = scratch;
	disk.trouble = trouble;
	content_copy(&disk.durable[THE_FILE], content);
	for (int i = 0; i < VERSIONS; i++)
		content_copy(&disk.versions[i], content);
	assert_int_equal(stat(path, &status), 0);
	disk.file = status.st_ino;
}

void disk_end(void)
{
	while (disk.count)
		forget_call(0);
	for (int i = 0; i < FILES; i++)
		free(disk.durable[i].data);
	for (int i = 0; i < VERSIONS; i++)
		free(disk.versions[i].data);
	memset(&disk, 0, sizeof(disk));
	disk.seed = 1;
}

void disk_expect(const struct content *content)
{
	content_copy(&disk.versions[2], content);
}

void disk_committed(void)
{
	content_copy(&disk.versions[0], &disk.versions[1]);
	content_copy(&disk.versions[1], &disk.versions[2]);
}

void disk_fail_at(int count)
{
	disk.fail_at = count;
	disk.failed = false;
}

bool disk_has_failed(void)
{
	return disk.failed;
}

unsigned long disk_undone(void)
{
	return disk.undone;
}
