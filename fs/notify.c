/* SPDX-License-Identifier: MIT */
#include "fs/notify.h"

#include "fs/fs.h"

void notify_node(struct fs *fs, uint64_t id)
{
	if (!atomic_load(&fs->ended))
		fuse_lowlevel_notify_inval_inode(fs->session, id, -1, 0);
}

void notify_attributes(struct fs *fs, const char *path)
{
	uint64_t id = inodes_untell(&fs->inodes, path);

	if (id)
		notify_node(fs, id);
}
