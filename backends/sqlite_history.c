/* SPDX-License-Identifier: MIT */
#define SQLITE_ENABLE_SESSION
#define SQLITE_ENABLE_PREUPDATE_HOOK
#include "backends/sqlite_history.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "backends/sqlite_internal.h"

struct sqlite_recorder {
	sqlite3 *handle;
	struct history *history;
	sqlite3_session *session; /* of the transaction; or NULL */
	int64_t time;             /* of the last one that was added */
	bool added;               /* this one was */
};

int sqlite_recorder_new(sqlite3 *handle, struct history *history,
                        struct sqlite_recorder **out)
{
	struct sqlite_recorder *recorder = calloc(1, sizeof(*recorder));

	if (!recorder)
		return -ENOMEM;
	recorder->time = history_time(history);
	recorder->handle = handle;
	recorder->history = history;
	*out = recorder;
	return 0;
}

static void forget(struct sqlite_recorder *recorder)
{
	if (recorder->session)
		sqlite3session_delete(recorder->session);
	recorder->session = NULL;
	recorder->added = false;
}

void sqlite_recorder_free(struct sqlite_recorder *recorder)
{
	if (recorder)
		forget(recorder);
	free(recorder);
}

void sqlite_recorder_begin(struct sqlite_recorder *recorder)
{
	int code;

	if (!recorder)
		return;
	forget(recorder);
	code =
	    sqlite3session_create(recorder->handle, "main", &recorder->session);
	if (code == SQLITE_OK)
		code = sqlite3session_attach(recorder->session, NULL);
	if (code != SQLITE_OK)
		history_break(recorder->history, 0, sqlite3_errstr(code));
}

void sqlite_recorder_add(struct sqlite_recorder *recorder)
{
	void *bytes = NULL;
	int size = 0;
	int code;

	if (!recorder || !recorder->session)
		return;
	code = sqlite3session_patchset(recorder->session, &size, &bytes);
	if (code != SQLITE_OK)
		history_break(recorder->history, 0, sqlite3_errstr(code));
	else if (size > 0) {
		history_add(recorder->history, HISTORY_SQLITE, bytes,
		            (size_t)size, &recorder->time);
		recorder->added = true;
	}
	sqlite3_free(bytes);
}

void sqlite_recorder_end(struct sqlite_recorder *recorder, int rc)
{
	if (!recorder)
		return;
	if (rc && recorder->added)
		history_break(recorder->history, recorder->time,
		              "SQLite has not committed what was added");
	forget(recorder);
}

int sqlite_recorder_sync(struct sqlite_recorder *recorder)
{
	return recorder ? history_sync(recorder->history) : 0;
}

int64_t sqlite_recorder_time(const struct sqlite_recorder *recorder)
{
	return recorder ? recorder->time : 0;
}

static int start(struct store *base, struct history *history)
{
	struct sqlite_store *store = sqlite_store(base);
	int rc = 0;

	pthread_mutex_lock(&store->write_lock);
	if (store->writer && !store->read_only)
		rc = sqlite_recorder_new(store->writer->handle, history,
		                         &store->writer->recorder);
	pthread_mutex_unlock(&store->write_lock);
	return rc;
}

/* The entries follow the backup exactly; only what others have written could
 * be in their way, and gives way. */
static int resolve(void *arg, int conflict, sqlite3_changeset_iter *changes)
{
	(void)arg;
	(void)changes;
	return conflict == SQLITE_CHANGESET_DATA ||
	               conflict == SQLITE_CHANGESET_CONFLICT
	           ? SQLITE_CHANGESET_REPLACE
	           : SQLITE_CHANGESET_OMIT;
}

static int apply(enum history_kind kind, int64_t time, const void *bytes,
                 size_t size, void *arg)
{
	struct sqlite_store *store = arg;
	struct blob copy = { 0 };
	int code;
	int rc = kind != HISTORY_SQLITE || size > INT_MAX
	             ? -EBADMSG
	             : blob_append(&copy, bytes, size);

	(void)time;
	if (rc)
		return rc;
	code = sqlite3changeset_apply(store->writer->handle, (int)size,
	                              copy.data, NULL, resolve, NULL);
	blob_release(&copy);
	return code == SQLITE_OK
	           ? 0
	           : sqlite_db_fail(store->writer, code, "replaying a change");
}

static int replay_locked(struct sqlite_store *store, const char *path)
{
	struct sqlite_db *db = store->writer;
	int rc = sqlite_db_begin(db);

	if (rc)
		return rc;
	rc = history_read(path, HISTORY_OPEN, apply, store, NULL);
	if (rc == 0)
		rc = sqlite_db_commit(db);
	if (rc)
		sqlite_db_rollback(db);
	return rc ? rc : sqlite_db_sync(store->path);
}

static int replay(struct store *base, const char *path)
{
	struct sqlite_store *store = sqlite_store(base);
	int rc = -EROFS;

	pthread_mutex_lock(&store->write_lock);
	if (store->writer && !store->read_only)
		rc = replay_locked(store, path);
	pthread_mutex_unlock(&store->write_lock);
	return rc;
}

const struct history_ops sqlite_history_ops = {
	.start = start,
	.replay = replay,
};
