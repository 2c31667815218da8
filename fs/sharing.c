/* SPDX-License-Identifier: MIT */
#include "fs/sharing.h"

#include "fs/fs.h"
#include "fs/handle.h"

#include <fcntl.h>

void sharing_init(struct sharing *sharing)
{
	*sharing = (struct sharing){ 0 };
	pthread_mutex_init(&sharing->lock, NULL);
}

void sharing_release(struct sharing *sharing)
{
	pthread_mutex_destroy(&sharing->lock);
}

static time_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec;
}

/* The place of a note, or SHARING_MAX; with the lock held. */
static size_t find(const struct sharing *sharing, uint64_t file, pid_t pid)
{
	size_t i = 0;

	while (i < SHARING_MAX &&
	       (sharing->sent[i].file != file || sharing->sent[i].pid != pid ||
	        sharing->sent[i].until < now()))
		i++;
	return i;
}

bool sharing_is_sent(struct sharing *sharing, uint64_t file, pid_t pid)
{
	bool is_sent;

	pthread_mutex_lock(&sharing->lock);
	is_sent = find(sharing, file, pid) < SHARING_MAX;
	pthread_mutex_unlock(&sharing->lock);
	return is_sent;
}

bool sharing_came_back(struct sharing *sharing, uint64_t file, pid_t pid)
{
	size_t i;

	pthread_mutex_lock(&sharing->lock);
	i = find(sharing, file, pid);
	if (i < SHARING_MAX)
		sharing->sent[i].file = 0;
	pthread_mutex_unlock(&sharing->lock);
	return i < SHARING_MAX;
}

void sharing_send_back(struct sharing *sharing, uint64_t file, pid_t pid)
{
	pthread_mutex_lock(&sharing->lock);
	sharing->sent[sharing->next].file = file;
	sharing->sent[sharing->next].pid = pid;
	sharing->sent[sharing->next].until = now() + SHARING_SECONDS;
	sharing->next = (sharing->next + 1) % SHARING_MAX;
	pthread_mutex_unlock(&sharing->lock);
}

static bool writes(const struct handle *handle)
{
	return (handle->flags & O_ACCMODE) != O_RDONLY;
}

static bool same_version(const struct node_info *a, const struct node_info *b)
{
	return a->size == b->size && a->mtime.tv_sec == b->mtime.tv_sec &&
	       a->mtime.tv_nsec == b->mtime.tv_nsec;
}

/* ARG is another open file, which cannot share a node with HANDLE. */
static bool visit_unlike(struct handle *handle, void *arg)
{
	const struct handle *other = arg;

	return writes(handle) || writes(other) ||
	       !same_version(&handle->at_open, &other->at_open) ||
	       (handle->version && other->version &&
	        handle->version != other->version);
}

/* The record may have been replaced after it was asked for its version, and
 * before it was opened; where bytes have a version, that tells. */
static bool is_current(struct fs *fs, const struct handle *handle)
{
	struct node_info now;

	return node_stat(&fs->tree, &handle->node, &now) == 0 &&
	       same_version(&handle->at_open, &now);
}

bool sharing_attach(struct fs *fs, uint64_t id, struct handle *handle)
{
	bool alone;

	if (!node_is_part(&handle->node)) {
		inodes_attach(&fs->inodes, id, handle);
		return true;
	}
	if (!inodes_attach_unless(&fs->inodes, id, handle, visit_unlike,
	                          &alone))
		return false;
	if (alone || handle->version || is_current(fs, handle))
		return true;
	inodes_detach(&fs->inodes, id, handle);
	return false;
}

void sharing_make_room(struct fs *fs, const char *path, struct handle *handle,
                       pid_t pid)
{
	uint64_t id = inodes_known(&fs->inodes, path);

	if (id && node_is_part(&handle->node) &&
	    (inodes_is_reserved(&fs->inodes, id, pid) ||
	     inodes_visit(&fs->inodes, id, visit_unlike, handle)))
		inodes_set_aside(&fs->inodes, id);
	passthrough_make_room(fs, path, handle);
}
