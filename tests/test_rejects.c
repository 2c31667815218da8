/* SPDX-License-Identifier: MIT */
#include "layout/spool.h"

#include "backends/json.h"
#include "backends/value.h"
#include "tests/scratch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

struct fixture {
	struct scratch scratch;
	struct spool spool;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	scratch_init(&fixture->scratch);
	assert_int_equal(
	    spool_open(fixture->scratch.path, false, &fixture->spool, NULL), 0);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	spool_close(&fixture->spool);
	scratch_release(&fixture->scratch);
	free(fixture);
	return 0;
}

static bool exists(const struct fixture *fixture, const char *name)
{
	char path[512];
	struct stat stat;

	snprintf(path, sizeof(path), "%s/%s", fixture->scratch.path, name);
	return lstat(path, &stat) == 0;
}

/* The last line of errors.jsonl, or a reason's file, as a value. */
static struct value *parse_line(const struct blob *text)
{
	struct value *event = NULL;
	char why[WHY_SIZE];
	size_t start = text->size;

	assert_true(text->size > 0);
	assert_int_equal(text->data[text->size - 1], '\n');
	for (start--; start > 0 && text->data[start - 1] != '\n';)
		start--;
	assert_int_equal(json_parse(text->data + start, text->size - start,
	                            JSON_ARRAYS_REFUSE, &event, why),
	                 0);
	return event;
}

static void assert_text(const struct value *event, const char *name,
                        const char *text)
{
	const struct value *item = value_dict_get(event, name);

	assert_non_null(item);
	assert_int_equal(item->type, VALUE_TEXT);
	assert_string_equal(item->text.data, text);
}

static struct value *read_event(struct fixture *fixture, const char *name)
{
	struct blob text = { 0 };
	struct value *event;

	assert_true(scratch_read(&fixture->scratch, name, &text));
	event = parse_line(&text);
	blob_release(&text);
	return event;
}

static void assert_event(struct fixture *fixture, const char *name)
{
	struct value *event = read_event(fixture, name);
	double now = (double)time(NULL);
	double when;
	int64_t number;

	assert_text(event, "path", "/wm/a b.npy");
	assert_text(event, "operation", "write");
	assert_text(event, "error", "EINVAL");
	assert_text(event, "reason", "line 1: no");
	assert_int_equal(value_to_int(value_dict_get(event, "errno"), &number),
	                 0);
	assert_int_equal(number, EINVAL);
	assert_int_equal(value_to_double(value_dict_get(event, "time"), &when),
	                 0);
	assert_true(when > now - 60 && when < now + 60);
	assert_int_equal(event->dict.count, 6);
	value_unref(event);
}

static void refused_bytes_are_kept_with_the_reason(void **state)
{
	const struct refusal refusal = { "wm/a b.npy", "a\0b",       3,
		                         -EINVAL,      "line 1: no", false };
	struct fixture *fixture = *state;
	struct blob name = { 0 };
	struct blob path = { 0 };
	struct blob bytes = { 0 };

	assert_int_equal(spool_reject(&fixture->spool, &refusal, &name), 0);
	assert_non_null(strstr(name.data, "wm_a b.npy"));
	assert_null(strchr(name.data, '/'));
	assert_int_equal(blob_printf(&path, "rejected/%s", name.data), 0);
	assert_true(scratch_read(&fixture->scratch, path.data, &bytes));
	assert_int_equal(bytes.size, 3);
	assert_memory_equal(bytes.data, "a\0b", 3);
	assert_int_equal(blob_append_text(&path, ".reason.json"), 0);
	assert_event(fixture, path.data);
	assert_event(fixture, "spool/errors.jsonl");
	spool_unreject(&fixture->spool, name.data);
	assert_false(exists(fixture, path.data));
	path.data[path.size - strlen(".reason.json")] = '\0';
	assert_false(exists(fixture, path.data));
	assert_true(exists(fixture, "spool/errors.jsonl"));
	blob_release(&name);
	blob_release(&path);
	blob_release(&bytes);
}

static void reject(struct fixture *fixture, const char *path)
{
	const struct refusal refusal = { path,    path,   strlen(path),
		                         -ENOSPC, "full", false };

	assert_int_equal(spool_reject(&fixture->spool, &refusal, NULL), 0);
}

/* How many refused files there are, their reasons left out. */
static size_t count_rejected(const struct fixture *fixture)
{
	size_t count = 0;
	char path[512];
	DIR *stream;

	snprintf(path, sizeof(path), "%s/rejected", fixture->scratch.path);
	stream = opendir(path);
	assert_non_null(stream);
	for (const struct dirent *entry; (entry = readdir(stream));)
		count += entry->d_name[0] != '.' &&
		         !strstr(entry->d_name, ".reason.json");
	closedir(stream);
	return count;
}

static void each_refusal_has_a_name_of_its_own(void **state)
{
	struct fixture *fixture = *state;

	for (int i = 0; i < 20; i++)
		reject(fixture, "wm/a.npy");
	assert_int_equal(count_rejected(fixture), 20);
}

/* A mount that begins in the second in which the last one ended. */
static void refusals_of_two_mounts_do_not_meet(void **state)
{
	struct fixture *fixture = *state;

	for (int i = 0; i < 20; i++) {
		reject(fixture, "wm/a.npy");
		reject(fixture, "wm/a.npy");
		spool_close(&fixture->spool);
		assert_int_equal(spool_open(fixture->scratch.path, false,
		                            &fixture->spool, NULL),
		                 0);
	}
	assert_int_equal(count_rejected(fixture), 40);
}

static void any_path_can_be_refused(void **state)
{
	struct fixture *fixture = *state;
	char path[3000];

	reject(fixture, "wm/\xff\xfe.npy");
	reject(fixture, "wm/\"\\\n.npy");
	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	reject(fixture, path);
	memset(path, '\n', sizeof(path) - 1);
	reject(fixture, path);
	assert_int_equal(count_rejected(fixture), 4);
}

static void a_long_name_is_not_cut_inside_a_character(void **state)
{
	struct refusal refusal = { NULL, "", 0, -EIO, "", false };
	struct fixture *fixture = *state;
	struct blob name = { 0 };
	struct blob path = { 0 };

	assert_int_equal(blob_append_text(&path, "wm/x"), 0);
	for (int i = 0; i < 100; i++)
		assert_int_equal(blob_append_text(&path, "\xe2\x82\xac"), 0);
	refusal.path = path.data;
	assert_int_equal(spool_reject(&fixture->spool, &refusal, &name), 0);
	assert_int_equal((unsigned char)name.data[name.size - 1], 0xac);
	blob_release(&name);
	blob_release(&path);
}

/* A line of errors.jsonl is a JSON object, from the first on. */
static size_t count_lines(const struct blob *text)
{
	size_t count = 0;

	for (size_t start = 0; start < text->size; count++) {
		const char *line = text->data + start;
		const char *end = memchr(line, '\n', text->size - start);
		struct value *event = NULL;
		char why[WHY_SIZE];

		assert_non_null(end);
		assert_int_equal(json_parse(line, (size_t)(end - line),
		                            JSON_ARRAYS_REFUSE, &event, why),
		                 0);
		assert_int_equal(event->dict.count, 6);
		value_unref(event);
		start += (size_t)(end - line) + 1;
	}
	return count;
}

static void the_list_of_errors_does_not_grow_for_ever(void **state)
{
	struct fixture *fixture = *state;
	struct blob text = { 0 };
	char reason[256];
	size_t lines;

	for (int i = 0; i < 10000; i++) {
		snprintf(reason, sizeof(reason), "%07d%200s", i, "end");
		spool_error(&fixture->spool, "wm/a.npy", "write", -EIO, reason);
	}
	assert_true(
	    scratch_read(&fixture->scratch, "spool/errors.jsonl", &text));
	assert_true(text.size <= (size_t)SPOOL_ERRORS_MAX);
	assert_true(text.size >= (size_t)SPOOL_ERRORS_MAX / 3);
	lines = count_lines(&text);
	/* The newest are there, without a gap. */
	for (size_t i = 10000 - lines; i < 10000; i++) {
		char expected[16];

		snprintf(expected, sizeof(expected), "\"%07zu ", i);
		assert_non_null(strstr(text.data, expected));
	}
	blob_release(&text);
}

#define REJECTS_TEST(function)                                                 \
	cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		REJECTS_TEST(refused_bytes_are_kept_with_the_reason),
		REJECTS_TEST(each_refusal_has_a_name_of_its_own),
		REJECTS_TEST(refusals_of_two_mounts_do_not_meet),
		REJECTS_TEST(any_path_can_be_refused),
		REJECTS_TEST(a_long_name_is_not_cut_inside_a_character),
		REJECTS_TEST(the_list_of_errors_does_not_grow_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
