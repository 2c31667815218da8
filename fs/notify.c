/* SPDX-License-Identifier: MIT */
#include "fs/notify.h"

#include "fs/fs.h"

void notify_init(struct fs *fs)
{
	pthread_rwlock_init(&fs->sending, NULL);
}

void notify_release(struct fs *fs)
{
	pthread_rwlock_destroy(&fs->sending);
}

void notify_end(struct fs *fs)
{
	pthread_rwlock_wrlock(&fs->sending);
	atomic_store(&fs->ended, true);
	pthread_rwlock_unlock(&fs->sending);
}

void notify_node(struct fs *fs, uint64_t id)
{
	pthread_rwlock_rdlock(&fs->sending);
	if (!atomic_load(&fs->ended))
		fuse_lowlevel_notify_inval_inode(fs->session, id, -1, 0);
	pthread_rwlock_unlock(&fs->sending);
}

void notify_attributes(struct fs *fs, const char *path)
{
	uint64_t id = inodes_untell(&fs->inodes, path);

	if (id)
		notify_node(fs, id);
}
