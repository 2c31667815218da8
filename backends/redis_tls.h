/* SPDX-License-Identifier: MIT */
/*
 * redis_tls.h - TLS to a Redis server
 *
 * hiredis has it from version 1.0 on (redis_tls.c); with an older one, Debian
 * 12's, redis_tls_none.c takes its place and refuses.  The server's certificate
 * must be signed by a known authority and be one for the host as it was set.
 *
 * Errors:     int functions return 0 or a negative errno value, and WHY gets
 *             one line.
 * Threads:    a struct redis_tls may be used by many.
 */
#ifndef ENGRAMFS_BACKENDS_REDIS_TLS_H
#define ENGRAMFS_BACKENDS_REDIS_TLS_H

#include "backends/array.h"
#include "backends/settings.h"

#include <hiredis.h>

struct redis_tls;

/* Read the certificates that SETTINGS name; without ssl_ca_certs the system's
 * authorities count.  *OUT is NULL where TLS is not asked for.  -EINVAL: what
 * is set is of no use, or this build has no TLS. */
int redis_tls_new(const struct redis_settings *settings, struct redis_tls **out,
                  char why[WHY_SIZE]);

/* Accepts NULL. */
void redis_tls_free(struct redis_tls *tls);

/* From now on CONTEXT, a fresh connection to HOST, speaks TLS.  -EAGAIN: the
 * server did not answer; -EACCES: it is not the one, or refuses us. */
int redis_tls_start(const struct redis_tls *tls, const char *host,
                    redisContext *context, char why[WHY_SIZE]);

#endif
