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

/* What is in the segments of a store, in order of time. */
struct found {
	char text[512];
	size_t segments;
	size_t open;
	int64_t last; /* entry */
	int64_t end;  /* of the last segment */
};

static int set_up(void **state)
{
	struct scratch *scratch = calloc(1, sizeof(*scratch));
	char path[1024];

	scratch_init(scratch);
	snprintf(path, sizeof(path), "%s/spool", scratch->path);
	assert_int_equal(mkdir(path, 0700), 0);
	*state = scratch;
	return 0;
}

static int tear_down(void **state)
{
	scratch_release(*state);
	free(*state);
	return 0;
}

static struct history *open_history(const struct scratch *scratch)
{
	struct history *history = NULL;

	assert_int_equal(history_open(scratch->path, &history), 0);
	return history;
}

static void add(struct history *history, const char *text)
{
	history_add(history, HISTORY_REDIS, text, strlen(text), NULL);
}

static int visit(enum history_kind kind, int64_t time, const void *bytes,
                 size_t size, void *arg)
{
	struct found *found = arg;
	size_t used = strlen(found->text);

	assert_int_equal(kind, HISTORY_REDIS);
	assert_true(time > found->last);
	found->last = time;
	snprintf(found->text + used, sizeof(found->text) - used, "%.*s|",
	         (int)size, (const char *)bytes);
	return 0;
}

static int is_segment(const struct dirent *entry)
{
	int64_t begin;
	int64_t end;

	return history_parse_name(entry->d_name, &begin, &end);
}

static void segment_path(const struct scratch *scratch, const char *name,
                         char path[1024])
{
	snprintf(path, 1024, "%s/" HISTORY_PLACE "/%s", scratch->path, name);
}

/* Their names, in order of time; free_names frees them. */
static int list_segments(const struct scratch *scratch, struct dirent ***names)
{
	char path[1024];
	int count;

	segment_path(scratch, "", path);
	count = scandir(path, names, is_segment, alphasort);
	assert_true(count >= 0);
	return count;
}

static void free_names(struct dirent **names, int count)
{
	for (int i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

/* Everything; the segments follow each other where WHOLE. */
static void find(const struct scratch *scratch, bool whole, struct found *found)
{
	struct dirent **names;
	int64_t before = 0;
	int count = list_segments(scratch, &names);

	*found = (struct found){ 0 };
	for (int i = 0; i < count; i++) {
		char path[1024];
		uint64_t good;
		int64_t begin;

		assert_true(
		    history_parse_name(names[i]->d_name, &begin, &found->end));
		assert_true(!whole || i == 0 || begin == before);
		before = found->end;
		found->segments++;
		found->open += found->end == HISTORY_OPEN;
		segment_path(scratch, names[i]->d_name, path);
		assert_int_equal(
		    history_read(path, HISTORY_OPEN, visit, found, &good), 0);
	}
	free_names(names, count);
}

/* The path of the last segment. */
static void last_path(const struct scratch *scratch, char path[1024])
{
	struct dirent **names;
	int count = list_segments(scratch, &names);

	assert_true(count > 0);
	segment_path(scratch, names[count - 1]->d_name, path);
	free_names(names, count);
}

static off_t size_of(const char *path)
{
	struct stat status;

	assert_int_equal(stat(path, &status), 0);
	return status.st_size;
}

/* Open the history, add TEXT, and close it. */
static void add_one(const struct scratch *scratch, const char *text)
{
	struct history *history = open_history(scratch);

	add(history, text);
	history_close(history);
}

/* The segment PATH with the entries "first" and "second". */
static void make_segment(const struct scratch *scratch, char path[1024])
{
	add_one(scratch, "first");
	add_one(scratch, "second");
	last_path(scratch, path);
}

static void segments_follow_each_other(void **state)
{
	struct scratch *scratch = *state;
	struct history *history = open_history(scratch);
	struct found found;
	int64_t begin = 0;

	add(history, "a");
	add(history, "b");
	assert_int_equal(history_rotate(history, &begin), 0);
	add(history, "c");
	history_close(history);
	history = open_history(scratch);
	add(history, "d");
	history_close(history);
	find(scratch, true, &found);
	assert_string_equal(found.text, "a|b|c|d|");
	assert_int_equal(found.segments, 2);
	assert_int_equal(found.open, 1);
	assert_true(found.last > begin);
}

static void a_half_entry_is_cut_off(void **state)
{
	struct scratch *scratch = *state;
	struct found found;
	char path[1024];
	off_t size;

	make_segment(scratch, path);
	size = size_of(path);
	for (int cut = 1; cut < 38; cut++) {
		assert_int_equal(truncate(path, size - cut), 0);
		add_one(scratch, "third");
		find(scratch, true, &found);
		assert_string_equal(found.text, "first|third|");
		size = size_of(path);
	}
}

static void flip(const char *path, off_t offset)
{
	char byte;
	int fd = open(path, O_RDWR);

	assert_int_equal(pread(fd, &byte, 1, offset), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
	close(fd);
}

static int read_whole(const char *path, struct found *found)
{
	*found = (struct found){ 0 };
	return history_read(path, HISTORY_OPEN, visit, found, NULL);
}

static void a_damaged_segment_ends_and_another_begins(void **state)
{
	struct scratch *scratch = *state;
	struct found found;
	char path[1024];

	make_segment(scratch, path);
	flip(path, size_of(path) - 1);
	add_one(scratch, "third");
	last_path(scratch, path);
	assert_int_equal(read_whole(path, &found), 0);
	assert_string_equal(found.text, "third|");
}

/* Changes of the present would be given times of its future. */
static void a_segment_of_the_future_ends_and_another_begins(void **state)
{
	const int64_t future = INT64_C(8000000000000000000);
	struct scratch *scratch = *state;
	struct found found;
	char path[1024];
	int fd;

	history_close(open_history(scratch));
	last_path(scratch, path);
	fd = open(path, O_WRONLY | O_APPEND);
	assert_true(fd >= 0);
	assert_int_equal(history_write(fd, HISTORY_REDIS, future, "ahead", 5),
	                 0);
	close(fd);
	add_one(scratch, "first");
	last_path(scratch, path);
	assert_int_equal(read_whole(path, &found), 0);
	assert_string_equal(found.text, "first|");
	assert_true(found.last < future);
}

static void what_was_not_made_ends_the_segment_before_it(void **state)
{
	struct scratch *scratch = *state;
	struct history *history = open_history(scratch);
	struct history_figures figures;
	struct found found;
	int64_t time = 0;
	int64_t begin = 0;

	add(history, "a");
	history_add(history, HISTORY_REDIS, "b", 1, &time);
	history_break(history, time, "a test");
	add(history, "c");
	history_figures(history, &figures);
	assert_int_equal(figures.begin, 0);
	assert_int_equal(history_rotate(history, &begin), 0);
	add(history, "d");
	history_figures(history, &figures);
	assert_int_equal(figures.begin, begin);
	history_close(history);
	find(scratch, false, &found);
	assert_string_equal(found.text, "a|b|d|");
	assert_int_equal(found.segments, 2);
	assert_true(begin > time);
}

/* An entry needs more room than there is. */
static void without_room_the_segment_ends_with_what_was_kept(void **state)
{
	static char much[100000];
	struct scratch *scratch = *state;
	struct history *history = open_history(scratch);
	struct rlimit before;
	struct rlimit little;
	struct found found;
	int64_t failed = 0;

	add(history, "a");
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	little = before;
	little.rlim_cur = 5000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
	signal(SIGXFSZ, SIG_IGN);
	history_add(history, HISTORY_REDIS, much, sizeof(much), &failed);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	add(history, "b");
	history_close(history);
	find(scratch, true, &found);
	assert_string_equal(found.text, "a|");
	assert_int_equal(found.open, 0);
	assert_int_equal(found.end, failed);
}

static void a_crash_while_rotating_leaves_no_hole(void **state)
{
	struct scratch *scratch = *state;
	struct history *history = open_history(scratch);
	struct found found;
	char from[1024];
	char to[1024];
	int64_t begin = 0;
	struct dirent **names;
	int count;

	add(history, "a");
	assert_int_equal(history_rotate(history, &begin), 0);
	add(history, "b");
	history_close(history);
	count = list_segments(scratch, &names);
	assert_int_equal(count, 2);
	segment_path(scratch, names[0]->d_name, from);
	segment_path(scratch, names[0]->d_name, to);
	free_names(names, count);
	snprintf(strrchr(to, '-'), 5, ".log");
	assert_int_equal(rename(from, to), 0);
	history_close(open_history(scratch));
	find(scratch, true, &found);
	assert_string_equal(found.text, "a|b|");
	assert_int_equal(found.open, 1);
}

static void where_changes_are_not_kept_segments_end(void **state)
{
	struct scratch *scratch = *state;
	struct found found;

	assert_int_equal(history_end(scratch->path), 0);
	add_one(scratch, "a");
	assert_int_equal(history_end(scratch->path), 0);
	find(scratch, true, &found);
	assert_int_equal(found.open, 0);
	assert_true(found.end > found.last); /* that can be asked for */
	add_one(scratch, "b");
	find(scratch, false, &found);
	assert_string_equal(found.text, "a|b|");
	assert_int_equal(found.segments, 2);
}

static void a_segment_that_ends_has_no_half_entry(void **state)
{
	struct scratch *scratch = *state;
	struct found found;
	char path[1024];

	make_segment(scratch, path);
	assert_int_equal(truncate(path, size_of(path) - 1), 0);
	assert_int_equal(history_end(scratch->path), 0);
	last_path(scratch, path);
	assert_int_equal(read_whole(path, &found), 0);
	assert_string_equal(found.text, "first|");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(segments_follow_each_other),
		TEST(a_half_entry_is_cut_off),
		TEST(a_damaged_segment_ends_and_another_begins),
		TEST(a_segment_of_the_future_ends_and_another_begins),
		TEST(what_was_not_made_ends_the_segment_before_it),
		TEST(without_room_the_segment_ends_with_what_was_kept),
		TEST(a_crash_while_rotating_leaves_no_hole),
		TEST(where_changes_are_not_kept_segments_end),
		TEST(a_segment_that_ends_has_no_half_entry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
