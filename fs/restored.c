/* SPDX-License-Identifier: MIT */
#include "fs/restored.h"

#include "backends/log.h"
#include "fs/mountpoint.h"
#include "layout/backup.h"
#include "layout/histories.h"
#include "layout/link.h"

#include <string.h>

int restored_take_in(struct tree *tree, bool kept)
{
	int rc;

	if (histories_replay(tree))
		return mountpoint_complain(
		    "restore", "the changes since the backup cannot be made");
	if (backup_restore(tree))
		log_error("restore: Redis records of the backup wait for the "
		          "next mount");
	rc = histories_start(tree, kept);
	if (rc)
		return mountpoint_complain("history", strerror(-rc));
	link_settle_all(tree);
	return 0;
}
