/* SPDX-License-Identifier: MIT */
#include "layout/draft.h"

#include "tests/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define LIMIT ((size_t)DRAFT_IN_MEMORY)
#define MODEL_SIZE (3 * LIMIT)
#define ROUNDS 20
#define STEPS 40 /* of each */

/* A draft, and the buffer that it must be like. */
struct fixture {
	struct scratch scratch;
	int spool_fd;
	struct draft draft;
	char *model;
	size_t size;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	scratch_init(&fixture->scratch);
	fixture->spool_fd =
	    open(fixture->scratch.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fixture->spool_fd >= 0);
	fixture->model = calloc(1, MODEL_SIZE);
	assert_non_null(fixture->model);
	draft_init(&fixture->draft, fixture->spool_fd);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	draft_release(&fixture->draft);
	draft_release(&fixture->draft);
	close(fixture->spool_fd);
	scratch_release(&fixture->scratch);
	free(fixture->model);
	free(fixture);
	return 0;
}

static void write_both(struct fixture *fixture, size_t offset, char byte,
                       size_t size)
{
	size_t end = offset + size;
	char *bytes = malloc(size ? size : 1);

	assert_non_null(bytes);
	memset(bytes, byte, size);
	assert_int_equal(draft_write(&fixture->draft, offset, bytes, size), 0);
	free(bytes);
	if (size == 0)
		return;
	memset(fixture->model + offset, byte, size);
	if (end > fixture->size)
		fixture->size = end;
}

static void resize_both(struct fixture *fixture, size_t size)
{
	assert_int_equal(draft_resize(&fixture->draft, size), 0);
	if (size < fixture->size)
		memset(fixture->model + size, 0, fixture->size - size);
	fixture->size = size;
}

static void assert_same_range(struct fixture *fixture, size_t offset,
                              size_t size)
{
	size_t left = offset < fixture->size ? fixture->size - offset : 0;
	size_t expected = size < left ? size : left;
	char *bytes = malloc(size ? size : 1);

	assert_non_null(bytes);
	assert_int_equal(draft_read(&fixture->draft, offset, bytes, size),
	                 expected);
	assert_true(expected == 0 ||
	            memcmp(bytes, fixture->model + offset, expected) == 0);
	free(bytes);
}

/* The whole, read and mapped. */
static void assert_same(struct fixture *fixture)
{
	const void *map = NULL;

	assert_int_equal(fixture->draft.size, fixture->size);
	assert_same_range(fixture, 0, fixture->size + 1);
	assert_int_equal(draft_map(&fixture->draft, &map), 0);
	assert_non_null(map);
	assert_true(fixture->size == 0 ||
	            memcmp(map, fixture->model, fixture->size) == 0);
	draft_unmap(&fixture->draft, map);
}

static void a_new_draft_is_empty(void **state)
{
	struct fixture *fixture = *state;

	assert_same(fixture);
	assert_same_range(fixture, 5, 5);
	write_both(fixture, 7, 'x', 0);
	assert_same(fixture);
}

static void what_was_written_is_read(void **state)
{
	struct fixture *fixture = *state;

	write_both(fixture, 0, 'a', 10);
	write_both(fixture, 10, 'b', 10);
	write_both(fixture, 5, 'c', 10);
	assert_same(fixture);
	assert_same_range(fixture, 15, 100);
	assert_same_range(fixture, 20, 1);
	assert_same_range(fixture, 19, 1);
}

static void holes_are_zero(void **state)
{
	struct fixture *fixture = *state;

	write_both(fixture, 1000, 'a', 1);
	assert_same(fixture);
	write_both(fixture, 2 * LIMIT, 'b', 1);
	assert_same(fixture);
	write_both(fixture, 2 * LIMIT + 10000, 'c', 1);
	assert_same(fixture);
}

static void a_draft_goes_to_a_file_when_it_grows(void **state)
{
	struct fixture *fixture = *state;

	write_both(fixture, 0, 'a', LIMIT);
	assert_int_equal(fixture->draft.fd, -1);
	assert_same(fixture);
	write_both(fixture, LIMIT, 'b', 1);
	assert_true(fixture->draft.fd >= 0);
	assert_int_equal(fixture->draft.bytes.capacity, 0);
	assert_same(fixture);
	write_both(fixture, 3, 'c', 2 * LIMIT);
	assert_same(fixture);
	resize_both(fixture, 3);
	assert_same(fixture);
}

static void growing_by_truncation_goes_to_a_file_too(void **state)
{
	struct fixture *fixture = *state;

	write_both(fixture, 0, 'a', 100);
	resize_both(fixture, LIMIT + 1);
	assert_true(fixture->draft.fd >= 0);
	assert_same(fixture);
}

/* A file that is cut and grows again has zeros where it was cut. */
static void what_was_cut_off_does_not_come_back(void **state)
{
	static const size_t sizes[] = { 100, LIMIT, 2 * LIMIT };
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		write_both(fixture, 0, 'a', sizes[i]);
		resize_both(fixture, 10);
		assert_same(fixture);
		resize_both(fixture, 90);
		assert_same(fixture);
		resize_both(fixture, 10);
		write_both(fixture, 20, 'b', 1);
		assert_same(fixture);
		resize_both(fixture, 0);
		assert_same(fixture);
	}
}

static void drafts_have_no_name(void **state)
{
	struct fixture *fixture = *state;
	DIR *stream = opendir(fixture->scratch.path);
	const struct dirent *entry;

	assert_non_null(stream);
	write_both(fixture, 0, 'a', LIMIT + 1);
	while ((entry = readdir(stream)))
		assert_int_equal(entry->d_name[0], '.');
	closedir(stream);
}

static void impossible_offsets_change_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct draft *draft = &fixture->draft;
	char bytes[16] = "";

	write_both(fixture, 0, 'a', 10);
	assert_int_equal(draft_write(draft, UINT64_MAX - 4, bytes, 16), -EFBIG);
	assert_int_equal(draft_write(draft, INT64_MAX, bytes, 16), -EFBIG);
	assert_int_equal(draft_resize(draft, UINT64_MAX), -EFBIG);
	assert_int_equal(draft_read(draft, UINT64_MAX, bytes, 16), 0);
	assert_same(fixture);
	assert_int_equal(draft->fd, -1);
}

static void a_file_system_that_refuses_changes_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct draft *draft = &fixture->draft;

	/* Larger than files may be there, but not than an off_t holds. */
	write_both(fixture, 0, 'a', 10);
	assert_true(draft_write(draft, INT64_MAX - 1, "x", 1) < 0);
	assert_same(fixture);
	assert_true(draft_resize(draft, INT64_MAX) < 0);
	assert_same(fixture);
}

static void without_a_spool_nothing_written_is_lost(void **state)
{
	struct fixture *fixture = *state;
	char byte = 'x';

	write_both(fixture, 0, 'a', LIMIT);
	fixture->draft.spool_fd = -1;
	assert_int_equal(draft_write(&fixture->draft, LIMIT, &byte, 1), -EBADF);
	assert_int_equal(draft_resize(&fixture->draft, LIMIT + 1), -EBADF);
	assert_same(fixture);
	fixture->draft.spool_fd = fixture->spool_fd;
	write_both(fixture, LIMIT, 'b', 1);
	assert_same(fixture);
}

static void a_released_draft_can_be_used_again(void **state)
{
	struct fixture *fixture = *state;

	write_both(fixture, 0, 'a', 2 * LIMIT);
	draft_release(&fixture->draft);
	memset(fixture->model, 0, MODEL_SIZE);
	fixture->size = 0;
	assert_same(fixture);
	write_both(fixture, 5, 'b', 5);
	assert_same(fixture);
}

static size_t below(unsigned int *random, size_t limit)
{
	return (((size_t)rand_r(random) << 16) ^ (size_t)rand_r(random)) %
	       limit;
}

/* Small numbers, and numbers about the limit, more often than others. */
static size_t some_offset(unsigned int *random)
{
	switch (below(random, 4)) {
	case 0:
		return below(random, 64);
	case 1:
		return LIMIT - 32 + below(random, 64);
	default:
		return below(random, MODEL_SIZE / 2);
	}
}

static size_t some_size(unsigned int *random)
{
	return below(random, below(random, 8) ? 200 : MODEL_SIZE / 2);
}

static void step(struct fixture *fixture, unsigned int *random)
{
	switch (below(random, 8)) {
	case 0:
		resize_both(fixture, some_offset(random));
		break;
	case 1:
	case 2:
		assert_same_range(fixture, some_offset(random),
		                  some_size(random));
		break;
	default:
		write_both(fixture, some_offset(random),
		           (char)below(random, 256), some_size(random));
	}
}

static void a_draft_is_like_a_buffer(void **state)
{
	const char *given = getenv("ENGRAMFS_TEST_SEED");
	unsigned int seed = given ? (unsigned int)strtoul(given, NULL, 10)
	                          : (unsigned int)time(NULL);
	struct fixture *fixture = *state;

	print_message("ENGRAMFS_TEST_SEED=%u\n", seed);
	for (int round = 0; round < ROUNDS; round++) {
		draft_release(&fixture->draft);
		memset(fixture->model, 0, MODEL_SIZE);
		fixture->size = 0;
		for (int i = 0; i < STEPS; i++)
			step(fixture, &seed);
		assert_same(fixture);
	}
}

#define DRAFT_TEST(function)                                                   \
	cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		DRAFT_TEST(a_new_draft_is_empty),
		DRAFT_TEST(what_was_written_is_read),
		DRAFT_TEST(holes_are_zero),
		DRAFT_TEST(a_draft_goes_to_a_file_when_it_grows),
		DRAFT_TEST(growing_by_truncation_goes_to_a_file_too),
		DRAFT_TEST(what_was_cut_off_does_not_come_back),
		DRAFT_TEST(drafts_have_no_name),
		DRAFT_TEST(impossible_offsets_change_nothing),
		DRAFT_TEST(a_file_system_that_refuses_changes_nothing),
		DRAFT_TEST(without_a_spool_nothing_written_is_lost),
		DRAFT_TEST(a_released_draft_can_be_used_again),
		DRAFT_TEST(a_draft_is_like_a_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
