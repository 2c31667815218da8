/* SPDX-License-Identifier: MIT */
/*
 * heaps.h - how many heaps the threads of a process share
 *
 * The C library makes up to eight for each processor, and each keeps what it
 * had at its largest moment.
 */
#ifndef ENGRAMFS_BACKENDS_HEAPS_H
#define ENGRAMFS_BACKENDS_HEAPS_H

#include <malloc.h>

#define HEAPS 4

/* Before the first thread is started. */
static inline void limit_heaps(void)
{
	mallopt(M_ARENA_MAX, HEAPS);
}

#endif
