/* SPDX-License-Identifier: MIT */
#include "backends/sqlite_db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/log.h"
#include "backends/sqlite_history.h"

static int open_flags(const struct sqlite_target *target)
{
	int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;

	if (strcmp(target->path, ":memory:") == 0)
		return flags | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
	if (target->read_only)
		return flags | SQLITE_OPEN_READONLY;
	flags |= SQLITE_OPEN_READWRITE;
	return target->create ? flags | SQLITE_OPEN_CREATE : flags;
}

/* A file: URI of PATH, which says that nobody writes to it. */
static int immutable_uri(const char *path, struct blob *out)
{
	int rc = blob_append_text(out, "file:");

	for (; rc == 0 && *path; path++)
		rc = strchr("?#%", *path) ? blob_printf(out, "%%%02X", *path)
		                          : blob_append(out, path, 1);
	return rc ? rc : blob_append_text(out, "?immutable=1");
}

/* A database in WAL mode can be read in a place that cannot be written only
 * when it is taken for unchanging; it is, where it has no log. */
static int open_immutable(struct sqlite_db *db,
                          const struct sqlite_target *target)
{
	struct blob uri = { 0 };
	int code = SQLITE_NOMEM;

	if (immutable_uri(target->path, &uri) == 0) {
		sqlite3_close(db->handle);
		db->handle = NULL;
		code =
		    sqlite3_open_v2(uri.data, &db->handle,
		                    open_flags(target) | SQLITE_OPEN_URI, NULL);
	}
	blob_release(&uri);
	return code;
}

static bool has_log(const char *path)
{
	char *name;
	bool found;

	if (asprintf(&name, "%s-wal", path) < 0)
		return true;
	found = access(name, F_OK) == 0;
	free(name);
	return found;
}

static int touch_header(struct sqlite_db *db)
{
	return sqlite3_exec(db->handle, "PRAGMA schema_version", NULL, NULL,
	                    NULL);
}

static int open_handle(struct sqlite_db *db, const struct sqlite_target *target)
{
	int code = sqlite3_open_v2(target->path, &db->handle,
	                           open_flags(target), NULL);

	if (code == SQLITE_OK) {
		sqlite3_busy_timeout(db->handle, target->busy_ms);
		code = touch_header(db);
	}
	if ((code & 0xff) == SQLITE_CANTOPEN && target->read_only &&
	    !has_log(target->path) && access(target->path, R_OK) == 0) {
		code = open_immutable(db, target);
		if (code == SQLITE_OK)
			code = touch_header(db);
	}
	return code;
}

/* What a foreign database may hold cannot do harm. */
static int configure(struct sqlite_db *db, const struct sqlite_target *target)
{
	int code;

	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_ENABLE_FKEY, 0, NULL);
	code = sqlite3_exec(db->handle,
	                    "PRAGMA mmap_size=0;"
	                    "PRAGMA journal_size_limit=67108864",
	                    NULL, NULL, NULL);
	if (code != SQLITE_OK || target->read_only ||
	    sqlite_db_is_read_only(db))
		return code;
	/* Another process that is at work on it may prevent the switch: the
	 * database stays as it is. */
	if (target->wal && !sqlite_db_is_wal(db))
		(void)sqlite3_exec(db->handle, "PRAGMA journal_mode=WAL", NULL,
		                   NULL, NULL);
	return sqlite3_exec(db->handle,
	                    sqlite_db_is_wal(db) ? "PRAGMA synchronous=NORMAL"
	                                         : "PRAGMA synchronous=FULL",
	                    NULL, NULL, NULL);
}

/* Failing to open is for the user to mend: why goes to the caller. */
int sqlite_db_open(const struct sqlite_target *target,
                   struct sqlite_health *health, struct sqlite_db **out,
                   char why[WHY_SIZE])
{
	struct sqlite_db *db = calloc(1, sizeof(*db));
	int code;
	int rc;

	if (!db)
		return -ENOMEM;
	code = open_handle(db, target);
	if (code == SQLITE_OK)
		code = configure(db, target);
	if (code != SQLITE_OK)
		goto fail;
	db->health = health;
	*out = db;
	return 0;

fail:
	snprintf(why, WHY_SIZE, "%s: %s", target->path,
	         db->handle ? sqlite3_errmsg(db->handle)
	                    : sqlite3_errstr(code));
	rc = (code & 0xff) == SQLITE_NOTADB ? -EINVAL
	                                    : sqlite_db_error(db->handle, code);
	sqlite_db_close(db);
	return rc;
}

void sqlite_db_close(struct sqlite_db *db)
{
	if (!db)
		return;
	for (size_t i = 0; i < db->statement_count; i++)
		sqlite3_finalize(db->statements[i].stmt);
	sqlite_recorder_free(db->recorder);
	sqlite3_close(db->handle);
	free(db);
}

static int text_is_wal(void *arg, int count, char **texts, char **names)
{
	bool *out = arg;

	(void)names;
	*out = count == 1 && texts[0] && strcmp(texts[0], "wal") == 0;
	return 0;
}

bool sqlite_db_is_wal(struct sqlite_db *db)
{
	bool wal = false;

	(void)sqlite3_exec(db->handle, "PRAGMA journal_mode", text_is_wal, &wal,
	                   NULL);
	return wal;
}

bool sqlite_db_is_read_only(struct sqlite_db *db)
{
	return sqlite3_db_readonly(db->handle, "main") == 1;
}

static int sync_file(const char *path, int flags)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | flags);
	int rc = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fsync(fd) != 0)
		rc = -errno;
	close(fd);
	return rc;
}

static int sync_directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *directory;
	int rc;

	directory =
	    slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	if (!directory)
		return -ENOMEM;
	rc = sync_file(directory, O_DIRECTORY);
	free(directory);
	return rc;
}

/*
 * Commits reach the log (or, without one, the file) with a write; the file
 * itself SQLite syncs.  Only the log may be opened here: closing any
 * descriptor of the database would drop this process's locks on it.
 */
int sqlite_db_sync(const char *path)
{
	char *name;
	int rc;

	if (asprintf(&name, "%s-wal", path) < 0)
		return -ENOMEM;
	rc = sync_file(name, 0);
	free(name);
	if (rc == 0)
		rc = sync_directory_of(path);
	if (rc)
		log_error("sqlite: sync of %s: %s", path, strerror(-rc));
	return rc;
}
