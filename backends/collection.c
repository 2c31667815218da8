/* SPDX-License-Identifier: MIT */
#include "backends/collection.h"

#include <string.h>

bool collection_is_numbered(const struct collection *collection)
{
	return collection->key_field &&
	       strcmp(collection->key_field, "id") == 0;
}

bool collection_takes_any_name(const struct collection *collection)
{
	const struct array_row *row = collection->arrays;

	return collection->shape == RECORD_DIRECTORY && row->place &&
	       !row->name;
}

const struct field_row *collection_field(const struct collection *collection,
                                         const char *name)
{
	for (const struct field_row *row = collection->fields; row->name; row++)
		if (strcmp(row->name, name) == 0)
			return row;
	return NULL;
}

/* A row without a name but with a place stands for any name. */
const struct array_row *collection_array(const struct collection *collection,
                                         const char *name)
{
	for (const struct array_row *row = collection->arrays; row->place;
	     row++)
		if (!row->name || strcmp(row->name, name) == 0)
			return row;
	return NULL;
}
