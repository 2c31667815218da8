/* SPDX-License-Identifier: MIT */
/* What the kernel keeps of a node: pages, attributes, and the node itself. */
#include "fs/handle.h"
#include "fs/inode.h"
#include "fs/inode_glimpse.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static int set_up(void **state)
{
	struct inodes *inodes = calloc(1, sizeof(*inodes));

	*state = inodes;
	return inodes ? inodes_init(inodes) : -1;
}

static int tear_down(void **state)
{
	inodes_release(*state);
	free(*state);
	return 0;
}

/* Open and close; do the kernel's pages stay? */
static bool stay(struct inodes *inodes, uint64_t id, int flags,
                 uint64_t version)
{
	struct handle handle = { .flags = flags, .version = version };
	bool same;

	inodes_attach(inodes, id, &handle);
	same = inodes_keep_pages(inodes, id, &handle);
	inodes_detach(inodes, id, &handle);
	return same;
}

static void pages_stay_while_the_version_is_the_same(void **state)
{
	uint64_t id = inodes_lookup(*state, "wm/a.npy");

	assert_false(stay(*state, id, O_RDONLY, 7));
	assert_true(stay(*state, id, O_RDONLY, 7));
	assert_false(stay(*state, id, O_RDONLY, 8));
	assert_false(stay(*state, id, O_RDONLY, 7));
	assert_true(stay(*state, id, O_RDONLY, 7));
}

static void a_version_that_cannot_be_told_is_never_the_same(void **state)
{
	uint64_t id = inodes_lookup(*state, "wm/a.npy");

	assert_false(stay(*state, id, O_RDONLY, 0));
	assert_false(stay(*state, id, O_RDONLY, 0));
}

static void a_writer_makes_pages_doubtful(void **state)
{
	uint64_t id = inodes_lookup(*state, "wm/a.npy");
	struct handle writer = { .flags = O_RDWR, .version = 7 };

	assert_false(stay(*state, id, O_RDONLY, 7));
	inodes_attach(*state, id, &writer);
	assert_false(inodes_keep_pages(*state, id, &writer));
	assert_false(stay(*state, id, O_RDONLY, 7));
	assert_false(stay(*state, id, O_RDONLY, 7));
	inodes_detach(*state, id, &writer);
	assert_false(stay(*state, id, O_RDONLY, 7));
	assert_true(stay(*state, id, O_RDONLY, 7));
}

static void a_size_is_told_until_there_is_another(void **state)
{
	uint64_t id = inodes_lookup(*state, "wm/a.npy");

	assert_int_equal(inodes_tell_size(*state, id, 100), 0);
	assert_int_equal(inodes_tell_size(*state, id, 200), 100);
	assert_int_equal(inodes_tell_size(*state, id, 200), 200);
}

static void a_reserved_node_is_nobody_elses(void **state)
{
	struct inodes *inodes = *state;
	struct handle reader = { 0 };
	uint64_t old = inodes_lookup(inodes, "wm/a.npy");
	uint64_t new;

	inodes_attach(inodes, old, &reader);
	inodes_reserve(inodes, "wm/a.npy", 7);
	new = inodes_lookup(inodes, "wm/a.npy");
	assert_true(new != old);
	assert_true(inodes_is_aside(inodes, old));
	assert_true(inodes_is_reserved(inodes, new, 8));
	assert_false(inodes_is_reserved(inodes, new, 7));
	inodes_reserve(inodes, "wm/a.npy", 7);
	assert_true(inodes_lookup(inodes, "wm/a.npy") == new);
	inodes_reserve(inodes, "wm/a.npy", 8);
	assert_true(inodes_lookup(inodes, "wm/a.npy") != new);
	inodes_detach(inodes, old, &reader);
	inodes_attach(inodes, new, &reader);
	assert_false(inodes_is_reserved(inodes, new, 8));
	inodes_detach(inodes, new, &reader);
}

static const struct node_info TOLD = { .size = 7 };

static void
what_the_kernel_was_told_holds_as_long_as_it_believes_it(void **state)
{
	struct inodes *inodes = *state;
	uint64_t id = inodes_lookup(inodes, "wm/a.npy");
	uint64_t stamp = inodes_stamp(inodes, "wm/a.npy");
	struct node_info info = { 0 };

	assert_true(inodes_told(inodes, id, &info) <= 0);
	inodes_tell(inodes, id, stamp, &TOLD, 1000);
	assert_true(inodes_told(inodes, id, &info) > 900);
	assert_int_equal(info.size, 7);
	inodes_tell(inodes, id, stamp, &TOLD, 0);
	assert_true(inodes_told(inodes, id, &info) <= 0);
}

static void what_has_changed_or_gone_was_not_told(void **state)
{
	struct inodes *inodes = *state;
	uint64_t id = inodes_lookup(inodes, "wm/a.npy");
	struct node_info info;

	inodes_tell(inodes, id, inodes_stamp(inodes, "wm/a.npy"), &TOLD, 1000);
	assert_true(inodes_untell(inodes, "wm/a.npy") == id);
	assert_true(inodes_untell(inodes, "wm/never.npy") == 0);
	assert_true(inodes_told(inodes, id, &info) <= 0);
	inodes_tell(inodes, id, inodes_stamp(inodes, "wm/a.npy"), &TOLD, 1000);
	assert_int_equal(inodes_rename(inodes, "wm/a.npy", "wm/b.npy", false),
	                 0);
	assert_true(inodes_told(inodes, id, &info) <= 0);
	inodes_tell(inodes, id, inodes_stamp(inodes, "wm/b.npy"), &TOLD, 1000);
	inodes_unlink(inodes, "wm/b.npy");
	assert_true(inodes_told(inodes, id, &info) <= 0);
}

static void an_answer_that_a_change_overtook_is_not_kept(void **state)
{
	struct inodes *inodes = *state;
	uint64_t id = inodes_lookup(inodes, "wm/a.npy");
	uint64_t stamp = inodes_stamp(inodes, "wm/a.npy");
	struct node_info info;

	inodes_untell(inodes, "wm/a.npy");
	inodes_tell(inodes, id, stamp, &TOLD, 1000);
	assert_true(inodes_told(inodes, id, &info) <= 0);
}

/* Keep SIZE bytes of text of MOMENT for the node ID. */
static void keep(struct inodes *inodes, const char *path, uint64_t id,
                 uint64_t moment, size_t size)
{
	uint64_t stamp = inodes_stamp(inodes, path);
	struct glimpse glimpse = { .info = TOLD, .moment = moment };
	struct blob text = { 0 };

	assert_int_equal(blob_resize(&text, size), 0);
	view_from_text(&text, &glimpse.view);
	inodes_tell(inodes, id, stamp, &TOLD, 1000);
	inodes_keep_glimpse(inodes, id, stamp, &glimpse);
	glimpse_release(&glimpse);
}

static bool keeps(struct inodes *inodes, uint64_t id, uint64_t moment)
{
	struct glimpse glimpse = { 0 };
	bool found = inodes_glimpse(inodes, id, moment, &glimpse);

	assert_true(!found || glimpse.info.size == TOLD.size);
	glimpse_release(&glimpse);
	return found;
}

static void what_came_along_holds_at_its_moment(void **state)
{
	struct inodes *inodes = *state;
	uint64_t id = inodes_lookup(inodes, "wm/a.npy");

	assert_int_equal(inodes_glimpse_moment(inodes, id), 0);
	assert_false(keeps(inodes, id, 0));
	keep(inodes, "wm/a.npy", id, 5, 7);
	assert_int_equal(inodes_glimpse_moment(inodes, id), 5);
	assert_true(keeps(inodes, id, 5));
	assert_true(keeps(inodes, id, 5));
	assert_false(keeps(inodes, id, 6));
	inodes_tell(inodes, id, inodes_stamp(inodes, "wm/a.npy"), &TOLD, 0);
	assert_int_equal(inodes_glimpse_moment(inodes, id), 0);
	assert_false(keeps(inodes, id, 5));
}

static void what_came_along_goes_with_a_change(void **state)
{
	struct inodes *inodes = *state;
	uint64_t id = inodes_lookup(inodes, "wm/a.npy");

	keep(inodes, "wm/a.npy", id, 5, 7);
	inodes_untell(inodes, "wm/a.npy");
	assert_false(keeps(inodes, id, 5));
	keep(inodes, "wm/a.npy", id, 5, 7);
	assert_int_equal(inodes_rename(inodes, "wm/a.npy", "wm/b.npy", false),
	                 0);
	assert_false(keeps(inodes, id, 5));
	keep(inodes, "wm/b.npy", id, 5, 7);
	inodes_set_aside(inodes, id);
	assert_false(keeps(inodes, id, 5));
}

static void the_oldest_that_came_along_make_room(void **state)
{
	struct inodes *inodes = *state;
	uint64_t first = inodes_lookup(inodes, "wm/first.npy");
	uint64_t second = inodes_lookup(inodes, "wm/second.npy");
	uint64_t id = 0;
	char path[32];

	keep(inodes, "wm/first.npy", first, 5, INODE_GLIMPSE_MOST);
	keep(inodes, "wm/second.npy", second, 5, INODE_GLIMPSE_MOST);
	keep(inodes, "wm/first.npy", first, 5, INODE_GLIMPSE_MOST);
	for (int i = 0; keeps(inodes, second, 5); i++) {
		assert_true(inodes->glimpses_size <= INODE_GLIMPSES_SIZE);
		assert_true(keeps(inodes, first, 5));
		snprintf(path, sizeof(path), "wm/%d.npy", i);
		id = inodes_lookup(inodes, path);
		keep(inodes, path, id, 5, INODE_GLIMPSE_MOST);
	}
	assert_true(keeps(inodes, first, 5));
	assert_true(keeps(inodes, id, 5));
	keep(inodes, "wm/first.npy", first, 5, INODE_GLIMPSE_MOST + 1);
	assert_false(keeps(inodes, first, 5));
	inodes_forget(inodes, id, 1);
	assert_true(inodes->glimpses_size <= INODE_GLIMPSES_SIZE);
}

#define INODE_TEST(function)                                                   \
	cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		INODE_TEST(pages_stay_while_the_version_is_the_same),
		INODE_TEST(a_version_that_cannot_be_told_is_never_the_same),
		INODE_TEST(a_writer_makes_pages_doubtful),
		INODE_TEST(a_size_is_told_until_there_is_another),
		INODE_TEST(a_reserved_node_is_nobody_elses),
		INODE_TEST(
		    what_the_kernel_was_told_holds_as_long_as_it_believes_it),
		INODE_TEST(what_has_changed_or_gone_was_not_told),
		INODE_TEST(an_answer_that_a_change_overtook_is_not_kept),
		INODE_TEST(what_came_along_holds_at_its_moment),
		INODE_TEST(what_came_along_goes_with_a_change),
		INODE_TEST(the_oldest_that_came_along_make_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
