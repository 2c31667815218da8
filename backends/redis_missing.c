/* SPDX-License-Identifier: MIT */
#include "backends/redis_missing.h"

#include "backends/redis_link.h"

#include <xxhash.h>

#define VALID_MS 10000

void redis_missing_init(struct redis_missing *missing)
{
	pthread_mutex_init(&missing->lock, NULL);
}

void redis_missing_release(struct redis_missing *missing)
{
	pthread_mutex_destroy(&missing->lock);
}

static uint64_t hash_of(const struct blob *key)
{
	uint64_t hash = XXH3_64bits(key->data, key->size);

	return hash ? hash : 1;
}

void redis_missing_note(struct redis_missing *missing, const struct blob *key)
{
	int64_t until = redis_clock_ms() + VALID_MS;
	uint64_t hash = hash_of(key);
	size_t place = hash % REDIS_MISSING_KEYS;

	pthread_mutex_lock(&missing->lock);
	missing->keys[place].hash = hash;
	missing->keys[place].until = until;
	pthread_mutex_unlock(&missing->lock);
}

bool redis_missing_take(struct redis_missing *missing, const struct blob *key)
{
	int64_t now = redis_clock_ms();
	uint64_t hash = hash_of(key);
	size_t place = hash % REDIS_MISSING_KEYS;
	bool found;

	pthread_mutex_lock(&missing->lock);
	found = missing->keys[place].hash == hash &&
	        missing->keys[place].until >= now;
	if (found)
		missing->keys[place].hash = 0;
	pthread_mutex_unlock(&missing->lock);
	return found;
}
