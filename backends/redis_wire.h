/* SPDX-License-Identifier: MIT */
/*
 * redis_wire.h - the bytes of a batch; private to redis_batch.c and
 * redis_link.c
 */
#ifndef ENGRAMFS_BACKENDS_REDIS_WIRE_H
#define ENGRAMFS_BACKENDS_REDIS_WIRE_H

#include "backends/redis_link.h"

/* A large argument, borrowed, that belongs before byte AT of the wire. */
struct redis_piece {
	size_t at;
	const void *data;
	size_t size;
};

/* Bytes to send. */
size_t redis_batch_size(const struct redis_batch *batch);

/* Write all of BATCH to LINK. */
int redis_batch_send(const struct redis_batch *batch, struct redis_link *link);

#endif
