/* SPDX-License-Identifier: MIT */
#include "backends/worker_call.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

struct known {
	SLIST_ENTRY(known) link;
	struct blob bytes; /* the texts of COLLECTION are in it */
	struct collection collection;
};

struct worker_collections {
	pthread_mutex_t lock;
	SLIST_HEAD(, known) list;
};

int worker_collections_new(struct worker_collections **out)
{
	struct worker_collections *known = calloc(1, sizeof(*known));

	if (!known)
		return -ENOMEM;
	pthread_mutex_init(&known->lock, NULL);
	SLIST_INIT(&known->list);
	*out = known;
	return 0;
}

static void free_one(struct known *one)
{
	collection_rows_free(&one->collection);
	blob_release(&one->bytes);
	free(one);
}

void worker_collections_free(struct worker_collections *known)
{
	struct known *one;

	if (!known)
		return;
	while ((one = SLIST_FIRST(&known->list))) {
		SLIST_REMOVE_HEAD(&known->list, link);
		free_one(one);
	}
	pthread_mutex_destroy(&known->lock);
	free(known);
}

static struct known *find(const struct worker_collections *known,
                          const void *bytes, size_t size)
{
	struct known *one;

	SLIST_FOREACH(one, &known->list, link)
	if (one->bytes.size == size &&
	    memcmp(one->bytes.data, bytes, size) == 0)
		return one;
	return NULL;
}

static int make(const void *bytes, size_t size, struct known **out)
{
	struct known *one = calloc(1, sizeof(*one));
	struct wire wire;
	int rc = one ? blob_set(&one->bytes, bytes, size) : -ENOMEM;

	if (rc == 0) {
		wire_read_from(&wire, one->bytes.data, size);
		wire_collection(&wire, &one->collection);
		rc = wire_end(&wire);
	}
	if (rc && one)
		free_one(one);
	else if (rc == 0)
		*out = one;
	return rc;
}

int worker_collections_get(struct worker_collections *known, const void *bytes,
                           size_t size, const struct collection **out)
{
	struct known *one;
	int rc = 0;

	pthread_mutex_lock(&known->lock);
	one = find(known, bytes, size);
	if (!one) {
		rc = make(bytes, size, &one);
		if (rc == 0)
			SLIST_INSERT_HEAD(&known->list, one, link);
	}
	if (rc == 0)
		*out = &one->collection;
	pthread_mutex_unlock(&known->lock);
	return rc;
}
