/* SPDX-License-Identifier: MIT */
#include "layout/spool.h"

#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>

int spool_measure(const char *store, const char *name, uint64_t *files,
                  uint64_t *bytes)
{
	struct blob path = { 0 };
	char *roots[2] = { NULL, NULL };
	const FTSENT *entry;
	FTS *tree = NULL;
	int rc = blob_printf(&path, "%s/%s", store, name);

	*files = 0;
	*bytes = 0;
	if (rc == 0) {
		roots[0] = path.data;
		tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
		rc = tree ? 0 : -errno;
	}
	while (tree && (entry = fts_read(tree))) {
		if (entry->fts_info != FTS_F)
			continue;
		*files += 1;
		*bytes += (uint64_t)entry->fts_statp->st_size;
	}
	if (tree)
		fts_close(tree);
	blob_release(&path);
	return rc;
}
