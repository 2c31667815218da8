/* SPDX-License-Identifier: MIT */
#include "backends/loan.h"

#include <errno.h>
#include <stdlib.h>

#include "backends/backend.h"

void loan_init(struct loan *loan)
{
	loan->count = 0;
	loan->token = NULL;
	loan->take_back = NULL;
}

void loan_end(struct loan *loan)
{
	if (loan->take_back)
		loan->take_back(loan->token);
	loan_init(loan);
}

bool loan_append(struct loan *loan, const void *data, size_t size)
{
	struct iovec *last = &loan->spans[loan->count];

	if (size == 0)
		return true;
	if (loan->count > 0 &&
	    (const char *)last[-1].iov_base + last[-1].iov_len == data) {
		last[-1].iov_len += size;
		return true;
	}
	if (loan->count == LOAN_SPANS)
		return false;
	*last = (struct iovec){ (void *)(uintptr_t)data, size };
	loan->count++;
	return true;
}

struct loan_mark loan_mark(const struct loan *loan)
{
	size_t count = loan->count;

	return (struct loan_mark){
		.count = count,
		.length = count > 0 ? loan->spans[count - 1].iov_len : 0,
	};
}

void loan_rewind(struct loan *loan, struct loan_mark mark)
{
	loan->count = mark.count;
	if (mark.count > 0)
		loan->spans[mark.count - 1].iov_len = mark.length;
}

void *loan_reserve(struct loan *loan, size_t size)
{
	loan->token = malloc(size);
	if (loan->token)
		loan->take_back = free;
	return loan->token;
}

static ssize_t borrow_copy(struct loan *loan, struct reader *reader,
                           uint64_t offset, size_t size)
{
	void *buffer = loan_reserve(loan, size);
	ssize_t n =
	    buffer ? reader->ops->read(reader, offset, buffer, size) : -ENOMEM;

	if (n > 0 && !loan_append(loan, buffer, (size_t)n))
		return -ENOBUFS;
	return n;
}

ssize_t loan_from_reader(struct loan *loan, struct reader *reader,
                         uint64_t offset, size_t size)
{
	struct loan_mark mark = loan_mark(loan);
	ssize_t n = reader->ops->lend
	                ? reader->ops->lend(reader, offset, size, loan)
	                : -ENOTSUP;

	if (n != -ENOTSUP)
		return n;
	loan_rewind(loan, mark);
	return borrow_copy(loan, reader, offset, size);
}

ssize_t reader_show(const struct reader *reader, const void *bytes,
                    uint64_t offset, size_t size, struct loan *loan)
{
	if (offset >= reader->size)
		return 0;
	if (size > reader->size - offset)
		size = (size_t)(reader->size - offset);
	if (!loan_append(loan, (const char *)bytes + offset, size))
		return -ENOTSUP;
	return (ssize_t)size;
}
