/* SPDX-License-Identifier: MIT */
#include "backends/mem_store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct mem_reader {
	struct reader base;
	struct mem_store *store;
	struct value *holder;
	const struct array *array;
};

static ssize_t reader_read(struct reader *base, uint64_t offset, void *buffer,
                           size_t size)
{
	struct mem_reader *reader = (struct mem_reader *)base;
	int rc = mem_leave(reader->store, mem_enter(reader->store));

	return rc ? rc
	          : reader_copy(base, reader->array->data, offset, buffer,
	                        size);
}

static void reader_close(struct reader *base)
{
	struct mem_reader *reader = (struct mem_reader *)base;

	if (!reader)
		return;
	array_info_release(&base->info);
	value_unref(reader->holder);
	free(reader);
}

static const struct reader_ops reader_ops = {
	.read = reader_read,
	.close = reader_close,
};

static int reader_new(struct mem_store *mem, const struct mem_array *array,
                      struct reader **out)
{
	struct mem_reader *reader = calloc(1, sizeof(*reader));
	int rc;

	if (!reader)
		return -ENOMEM;
	rc = array_info_copy(&reader->base.info, &array->array->info);
	if (rc) {
		free(reader);
		return rc;
	}
	reader->base.ops = &reader_ops;
	reader->base.size = reader->base.info.nbytes;
	reader->store = mem;
	reader->holder = value_ref(array->holder);
	reader->array = array->array;
	*out = &reader->base;
	return 0;
}

int mem_open_array(struct store *store, const struct collection *collection,
                   struct key key, const char *name, struct reader **out)
{
	struct mem_store *mem = mem_store(store);
	const struct mem_array *array = NULL;
	struct mem_record *record;
	struct mem_table *table;
	int rc = mem_enter(mem);

	if (rc == 0)
		rc = mem_store_table(mem, collection, &table);
	if (rc == 0) {
		record = mem_table_find(table, key);
		if (record)
			array = mem_record_array(record, name);
		rc = array ? reader_new(mem, array, out) : -ENOENT;
	}
	return mem_leave(mem, rc);
}
