/* SPDX-License-Identifier: MIT */
#include "backends/sqlite_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "backends/file.h"
#include "backends/log.h"
#include "backends/maintenance.h"
#include "backends/sqlite_history.h"

#define STEP_PAGES 256
#define PAUSE_NS 10000000 /* while another program writes */
#define SIDE_FILE "engramfs.db"

/* A copy under way.  Changes that the same connection makes between two steps
 * go into the copy, too; those of others begin it anew. */
struct copying {
	sqlite3 *from;
	sqlite3 *to;
	pthread_mutex_t *lock; /* of FROM; NULL: nobody else has it */
	const struct sqlite_recorder *recorder; /* of FROM, or NULL */
	int64_t as_of; /* what the recorder says when the copy is whole */
	const struct work *work;
};

static void set_lock(const struct copying *copying, bool locked)
{
	if (copying->lock && locked)
		pthread_mutex_lock(copying->lock);
	else if (copying->lock)
		pthread_mutex_unlock(copying->lock);
}

static int copy_step(struct copying *copying, sqlite3_backup *backup)
{
	const struct timespec pause = { 0, PAUSE_NS };
	int total;
	int code;

	set_lock(copying, true);
	code = sqlite3_backup_step(backup, STEP_PAGES);
	total = sqlite3_backup_pagecount(backup);
	if (code == SQLITE_DONE)
		copying->as_of = sqlite_recorder_time(copying->recorder);
	set_lock(copying, false);
	if (code == SQLITE_BUSY || code == SQLITE_LOCKED) {
		nanosleep(&pause, NULL);
		code = SQLITE_OK;
	}
	if (code != SQLITE_OK)
		return code == SQLITE_DONE ? 1
		                           : sqlite_db_error(copying->to, code);
	return work_step(
	    copying->work,
	    total ? 1 - (double)sqlite3_backup_remaining(backup) / total : 0);
}

static int copy_pages(struct copying *copying)
{
	sqlite3_backup *backup;
	int rc = 0;
	int code;

	set_lock(copying, true);
	backup =
	    sqlite3_backup_init(copying->to, "main", copying->from, "main");
	set_lock(copying, false);
	if (!backup)
		return sqlite_db_error(copying->to,
		                       sqlite3_errcode(copying->to));
	while (rc == 0)
		rc = copy_step(copying, backup);
	set_lock(copying, true);
	code = sqlite3_backup_finish(backup);
	set_lock(copying, false);
	if (rc < 0)
		return rc;
	return code == SQLITE_OK ? 0 : sqlite_db_error(copying->to, code);
}

/* Copy what COPYING has as FROM into the new database PATH. */
static int copy_to(struct copying *copying, const char *path)
{
	int code =
	    sqlite3_open_v2(path, &copying->to,
	                    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
	int rc = code == SQLITE_OK ? copy_pages(copying)
	                           : sqlite_db_error(copying->to, code);

	sqlite3_close(copying->to);
	if (rc == 0)
		rc = file_sync(path);
	if (rc && rc != -ECANCELED)
		log_error("sqlite: cannot make %s: %s", path, strerror(-rc));
	return rc;
}

static const char *last_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int backup_main(struct sqlite_store *store, const char *directory,
                       const struct work *work, struct value *files)
{
	struct copying copying = { .from = store->writer->handle,
		                   .lock = &store->write_lock,
		                   .recorder = store->writer->recorder,
		                   .work = work };
	struct blob path = { 0 };
	int rc = blob_printf(&path, "%s/%s", directory, last_name(store->path));

	if (rc == 0)
		rc = copy_to(&copying, path.data);
	if (rc == 0)
		rc =
		    backup_add_file(files, last_name(store->path), store->path);
	if (rc == 0 && copying.as_of)
		rc = backup_set_time(files, copying.as_of);
	blob_release(&path);
	return rc;
}

static int backup_side(struct sqlite_store *store, const char *directory,
                       const struct work *work, struct value *files)
{
	const char *from = sqlite_side_path(store->side);
	struct copying copying = { .work = work };
	struct blob path = { 0 };
	int code;
	int rc;

	if (access(from, F_OK) != 0)
		return 0;
	rc = blob_printf(&path, "%s/%s", directory, SIDE_FILE);
	if (rc)
		return rc;
	code =
	    sqlite3_open_v2(from, &copying.from, SQLITE_OPEN_READWRITE, NULL);
	rc = code == SQLITE_OK ? copy_to(&copying, path.data)
	                       : sqlite_db_error(copying.from, code);
	sqlite3_close(copying.from);
	if (rc == 0)
		rc = backup_add_file(files, SIDE_FILE, from);
	blob_release(&path);
	return rc;
}

int sqlite_backup(struct store *base, const struct collection *rows,
                  const char *directory, const struct work *work,
                  struct value *files)
{
	struct sqlite_store *store = sqlite_store(base);
	int rc;

	(void)rows;
	if (store->read_only)
		return -EROFS;
	rc = backup_main(store, directory, work, files);
	return rc ? rc : backup_side(store, directory, work, files);
}
