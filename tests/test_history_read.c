/* SPDX-License-Identifier: MIT */
#include "backends/history.h"

#include "tests/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* A segment that is being written. */
struct segment {
	struct scratch scratch;
	char path[512];
	int fd;
};

static int set_up(void **state)
{
	struct segment *segment = calloc(1, sizeof(*segment));

	scratch_init(&segment->scratch);
	snprintf(segment->path, sizeof(segment->path), "%s/segment",
	         segment->scratch.path);
	segment->fd = open(segment->path, O_RDWR | O_CREAT | O_EXCL, 0600);
	assert_true(segment->fd >= 0);
	assert_int_equal(history_write_begin(segment->fd), 0);
	*state = segment;
	return 0;
}

static int tear_down(void **state)
{
	struct segment *segment = *state;

	close(segment->fd);
	scratch_release(&segment->scratch);
	free(segment);
	return 0;
}

static void add(const struct segment *segment, int64_t time, const char *text)
{
	assert_int_equal(history_write(segment->fd, HISTORY_SQLITE, time, text,
	                               strlen(text)),
	                 0);
}

static int visit(enum history_kind kind, int64_t time, const void *bytes,
                 size_t size, void *arg)
{
	struct blob *found = arg;

	assert_int_equal(kind, HISTORY_SQLITE);
	return blob_printf(found, "%lld %.*s|", (long long)time, (int)size,
	                   (const char *)bytes);
}

/* What is read up to time UNTIL is EXPECTED; then RC comes. */
static void assert_read(const struct segment *segment, int64_t until,
                        const char *expected, int rc)
{
	struct blob found = { 0 };

	assert_int_equal(
	    history_read(segment->path, until, visit, &found, NULL), rc);
	assert_string_equal(found.data ? found.data : "", expected);
	blob_release(&found);
}

static void what_is_later_than_asked_for_is_not_visited(void **state)
{
	assert_read(*state, HISTORY_OPEN, "", 0);
	add(*state, 8, "a");
	add(*state, 9, "");
	add(*state, 12, "b");
	assert_read(*state, 7, "", 0);
	assert_read(*state, 8, "8 a|", 0);
	assert_read(*state, 11, "8 a|9 |", 0);
	assert_read(*state, 12, "8 a|9 |12 b|", 0);
}

static void flip(const struct segment *segment, off_t offset)
{
	char byte;

	assert_int_equal(pread(segment->fd, &byte, 1, offset), 1);
	byte ^= 1;
	assert_int_equal(pwrite(segment->fd, &byte, 1, offset), 1);
}

static off_t size_of(const struct segment *segment)
{
	struct stat status;

	assert_int_equal(fstat(segment->fd, &status), 0);
	return status.st_size;
}

static void damage_is_found_at_every_byte(void **state)
{
	struct segment *segment = *state;

	add(segment, 8, "first");
	for (off_t i = 0; i < size_of(segment); i++) {
		flip(segment, i);
		assert_read(segment, HISTORY_OPEN, "", -EBADMSG);
		flip(segment, i);
	}
	assert_read(segment, HISTORY_OPEN, "8 first|", 0);
}

static void an_end_is_sound_between_entries_alone(void **state)
{
	struct segment *segment = *state;
	off_t begin = size_of(segment);
	off_t first;

	add(segment, 8, "a");
	first = size_of(segment);
	add(segment, 9, "b");
	for (off_t size = size_of(segment) - 1; size >= 0; size--) {
		bool sound = size == begin || size == first;

		assert_int_equal(ftruncate(segment->fd, size), 0);
		assert_read(segment, HISTORY_OPEN, size < first ? "" : "8 a|",
		            sound ? 0 : -EBADMSG);
	}
}

static void times_that_do_not_grow_are_damage(void **state)
{
	add(*state, 8, "a");
	add(*state, 9, "b");
	add(*state, 9, "c");
	assert_read(*state, HISTORY_OPEN, "8 a|9 b|", -EBADMSG);
}

static void what_does_not_fit_says_why(void **state)
{
	static const char much[100000];
	const struct segment *segment = *state;
	struct rlimit before;
	struct rlimit little;
	int rc;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	little = before;
	little.rlim_cur = 5000;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
	rc = history_write(segment->fd, HISTORY_SQLITE, 8, much, sizeof(much));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(rc, -EFBIG);
}

static void names_that_are_none_are_refused(void **state)
{
	static const char *const names[] = { "",
		                             ".log",
		                             "1-.log",
		                             "-1.log",
		                             "1.log2",
		                             "1-2-3.log",
		                             "99999999999999999999.log",
		                             "owner" };
	int64_t begin;
	int64_t end;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		assert_false(history_parse_name(names[i], &begin, &end));
	assert_true(history_parse_name("12-34.log", &begin, &end));
	assert_int_equal(begin, 12);
	assert_int_equal(end, 34);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_later_than_asked_for_is_not_visited),
		TEST(damage_is_found_at_every_byte),
		TEST(an_end_is_sound_between_entries_alone),
		TEST(times_that_do_not_grow_are_damage),
		TEST(what_does_not_fit_says_why),
		TEST(names_that_are_none_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
