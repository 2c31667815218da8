/* SPDX-License-Identifier: MIT */
#include "fs/handle.h"
#include "fs/inode.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
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

#define INODE_TEST(function)                                                   \
	cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		INODE_TEST(pages_stay_while_the_version_is_the_same),
		INODE_TEST(a_version_that_cannot_be_told_is_never_the_same),
		INODE_TEST(a_writer_makes_pages_doubtful),
		INODE_TEST(a_size_is_told_until_there_is_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
