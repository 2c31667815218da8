/* SPDX-License-Identifier: MIT */
/* sqlite_tests.h - the groups of test_sqlite.c; each ends with a zero row */
#ifndef ENGRAMFS_TESTS_SQLITE_TESTS_H
#define ENGRAMFS_TESTS_SQLITE_TESTS_H

#include "tests/sqlite_lab.h"

#define LAB_TEST(function)                                                     \
	cmocka_unit_test_setup_teardown(function, lab_set_up, lab_tear_down)

extern const struct CMUnitTest sqlite_legacy_tests[];
extern const struct CMUnitTest sqlite_store_tests[];
extern const struct CMUnitTest sqlite_number_tests[];
extern const struct CMUnitTest sqlite_note_tests[];
extern const struct CMUnitTest sqlite_group_tests[];

#endif
