/* SPDX-License-Identifier: MIT */
/*
 * redis_spawn.h - a redis-server process in a directory; private to
 * redis_server.c
 *
 * Errors:     0 or a negative errno value; WHY gets one line for the user.
 */
#ifndef ENGRAMFS_BACKENDS_REDIS_SPAWN_H
#define ENGRAMFS_BACKENDS_REDIS_SPAWN_H

#include "backends/array.h"

#include <sys/types.h>

#define REDIS_SOCKET "redis.sock"
#define REDIS_LOG "redis.log"

/*
 * Run PROGRAM in DIRECTORY (a descriptor), in a session of its own, with LOG as
 * its output.  It is told to end when the calling thread does.
 */
int redis_spawn(const char *program, int directory, int log, pid_t *out,
                char why[WHY_SIZE]);

/*
 * End the server that an earlier mount may have left in DIRECTORY and wait
 * until LOG can be locked, which it then is.  -EBUSY: it does not end, or
 * somebody else's server has the socket.
 */
int redis_end_leftover(int directory, int log, char why[WHY_SIZE]);

#endif
