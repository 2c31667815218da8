/* SPDX-License-Identifier: MIT */
#include "backends/mem_store.h"

#include <errno.h>

/* FIELDS with what ITEM adds; what others see of them stays. */
static int count_fields(const struct collection *collection,
                        struct value **fields, const struct access *item)
{
	const struct value *old =
	    value_dict_get(*fields, collection->access_count);
	int64_t count = 0;
	struct value *value;
	int rc;

	if (old)
		(void)value_to_int(old, &count);
	if (__builtin_add_overflow(count, item->count, &count))
		count = INT64_MAX;
	rc = value_unshare(fields);
	if (rc)
		return rc;
	value = value_new_int(count);
	rc = value ? value_dict_set(*fields, collection->access_count, value)
	           : -ENOMEM;
	if (rc)
		return rc;
	value = value_new_float(item->last);
	return value ? value_dict_set(*fields, collection->last_access, value)
	             : -ENOMEM;
}

static int mem_record_accesses(struct store *store,
                               const struct collection *collection,
                               const struct access *items, size_t count)
{
	struct mem_store *mem = mem_store(store);
	struct mem_table *table;
	int rc = mem_enter_change(mem);

	if (rc == 0)
		rc = mem_store_table(mem, collection, &table);
	for (size_t i = 0; rc == 0 && i < count; i++) {
		struct mem_record *record = mem_table_find(table, items[i].key);

		if (record)
			rc = count_fields(collection, &record->stored.fields,
			                  &items[i]);
	}
	return mem_leave(mem, rc);
}

const struct access_ops mem_access_ops = {
	.record = mem_record_accesses,
};
