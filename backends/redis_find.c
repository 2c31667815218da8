/* SPDX-License-Identifier: MIT */
#include "backends/redis_internal.h"
#include "backends/redis_scan.h"

#include <errno.h>
#include <string.h>

#define FIND_STEP 1000

struct finding {
	struct redis_scan scan;
	struct redis_page page;
	const struct blob *key; /* to be asked for its type */
	bool is_hash;
};

static int find_step(struct redis_link *link, void *arg)
{
	struct finding *finding = arg;

	redis_page_release(&finding->page);
	return redis_scan_step(link, &finding->scan, &finding->page);
}

static int ask_type(struct redis_link *link, void *arg)
{
	struct finding *finding = arg;
	struct redis_batch batch = { 0 };
	int rc;

	redis_batch_key(&batch, "TYPE", finding->key);
	rc = redis_link_run(link, &batch);
	if (rc == 0)
		rc = redis_link_check(link, batch.replies[0]);
	if (rc == 0)
		finding->is_hash = redis_reply_is(batch.replies[0], "hash");
	redis_batch_release(&batch);
	return rc;
}

struct search {
	const struct collection *collection;
	bool (*match)(struct key key, void *arg);
	void *arg;
};

/* -ENOENT: no key of the page matches. */
static int search_page(struct redis_store *redis, const struct search *search,
                       struct finding *finding, struct blob *out)
{
	size_t place = strlen(search->collection->place);

	for (size_t i = 0; i < finding->page.count; i++) {
		const struct blob *whole = &finding->page.keys[i];
		struct key key = { whole->data + place, whole->size - place };
		int rc;

		if (!search->match(key, search->arg))
			continue;
		finding->key = whole;
		rc = redis_pool_do(redis->pool, ask_type, finding);
		if (rc)
			return rc;
		if (finding->is_hash)
			return blob_set(out, key.data, key.size);
	}
	return -ENOENT;
}

int redis_find(struct store *store, const struct collection *collection,
               struct key prefix, bool (*match)(struct key key, void *arg),
               void *arg, struct blob *key_out)
{
	struct redis_store *redis = redis_store_of(store);
	struct search search = { collection, match, arg };
	struct finding finding = { 0 };
	int rc = redis_scan_init(&finding.scan, collection->place, prefix,
	                         FIND_STEP);

	while (rc == 0) {
		rc = redis_pool_do(redis->pool, find_step, &finding);
		if (rc == 0)
			rc = search_page(redis, &search, &finding, key_out);
		if (rc != -ENOENT || finding.page.next == 0)
			break;
		finding.scan.position = finding.page.next;
		rc = 0;
	}
	redis_page_release(&finding.page);
	redis_scan_release(&finding.scan);
	return rc;
}
