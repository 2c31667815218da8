/* SPDX-License-Identifier: MIT */
#include "backends/mem_record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/change_fields.h"
#include "backends/nest.h"

/* A record that is being made. */
struct making {
	const struct collection *collection;
	const struct mem_record *before;
	const struct change *change;
	struct value *nest; /* of RECORD_NEST */
	struct mem_record *record;
};

void mem_record_free(struct mem_record *record)
{
	if (!record)
		return;
	for (size_t i = 0; i < record->stored.array_count; i++)
		value_unref(record->arrays[i].holder);
	free(record->arrays);
	record_release(&record->stored);
	free(record);
}

const struct mem_array *mem_record_array(const struct mem_record *record,
                                         const char *name)
{
	const struct record_array *found = record_array(&record->stored, name);

	return found ? &record->arrays[found - record->stored.arrays] : NULL;
}

static int grow_arrays(struct mem_record *record)
{
	size_t count = record->stored.array_count + 1;
	struct record_array *shown =
	    reallocarray(record->stored.arrays, count, sizeof(*shown));
	struct mem_array *arrays;

	if (!shown)
		return -ENOMEM;
	record->stored.arrays = shown;
	arrays = reallocarray(record->arrays, count, sizeof(*arrays));
	if (!arrays)
		return -ENOMEM;
	record->arrays = arrays;
	return 0;
}

static bool is_changed(const struct making *making, const char *name)
{
	return making->change->array_action != PART_KEEP &&
	       strcmp(making->change->array_name, name) == 0;
}

/* When array NAME was written: now, or as it was before. */
static bool array_time(const struct making *making, const char *name,
                       struct timespec *out)
{
	const struct mem_array *old;

	if (is_changed(making, name)) {
		*out = change_mtime(making->change->array_mtime);
		return true;
	}
	old = making->before ? mem_record_array(making->before, name) : NULL;
	if (!old || !old->timed)
		return false;
	*out = record_array(&making->before->stored, name)->mtime;
	return true;
}

/* ARRAY is part of HOLDER, of which a reference is taken. */
static int add_array(const struct making *making, const char *name,
                     struct value *holder, const struct array *array)
{
	struct mem_record *record = making->record;
	struct record_array shown = { .name = strdup(name) };
	struct mem_array held = { .array = array };
	int rc = shown.name ? grow_arrays(record) : -ENOMEM;

	if (rc == 0)
		rc = array_info_copy(&shown.info, &array->info);
	if (rc) {
		free(shown.name);
		return rc;
	}
	held.holder = value_ref(holder);
	held.timed = array_time(making, name, &shown.mtime);
	record->arrays[record->stored.array_count] = held;
	record->stored.arrays[record->stored.array_count++] = shown;
	return 0;
}

static int add_given_array(const struct making *making)
{
	struct array copy = { 0 };
	struct value *holder;
	int rc = array_copy(&copy, making->change->array);

	if (rc)
		return rc;
	holder = value_new_array(&copy);
	if (!holder) {
		array_release(&copy);
		return -ENOMEM;
	}
	rc = add_array(making, making->change->array_name, holder,
	               &holder->array);
	value_unref(holder);
	return rc;
}

static int add_old_array(const struct making *making, size_t index)
{
	const char *name = making->before->stored.arrays[index].name;
	const struct mem_array *old = &making->before->arrays[index];

	if (is_changed(making, name)) {
		if (making->change->array_action == PART_DROP)
			return 0;
		if (making->change->array_action == PART_SET)
			return add_given_array(making);
	}
	return add_array(making, name, old->holder, old->array);
}

/* The arrays that belong to ROW, in their order. */
static int add_row(const struct making *making, const struct array_row *row)
{
	const struct change *change = making->change;
	size_t count = making->before ? making->before->stored.array_count : 0;
	bool is_new = change->array_action == PART_SET;

	for (size_t i = 0; i < count; i++) {
		const char *name = making->before->stored.arrays[i].name;
		int rc = 0;

		if (is_new && strcmp(name, change->array_name) == 0)
			is_new = false;
		if (collection_array(making->collection, name) == row)
			rc = add_old_array(making, i);
		if (rc)
			return rc;
	}
	if (is_new &&
	    collection_array(making->collection, change->array_name) == row)
		return add_given_array(making);
	return 0;
}

static int add_nested(const char *path, const struct array *array, void *arg)
{
	const struct making *making = arg;

	return add_array(making, path, making->nest, array);
}

static int add_arrays(struct making *making)
{
	const struct field_row *nest = change_nest_row(making->collection);
	const struct array_row *row = making->collection->arrays;
	int rc = 0;

	if (nest) {
		making->nest =
		    value_dict_get(making->record->stored.fields, nest->name);
		return making->nest
		           ? nest_each(making->nest, add_nested, making)
		           : 0;
	}
	for (; rc == 0 && row->place; row++)
		rc = add_row(making, row);
	return rc;
}

static void set_fields_time(const struct making *making)
{
	const struct change *change = making->change;
	struct mem_record *record = making->record;

	if (change->fields_action == PART_SET ||
	    change->fields_action == PART_TOUCH) {
		record->fields_timed = true;
		record->stored.fields_mtime =
		    change_mtime(change->fields_mtime);
	} else if (change->fields_action == PART_KEEP && making->before) {
		record->fields_timed = making->before->fields_timed;
		record->stored.fields_mtime =
		    making->before->stored.fields_mtime;
	}
}

int mem_record_new(const struct collection *collection, struct key key,
                   const struct mem_record *before, const struct change *change,
                   const struct change_result *result, struct mem_record **out)
{
	struct mem_record *record = calloc(1, sizeof(*record));
	struct making making = { .collection = collection,
		                 .before = before,
		                 .change = change,
		                 .record = record };
	int rc;

	if (!record)
		return -ENOMEM;
	record->stored.fields = value_ref(result->fields);
	record->stored.fields_dropped = result->fields_dropped;
	record->stored.expires_ms = result->expires_ms;
	set_fields_time(&making);
	rc = blob_set(&record->stored.key, key.data, key.size);
	if (rc == 0)
		rc = add_arrays(&making);
	if (rc) {
		mem_record_free(record);
		return rc;
	}
	*out = record;
	return 0;
}

static int set_number(const struct collection *collection,
                      struct value **fields, int64_t number)
{
	const struct field_row *row = change_number_row(collection);
	struct value *value;
	int rc = value_unshare(fields);

	if (rc || !row)
		return rc;
	value = value_new_int(number);
	return value ? value_dict_set(*fields, row->name, value) : -ENOMEM;
}

int mem_record_set_number(const struct collection *collection,
                          struct mem_record *record, int64_t number)
{
	return set_number(collection, &record->stored.fields, number);
}

int mem_rename_init(const struct collection *collection,
                    const struct mem_record *record, struct key key,
                    struct mem_rename *out)
{
	struct mem_rename rename = { 0 };
	int64_t number;
	int rc = blob_set(&rename.key, key.data, key.size);

	rename.fields = value_ref(record->stored.fields);
	if (rc == 0 && collection_is_numbered(collection)) {
		rc = change_key_number(key, &number);
		if (rc == 0)
			rc = set_number(collection, &rename.fields, number);
	}
	if (rc) {
		mem_rename_release(&rename);
		return rc;
	}
	*out = rename;
	return 0;
}

void mem_rename_apply(struct mem_rename *rename, struct mem_record *record)
{
	blob_move(&record->stored.key, &rename->key);
	value_unref(record->stored.fields);
	record->stored.fields = rename->fields;
	rename->fields = NULL;
}

void mem_rename_release(struct mem_rename *rename)
{
	blob_release(&rename->key);
	value_unref(rename->fields);
	*rename = (struct mem_rename){ 0 };
}

/* FIELDS with references for the arrays of a nest. */
static int show_fields(const struct collection *collection,
                       struct value *fields, struct value **out)
{
	const struct field_row *row = change_nest_row(collection);
	struct value *nest = row ? value_dict_get(fields, row->name) : NULL;
	struct value *shown;
	int rc;

	*out = value_ref(fields);
	if (!nest)
		return 0;
	rc = nest_to_references(nest, &shown);
	if (rc)
		return rc;
	rc = value_unshare(out);
	if (rc) {
		value_unref(shown);
		return rc;
	}
	return value_dict_set(*out, row->name, shown);
}

static int show_array(const struct mem_record *record, size_t index,
                      struct timespec dated, struct record *out)
{
	const struct record_array *from = &record->stored.arrays[index];
	struct record_array *to = &out->arrays[index];
	int rc;

	to->name = strdup(from->name);
	to->mtime = record->arrays[index].timed ? from->mtime : dated;
	rc = to->name ? array_info_copy(&to->info, &from->info) : -ENOMEM;
	out->array_count++;
	return rc;
}

static int show_arrays(const struct mem_record *record, struct timespec dated,
                       struct record *out)
{
	size_t count = record->stored.array_count;
	int rc = 0;

	if (count == 0)
		return 0;
	out->arrays = calloc(count, sizeof(*out->arrays));
	if (!out->arrays)
		return -ENOMEM;
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = show_array(record, i, dated, out);
	return rc;
}

int mem_record_show(const struct collection *collection,
                    const struct mem_record *record, struct record *out)
{
	const struct record *stored = &record->stored;
	struct timespec dated = change_timestamp(collection, stored->fields);
	struct record shown = {
		.fields_dropped = stored->fields_dropped,
		.expires_ms = stored->expires_ms,
		.fields_mtime =
		    record->fields_timed ? stored->fields_mtime : dated,
	};
	int rc = blob_set(&shown.key, stored->key.data, stored->key.size);

	shown.atime =
	    change_atime(collection, stored->fields, shown.fields_mtime);
	if (rc == 0)
		rc = show_fields(collection, stored->fields, &shown.fields);
	if (rc == 0)
		rc = show_arrays(record, dated, &shown);
	if (rc) {
		record_release(&shown);
		return rc;
	}
	*out = shown;
	return 0;
}
