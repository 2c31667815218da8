/* SPDX-License-Identifier: MIT */
/*
 * fault_acts.h - what the rows of fault_rows.c do
 *
 * Each goes the way of one request, or of open, write and close together.
 */
#ifndef ENGRAMFS_TESTS_FAULT_ACTS_H
#define ENGRAMFS_TESTS_FAULT_ACTS_H

#include "tests/fault_lab.h"

/* OTHER is JSON with one quote for two. */
int act_save_text(struct fault_lab *lab, const struct act *act);
/* An npy file of some kibibytes; OTHER: the number that all are. */
int act_save_array(struct fault_lab *lab, const struct act *act);
/* The same, of more than a draft keeps in memory. */
int act_save_many(struct fault_lab *lab, const struct act *act);
/* As numpy.memmap('r+'): the first number becomes OTHER. */
int act_update(struct fault_lab *lab, const struct act *act);
int act_read_file(struct fault_lab *lab, const struct act *act);
int act_list(struct fault_lab *lab, const struct act *act);
int act_look(struct fault_lab *lab, const struct act *act);
int act_set_strength(struct fault_lab *lab, const struct act *act);
int act_touch(struct fault_lab *lab, const struct act *act);
int act_remove_part(struct fault_lab *lab, const struct act *act);
int act_make_directory(struct fault_lab *lab, const struct act *act);
int act_make_link(struct fault_lab *lab, const struct act *act);
int act_read_link(struct fault_lab *lab, const struct act *act);
/* rename(2) of a record. */
int act_rename_key(struct fault_lab *lab, const struct act *act);
/* rename(2) of a scratch file over a part of a record. */
int act_replace(struct fault_lab *lab, const struct act *act);
/* rename(2) of a part to a name of no record. */
int act_move_out(struct fault_lab *lab, const struct act *act);
/* rename(2) of one array of a record. */
int act_move_array(struct fault_lab *lab, const struct act *act);
/* As shells begin a file. */
int act_begin(struct fault_lab *lab, const struct act *act);
/* Write to a scratch file, and cut it. */
int act_append(struct fault_lab *lab, const struct act *act);

#endif
