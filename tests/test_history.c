/* SPDX-License-Identifier: MIT */
#include "backends/history.h"

#include "tests/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* What is in the segments of a store, in order of time. */
struct found {
	char text[512];
	size_t segments;
	size_t open;
	int64_t last;
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

/* Everything; the segments follow each other where WHOLE. */
static void find(const struct scratch *scratch, bool whole, struct found *found)
{
	struct dirent **names;
	char path[1024];
	int64_t before = 0;
	int count;

	segment_path(scratch, "", path);
	count = scandir(path, &names, is_segment, alphasort);
	*found = (struct found){ 0 };
	for (int i = 0; i < count; i++) {
		uint64_t good;
		int64_t begin;
		int64_t end;

		assert_true(history_parse_name(names[i]->d_name, &begin, &end));
		assert_true(!whole || i == 0 || begin == before);
		before = end;
		found->segments++;
		found->open += end == HISTORY_OPEN;
		segment_path(scratch, names[i]->d_name, path);
		assert_int_equal(
		    history_read(path, HISTORY_OPEN, visit, found, &good), 0);
		free(names[i]);
	}
	free(names);
}

/* The path of the segment that goes on. */
static void open_path(const struct scratch *scratch, char path[1024])
{
	struct dirent **names;
	int count;

	segment_path(scratch, "", path);
	count = scandir(path, &names, is_segment, alphasort);
	assert_true(count > 0);
	segment_path(scratch, names[count - 1]->d_name, path);
	for (int i = 0; i < count; i++)
		free(names[i]);
	free(names);
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
	struct history *history = open_history(scratch);
	struct found found;
	struct stat status;
	char path[1024];

	add(history, "first");
	add(history, "second");
	history_close(history);
	open_path(scratch, path);
	assert_int_equal(stat(path, &status), 0);
	for (int cut = 1; cut < 38; cut++) {
		assert_int_equal(truncate(path, status.st_size - cut), 0);
		history = open_history(scratch);
		add(history, "third");
		history_close(history);
		find(scratch, true, &found);
		assert_string_equal(found.text, "first|third|");
		assert_int_equal(stat(path, &status), 0);
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

static void damage_is_found_at_every_byte(void **state)
{
	struct scratch *scratch = *state;
	struct history *history = open_history(scratch);
	struct found found = { 0 };
	struct stat status;
	char path[1024];

	add(history, "first");
	history_close(history);
	open_path(scratch, path);
	assert_int_equal(stat(path, &status), 0);
	for (off_t i = 0; i < status.st_size; i++) {
		flip(path, i);
		assert_int_equal(
		    history_read(path, HISTORY_OPEN, visit, &found, NULL),
		    -EBADMSG);
		flip(path, i);
	}
	assert_string_equal(found.text, "");
}

static void a_damaged_segment_ends_and_another_begins(void **state)
{
	struct scratch *scratch = *state;
	struct history *history = open_history(scratch);
	struct found found;
	char path[1024];
	struct stat status;

	add(history, "first");
	add(history, "second");
	history_close(history);
	open_path(scratch, path);
	assert_int_equal(stat(path, &status), 0);
	flip(path, status.st_size - 1);
	history = open_history(scratch);
	add(history, "third");
	history_close(history);
	open_path(scratch, path);
	memset(&found, 0, sizeof(found));
	assert_int_equal(history_read(path, HISTORY_OPEN, visit, &found, NULL),
	                 0);
	assert_string_equal(found.text, "third|");
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

static void a_crash_while_rotating_leaves_no_hole(void **state)
{
	struct scratch *scratch = *state;
	struct history *history = open_history(scratch);
	struct found found;
	char from[1024];
	char to[1024];
	char *dash;
	int64_t begin = 0;
	struct dirent **names;

	add(history, "a");
	assert_int_equal(history_rotate(history, &begin), 0);
	add(history, "b");
	history_close(history);
	segment_path(scratch, "", from);
	assert_int_equal(scandir(from, &names, is_segment, alphasort), 2);
	segment_path(scratch, names[0]->d_name, from);
	segment_path(scratch, names[0]->d_name, to);
	dash = strrchr(to, '-');
	snprintf(dash, 5, ".log");
	assert_int_equal(rename(from, to), 0);
	free(names[0]);
	free(names[1]);
	free(names);
	history_close(open_history(scratch));
	find(scratch, true, &found);
	assert_string_equal(found.text, "a|b|");
	assert_int_equal(found.open, 1);
}

static void where_changes_are_not_kept_segments_end(void **state)
{
	struct scratch *scratch = *state;
	struct history *history;
	struct found found;

	assert_int_equal(history_end(scratch->path), 0);
	history = open_history(scratch);
	add(history, "a");
	history_close(history);
	assert_int_equal(history_end(scratch->path), 0);
	find(scratch, true, &found);
	assert_int_equal(found.open, 0);
	history = open_history(scratch);
	add(history, "b");
	history_close(history);
	find(scratch, false, &found);
	assert_string_equal(found.text, "a|b|");
	assert_int_equal(found.segments, 2);
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
		TEST(segments_follow_each_other),
		TEST(a_half_entry_is_cut_off),
		TEST(damage_is_found_at_every_byte),
		TEST(a_damaged_segment_ends_and_another_begins),
		TEST(what_was_not_made_ends_the_segment_before_it),
		TEST(a_crash_while_rotating_leaves_no_hole),
		TEST(where_changes_are_not_kept_segments_end),
		TEST(names_that_are_none_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
