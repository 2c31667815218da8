/* SPDX-License-Identifier: MIT */
#include "backends/version.h"

#include <xxhash.h>

uint64_t version_of(const void *bytes, size_t size, uint64_t seed)
{
	uint64_t version = XXH3_64bits_withSeed(size ? bytes : "", size, seed);

	return version ? version : 1;
}
