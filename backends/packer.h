/* SPDX-License-Identifier: MIT */
/*
 * packer.h - packing the chunks of an array while its bytes arrive
 *
 * The bytes are in a file that grows.  Each chunk that is whole is packed by a
 * thread of a pool and put into another file, which has no name: memory does
 * not grow with the array, but for a few words a chunk.
 *
 * Errors:     0 or a negative errno value.
 * Ownership:  a packer borrows pool and source until it is freed.
 * Threads:    one user at a time.
 */
#ifndef ENGRAMFS_BACKENDS_PACKER_H
#define ENGRAMFS_BACKENDS_PACKER_H

#include "backends/packed.h"

struct packer;
struct pool;

struct packer_source {
	int fd;
	uint64_t offset; /* of the array in the file */
	uint64_t nbytes; /* of the array */
};

/* DIRECTORY is where the packed chunks go. */
int packer_new(struct pool *pool, int directory, const struct packed_plan *plan,
               const struct packer_source *source, struct packer **out);

/* The first END bytes of the array are there and will not change. */
void packer_reach(struct packer *packer, uint64_t end);

/* All are.  Waits; OUT is good until the packer is freed. */
int packer_finish(struct packer *packer, struct packed *out);

/* What is not packed yet is not any more.  Accepts NULL. */
void packer_free(struct packer *packer);

#endif
