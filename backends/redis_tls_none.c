/* SPDX-License-Identifier: MIT */
#include "backends/redis_tls.h"

#include <errno.h>
#include <stdio.h>

int redis_tls_new(const struct redis_settings *settings, struct redis_tls **out,
                  char why[WHY_SIZE])
{
	*out = NULL;
	if (!settings->ssl)
		return 0;
	snprintf(why, WHY_SIZE,
	         "redis.ssl: this build has no TLS, which takes hiredis 1.0; "
	         "let stunnel connect to the server, and redis.host be the "
	         "socket that it makes");
	return -EINVAL;
}

void redis_tls_free(struct redis_tls *tls)
{
	(void)tls;
}

int redis_tls_start(const struct redis_tls *tls, const char *host,
                    redisContext *context, char why[WHY_SIZE])
{
	(void)tls;
	(void)host;
	(void)context;
	(void)why;
	return -EINVAL;
}
