/* SPDX-License-Identifier: MIT */
/* A segment of the history.  Where the first byte is odd, its first line and
 * its checksums, which nobody guesses, are put right.  What is read is sound
 * and not later than was asked for; whatever a crash or a disk has left,
 * changes are kept again, and can be read. */
#include "tests/fuzz/feed.h"
#include "tests/fuzz/place.h"

#include "backends/history_internal.h"
#include "backends/log.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <xxhash.h>

#define SEGMENT HISTORY_PLACE "/1000.log"

struct found {
	int64_t until;
	uint64_t size; /* of the segment, as far as it was read */
	uint64_t hash;
};

static int visit(enum history_kind kind, int64_t time, const void *bytes,
                 size_t size, void *arg)
{
	struct found *found = arg;

	feed_check(kind < HISTORY_KINDS && time <= found->until);
	found->size += sizeof(struct history_head) + size;
	found->hash = XXH3_64bits_withSeed(bytes, size, found->hash);
	return 0;
}

static void mend(struct blob *segment)
{
	size_t at = HISTORY_FIRST_SIZE;

	if (segment->size < at)
		return;
	memcpy(segment->data, HISTORY_FIRST_LINE, HISTORY_FIRST_SIZE);
	while (segment->size - at > sizeof(struct history_head)) {
		char *place = segment->data + at;
		struct history_head head;

		memcpy(&head, place, sizeof(head));
		at += sizeof(head);
		if (head.size > segment->size - at)
			head.size = segment->size - at;
		head.magic = HISTORY_MAGIC;
		head.kind %= HISTORY_KINDS + 1;
		head.xxh3 = history_checksum(&head, segment->data + at);
		memcpy(place, &head, sizeof(head));
		at += (size_t)head.size;
	}
}

static void check_reading(const char *path, size_t size, int64_t until)
{
	struct found whole = { .until = until, .size = HISTORY_FIRST_SIZE };
	struct found part = whole;
	uint64_t good = 0;
	int rc = history_read(path, until, visit, &whole, NULL);
	int half = history_read(path, until, visit, &part, &good);

	feed_check(rc == 0 || rc == -EBADMSG);
	feed_check(half == rc || (half == 0 && good < size));
	feed_check(good <= size && (good == 0 || good >= part.size));
	feed_check(part.size == whole.size && part.hash == whole.hash);
}

/* The time of the entry that says "new". */
static int find_new(enum history_kind kind, int64_t time, const void *bytes,
                    size_t size, void *arg)
{
	if (kind == HISTORY_REDIS && size == 3 && memcmp(bytes, "new", 3) == 0)
		*(int64_t *)arg = time;
	return 0;
}

static void check_going_on(const char *store)
{
	struct history *history = NULL;
	struct history_figures figures;
	char path[PLACE_PATH_SIZE];
	char name[64];
	int64_t time = 0;
	int64_t found = 0;

	feed_check(history_open(store, &history) == 0);
	history_add(history, HISTORY_REDIS, "new", 3, &time);
	history_figures(history, &figures);
	history_close(history);
	feed_check(figures.begin > 0 && figures.begin < time);
	snprintf(name, sizeof(name), HISTORY_PLACE "/%lld.log",
	         (long long)figures.begin);
	place_path(name, path);
	feed_check(history_read(path, HISTORY_OPEN, find_new, &found, NULL) ==
	           0);
	feed_check(found == time);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feed feed = { data, size };
	struct blob segment = { 0 };
	char store[PLACE_PATH_SIZE];
	char path[PLACE_PATH_SIZE];
	bool mended = feed_byte(&feed) & 1;
	int64_t until = (int64_t)feed_short(&feed);

	place_path("", store);
	place_path(SEGMENT, path);
	place_mkdir("spool");
	place_mkdir(HISTORY_PLACE);
	place_clear(HISTORY_PLACE);
	log_set_level((enum log_level) - 1); /* damage is what is made here */
	feed_check(blob_set(&segment, feed.size ? (const char *)feed.data : "",
	                    feed.size) == 0);
	if (mended)
		mend(&segment);
	place_write(SEGMENT, segment.data, segment.size);
	check_reading(path, segment.size, until);
	check_reading(path, segment.size, HISTORY_OPEN);
	check_going_on(store);
	feed_check(history_end(store) == 0);
	blob_release(&segment);
	return 0;
}
