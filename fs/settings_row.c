/* SPDX-License-Identifier: MIT */
#include "fs/settings_row.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define SLOT(member) .offset = offsetof(struct settings, member)

static const char *const encodings[] = { "auto", "npy", "pickle", NULL };
static const char *const compressions[] = { "gzip", "lzf",  "szip", "zstd",
	                                    "none", "auto", NULL };

static const char *const backup_compressions[] = { "none", "zstd", NULL };

const struct setting_row setting_rows[] = {
	{ .section = "",
	  .key = "encoding",
	  .environment = "ENGRAMFS_ENCODING",
	  .kind = &setting_enum,
	  SLOT(encoding),
	  .words = encodings },
	{ .section = "",
	  .key = "scratch_quota",
	  .environment = "ENGRAMFS_SCRATCH_QUOTA",
	  .kind = &setting_int64,
	  SLOT(scratch_quota),
	  .max = INT64_MAX },
	{ .section = "",
	  .key = "read_ahead",
	  .environment = "ENGRAMFS_READ_AHEAD",
	  .kind = &setting_int64,
	  SLOT(read_ahead),
	  .max = (int64_t)64 << 20 },

	{ .section = "redis",
	  .key = "host",
	  .environment = "REDIS_HOST",
	  .kind = &setting_text,
	  SLOT(redis.host) },
	{ .section = "redis",
	  .key = "port",
	  .environment = "REDIS_PORT",
	  .kind = &setting_int,
	  SLOT(redis.port),
	  .min = 1,
	  .max = 65535,
	  .implies_server = true },
	{ .section = "redis",
	  .key = "db",
	  .environment = "REDIS_DB",
	  .kind = &setting_int,
	  SLOT(redis.db),
	  .max = INT_MAX,
	  .implies_server = true },
	{ .section = "redis",
	  .key = "password",
	  .environment = "REDIS_PASSWORD",
	  .kind = &setting_secret,
	  SLOT(redis.password),
	  .implies_server = true },
	{ .section = "redis",
	  .key = "password_file",
	  .environment = "REDIS_PASSWORD_FILE",
	  .kind = &setting_secret_file,
	  SLOT(redis.password),
	  .implies_server = true },
	{ .section = "redis",
	  .key = "ssl",
	  .environment = "REDIS_SSL",
	  .kind = &setting_bool,
	  SLOT(redis.ssl) },
	{ .section = "redis",
	  .key = "ssl_ca_certs",
	  .environment = "REDIS_SSL_CA_CERTS",
	  .kind = &setting_file,
	  SLOT(redis.ssl_ca_certs) },
	{ .section = "redis",
	  .key = "ssl_certfile",
	  .environment = "REDIS_SSL_CERTFILE",
	  .kind = &setting_file,
	  SLOT(redis.ssl_certfile) },
	{ .section = "redis",
	  .key = "ssl_keyfile",
	  .environment = "REDIS_SSL_KEYFILE",
	  .kind = &setting_file,
	  SLOT(redis.ssl_keyfile) },
	{ .section = "redis",
	  .key = "server",
	  .environment = "REDIS_SERVER",
	  .kind = &setting_text,
	  SLOT(redis.server),
	  .is_program = true },
	{ .section = "redis",
	  .key = "max_connections",
	  .environment = "REDIS_MAX_CONNECTIONS",
	  .kind = &setting_int,
	  SLOT(redis.max_connections),
	  .min = 1,
	  .max = 10000 },
	{ .section = "redis",
	  .key = "compression_threshold",
	  .environment = "REDIS_COMPRESSION_THRESHOLD",
	  .kind = &setting_int64,
	  SLOT(redis.compression_threshold),
	  .max = INT64_MAX },
	{ .section = "redis",
	  .key = "retry_attempts",
	  .environment = "REDIS_RETRY_ATTEMPTS",
	  .kind = &setting_int,
	  SLOT(redis.retry_attempts),
	  .max = 100 },
	{ .section = "redis",
	  .key = "retry_delay",
	  .environment = "REDIS_RETRY_DELAY",
	  .kind = &setting_real,
	  SLOT(redis.retry_delay),
	  .max = 3600 },

	{ .section = "sqlite",
	  .key = "db_path",
	  .environment = "SQLITE_DB_PATH",
	  .kind = &setting_text,
	  SLOT(sqlite.db_path) },
	{ .section = "sqlite",
	  .key = "backup_interval",
	  .environment = "SQLITE_BACKUP_INTERVAL",
	  .kind = &setting_int64,
	  SLOT(sqlite.backup_interval),
	  .max = INT_MAX },
	{ .section = "sqlite",
	  .key = "max_backups",
	  .environment = "SQLITE_MAX_BACKUPS",
	  .kind = &setting_int,
	  SLOT(sqlite.max_backups),
	  .max = INT_MAX },
	{ .section = "sqlite",
	  .key = "enable_wal",
	  .environment = "SQLITE_ENABLE_WAL",
	  .kind = &setting_bool,
	  SLOT(sqlite.enable_wal) },
	{ .section = "sqlite",
	  .key = "connection_timeout",
	  .environment = "SQLITE_CONNECTION_TIMEOUT",
	  .kind = &setting_real,
	  SLOT(sqlite.connection_timeout),
	  .max = 86400 },

	{ .section = "hdf5",
	  .key = "file_path",
	  .environment = "HDF5_FILE_PATH",
	  .kind = &setting_text,
	  SLOT(hdf5.file_path) },
	{ .section = "hdf5",
	  .key = "compression",
	  .environment = "HDF5_COMPRESSION",
	  .kind = &setting_choice,
	  SLOT(hdf5.compression),
	  .words = compressions },
	{ .section = "hdf5",
	  .key = "compression_opts",
	  .environment = "HDF5_COMPRESSION_LEVEL",
	  .kind = &setting_int,
	  SLOT(hdf5.compression_opts),
	  .max = 9 },
	{ .section = "hdf5",
	  .key = "chunk_size",
	  .environment = "HDF5_CHUNK_SIZE",
	  .kind = &setting_int64,
	  SLOT(hdf5.chunk_size),
	  .min = 1,
	  .max = UINT32_MAX },
	{ .section = "hdf5",
	  .key = "cache_size",
	  .environment = "HDF5_CACHE_SIZE",
	  .kind = &setting_int64,
	  SLOT(hdf5.cache_size),
	  .max = INT64_MAX },
	{ .section = "hdf5",
	  .key = "max_file_size",
	  .environment = "HDF5_MAX_FILE_SIZE",
	  .kind = &setting_int64,
	  SLOT(hdf5.max_file_size),
	  .min = 1,
	  .max = INT64_MAX },
	{ .section = "hdf5",
	  .key = "enable_swmr",
	  .environment = "HDF5_ENABLE_SWMR",
	  .kind = &setting_bool,
	  SLOT(hdf5.enable_swmr) },
	{ .section = "hdf5",
	  .key = "sync_commits",
	  .environment = "HDF5_SYNC_COMMITS",
	  .kind = &setting_bool,
	  SLOT(hdf5.sync_commits) },

	{ .section = "backup",
	  .key = "directory",
	  .environment = "ENGRAMFS_BACKUP_DIRECTORY",
	  .kind = &setting_text,
	  SLOT(backup.directory) },
	{ .section = "backup",
	  .key = "compression",
	  .environment = "ENGRAMFS_BACKUP_COMPRESSION",
	  .kind = &setting_choice,
	  SLOT(backup.compression),
	  .words = backup_compressions },
	{ .section = "backup",
	  .key = "key_file",
	  .environment = "ENGRAMFS_BACKUP_KEY_FILE",
	  .kind = &setting_text,
	  SLOT(backup.key_file) },
	{ .section = "backup",
	  .key = "schedules",
	  .environment = "ENGRAMFS_BACKUP_SCHEDULES",
	  .kind = &setting_schedules,
	  SLOT(backup.schedules) },
	{ .section = "backup",
	  .key = "point_in_time",
	  .environment = "ENGRAMFS_BACKUP_POINT_IN_TIME",
	  .kind = &setting_bool,
	  SLOT(backup.point_in_time) },
	{ 0 },
};

_Static_assert(sizeof(setting_rows) / sizeof(setting_rows[0]) <= SETTINGS_MAX,
               "struct settings_origins has too few rows");

const struct setting_row *setting_find(const char *section, const char *key)
{
	for (const struct setting_row *row = setting_rows; row->key; row++) {
		if (strcmp(row->section, section) == 0 &&
		    strcmp(row->key, key) == 0)
			return row;
	}
	return NULL;
}

const struct setting_row *setting_find_key(const char *key)
{
	for (const struct setting_row *row = setting_rows; row->key; row++) {
		if (strcmp(row->key, key) == 0)
			return row;
	}
	return NULL;
}

bool setting_is_section(const char *name)
{
	for (const struct setting_row *row = setting_rows; row->key; row++) {
		if (row->section[0] && strcmp(row->section, name) == 0)
			return true;
	}
	return false;
}

int setting_blame(char why[SETTINGS_WHY_SIZE], const char *format, ...)
{
	char head[SETTINGS_WHY_SIZE];
	size_t length;
	size_t rest;
	va_list args;

	va_start(args, format);
	vsnprintf(head, sizeof(head), format, args);
	va_end(args);
	length = strlen(head);
	rest = strnlen(why, SETTINGS_WHY_SIZE - 1 - length);
	memmove(why + length, why, rest);
	memcpy(why, head, length);
	why[length + rest] = '\0';
	return -EINVAL;
}
