/* SPDX-License-Identifier: MIT */
#include "fs/handle.h"

#include "backends/file.h"

#include <errno.h>

static ssize_t lend_view(struct handle *handle, uint64_t offset, size_t size,
                         struct loan *loan)
{
	char why[WHY_SIZE];
	ssize_t n = view_lend(&handle->view, offset, size, loan);

	if (n < 0 && view_why(&handle->view, why))
		spool_error(&handle->tree->spool, handle->node.path, "read",
		            (int)n, why);
	return n;
}

/* What may change meanwhile is copied. */
static ssize_t read_locked(struct handle *handle, uint64_t offset, size_t size,
                           struct loan *loan)
{
	char *buffer = loan_reserve(loan, size);
	ssize_t n;

	if (!buffer)
		return -ENOMEM;
	n = handle->fd >= 0
	        ? file_read_at(handle->fd, buffer, size, (off_t)offset)
	        : draft_read(&handle->draft, offset, buffer, size);
	if (n > 0)
		loan_append(loan, buffer, (size_t)n);
	return n;
}

ssize_t handle_lend(struct handle *handle, uint64_t offset, size_t size,
                    struct loan *loan)
{
	ssize_t n;

	pthread_mutex_lock(&handle->lock);
	n = handle->fd >= 0 || handle->has_draft
	        ? read_locked(handle, offset, size, loan)
	        : lend_view(handle, offset, size, loan);
	pthread_mutex_unlock(&handle->lock);
	return n;
}
