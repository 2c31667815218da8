/* SPDX-License-Identifier: MIT */
#include "backends/history_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <xxhash.h>

uint64_t history_checksum(const struct history_head *head, const void *bytes)
{
	uint64_t seed = XXH3_64bits(head, offsetof(struct history_head, xxh3));

	return XXH3_64bits_withSeed(bytes, (size_t)head->size, seed);
}

/* Digits from TEXT on; NEXT receives what follows them. */
static bool parse_time(const char *text, const char **next, int64_t *out)
{
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 18 + 1 || (digits == 19 && text[0] > '8'))
		return false;
	*out = (int64_t)strtoull(text, NULL, 10);
	*next = text + digits;
	return true;
}

bool history_parse_name(const char *name, int64_t *begin, int64_t *end)
{
	const char *next;

	*end = HISTORY_OPEN;
	if (!parse_time(name, &next, begin) ||
	    (*next == '-' && !parse_time(next + 1, &next, end)))
		return false;
	return strcmp(next, ".log") == 0;
}

/* A segment that is being read. */
struct reading {
	FILE *file;
	uint64_t size; /* of the file */
	uint64_t good; /* what was sound so far */
	int64_t last;  /* time of the last entry */
	void *bytes;
	size_t capacity;
};

static int make_room(struct reading *reading, size_t size)
{
	void *bytes;

	if (size <= reading->capacity)
		return 0;
	bytes = realloc(reading->bytes, size);
	if (!bytes)
		return -ENOMEM;
	reading->bytes = bytes;
	reading->capacity = size;
	return 0;
}

/* 1: there is an entry; 0: the end.  Sizes are checked against the file's.
 * -ENODATA: it ends within an entry. */
static int read_entry(struct reading *reading, struct history_head *head)
{
	uint64_t left = reading->size - reading->good;
	int rc;

	if (left == 0)
		return 0;
	if (left < sizeof(*head))
		return -ENODATA;
	if (fread(head, sizeof(*head), 1, reading->file) != 1)
		return -EIO;
	left -= sizeof(*head);
	if (head->magic != HISTORY_MAGIC || head->kind >= HISTORY_KINDS ||
	    head->time <= reading->last)
		return -EBADMSG;
	if (head->size > left)
		return -ENODATA;
	rc = make_room(reading, (size_t)head->size + 1);
	if (rc)
		return rc;
	if (fread(reading->bytes, 1, (size_t)head->size, reading->file) !=
	        head->size ||
	    history_checksum(head, reading->bytes) != head->xxh3)
		return -EBADMSG;
	reading->good += sizeof(*head) + head->size;
	reading->last = head->time;
	return 1;
}

static int open_segment(struct reading *reading, const char *path)
{
	char line[HISTORY_FIRST_SIZE];
	struct stat status;

	reading->file = fopen(path, "re");
	if (!reading->file || fstat(fileno(reading->file), &status) != 0)
		return -errno;
	reading->size = (uint64_t)status.st_size;
	if (reading->size < sizeof(line) ||
	    fread(line, sizeof(line), 1, reading->file) != 1 ||
	    memcmp(line, HISTORY_FIRST_LINE, sizeof(line)) != 0)
		return -EBADMSG;
	reading->good = sizeof(line);
	return 0;
}

int history_read(const char *path, int64_t until, history_fn *visit, void *arg,
                 uint64_t *good)
{
	struct reading reading = { 0 };
	struct history_head head = { 0 };
	int rc = open_segment(&reading, path);

	while (rc == 0 && (rc = read_entry(&reading, &head)) > 0) {
		rc = 0;
		if (head.time > until)
			break;
		if (visit)
			rc = visit((enum history_kind)head.kind, head.time,
			           reading.bytes, (size_t)head.size, arg);
	}
	if (rc == -ENODATA)
		rc = good ? 0 : -EBADMSG;
	if (good)
		*good = reading.good;
	free(reading.bytes);
	if (reading.file)
		fclose(reading.file);
	return rc;
}
