/* SPDX-License-Identifier: MIT */
#include "tests/render_help.h"

#include "backends/json.h"
#include "layout/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

const struct collection *collection_of(const char *path,
                                       enum record_shape shape)
{
	const struct collection *row = tree_collections;

	while (row->path &&
	       (strcmp(row->path, path) != 0 || row->shape != shape))
		row++;
	assert_non_null(row->path);
	return row;
}

void make_record(struct record *record, const char *key, const char *fields)
{
	char why[WHY_SIZE];

	*record = (struct record){ 0 };
	assert_int_equal(blob_set(&record->key, key, strlen(key)), 0);
	assert_int_equal(json_parse(fields, strlen(fields), JSON_ARRAYS_REFUSE,
	                            &record->fields, why),
	                 0);
}

void add_array(struct record *record, const char *name, int ndim,
               const uint64_t *shape)
{
	size_t size = sizeof(*record->arrays);
	struct record_array *array;

	record->arrays =
	    reallocarray(record->arrays, record->array_count + 1, size);
	assert_non_null(record->arrays);
	array = &record->arrays[record->array_count++];
	*array = (struct record_array){ .name = strdup(name) };
	assert_non_null(array->name);
	dtype_plain(&array->info.dtype, 'f', 8);
	array->info.ndim = ndim;
	for (int i = 0; i < ndim; i++)
		array->info.shape[i] = shape[i];
}
