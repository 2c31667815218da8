/* SPDX-License-Identifier: MIT */
/* What stat sees of open files, without waiting for who uses them. */
#include "fs/handle.h"

#include <fcntl.h>

void handle_publish(struct handle *handle)
{
	bool dirty_update =
	    handle->dirty && (handle->flags & O_ACCMODE) == O_RDWR;

	pthread_mutex_lock(&handle->shown_lock);
	handle->shows_size =
	    handle->has_draft && (handle->is_new || dirty_update);
	handle->unborn = handle->has_draft && handle->is_new && !handle->tried;
	handle->uncommitted =
	    handle->has_draft && (handle->is_new || handle->dirty);
	handle->shown_size =
	    handle->has_draft ? handle->draft.size : handle->view.size;
	pthread_mutex_unlock(&handle->shown_lock);
}

bool handle_shows_size(struct handle *handle, uint64_t *size)
{
	bool shows;

	pthread_mutex_lock(&handle->shown_lock);
	shows = handle->shows_size;
	if (shows)
		*size = handle->shown_size;
	pthread_mutex_unlock(&handle->shown_lock);
	return shows;
}

bool handle_is_unborn(struct handle *handle)
{
	bool unborn;

	pthread_mutex_lock(&handle->shown_lock);
	unborn = handle->unborn;
	pthread_mutex_unlock(&handle->shown_lock);
	return unborn;
}

void handle_info(struct handle *handle, struct node_info *out)
{
	struct stat stat;

	*out = handle->at_open;
	out->expires_ms = 0;
	if (handle->fd >= 0 && fstat(handle->fd, &stat) == 0) {
		out->mode = stat.st_mode;
		out->size = (uint64_t)stat.st_size;
		out->mtime = stat.st_mtim;
	}
	if (handle->fd >= 0)
		return;
	pthread_mutex_lock(&handle->shown_lock);
	out->size = handle->shown_size;
	pthread_mutex_unlock(&handle->shown_lock);
}
