/* SPDX-License-Identifier: MIT */
#include "backends/redis_seen.h"

#include <errno.h>
#include <stdlib.h>

#include <xxhash.h>

#define FIRST_SLOTS ((size_t)256) /* a power of two, as all that follow */

/* Open addressing; an empty slot is 0. */
struct redis_seen {
	uint64_t *slots;
	size_t slot_count;
	size_t count;
};

struct redis_seen *redis_seen_new(void)
{
	struct redis_seen *seen = calloc(1, sizeof(*seen));

	if (!seen)
		return NULL;
	seen->slot_count = FIRST_SLOTS;
	seen->slots = calloc(seen->slot_count, sizeof(*seen->slots));
	if (!seen->slots) {
		free(seen);
		return NULL;
	}
	return seen;
}

void redis_seen_free(void *seen)
{
	struct redis_seen *set = seen;

	if (!set)
		return;
	free(set->slots);
	free(set);
}

/* The slot of HASH, or the empty one where it belongs. */
static uint64_t *find_slot(const struct redis_seen *seen, uint64_t hash)
{
	size_t mask = seen->slot_count - 1;
	size_t i = hash & mask;

	while (seen->slots[i] && seen->slots[i] != hash)
		i = (i + 1) & mask;
	return &seen->slots[i];
}

int redis_seen_reserve(struct redis_seen *seen, size_t more)
{
	struct redis_seen larger = { .slot_count = seen->slot_count,
		                     .count = seen->count };

	while (larger.slot_count / 2 < seen->count + more)
		larger.slot_count *= 2;
	if (larger.slot_count == seen->slot_count)
		return 0;
	larger.slots = calloc(larger.slot_count, sizeof(*larger.slots));
	if (!larger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < seen->slot_count; i++)
		if (seen->slots[i])
			*find_slot(&larger, seen->slots[i]) = seen->slots[i];
	free(seen->slots);
	*seen = larger;
	return 0;
}

bool redis_seen_add(struct redis_seen *seen, struct key key)
{
	uint64_t hash = XXH3_64bits(key.data, key.size);
	uint64_t *slot;

	hash += hash == 0;
	slot = find_slot(seen, hash);
	if (*slot)
		return false;
	*slot = hash;
	seen->count++;
	return true;
}
