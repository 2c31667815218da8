/* SPDX-License-Identifier: MIT */
#include "backends/sqlite_side_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/log.h"

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS note (\n"
    "    place TEXT NOT NULL,     -- table of the record\n"
    "    id INTEGER NOT NULL,     -- its number\n"
    "    kind INTEGER NOT NULL,   -- enum sqlite_note_kind\n"
    "    name TEXT NOT NULL,      -- of an array, or ''\n"
    "    time INTEGER NOT NULL,   -- nanoseconds since 1970\n"
    "    stamp,                   -- the record's timestamp\n"
    "    PRIMARY KEY (place, id, kind, name)\n"
    ") WITHOUT ROWID";

static int open_db(struct sqlite_side *side, struct sqlite_db **out,
                   char why[WHY_SIZE])
{
	struct sqlite_db *db = NULL;
	int code = SQLITE_OK;
	int rc = sqlite_db_open(&side->target, NULL, &db, why);

	if (rc)
		return rc;
	if (!side->target.read_only)
		code = sqlite3_exec(db->handle, schema, NULL, NULL, NULL);
	if (code != SQLITE_OK) {
		snprintf(why, WHY_SIZE, "%s: %s", side->path,
		         sqlite3_errmsg(db->handle));
		sqlite_db_close(db);
		return -EIO;
	}
	*out = db;
	return 0;
}

bool sqlite_side_connect(struct sqlite_side *side)
{
	char why[WHY_SIZE] = "";

	if (side->db || side->given_up)
		return side->db;
	if (open_db(side, &side->db, why) != 0) {
		side->given_up = true;
		log_warn("sqlite: times of files are not kept: %s", why);
	}
	return side->db;
}

int sqlite_side_open(const char *path, const struct sqlite_target *like,
                     struct sqlite_side **out)
{
	struct sqlite_side *side = calloc(1, sizeof(*side));

	if (!side)
		return -ENOMEM;
	side->path = strdup(path);
	if (!side->path) {
		free(side);
		return -ENOMEM;
	}
	pthread_mutex_init(&side->lock, NULL);
	side->target = *like;
	side->target.path = side->path;
	side->target.create = !like->read_only;
	if (access(path, F_OK) == 0)
		(void)sqlite_side_connect(side);
	else
		side->given_up = like->read_only;
	*out = side;
	return 0;
}

void sqlite_side_close(struct sqlite_side *side)
{
	if (!side)
		return;
	sqlite_db_close(side->db);
	pthread_mutex_destroy(&side->lock);
	free(side->path);
	free(side);
}

const char *sqlite_side_path(const struct sqlite_side *side)
{
	return side->path;
}

int sqlite_side_sync(struct sqlite_side *side)
{
	bool used;

	if (!side)
		return 0;
	pthread_mutex_lock(&side->lock);
	used = side->db;
	pthread_mutex_unlock(&side->lock);
	return used ? sqlite_db_sync(side->path) : 0;
}

bool sqlite_side_can_save(struct sqlite_side *side)
{
	bool can;

	pthread_mutex_lock(&side->lock);
	can = sqlite_side_connect(side) && !sqlite_db_is_read_only(side->db);
	pthread_mutex_unlock(&side->lock);
	return can;
}
