/* SPDX-License-Identifier: MIT */
/*
 * inode_glimpse.h - what lookups found in small files, for those who open them
 *
 * A node keeps what its last lookup brought (layout/glimpse.h) as long as the
 * kernel believes what it was told, and nobody untells it; the oldest go where
 * there are too many.  Who uses it first asks whether it is still current, and
 * takes it then: by that time every change that was told has untold it.
 *
 * Threads:    any; the lock is that of struct inodes.
 */
#ifndef ENGRAMFS_FS_INODE_GLIMPSE_H
#define ENGRAMFS_FS_INODE_GLIMPSE_H

#include "fs/inode.h"
#include "layout/glimpse.h"

/* All that are kept, and the largest one. */
#define INODE_GLIMPSES_SIZE ((uint64_t)16 << 20)
#define INODE_GLIMPSE_MOST ((uint64_t)1 << 20)

struct inode;

/* Takes over the contents of GLIMPSE.  STAMP as inodes_tell, which comes
 * first. */
void inodes_keep_glimpse(struct inodes *inodes, uint64_t id, uint64_t stamp,
                         struct glimpse *glimpse);

/* The moment of what the node keeps; 0: nothing that can be used. */
uint64_t inodes_glimpse_moment(struct inodes *inodes, uint64_t id);

/* Share what the node keeps, if it is still that of MOMENT. */
bool inodes_glimpse(struct inodes *inodes, uint64_t id, uint64_t moment,
                    struct glimpse *out);

/* With the lock held. */
void inode_drop_glimpse(struct inodes *inodes, struct inode *inode);

/* Of an inode that goes with all others.  Accepts NULL. */
void inode_glimpse_free(struct inode_glimpse *kept);

#endif
