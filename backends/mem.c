/* SPDX-License-Identifier: MIT */
#include "backends/maintenance.h"
#include "backends/mem_store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/settings.h"

struct mem_store *mem_store(struct store *store)
{
	return (struct mem_store *)store_bottom(store);
}

void mem_fail_after(struct store *store, unsigned int calls, int errno_value)
{
	struct mem_store *mem = mem_store(store);

	pthread_mutex_lock(&mem->lock);
	mem->fail_errno = errno_value;
	mem->fail_after = calls;
	pthread_mutex_unlock(&mem->lock);
}

void mem_fail_next(struct store *store, int errno_value)
{
	mem_fail_after(store, 0, errno_value);
}

void mem_set_away(struct store *store, bool away)
{
	struct mem_store *mem = mem_store(store);

	pthread_mutex_lock(&mem->lock);
	mem->away = away;
	pthread_mutex_unlock(&mem->lock);
}

void mem_set_read_only(struct store *store, bool read_only)
{
	struct mem_store *mem = mem_store(store);

	pthread_mutex_lock(&mem->lock);
	mem->read_only = read_only;
	pthread_mutex_unlock(&mem->lock);
}

/* Take the lock; non-zero: this call is to fail so. */
int mem_enter(struct mem_store *mem)
{
	int rc;

	pthread_mutex_lock(&mem->lock);
	rc = mem->away ? -EIO : 0;
	if (mem->fail_errno && mem->fail_after-- == 0) {
		rc = -mem->fail_errno;
		mem->fail_errno = 0;
	}
	return rc;
}

int mem_enter_change(struct mem_store *mem)
{
	int rc = mem_enter(mem);

	return rc == 0 && mem->read_only ? -EROFS : rc;
}

int mem_leave(struct mem_store *mem, int rc)
{
	pthread_mutex_unlock(&mem->lock);
	return rc;
}

int mem_store_table(struct mem_store *mem, const struct collection *collection,
                    struct mem_table **out)
{
	struct mem_table *tables = mem->tables;
	size_t count = mem->table_count;
	char *place;

	for (size_t i = 0; i < count; i++) {
		*out = &tables[i];
		if (strcmp(tables[i].place, collection->place) == 0)
			return 0;
	}
	tables = reallocarray(tables, count + 1, sizeof(*tables));
	if (!tables)
		return -ENOMEM;
	mem->tables = tables;
	place = strdup(collection->place);
	if (!place)
		return -ENOMEM;
	tables[count] = (struct mem_table){ .place = place };
	mem->table_count++;
	*out = &tables[count];
	return 0;
}

static int mem_open(const char *directory, const struct settings *settings,
                    struct store **out, char why[WHY_SIZE])
{
	struct mem_store *mem = calloc(1, sizeof(*mem));

	(void)directory;
	if (!mem)
		return -ENOMEM;
	mem->base.backend = &mem_backend;
	mem->read_only = settings && settings->read_only;
	pthread_mutex_init(&mem->lock, NULL);
	why[0] = '\0';
	*out = &mem->base;
	return 0;
}

static void mem_close(struct store *store)
{
	struct mem_store *mem = mem_store(store);

	if (!mem)
		return;
	for (size_t i = 0; i < mem->table_count; i++)
		mem_table_release(&mem->tables[i]);
	free(mem->tables);
	pthread_mutex_destroy(&mem->lock);
	free(mem);
}

static int mem_get(struct store *store, const struct collection *collection,
                   struct key key, struct record *out)
{
	struct mem_store *mem = mem_store(store);
	const struct mem_record *record;
	struct mem_table *table;
	int rc = mem_enter(mem);

	if (rc == 0)
		rc = mem_store_table(mem, collection, &table);
	if (rc == 0) {
		record = mem_table_find(table, key);
		rc =
		    record ? mem_record_show(collection, record, out) : -ENOENT;
	}
	return mem_leave(mem, rc);
}

/* The token of a cursor is the last key that was listed. */
static size_t list_start(const struct mem_table *table,
                         const struct cursor *cursor)
{
	struct key last = { cursor->token.data, cursor->token.size };
	size_t index;

	if (cursor->position == 0)
		return 0;
	index = mem_table_seek(table, last);
	if (index < table->count &&
	    mem_key_compare(mem_key(table->records[index]), last) == 0)
		index++;
	return index;
}

static int list_record(const struct collection *collection,
                       const struct mem_record *record, struct cursor *cursor,
                       struct record_list *out)
{
	struct record shown;
	int rc = mem_record_show(collection, record, &shown);

	if (rc)
		return rc;
	rc = blob_set(&cursor->token, shown.key.data, shown.key.size);
	if (rc == 0)
		rc = record_list_append(out, &shown);
	if (rc) {
		record_release(&shown);
		return rc;
	}
	cursor->position = 1;
	return 0;
}

static int list_table(const struct mem_table *table,
                      const struct collection *collection,
                      struct cursor *cursor, size_t limit,
                      struct record_list *out)
{
	size_t index = list_start(table, cursor);

	for (size_t added = 0; added < limit; index++) {
		const struct mem_record *record;
		int rc;

		if (index >= table->count)
			break;
		record = mem_table_live(table, index);
		if (!record)
			continue;
		rc = list_record(collection, record, cursor, out);
		if (rc)
			return rc;
		added++;
	}
	cursor->end = index >= table->count;
	return 0;
}

static int mem_list(struct store *store, const struct collection *collection,
                    struct cursor *cursor, size_t limit,
                    struct record_list *out)
{
	struct mem_store *mem = mem_store(store);
	struct mem_table *table;
	int rc = mem_enter(mem);

	if (rc == 0)
		rc = mem_store_table(mem, collection, &table);
	if (rc == 0 && !cursor->end)
		rc = list_table(table, collection, cursor, limit, out);
	return mem_leave(mem, rc);
}

static bool begins_with(struct key key, struct key prefix)
{
	return key.size >= prefix.size &&
	       (prefix.size == 0 ||
	        memcmp(key.data, prefix.data, prefix.size) == 0);
}

static int find_match(const struct mem_table *table, struct key prefix,
                      bool (*match)(struct key key, void *arg), void *arg,
                      struct blob *out)
{
	for (size_t i = mem_table_seek(table, prefix); i < table->count; i++) {
		struct key key = mem_key(table->records[i]);

		if (!begins_with(key, prefix))
			break;
		if (mem_table_live(table, i) && match(key, arg))
			return blob_set(out, key.data, key.size);
	}
	return -ENOENT;
}

static int mem_find(struct store *store, const struct collection *collection,
                    struct key prefix, bool (*match)(struct key key, void *arg),
                    void *arg, struct blob *key_out)
{
	struct mem_store *mem = mem_store(store);
	struct mem_table *table;
	int rc = mem_enter(mem);

	if (rc == 0)
		rc = mem_store_table(mem, collection, &table);
	if (rc == 0)
		rc = find_match(table, prefix, match, arg, key_out);
	return mem_leave(mem, rc);
}

static int mem_sync(struct store *store)
{
	struct mem_store *mem = mem_store(store);

	return mem_leave(mem, mem_enter(mem));
}

static uint64_t table_bytes(const struct mem_table *table)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < table->count; i++) {
		const struct record *stored = &table->records[i]->stored;

		for (size_t k = 0; k < stored->array_count; k++)
			bytes += stored->arrays[k].info.nbytes;
	}
	return bytes;
}

static void mem_status(struct store *store, struct backend_status *out)
{
	struct mem_store *mem = mem_store(store);
	struct backend_status status = { 0 };

	snprintf(status.detail, sizeof(status.detail), "in memory");
	pthread_mutex_lock(&mem->lock);
	status.away = mem->away;
	status.healthy = !mem->away;
	for (size_t i = 0; i < mem->table_count; i++)
		status.bytes_used += table_bytes(&mem->tables[i]);
	pthread_mutex_unlock(&mem->lock);
	*out = status;
}

static const struct maintenance_ops maintenance = {
	.remove_before = mem_remove_before,
};

const struct backend mem_backend = {
	.name = "mem",
	.open = mem_open,
	.close = mem_close,
	.get = mem_get,
	.list = mem_list,
	.find = mem_find,
	.open_array = mem_open_array,
	.put = mem_put,
	.remove = mem_remove,
	.rename = mem_rename,
	.sync = mem_sync,
	.status = mem_status,
	.access = &mem_access_ops,
	.relations = &mem_relation_ops,
	.maintenance = &maintenance,
};
