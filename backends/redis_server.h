/* SPDX-License-Identifier: MIT */
/*
 * redis_server.h - the embedded redis-server of a store
 *
 * A child process that serves STORE/redis on a unix socket there, and nobody
 * else.  A thread of ours starts it, waits for it and starts it again should it
 * die; it ends with this process, however that ends.  The server's standard
 * output is its log, STORE/redis/redis.log, on which it holds a lock: as long
 * as the log is locked, a server is alive.
 *
 * Errors:     int functions return 0 or a negative errno value; WHY gets one
 *             line for the user.
 * Threads:    start and stop are for one thread; sync is for any.
 */
#ifndef ENGRAMFS_BACKENDS_REDIS_SERVER_H
#define ENGRAMFS_BACKENDS_REDIS_SERVER_H

#include "backends/array.h"

#include <stdbool.h>
#include <stdint.h>

struct redis_server;

/*
 * Make STORE/redis, end what an earlier mount may have left running, and start
 * PROGRAM; it need not answer yet.  -EBUSY: another mount uses STORE.
 */
int redis_server_start(const char *store, const char *program,
                       struct redis_server **out, char why[WHY_SIZE]);

/* End the server, which saves everything, and remove its socket.  Accepts
 * NULL. */
void redis_server_stop(struct redis_server *server);

/* The path of its socket. */
const char *redis_server_socket(const struct redis_server *server);

/* From now on it is started again when it dies. */
void redis_server_keep_alive(struct redis_server *server);

/* False once it has died and is not started again; WHY gets how. */
bool redis_server_is_alive(struct redis_server *server, char why[WHY_SIZE]);

/* The server answers before it knows that its files cannot grow: -ENOSPC where
 * there is no room for SIZE bytes more, and a little. */
int redis_server_check_room(const struct redis_server *server, uint64_t size);

/* Make what the server has written to its files survive a power cut. */
int redis_server_sync(struct redis_server *server);

#endif
