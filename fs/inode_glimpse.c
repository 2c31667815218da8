/* SPDX-License-Identifier: MIT */
#include "fs/inode_glimpse.h"

#include "fs/inode_table.h"

#include <stdlib.h>
#include <time.h>

#define OVERHEAD ((uint64_t)1024) /* of a glimpse, about */

/* Apart from the inode, for few of a million inodes keep one. */
struct inode_glimpse {
	struct glimpse glimpse;
	struct inode *inode;
	struct inode_glimpse *newer;
	struct inode_glimpse *older;
};

static uint64_t weight(const struct inode_glimpse *kept)
{
	return kept->glimpse.view.size + OVERHEAD;
}

static void link_newest(struct inodes *inodes, struct inode_glimpse *kept)
{
	kept->older = inodes->newest;
	*(kept->older ? &kept->older->newer : &inodes->oldest) = kept;
	inodes->newest = kept;
	inodes->glimpses_size += weight(kept);
}

static void unlink_glimpse(struct inodes *inodes, struct inode_glimpse *kept)
{
	*(kept->newer ? &kept->newer->older : &inodes->newest) = kept->older;
	*(kept->older ? &kept->older->newer : &inodes->oldest) = kept->newer;
	inodes->glimpses_size -= weight(kept);
}

void inode_glimpse_free(struct inode_glimpse *kept)
{
	if (!kept)
		return;
	glimpse_release(&kept->glimpse);
	free(kept);
}

void inode_drop_glimpse(struct inodes *inodes, struct inode *inode)
{
	if (!inode->glimpse)
		return;
	unlink_glimpse(inodes, inode->glimpse);
	inode_glimpse_free(inode->glimpse);
	inode->glimpse = NULL;
}

/* Without memory the open asks again. */
static void keep(struct inodes *inodes, struct inode *inode,
                 struct glimpse *glimpse)
{
	struct inode_glimpse *kept = calloc(1, sizeof(*kept));

	if (!kept)
		return;
	kept->glimpse = *glimpse;
	*glimpse = (struct glimpse){ 0 };
	kept->inode = inode;
	inode->glimpse = kept;
	link_newest(inodes, kept);
}

void inodes_keep_glimpse(struct inodes *inodes, uint64_t id, uint64_t stamp,
                         struct glimpse *glimpse)
{
	struct inode *inode = inode_from_id(inodes, id);

	pthread_mutex_lock(&inodes->lock);
	inode_drop_glimpse(inodes, inode);
	if (glimpse->moment && glimpse->view.size &&
	    glimpse->view.size <= INODE_GLIMPSE_MOST &&
	    *inode_stamp(inodes, inode->path) == stamp)
		keep(inodes, inode, glimpse);
	while (inodes->glimpses_size > INODE_GLIMPSES_SIZE)
		inode_drop_glimpse(inodes, inodes->oldest->inode);
	pthread_mutex_unlock(&inodes->lock);
}

static bool is_believed(const struct inode *inode)
{
	const struct inode_told *told = inode->told;
	struct timespec now;

	if (!told || inode->gone || inode->aside)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return told->until.tv_sec > now.tv_sec ||
	       (told->until.tv_sec == now.tv_sec &&
	        told->until.tv_nsec > now.tv_nsec);
}

uint64_t inodes_glimpse_moment(struct inodes *inodes, uint64_t id)
{
	const struct inode *inode = inode_from_id(inodes, id);
	uint64_t moment;

	pthread_mutex_lock(&inodes->lock);
	moment = inode->glimpse && is_believed(inode)
	             ? inode->glimpse->glimpse.moment
	             : 0;
	pthread_mutex_unlock(&inodes->lock);
	return moment;
}

bool inodes_glimpse(struct inodes *inodes, uint64_t id, uint64_t moment,
                    struct glimpse *out)
{
	const struct inode *inode = inode_from_id(inodes, id);
	const struct inode_glimpse *kept;
	bool found;

	pthread_mutex_lock(&inodes->lock);
	kept = inode->glimpse;
	found = moment && kept && kept->glimpse.moment == moment &&
	        is_believed(inode) &&
	        view_share(&kept->glimpse.view, &out->view) == 0;
	if (found) {
		out->info = kept->glimpse.info;
		out->moment = moment;
	}
	pthread_mutex_unlock(&inodes->lock);
	return found;
}
