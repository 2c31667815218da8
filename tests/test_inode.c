/* SPDX-License-Identifier: MIT */
#include "fs/inode.h"

#include "fs/handle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROOT 1
#define MANY 100000
#define NAME_SIZE 32

static int set_up(void **state)
{
	struct inodes *inodes = calloc(1, sizeof(*inodes));

	assert_non_null(inodes);
	assert_int_equal(inodes_init(inodes), 0);
	*state = inodes;
	return 0;
}

static int tear_down(void **state)
{
	inodes_release(*state);
	free(*state);
	return 0;
}

static void assert_path(struct inodes *inodes, uint64_t id, const char *path)
{
	bool gone;
	char *is = inodes_path(inodes, id, &gone);

	assert_non_null(is);
	assert_string_equal(is, path);
	assert_false(gone);
	free(is);
}

static void assert_gone(struct inodes *inodes, uint64_t id)
{
	bool gone = false;

	free(inodes_path(inodes, id, &gone));
	assert_true(gone);
}

/* Users keep these numbers (tar, rsync, find): they are part of the format. */
static void inode_numbers_never_change(void **state)
{
	(void)state;
	assert_true(inode_number("") == 0x2d06800538d394c2);
	assert_true(inode_number("wm/a.npy") == 0xeec888efb5a9e388);
	assert_true(inode_number("wm/a.npy") != inode_number("wm/a.json"));
}

static void the_root_is_always_known(void **state)
{
	struct inodes *inodes = *state;

	assert_int_equal(inodes_lookup(inodes, ""), ROOT);
	assert_int_equal(inodes_known(inodes, ""), ROOT);
	inodes_forget(inodes, ROOT, 1000);
	inodes_unlink(inodes, "");
	assert_path(inodes, ROOT, "");
}

static void a_path_has_one_id_while_the_kernel_knows_it(void **state)
{
	struct inodes *inodes = *state;
	uint64_t id = inodes_lookup(inodes, "wm/a.npy");

	assert_true(id > ROOT);
	assert_path(inodes, id, "wm/a.npy");
	assert_true(inodes_lookup(inodes, "wm/a.npy") == id);
	assert_true(inodes_lookup(inodes, "wm/b.npy") != id);
	assert_true(inodes_known(inodes, "wm/a.npy") == id);
	assert_true(inodes_known(inodes, "wm/c.npy") == 0);
}

static void an_inode_lives_until_its_last_lookup_is_forgotten(void **state)
{
	struct inodes *inodes = *state;
	uint64_t id = inodes_lookup(inodes, "wm/a.npy");

	inodes_lookup(inodes, "wm/a.npy");
	inodes_lookup(inodes, "wm/a.npy");
	inodes_forget(inodes, id, 2);
	assert_true(inodes_known(inodes, "wm/a.npy") == id);
	inodes_forget(inodes, id, 1);
	assert_true(inodes_known(inodes, "wm/a.npy") == 0);
	assert_int_equal(inodes->count, 1);
}

static void forgetting_too_much_is_forgetting(void **state)
{
	struct inodes *inodes = *state;
	uint64_t id = inodes_lookup(inodes, "wm/a.npy");

	inodes_forget(inodes, id, 7);
	assert_true(inodes_known(inodes, "wm/a.npy") == 0);
}

static void
a_removed_file_keeps_its_id_and_the_name_gets_a_new_one(void **state)
{
	struct inodes *inodes = *state;
	uint64_t old = inodes_lookup(inodes, "wm/a.npy");
	uint64_t new;

	inodes_unlink(inodes, "wm/a.npy");
	inodes_unlink(inodes, "wm/never.npy");
	assert_true(inodes_known(inodes, "wm/a.npy") == 0);
	assert_gone(inodes, old);
	new = inodes_lookup(inodes, "wm/a.npy");
	assert_true(new != old);
	assert_path(inodes, new, "wm/a.npy");
	inodes_forget(inodes, old, 1);
	assert_true(inodes_known(inodes, "wm/a.npy") == new);
}

static void a_node_set_aside_still_goes_where_its_name_goes(void **state)
{
	struct inodes *inodes = *state;
	uint64_t aside = inodes_lookup(inodes, "wm/a.npy");
	uint64_t now;

	inodes_set_aside(inodes, aside);
	assert_true(inodes_is_aside(inodes, aside));
	now = inodes_lookup(inodes, "wm/a.npy");
	assert_true(now != aside);
	assert_path(inodes, aside, "wm/a.npy");
	assert_int_equal(inodes_rename(inodes, "wm/a.npy", "wm/b.npy", false),
	                 0);
	assert_path(inodes, aside, "wm/b.npy");
	assert_path(inodes, now, "wm/b.npy");
	assert_true(inodes_known(inodes, "wm/b.npy") == now);
	inodes_unlink(inodes, "wm/b.npy");
	assert_gone(inodes, aside);
	assert_gone(inodes, now);
}

static void what_was_removed_is_freed_with_the_table(void **state)
{
	struct inodes *inodes = *state;

	/* The kernel does not forget everything at an unmount. */
	inodes_lookup(inodes, "wm/a.npy");
	inodes_unlink(inodes, "wm/a.npy");
}

static void a_renamed_tree_keeps_its_ids(void **state)
{
	static const char *const paths[] = { "episodes/x", "episodes/x/a",
		                             "episodes/x/b/c", NULL };
	static const char *const renamed[] = { "episodes/y", "episodes/y/a",
		                               "episodes/y/b/c" };
	struct inodes *inodes = *state;
	uint64_t ids[3];
	uint64_t beside = inodes_lookup(inodes, "episodes/x.npy");
	uint64_t longer = inodes_lookup(inodes, "episodes/xx/a");

	for (size_t i = 0; paths[i]; i++)
		ids[i] = inodes_lookup(inodes, paths[i]);
	assert_int_equal(
	    inodes_rename(inodes, "episodes/x", "episodes/y", true), 0);
	for (size_t i = 0; paths[i]; i++) {
		assert_path(inodes, ids[i], renamed[i]);
		assert_true(inodes_known(inodes, renamed[i]) == ids[i]);
		assert_true(inodes_known(inodes, paths[i]) == 0);
	}
	assert_path(inodes, beside, "episodes/x.npy");
	assert_path(inodes, longer, "episodes/xx/a");
}

static void two_trees_trade_their_names(void **state)
{
	struct inodes *inodes = *state;
	uint64_t x = inodes_lookup(inodes, "network_states/x");
	uint64_t in_x = inodes_lookup(inodes, "network_states/x/weights.npy");
	uint64_t in_y = inodes_lookup(inodes, "network_states/y/weights.npy");

	assert_int_equal(
	    inodes_swap(inodes, "network_states/x", "network_states/y", true),
	    0);
	assert_path(inodes, x, "network_states/y");
	assert_path(inodes, in_x, "network_states/y/weights.npy");
	assert_path(inodes, in_y, "network_states/x/weights.npy");
}

static void what_is_below_moves_though_the_top_is_not_known(void **state)
{
	struct inodes *inodes = *state;
	uint64_t id = inodes_lookup(inodes, "episodes/x/a");

	assert_int_equal(
	    inodes_rename(inodes, "episodes/x", "episodes/y", true), 0);
	assert_path(inodes, id, "episodes/y/a");
}

static void the_target_of_a_rename_is_gone(void **state)
{
	struct inodes *inodes = *state;
	uint64_t from = inodes_lookup(inodes, "wm/a.npy");
	uint64_t to = inodes_lookup(inodes, "wm/b.npy");

	assert_int_equal(inodes_rename(inodes, "wm/a.npy", "wm/b.npy", false),
	                 0);
	assert_path(inodes, from, "wm/b.npy");
	assert_true(inodes_known(inodes, "wm/b.npy") == from);
	assert_gone(inodes, to);
	inodes_forget(inodes, to, 1);
	assert_true(inodes_known(inodes, "wm/b.npy") == from);
}

static void a_file_that_is_gone_is_not_renamed(void **state)
{
	struct inodes *inodes = *state;
	uint64_t old = inodes_lookup(inodes, "episodes/x/a");

	inodes_unlink(inodes, "episodes/x/a");
	assert_int_equal(
	    inodes_rename(inodes, "episodes/x", "episodes/y", true), 0);
	assert_gone(inodes, old);
	assert_true(inodes_known(inodes, "episodes/y/a") == 0);
}

static void a_settled_copy_gets_its_records_path(void **state)
{
	struct inodes *inodes = *state;
	uint64_t id = inodes_lookup(inodes, "episodes/run.npy");
	uint64_t there = inodes_lookup(inodes, "episodes/7.npy");

	assert_int_equal(inodes_retarget(inodes, id, "episodes/7.npy"), 0);
	assert_path(inodes, id, "episodes/7.npy");
	assert_true(inodes_known(inodes, "episodes/run.npy") == 0);
	assert_gone(inodes, there);
	assert_int_equal(inodes_retarget(inodes, id, "episodes/7.npy"), 0);
	assert_path(inodes, id, "episodes/7.npy");
}

static void a_file_that_is_gone_can_get_a_name_again(void **state)
{
	struct inodes *inodes = *state;
	uint64_t id = inodes_lookup(inodes, "episodes/run.npy");

	inodes_unlink(inodes, "episodes/run.npy");
	assert_int_equal(inodes_retarget(inodes, id, "episodes/7.npy"), 0);
	assert_path(inodes, id, "episodes/7.npy");
	assert_true(inodes_known(inodes, "episodes/7.npy") == id);
}

static void an_open_file_outlives_its_lookups(void **state)
{
	struct inodes *inodes = *state;
	struct handle handle = { 0 };
	uint64_t id = inodes_lookup(inodes, "wm/a.npy");

	inodes_attach(inodes, id, &handle);
	inodes_forget(inodes, id, 1);
	assert_path(inodes, id, "wm/a.npy");
	inodes_detach(inodes, id, &handle);
	assert_true(inodes_lookup(inodes, "wm/a.npy") == id);
	inodes_forget(inodes, id, 1);
	assert_true(inodes_known(inodes, "wm/a.npy") == 0);
}

/* Whichever of the two opened it first. */
static void replace_beside(struct inodes *inodes, struct handle *first,
                           struct handle *second, const struct handle *writer)
{
	uint64_t id = inodes_lookup(inodes, "wm/a.npy");

	inodes_attach(inodes, id, first);
	inodes_attach(inodes, id, second);
	inodes_replace(inodes, id, writer);
	assert_gone(inodes, id);
	inodes_replace(inodes, id, writer);
	assert_true(inodes_lookup(inodes, "wm/a.npy") != id);
	inodes_detach(inodes, id, first);
	inodes_detach(inodes, id, second);
	inodes_forget(inodes, id, 1);
}

static void only_others_keep_a_replaced_file(void **state)
{
	struct inodes *inodes = *state;
	struct handle writer = { 0 };
	struct handle reader = { 0 };
	uint64_t id = inodes_lookup(inodes, "wm/a.npy");

	inodes_attach(inodes, id, &writer);
	inodes_replace(inodes, id, &writer);
	assert_path(inodes, id, "wm/a.npy");
	inodes_detach(inodes, id, &writer);
	replace_beside(inodes, &reader, &writer, &writer);
	replace_beside(inodes, &writer, &reader, &writer);
}

static bool is_second(struct handle *handle, void *arg)
{
	size_t *visits = arg;

	(*visits)++;
	return handle->flags == 2;
}

static void a_visit_stops_where_it_is_told_to(void **state)
{
	struct inodes *inodes = *state;
	struct handle handles[] = { { .flags = 1 },
		                    { .flags = 2 },
		                    { .flags = 3 } };
	uint64_t id = inodes_lookup(inodes, "wm/a.npy");
	size_t visits = 0;

	assert_false(inodes_visit(inodes, id, is_second, &visits));
	assert_int_equal(visits, 0);
	for (size_t i = 0; i < 3; i++)
		inodes_attach(inodes, id, &handles[i]);
	assert_true(inodes_visit(inodes, id, is_second, &visits));
	assert_int_equal(visits, 2);
	inodes_detach(inodes, id, &handles[1]);
	inodes_detach(inodes, id, &handles[1]);
	visits = 0;
	assert_false(inodes_visit(inodes, id, is_second, &visits));
	assert_int_equal(visits, 2);
	inodes_detach(inodes, id, &handles[0]);
	inodes_detach(inodes, id, &handles[2]);
}

/* Different paths that share a bucket of the table. */
static void find_neighbours(const struct inodes *inodes,
                            char paths[][NAME_SIZE], size_t count)
{
	uint64_t mask = inodes->bucket_count - 1;
	uint64_t bucket = inode_number("wm/0.npy") & mask;

	for (size_t number = 0; count; number++) {
		char path[NAME_SIZE];

		snprintf(path, sizeof(path), "wm/%zu.npy", number);
		if ((inode_number(path) & mask) == bucket)
			memcpy(paths[--count], path, sizeof(path));
	}
}

static void paths_that_collide_are_kept_apart(void **state)
{
	enum { COUNT = 5 };

	struct inodes *inodes = *state;
	char paths[COUNT][NAME_SIZE];
	uint64_t ids[COUNT];

	find_neighbours(inodes, paths, COUNT);
	for (size_t i = 0; i < COUNT; i++)
		ids[i] = inodes_lookup(inodes, paths[i]);
	/* The last of the chain, the middle, the first. */
	inodes_unlink(inodes, paths[0]);
	inodes_forget(inodes, ids[2], 1);
	assert_int_equal(inodes_rename(inodes, paths[4], "wm/new.npy", false),
	                 0);
	assert_true(inodes_known(inodes, paths[0]) == 0);
	assert_true(inodes_known(inodes, paths[1]) == ids[1]);
	assert_true(inodes_known(inodes, paths[2]) == 0);
	assert_true(inodes_known(inodes, paths[3]) == ids[3]);
	assert_true(inodes_known(inodes, paths[4]) == 0);
	inodes_forget(inodes, ids[0], 1);
	assert_true(inodes_known(inodes, paths[1]) == ids[1]);
	assert_true(inodes_known(inodes, paths[3]) == ids[3]);
}

static void a_hundred_thousand_files_are_found_again(void **state)
{
	struct inodes *inodes = *state;
	uint64_t *ids = calloc(MANY, sizeof(*ids));
	char path[NAME_SIZE];

	assert_non_null(ids);
	for (size_t i = 0; i < MANY; i++) {
		snprintf(path, sizeof(path), "wm/%zu.npy", i);
		ids[i] = inodes_lookup(inodes, path);
		assert_true(ids[i] > ROOT);
	}
	/* Short chains: the table has grown with them. */
	assert_true(inodes->bucket_count >= MANY / 2);
	for (size_t i = 0; i < MANY; i++) {
		snprintf(path, sizeof(path), "wm/%zu.npy", i);
		assert_true(inodes_known(inodes, path) == ids[i]);
		inodes_forget(inodes, ids[i], 1);
	}
	assert_int_equal(inodes->count, 1);
	free(ids);
}

#define INODE_TEST(function)                                                   \
	cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		INODE_TEST(inode_numbers_never_change),
		INODE_TEST(the_root_is_always_known),
		INODE_TEST(a_path_has_one_id_while_the_kernel_knows_it),
		INODE_TEST(an_inode_lives_until_its_last_lookup_is_forgotten),
		INODE_TEST(forgetting_too_much_is_forgetting),
		INODE_TEST(
		    a_removed_file_keeps_its_id_and_the_name_gets_a_new_one),
		INODE_TEST(a_node_set_aside_still_goes_where_its_name_goes),
		INODE_TEST(what_was_removed_is_freed_with_the_table),
		INODE_TEST(a_renamed_tree_keeps_its_ids),
		INODE_TEST(two_trees_trade_their_names),
		INODE_TEST(what_is_below_moves_though_the_top_is_not_known),
		INODE_TEST(the_target_of_a_rename_is_gone),
		INODE_TEST(a_file_that_is_gone_is_not_renamed),
		INODE_TEST(a_settled_copy_gets_its_records_path),
		INODE_TEST(a_file_that_is_gone_can_get_a_name_again),
		INODE_TEST(an_open_file_outlives_its_lookups),
		INODE_TEST(only_others_keep_a_replaced_file),
		INODE_TEST(a_visit_stops_where_it_is_told_to),
		INODE_TEST(paths_that_collide_are_kept_apart),
		INODE_TEST(a_hundred_thousand_files_are_found_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
