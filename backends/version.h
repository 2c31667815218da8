/* SPDX-License-Identifier: MIT */
/*
 * version.h - a number that stands for bytes
 *
 * Equal bytes have equal versions; that two that differ have the same is one
 * chance in 2^64.
 *
 * Threads:    no state.
 */
#ifndef ENGRAMFS_BACKENDS_VERSION_H
#define ENGRAMFS_BACKENDS_VERSION_H

#include <stddef.h>
#include <stdint.h>

/* Never 0.  SEED: the version of what comes before, or 0. */
uint64_t version_of(const void *bytes, size_t size, uint64_t seed);

#endif
