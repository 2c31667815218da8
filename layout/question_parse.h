/* SPDX-License-Identifier: MIT */
/*
 * question_parse.h - the names of questions
 *
 * Errors:     as question.h.
 */
#ifndef ENGRAMFS_LAYOUT_QUESTION_PARSE_H
#define ENGRAMFS_LAYOUT_QUESTION_PARSE_H

#include "layout/question.h"

/* "X": the text of the row's field, percent-encoded; "%": the empty text. */
question_parse_fn question_parse_text;
/* "SECONDS": how old a record may be. */
question_parse_fn question_parse_age;
/* "FROM,TO": seconds since 1970, both included; either may be left out. */
question_parse_fn question_parse_range;
/* "KEY=VALUE&...": as the table in question_where.c has them. */
question_parse_fn question_parse_where;
/* A LIKE pattern for the key; one without % matches anywhere in it. */
question_parse_fn question_parse_pattern;

/* Append the bytes that SIZE bytes of percent-encoded TEXT stand for.  -EINVAL:
 * a % without two upper-case hex digits. */
int question_decode(const char *text, size_t size, struct blob *out,
                    char why[WHY_SIZE]);

/* A finite decimal number that fills all SIZE bytes. */
int question_number(const char *text, size_t size, double *out,
                    char why[WHY_SIZE]);

#endif
