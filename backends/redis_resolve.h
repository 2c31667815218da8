/* SPDX-License-Identifier: MIT */
/*
 * redis_resolve.h - host names to addresses, within a bounded time
 */
#ifndef ENGRAMFS_BACKENDS_REDIS_RESOLVE_H
#define ENGRAMFS_BACKENDS_REDIS_RESOLVE_H

#define REDIS_RESOLVE_SIZE 64

/*
 * The first numeric address of HOST, which may be one already.  The system's
 * resolver waits as long as it likes, so it runs beside; -EAGAIN: it did not
 * answer within PATIENCE_MS.  -EHOSTUNREACH: there is no such host.
 */
int redis_resolve(const char *host, int patience_ms,
                  char out[REDIS_RESOLVE_SIZE]);

#endif
