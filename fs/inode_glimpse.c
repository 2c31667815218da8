/* SPDX-License-Identifier: MIT */
#include "fs/inode_glimpse.h"

#include "fs/inode_table.h"

#include <time.h>

#define OVERHEAD ((uint64_t)1024) /* of a glimpse, about */

static uint64_t weight(const struct inode *inode)
{
	return inode->glimpse.view.size + OVERHEAD;
}

static void link_newest(struct inodes *inodes, struct inode *inode)
{
	inode->older = inodes->newest;
	inode->newer = NULL;
	*(inode->older ? &inode->older->newer : &inodes->oldest) = inode;
	inodes->newest = inode;
	inodes->glimpses_size += weight(inode);
}

static void unlink_glimpse(struct inodes *inodes, struct inode *inode)
{
	*(inode->newer ? &inode->newer->older : &inodes->newest) = inode->older;
	*(inode->older ? &inode->older->newer : &inodes->oldest) = inode->newer;
	inode->newer = inode->older = NULL;
	inodes->glimpses_size -= weight(inode);
}

void inode_drop_glimpse(struct inodes *inodes, struct inode *inode)
{
	if (inode->glimpse.moment == 0)
		return;
	unlink_glimpse(inodes, inode);
	glimpse_release(&inode->glimpse);
}

void inodes_keep_glimpse(struct inodes *inodes, uint64_t id, uint64_t stamp,
                         struct glimpse *glimpse)
{
	struct inode *inode = inode_from_id(inodes, id);

	pthread_mutex_lock(&inodes->lock);
	inode_drop_glimpse(inodes, inode);
	if (glimpse->moment && glimpse->view.size &&
	    glimpse->view.size <= INODE_GLIMPSE_MOST &&
	    *inode_stamp(inodes, inode->path) == stamp) {
		inode->glimpse = *glimpse;
		*glimpse = (struct glimpse){ 0 };
		link_newest(inodes, inode);
	}
	while (inodes->glimpses_size > INODE_GLIMPSES_SIZE)
		inode_drop_glimpse(inodes, inodes->oldest);
	pthread_mutex_unlock(&inodes->lock);
}

static bool is_believed(const struct inode *inode)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return !inode->gone && !inode->aside &&
	       (inode->told_until.tv_sec > now.tv_sec ||
	        (inode->told_until.tv_sec == now.tv_sec &&
	         inode->told_until.tv_nsec > now.tv_nsec));
}

uint64_t inodes_glimpse_moment(struct inodes *inodes, uint64_t id)
{
	const struct inode *inode = inode_from_id(inodes, id);
	uint64_t moment;

	pthread_mutex_lock(&inodes->lock);
	moment = is_believed(inode) ? inode->glimpse.moment : 0;
	pthread_mutex_unlock(&inodes->lock);
	return moment;
}

bool inodes_glimpse(struct inodes *inodes, uint64_t id, uint64_t moment,
                    struct glimpse *out)
{
	const struct inode *inode = inode_from_id(inodes, id);
	struct glimpse glimpse = { 0 };
	bool found;

	pthread_mutex_lock(&inodes->lock);
	found = moment && inode->glimpse.moment == moment &&
	        is_believed(inode) &&
	        view_share(&inode->glimpse.view, &glimpse.view) == 0;
	glimpse.info = inode->glimpse.info;
	glimpse.moment = moment;
	pthread_mutex_unlock(&inodes->lock);
	if (found)
		*out = glimpse;
	return found;
}
