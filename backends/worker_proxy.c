/* SPDX-License-Identifier: MIT */
#include "backends/worker_internal.h"

#include <errno.h>
#include <stdio.h>

/* Who writes does not wait for a plan. */
#define PLAN_MS 1000
/* Who packs keeps a few words for each chunk. */
#define PLAN_CHUNKS ((uint64_t)1 << 22)

/* An array of RECORD that its collection does not have: nobody above would know
 * what to do with it. */
static bool is_odd(const struct collection *collection,
                   const struct record *record)
{
	if (collection->shape == RECORD_NEST)
		return false;
	for (size_t i = 0; i < record->array_count; i++)
		if (!collection_array(collection, record->arrays[i].name))
			return true;
	return false;
}

static int proxy_get(struct store *base, const struct collection *collection,
                     struct key key, struct record *out)
{
	struct worker_call call = { .operation = WORKER_GET,
		                    .collection = collection,
		                    .key = key };
	int rc = worker_do(worker_store(base), &call);

	if (rc == 0 && is_odd(collection, &call.record))
		rc = -EIO;
	if (rc == 0) {
		*out = call.record;
		call.record = (struct record){ 0 };
	}
	worker_call_release(&call);
	return rc;
}

/* Move the records of FROM to TO. */
static int move_records(const struct collection *collection,
                        struct record_list *from, struct record_list *to)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < from->count; i++)
		if (!is_odd(collection, &from->items[i]))
			rc = record_list_append(to, &from->items[i]);
	return rc;
}

static int proxy_list(struct store *base, const struct collection *collection,
                      struct cursor *cursor, size_t limit,
                      struct record_list *out)
{
	struct worker_call call = { .operation = WORKER_LIST,
		                    .collection = collection,
		                    .cursor = *cursor,
		                    .number = limit };
	int rc = worker_do(worker_store(base), &call);

	if (rc == 0)
		rc = move_records(collection, &call.list, out);
	if (rc == 0) {
		cursor->end = call.next.end;
		cursor->position = call.next.position;
		blob_move(&cursor->token, &call.next.token);
	}
	worker_call_release(&call);
	return rc;
}

static int take_key(struct worker_call *call, int rc, struct blob *key_out)
{
	if (rc == 0 && key_out)
		blob_move(key_out, &call->key_out);
	worker_call_release(call);
	return rc;
}

static int proxy_find(struct store *base, const struct collection *collection,
                      struct key prefix,
                      bool (*match)(struct key key, void *arg), void *arg,
                      struct blob *key_out)
{
	struct worker_call call = { .operation = WORKER_FIND,
		                    .collection = collection,
		                    .key = prefix,
		                    .match = match,
		                    .match_arg = arg };
	int rc = worker_do(worker_store(base), &call);

	return take_key(&call, rc, key_out);
}

/* What a change that was refused, or of which nothing is known, leaves. */
static void expire(struct worker_store *store,
                   const struct collection *collection, struct key key, int rc)
{
	if (rc == 0 || rc == -EIO)
		worker_readers_expire(store, collection, key);
}

/* PACKED and FILE: room for what CALL refers to. */
static void give_array(struct worker_call *call, const struct array *array,
                       struct packed *packed, struct array_file *file)
{
	call->elements = (struct worker_bytes){ .bytes = array->data,
		                                .size = array->info.nbytes,
		                                .file = array->file };
	if (!array->packed)
		return;
	*packed = *array->packed;
	*file = (struct array_file){ .fd = packed->fd };
	call->packed = packed;
	call->chunks = (struct worker_bytes){ .bytes = packed->bytes,
		                              .size = packed->size,
		                              .file = file };
}

/* As plan of packed.h: of SAMPLE, what fits into the slot. */
static int proxy_plan(struct store *base, const struct collection *collection,
                      const struct array_info *info, const void *sample,
                      size_t size, struct packed_plan *out)
{
	struct array_info copy = *info; /* only looked at */
	struct worker_call call = {
		.operation = WORKER_PLAN,
		.collection = collection,
		.info = &copy,
		.elements = { .bytes = sample,
		              .size = size < WORKER_SLOT ? size : WORKER_SLOT },
		.patience_ms = PLAN_MS,
	};
	int rc = worker_do(worker_store(base), &call);

	if (rc == 0 && info->nbytes / call.plan.chunk > PLAN_CHUNKS)
		rc = -ENOTSUP;
	if (rc == 0)
		*out = call.plan;
	worker_call_release(&call);
	return rc;
}

static const struct packed_ops packed_ops = { .plan = proxy_plan };

static int proxy_put(struct store *base, const struct collection *collection,
                     struct key key, struct change *change,
                     struct blob *key_out)
{
	struct worker_store *store = worker_store(base);
	struct worker_call call = { .operation = WORKER_PUT,
		                    .collection = collection,
		                    .key = key,
		                    .change = change };
	struct packed packed;
	struct array_file file;
	int rc;

	if (change->array)
		give_array(&call, change->array, &packed, &file);
	rc = worker_do(store, &call);
	if (rc == -EINVAL && call.why[0])
		snprintf(change->why, sizeof(change->why), "%s", call.why);
	expire(store, collection, key, rc);
	return take_key(&call, rc, key_out);
}

static int proxy_remove(struct store *base, const struct collection *collection,
                        struct key key)
{
	struct worker_store *store = worker_store(base);
	struct worker_call call = { .operation = WORKER_REMOVE,
		                    .collection = collection,
		                    .key = key };
	int rc = worker_do(store, &call);

	expire(store, collection, key, rc);
	return rc;
}

static int proxy_rename(struct store *base, const struct collection *collection,
                        struct key from, struct key to, enum rename_mode mode)
{
	struct worker_store *store = worker_store(base);
	struct worker_call call = { .operation = WORKER_RENAME,
		                    .collection = collection,
		                    .key = from,
		                    .second = to,
		                    .number = mode };
	int rc = worker_do(store, &call);

	expire(store, collection, from, rc);
	expire(store, collection, to, rc);
	return rc;
}

static int proxy_sync(struct store *base)
{
	struct worker_call call = { .operation = WORKER_SYNC };

	return worker_do(worker_store(base), &call);
}

void worker_fill_backend(struct worker_store *store)
{
	const struct backend *inner = store->inner;
	struct backend *backend = &store->backend;

	backend->name = inner->name;
	backend->get = proxy_get;
	backend->list = proxy_list;
	backend->find = proxy_find;
	backend->open_array = worker_open_array;
	backend->open_opaque = inner->open_opaque ? worker_open_opaque : NULL;
	backend->put = proxy_put;
	backend->remove = proxy_remove;
	backend->rename = proxy_rename;
	backend->sync = proxy_sync;
	backend->packed = inner->packed ? &packed_ops : NULL;
}
