/* SPDX-License-Identifier: MIT */
/*
 * loan_help.h - what a loan has, for tests with cmocka
 *
 * A function fails the running test where a loan does not have what it should.
 */
#ifndef ENGRAMFS_TESTS_LOAN_HELP_H
#define ENGRAMFS_TESTS_LOAN_HELP_H

#include "backends/loan.h"

#include <string.h>

/* LOAN has SIZE bytes: copy them to OUT. */
static inline void copy_loan(const struct loan *loan, char *out, size_t size)
{
	for (size_t i = 0; i < loan->count; i++) {
		const struct iovec *span = &loan->spans[i];

		assert_true(span->iov_len > 0 && span->iov_len <= size);
		memcpy(out, span->iov_base, span->iov_len);
		out += span->iov_len;
		size -= span->iov_len;
	}
	assert_int_equal(size, 0);
}

/* Reads by loan, as reader_ops->read does. */
static inline ssize_t read_by_loan(struct reader *reader, uint64_t offset,
                                   void *buffer, size_t size)
{
	struct loan loan;
	ssize_t n;

	loan_init(&loan);
	n = loan_from_reader(&loan, reader, offset, size);
	if (n > 0)
		copy_loan(&loan, buffer, (size_t)n);
	loan_end(&loan);
	return n;
}

#endif
