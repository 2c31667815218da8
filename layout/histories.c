/* SPDX-License-Identifier: MIT */
#include "layout/histories.h"

#include "backends/file.h"
#include "backends/history.h"
#include "backends/log.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const struct history_ops *ops_of(const struct stores *stores, size_t i)
{
	return stores->slots[i].backend->history;
}

/* The one backend that replays changes itself. */
static int replay_file(const struct stores *stores, const char *path)
{
	for (size_t i = 0; i < STORES_MAX && stores->slots[i].backend; i++) {
		const struct history_ops *ops = ops_of(stores, i);

		if (!ops || !ops->replay)
			continue;
		return stores->slots[i].store
		           ? ops->replay(stores->slots[i].store, path)
		           : -EIO;
	}
	return -EIO;
}

int histories_replay(struct tree *tree)
{
	struct blob path = { 0 };
	int rc =
	    blob_printf(&path, "%s/" HISTORY_WAITING, tree->stores.directory);

	if (rc == 0 && access(path.data, F_OK) == 0) {
		rc = replay_file(&tree->stores, path.data);
		if (rc == 0 && unlink(path.data) != 0)
			rc = -errno;
		if (rc)
			log_error("restore: %s: %s", path.data, strerror(-rc));
	}
	blob_release(&path);
	return rc;
}

int histories_start(struct tree *tree, bool kept)
{
	const struct stores *stores = &tree->stores;
	int rc = kept ? history_open(stores->directory, &tree->history)
	              : history_end(stores->directory);

	for (size_t i = 0;
	     rc == 0 && kept && i < STORES_MAX && stores->slots[i].backend;
	     i++) {
		const struct history_ops *ops = ops_of(stores, i);

		if (ops && stores->slots[i].store)
			rc = ops->start(stores->slots[i].store, tree->history);
	}
	if (rc)
		log_error("history: %s", strerror(-rc));
	return rc;
}
