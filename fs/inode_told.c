/* SPDX-License-Identifier: MIT */
#include "fs/inode_table.h"

#include "fs/handle.h"
#include "fs/inode_glimpse.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static size_t slot_of(const char *path)
{
	return inode_number(path) % INODE_STAMPS;
}

uint64_t *inode_stamp(struct inodes *inodes, const char *path)
{
	return &inodes->stamps[slot_of(path)];
}

void inodes_stamps(struct inodes *inodes, struct inode_stamps *out)
{
	pthread_mutex_lock(&inodes->lock);
	memcpy(out->all, inodes->stamps, sizeof(out->all));
	pthread_mutex_unlock(&inodes->lock);
}

bool inodes_has_stamp(struct inodes *inodes, const char *path,
                      const struct inode_stamps *stamps)
{
	return inodes_stamp(inodes, path) == stamps->all[slot_of(path)];
}

uint64_t inodes_stamp(struct inodes *inodes, const char *path)
{
	uint64_t stamp;

	pthread_mutex_lock(&inodes->lock);
	stamp = *inode_stamp(inodes, path);
	pthread_mutex_unlock(&inodes->lock);
	return stamp;
}

void inode_untell(struct inode *inode)
{
	free(inode->told);
	inode->told = NULL;
}

/* Without memory the backend is asked. */
static void tell(struct inode *inode, const struct inode_told *told)
{
	if (!inode->told)
		inode->told = malloc(sizeof(*told));
	if (inode->told)
		*inode->told = *told;
}

void inodes_tell(struct inodes *inodes, uint64_t id, uint64_t stamp,
                 const struct node_info *info, double seconds)
{
	struct inode *inode = inode_from_id(inodes, id);
	struct inode_told told = { .info = *info };
	struct timespec *until = &told.until;
	long nanoseconds = (long)(seconds * 1e9);

	clock_gettime(CLOCK_MONOTONIC, until);
	until->tv_sec += (until->tv_nsec + nanoseconds) / 1000000000;
	until->tv_nsec = (until->tv_nsec + nanoseconds) % 1000000000;
	pthread_mutex_lock(&inodes->lock);
	if (*inode_stamp(inodes, inode->path) == stamp)
		tell(inode, &told);
	pthread_mutex_unlock(&inodes->lock);
}

double inodes_told(struct inodes *inodes, uint64_t id, struct node_info *info)
{
	const struct inode *inode = inode_from_id(inodes, id);
	const struct inode_told *told;
	struct timespec now;
	double left = 0;

	clock_gettime(CLOCK_MONOTONIC, &now);
	pthread_mutex_lock(&inodes->lock);
	told = inode->gone || inode->aside ? NULL : inode->told;
	if (told) {
		*info = told->info;
		left = (double)(told->until.tv_sec - now.tv_sec) +
		       (double)(told->until.tv_nsec - now.tv_nsec) / 1e9;
	}
	pthread_mutex_unlock(&inodes->lock);
	return left > 0 ? left : 0;
}

uint64_t inodes_untell(struct inodes *inodes, const char *path)
{
	struct inode *inode;
	uint64_t id = 0;

	pthread_mutex_lock(&inodes->lock);
	(*inode_stamp(inodes, path))++;
	inode = inode_find(inodes, path);
	if (inode) {
		inode_untell(inode);
		inode_drop_glimpse(inodes, inode);
		id = inode_to_id(inodes, inode);
	}
	pthread_mutex_unlock(&inodes->lock);
	return id;
}

uint64_t inodes_tell_size(struct inodes *inodes, uint64_t id, uint64_t size)
{
	struct inode *inode = inode_from_id(inodes, id);
	uint64_t before;

	pthread_mutex_lock(&inodes->lock);
	before = inode->size;
	inode->size = size;
	pthread_mutex_unlock(&inodes->lock);
	return before;
}

static bool has_writer(const struct inode *inode)
{
	const struct handle *handle = inode->handles;

	while (handle && (handle->flags & O_ACCMODE) == O_RDONLY)
		handle = handle->next;
	return handle;
}

bool inodes_keep_pages(struct inodes *inodes, uint64_t id,
                       const struct handle *handle)
{
	struct inode *inode = inode_from_id(inodes, id);
	uint64_t version;
	bool same;

	pthread_mutex_lock(&inodes->lock);
	version = has_writer(inode) ? 0 : handle->version;
	same = version && inode->pages == version;
	inode->pages = version;
	pthread_mutex_unlock(&inodes->lock);
	return same;
}
