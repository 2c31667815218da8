/* SPDX-License-Identifier: MIT */
#include "backends/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int settings_init(struct settings *settings)
{
	*settings = (struct settings){
		.redis = { .port = 6379,
		           .max_connections = 10,
		           .compression_threshold = 1024,
		           .retry_attempts = 3,
		           .retry_delay = 0.1 },
		.sqlite = { .backup_interval = 3600,
		            .max_backups = 10,
		            .enable_wal = true,
		            .connection_timeout = 30.0 },
		.hdf5 = { .compression_opts = 6,
		          .chunk_size = 1024,
		          .cache_size = (uint64_t)128 << 20,
		          .max_file_size = (uint64_t)10 << 30,
		          .enable_swmr = true,
		          .sync_commits = true },
		.read_ahead = (uint64_t)1 << 20,
	};
	settings->redis.server = strdup("redis-server");
	settings->sqlite.db_path = strdup("godly_ai.db");
	settings->hdf5.file_path = strdup("godly_ai_data.h5");
	settings->hdf5.compression = strdup("gzip");
	settings->backup.compression = strdup("none");
	if (settings->redis.server && settings->sqlite.db_path &&
	    settings->hdf5.file_path && settings->hdf5.compression &&
	    settings->backup.compression)
		return 0;
	settings_release(settings);
	return -ENOMEM;
}

void settings_release(struct settings *settings)
{
	free(settings->redis.host);
	free(settings->redis.password);
	free(settings->redis.ssl_ca_certs);
	free(settings->redis.ssl_certfile);
	free(settings->redis.ssl_keyfile);
	free(settings->redis.server);
	free(settings->sqlite.db_path);
	free(settings->hdf5.file_path);
	free(settings->hdf5.compression);
	free(settings->backup.directory);
	free(settings->backup.compression);
	free(settings->backup.key_file);
	free(settings->backup.schedules);
	*settings = (struct settings){ 0 };
}
