/* SPDX-License-Identifier: MIT */
#include "fs/glimpse_open.h"

#include "fs/fs.h"
#include "fs/handle.h"

#include <errno.h>
#include <fcntl.h>

int glimpse_open(struct fs *fs, uint64_t id, const char *path, int flags,
                 struct handle **out)
{
	struct glimpse glimpse = { 0 };
	struct node node = { 0 };
	uint64_t moment = 0;
	int rc = -EAGAIN;

	if ((flags & O_ACCMODE) == O_RDONLY)
		moment = inodes_glimpse_moment(&fs->inodes, id);
	if (moment)
		rc = node_find(&fs->tree, path, &node);

	if (rc == 0 && (!glimpse_is_current(&fs->tree, &node, moment) ||
	                !inodes_glimpse(&fs->inodes, id, moment, &glimpse)))
		rc = -EAGAIN;
	if (rc == 0)
		rc = handle_open_view(&fs->tree, &node, &glimpse.info, flags,
		                      &glimpse.view, out);
	node_release(&node);
	return rc;
}
