/* SPDX-License-Identifier: MIT */
/*
 * settings.h - what the backends are told
 *
 * Plain data, filled by fs/settings.c from the defaults of the spec,
 * storage.yaml, the environment and -o options.  Texts are owned by the
 * settings (settings_release).
 */
#ifndef ENGRAMFS_BACKENDS_SETTINGS_H
#define ENGRAMFS_BACKENDS_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

enum encoding_choice {
	ENCODE_AUTO, /* pickle where the store already holds pickles, else npy */
	ENCODE_NPY,
	ENCODE_PICKLE,
};

struct redis_settings {
	char *host; /* NULL: embedded server.  A path that starts with '/': a
	                 * unix socket */
	int port;   /* 6379 */
	int db;     /* 0 */
	char *password;     /* NULL: none.  Never shown */
	bool ssl;           /* TLS, to a host */
	char *ssl_ca_certs; /* NULL: the system's */
	char *ssl_certfile; /* of ours, NULL: none */
	char *ssl_keyfile;  /* NULL: in ssl_certfile */
	char *server;       /* program of the embedded server: "redis-server" */
	int max_connections;            /* 10 */
	uint64_t compression_threshold; /* 1024 bytes */
	int retry_attempts;             /* 3 */
	double retry_delay;             /* 0.1 s, doubling */
};

struct sqlite_settings {
	char *db_path;             /* "godly_ai.db", relative to the store */
	int64_t backup_interval;   /* 3600 s */
	int max_backups;           /* 10 */
	bool enable_wal;           /* true */
	double connection_timeout; /* 30.0 s */
};

struct hdf5_settings {
	char *file_path;      /* "godly_ai_data.h5", relative to the store */
	char *compression;    /* "gzip", "lzf", "szip", "zstd", "none" or
	                         * "auto": as a sample of the array tells */
	int compression_opts; /* 6 */
	bool compression_opts_given; /* false: the compression's own, 6 or 1 */
	uint64_t chunk_size;         /* 1024 elements per axis */
	bool chunk_size_given;  /* false: chunks of whole rows, about 1 MiB */
	uint64_t cache_size;    /* 128 MiB of decoded chunks; 0: none */
	uint64_t max_file_size; /* 10 GiB */
	bool enable_swmr;       /* true */
	bool sync_commits;      /* true: a power cut does not tear the file */
};

struct backup_settings {
	char *directory;    /* NULL: "backups" in the store */
	char *compression;  /* "none" or "zstd" */
	char *key_file;     /* NULL: not encrypted */
	char *schedules;    /* schedule.h; NULL: sqlite.backup_interval alone */
	bool point_in_time; /* false: changes between them are not kept */
};

struct settings {
	enum encoding_choice encoding;
	struct redis_settings redis;
	struct sqlite_settings sqlite;
	struct hdf5_settings hdf5;
	struct backup_settings backup;
	uint64_t scratch_quota; /* bytes of scratch files; 0: no limit */
	uint64_t read_ahead;    /* 1 MiB, by the kernel; 0: what it has */
	bool read_only;         /* -o ro: backends change nothing */
	bool one_process;       /* tests alone: no backend has a worker */
};

/* Fill SETTINGS with the spec's defaults.  -ENOMEM. */
int settings_init(struct settings *settings);

void settings_release(struct settings *settings);

#endif
