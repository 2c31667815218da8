/* SPDX-License-Identifier: MIT */
#include "backends/backend.h"
#include "backends/maintenance.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void record_release(struct record *record)
{
	blob_release(&record->key);
	blob_release(&record->volume);
	value_unref(record->fields);
	for (size_t i = 0; i < record->array_count; i++) {
		free(record->arrays[i].name);
		array_info_release(&record->arrays[i].info);
	}
	free(record->arrays);
	*record = (struct record){ 0 };
}

const struct record_array *record_array(const struct record *record,
                                        const char *name)
{
	for (size_t i = 0; i < record->array_count; i++)
		if (strcmp(record->arrays[i].name, name) == 0)
			return &record->arrays[i];
	return NULL;
}

void cursor_release(struct cursor *cursor)
{
	blob_release(&cursor->token);
	if (cursor->free_state)
		cursor->free_state(cursor->state);
	*cursor = (struct cursor){ 0 };
}

void record_list_release(struct record_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		record_release(&list->items[i]);
	free(list->items);
	*list = (struct record_list){ 0 };
}

int record_list_append(struct record_list *list, struct record *record)
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? 2 * list->capacity : 16;
		struct record *items =
		    reallocarray(list->items, capacity, sizeof(*items));

		if (!items)
			return -ENOMEM;
		list->items = items;
		list->capacity = capacity;
	}
	list->items[list->count++] = *record;
	*record = (struct record){ 0 };
	return 0;
}

bool record_is_before(const struct collection *collection,
                      const struct value *fields, double before)
{
	const struct value *stamp =
	    collection->timestamp
		? value_dict_get(fields, collection->timestamp)
		: NULL;
	double time;

	return stamp && value_to_double(stamp, &time) == 0 && time < before;
}

ssize_t reader_copy(const struct reader *reader, const void *bytes,
                    uint64_t offset, void *buffer, size_t size)
{
	if (offset >= reader->size)
		return 0;
	if (size > reader->size - offset)
		size = (size_t)(reader->size - offset);
	memcpy(buffer, (const char *)bytes + offset, size);
	return (ssize_t)size;
}
