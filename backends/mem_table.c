/* SPDX-License-Identifier: MIT */
#include "backends/mem_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int mem_key_compare(struct key a, struct key b)
{
	size_t common = a.size < b.size ? a.size : b.size;
	int order = common ? memcmp(a.data, b.data, common) : 0;

	return order ? order : (a.size > b.size) - (a.size < b.size);
}

struct key mem_key(const struct mem_record *record)
{
	return (struct key){ record->stored.key.data, record->stored.key.size };
}

void mem_table_release(struct mem_table *table)
{
	for (size_t i = 0; i < table->count; i++)
		mem_record_free(table->records[i]);
	mem_relations_release(&table->relations);
	free(table->records);
	free(table->place);
	*table = (struct mem_table){ 0 };
}

size_t mem_table_seek(const struct mem_table *table, struct key key)
{
	size_t low = 0;
	size_t high = table->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (mem_key_compare(mem_key(table->records[middle]), key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_at(const struct mem_table *table, size_t index, struct key key)
{
	return index < table->count &&
	       mem_key_compare(mem_key(table->records[index]), key) == 0;
}

struct mem_record *mem_table_live(const struct mem_table *table, size_t index)
{
	struct mem_record *record = table->records[index];
	int64_t expires = record->stored.expires_ms;

	return expires && expires <= change_now_ms() ? NULL : record;
}

static struct mem_record *take_at(struct mem_table *table, size_t index)
{
	struct mem_record *record = table->records[index];

	table->count--;
	memmove(&table->records[index], &table->records[index + 1],
	        (table->count - index) * sizeof(struct mem_record *));
	return record;
}

struct mem_record *mem_table_find(struct mem_table *table, struct key key)
{
	size_t index = mem_table_seek(table, key);

	if (!is_at(table, index, key))
		return NULL;
	if (mem_table_live(table, index))
		return table->records[index];
	mem_record_free(take_at(table, index));
	return NULL;
}

static int make_room(struct mem_table *table)
{
	size_t capacity = table->capacity ? 2 * table->capacity : 16;
	struct mem_record **records;

	if (table->count < table->capacity)
		return 0;
	records =
	    reallocarray(table->records, capacity, sizeof(struct mem_record *));
	if (!records)
		return -ENOMEM;
	table->records = records;
	table->capacity = capacity;
	return 0;
}

int mem_table_insert(struct mem_table *table, struct mem_record *record)
{
	size_t index = mem_table_seek(table, mem_key(record));
	int rc;

	if (is_at(table, index, mem_key(record))) {
		mem_record_free(table->records[index]);
		table->records[index] = record;
		return 0;
	}
	rc = make_room(table);
	if (rc)
		return rc;
	memmove(&table->records[index + 1], &table->records[index],
	        (table->count - index) * sizeof(struct mem_record *));
	table->records[index] = record;
	table->count++;
	return 0;
}

struct mem_record *mem_table_take(struct mem_table *table, struct key key)
{
	size_t index = mem_table_seek(table, key);

	if (!mem_table_find(table, key))
		return NULL;
	return take_at(table, index);
}

struct mem_record *mem_table_numbered(const struct mem_table *table,
                                      const char *field, int64_t number)
{
	for (size_t i = 0; i < table->count; i++) {
		struct mem_record *record = table->records[i];
		const struct value *value =
		    value_dict_get(record->stored.fields, field);
		int64_t other;

		if (value && value_to_int(value, &other) == 0 &&
		    other == number)
			return record;
	}
	return NULL;
}
