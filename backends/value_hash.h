/* SPDX-License-Identifier: MIT */
/*
 * value_hash.h - equal values have equal hashes
 *
 * Private to value_*.c.  Hashes are for this process: they are never stored.
 */
#ifndef ENGRAMFS_BACKENDS_VALUE_HASH_H
#define ENGRAMFS_BACKENDS_VALUE_HASH_H

#include "backends/value.h"

uint64_t value_hash(const struct value *value);

#endif
