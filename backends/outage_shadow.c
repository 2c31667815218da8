/* SPDX-License-Identifier: MIT */
#include "backends/outage_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int compare(const struct outage_shadow *shadow,
                   const struct collection *collection, struct key key)
{
	int order = strcmp(shadow->collection->place, collection->place);
	size_t common =
	    shadow->key.size < key.size ? shadow->key.size : key.size;

	if (order == 0 && common)
		order = memcmp(shadow->key.data, key.data, common);
	if (order)
		return order;
	return (shadow->key.size > key.size) - (shadow->key.size < key.size);
}

/* The index of the first shadow that is not below. */
static size_t seek(const struct outage_store *outage,
                   const struct collection *collection, struct key key)
{
	size_t low = 0;
	size_t high = outage->shadow_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare(outage->shadows[middle], collection, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct outage_shadow *outage_shadow_find(const struct outage_store *outage,
                                         const struct collection *collection,
                                         struct key key)
{
	size_t index = seek(outage, collection, key);

	return index < outage->shadow_count &&
	               compare(outage->shadows[index], collection, key) == 0
	           ? outage->shadows[index]
	           : NULL;
}

static int make_room(struct outage_store *outage)
{
	size_t capacity =
	    outage->shadow_capacity ? 2 * outage->shadow_capacity : 64;
	struct outage_shadow **shadows;

	if (outage->shadow_count < outage->shadow_capacity)
		return 0;
	shadows = reallocarray(outage->shadows, capacity,
	                       sizeof(struct outage_shadow *));
	if (!shadows)
		return -ENOMEM;
	outage->shadows = shadows;
	outage->shadow_capacity = capacity;
	return 0;
}

static int insert(struct outage_store *outage, const struct collection *row,
                  struct key key, struct outage_shadow **out)
{
	size_t index = seek(outage, row, key);
	struct outage_shadow *shadow = calloc(1, sizeof(*shadow));
	int rc = shadow ? make_room(outage) : -ENOMEM;

	if (rc == 0)
		rc = blob_set(&shadow->key, key.data, key.size);
	if (rc) {
		free(shadow);
		return rc;
	}
	shadow->collection = row;
	memmove(&outage->shadows[index + 1], &outage->shadows[index],
	        (outage->shadow_count - index) *
	            sizeof(struct outage_shadow *));
	outage->shadows[index] = shadow;
	outage->shadow_count++;
	*out = shadow;
	return 0;
}

int outage_shadow_add(struct outage_store *outage, const struct collection *row,
                      struct key key, struct outage_shadow **out)
{
	struct outage_shadow *shadow = outage_shadow_find(outage, row, key);
	int rc = shadow ? 0 : insert(outage, row, key, &shadow);

	if (rc)
		return rc;
	shadow->changes++;
	*out = shadow;
	return 0;
}

static void free_shadow(struct outage_shadow *shadow)
{
	blob_release(&shadow->key);
	free(shadow);
}

void outage_shadow_drop(struct outage_store *outage,
                        const struct collection *row, struct key key)
{
	size_t index = seek(outage, row, key);
	struct outage_shadow *shadow = outage_shadow_find(outage, row, key);

	if (!shadow || --shadow->changes)
		return;
	outage->overlay->backend->remove(outage->overlay, row, key);
	outage->shadow_count--;
	memmove(&outage->shadows[index], &outage->shadows[index + 1],
	        (outage->shadow_count - index) *
	            sizeof(struct outage_shadow *));
	free_shadow(shadow);
}

void outage_shadows_free(struct outage_store *outage)
{
	for (size_t i = 0; i < outage->shadow_count; i++)
		free_shadow(outage->shadows[i]);
	free(outage->shadows);
}
