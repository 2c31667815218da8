/* SPDX-License-Identifier: MIT */
/*
 * spool_help.h - a store with a spool, for its tests
 *
 * What goes wrong in a helper fails the test.
 */
#ifndef ENGRAMFS_TESTS_SPOOL_HELP_H
#define ENGRAMFS_TESTS_SPOOL_HELP_H

#include "layout/spool.h"

#include "tests/scratch.h"

struct fixture {
	struct scratch scratch;
	struct spool spool;
};

/* For cmocka: a store without a spool. */
int set_up_store(void **state);
int tear_down_store(void **state);
/* And one whose spool is open. */
int set_up_spool(void **state);
int tear_down_spool(void **state);

/* Whether the store has a file NAME. */
bool exists(const struct fixture *fixture, const char *name);
/* Make a scratch file that holds TEXT. */
void make_file(const struct spool *spool, const char *path, const char *text);
void assert_file(const struct spool *spool, const char *path, const char *text);

#define STORE_TEST(function)                                                   \
	cmocka_unit_test_setup_teardown(function, set_up_store, tear_down_store)
#define SPOOL_TEST(function)                                                   \
	cmocka_unit_test_setup_teardown(function, set_up_spool, tear_down_spool)

#endif
