/* SPDX-License-Identifier: MIT */
#include "backends/sqlite_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/change.h"
#include "backends/change_fields.h"
#include "backends/nest.h"

void sqlite_row_release(struct sqlite_row *row)
{
	blob_release(&row->key);
	value_unref(row->fields);
	blob_release(&row->head);
	array_info_release(&row->info);
	value_unref(row->nest);
	sqlite_notes_release(&row->notes);
	*row = (struct sqlite_row){ 0 };
}

const struct value *sqlite_row_stamp(const struct collection *collection,
                                     const struct value *fields)
{
	return collection->timestamp
	           ? value_dict_get(fields, collection->timestamp)
	           : NULL;
}

static int read_field(sqlite3_stmt *stmt, int column,
                      const struct field_row *row, struct value *fields)
{
	struct value *value = NULL;
	int rc = 0;

	if (row->type == FIELD_NEST) {
		value = value_new_null();
		rc = value ? 0 : -ENOMEM;
	} else {
		rc = sqlite_column_field(stmt, column, row, &value);
	}
	if (rc || !value)
		return rc;
	return value_dict_set(fields, row->name, value);
}

static int read_fields(const struct collection *collection, sqlite3_stmt *stmt,
                       struct sqlite_row *row)
{
	int rc = 0;

	row->fields = value_new_dict();
	if (!row->fields)
		return -ENOMEM;
	for (int i = 0; rc == 0 && collection->fields[i].name; i++)
		rc = read_field(stmt, SQLITE_READ_FIELDS + i,
		                &collection->fields[i], row->fields);
	return rc;
}

static int read_head(struct sqlite_db *db, const struct collection *collection,
                     sqlite3_stmt *stmt, struct sqlite_row *row)
{
	const void *bytes;

	if (sqlite3_column_type(stmt, SQLITE_READ_SIZE) == SQLITE_NULL)
		return 0;
	if (sqlite3_column_type(stmt, SQLITE_READ_BLOB) == SQLITE_NULL)
		return sqlite_db_read_blob(db, collection, row->id,
		                           SQLITE_SHORT_BLOB, &row->head,
		                           &row->size);
	bytes = sqlite3_column_blob(stmt, SQLITE_READ_BLOB);
	row->size = (uint64_t)sqlite3_column_bytes(stmt, SQLITE_READ_BLOB);
	return blob_append(&row->head, bytes, row->size);
}

static int read_more(struct sqlite_db *db, const struct collection *collection,
                     size_t size, struct sqlite_row *row)
{
	row->head.size = 0;
	return sqlite_db_read_blob(db, collection, row->id, size, &row->head,
	                           &row->size);
}

static int read_whole(struct sqlite_db *db, const struct collection *collection,
                      struct sqlite_row *row)
{
	return row->head.size < row->size
	           ? read_more(db, collection, row->size, row)
	           : 0;
}

/* -ENODATA: no lone array; other errors but -ENOMEM and -EIO: not readable. */
static int find_array(struct sqlite_db *db, const struct collection *collection,
                      struct sqlite_row *row)
{
	char why[WHY_SIZE];

	for (;;) {
		int rc = codec_array_info(row->head.data, row->head.size,
		                          row->size, &row->info, why);

		if (rc != -EAGAIN)
			return rc;
		if (row->head.size >= row->size)
			return -ENODATA;
		rc = read_more(db, collection, 16 * row->head.size, row);
		if (rc)
			return rc;
	}
}

/* Bytes that do not decode are no failure: they are opaque. */
static int decode(struct sqlite_db *db, const struct collection *collection,
                  struct sqlite_row *row)
{
	char why[WHY_SIZE];
	int rc = read_whole(db, collection, row);

	if (rc)
		return rc;
	rc = codec_decode(row->head.data, row->head.size, &row->nest, why);
	if (rc == -ENOMEM)
		return rc;
	row->opaque = rc != 0;
	row->has_array = row->has_array && !row->opaque;
	return 0;
}

static int read_blob(struct sqlite_db *db, const struct collection *collection,
                     sqlite3_stmt *stmt, enum sqlite_depth depth,
                     struct sqlite_row *row)
{
	bool nests = collection->shape == RECORD_NEST;
	int rc;

	if (!sqlite_sql_blob(collection))
		return 0;
	rc = read_head(db, collection, stmt, row);
	if (rc)
		return rc;
	if (row->size == 0) {
		row->nest = nests ? value_new_null() : NULL;
		return nests && !row->nest ? -ENOMEM : 0;
	}
	rc = find_array(db, collection, row);
	if (rc == -ENOMEM || rc == -EIO)
		return rc;
	row->has_array = rc == 0;
	if (nests &&
	    (rc == -ENODATA || (row->has_array && depth == SQLITE_DECODED)))
		return decode(db, collection, row);
	row->opaque = !row->has_array;
	if (depth == SQLITE_WHOLE ||
	    (depth == SQLITE_SMALL && row->size <= GLIMPSE_MOST))
		return read_whole(db, collection, row);
	return 0;
}

int sqlite_row_read(struct sqlite_store *store, struct sqlite_db *db,
                    const struct collection *collection, sqlite3_stmt *stmt,
                    enum sqlite_depth depth, struct sqlite_row *out)
{
	struct sqlite_row row = {
		.id = sqlite3_column_int64(stmt, SQLITE_READ_ID),
	};
	int rc = sqlite_column_key(stmt, SQLITE_READ_KEY, &row.key);

	if (rc == 0)
		rc = read_fields(collection, stmt, &row);
	if (rc == 0)
		rc = read_blob(db, collection, stmt, depth, &row);
	if (rc == 0)
		rc = sqlite_side_load(store->side, collection->place, row.id,
		                      sqlite_row_stamp(collection, row.fields),
		                      &row.notes);
	if (rc) {
		sqlite_row_release(&row);
		return rc;
	}
	*out = row;
	return 0;
}

int sqlite_row_get(struct sqlite_store *store, struct sqlite_db *db,
                   const struct collection *collection, struct key key,
                   enum sqlite_depth depth, struct sqlite_row *out)
{
	sqlite3_stmt *stmt;
	int rc = sqlite_db_prepare(db, sqlite_sql_get, collection, 0, &stmt);

	if (rc)
		return rc;
	rc = sqlite_bind_key(stmt, collection, key);
	if (rc == 0)
		rc = sqlite_db_step(db, stmt);
	if (rc == 1)
		rc = sqlite_row_read(store, db, collection, stmt, depth, out);
	else if (rc == 0)
		rc = -ENOENT;
	sqlite_db_done(stmt);
	return rc;
}

/* {"$npy": ""}: the nest is one array. */
static struct value *lone_reference(void)
{
	struct value *value = value_new_dict();

	if (value && value_dict_set(value, "$npy", value_new_text("", 0))) {
		value_unref(value);
		return NULL;
	}
	return value;
}

static int shown_nest(const struct sqlite_row *row, struct value **out)
{
	if (row->nest)
		return nest_to_references(row->nest, out);
	*out = lone_reference();
	return *out ? 0 : -ENOMEM;
}

/* An array without elements stands for one that no part of a change sets. */
static int whole_nest(const struct sqlite_row *row, struct value **out)
{
	struct array array = { 0 };
	int rc;

	if (row->nest) {
		*out = value_ref(row->nest);
		return 0;
	}
	rc = array_info_copy(&array.info, &row->info);
	if (rc)
		return rc;
	*out = value_new_array(&array);
	if (*out)
		return 0;
	array_release(&array);
	return -ENOMEM;
}

static int fill_nest(const struct collection *collection,
                     struct sqlite_row *row,
                     int (*make)(const struct sqlite_row *, struct value **))
{
	const struct field_row *field = change_nest_row(collection);
	struct value *value;
	int rc;

	if (!field)
		return 0;
	if (row->opaque)
		return value_dict_remove(row->fields, field->name);
	rc = make(row, &value);
	return rc ? rc : value_dict_set(row->fields, field->name, value);
}

/* An array that is being added to a record. */
struct adding {
	const struct sqlite_row *row;
	struct record *record;
	struct timespec dated;
};

static int add_array(const struct adding *adding, const char *name,
                     const struct array_info *info)
{
	struct record *record = adding->record;
	const struct sqlite_note *note =
	    sqlite_notes_find(&adding->row->notes, SQLITE_NOTE_ARRAY, name);
	struct record_array array = {
		.mtime = note ? note->time : adding->dated,
	};
	struct record_array *arrays = reallocarray(
	    record->arrays, record->array_count + 1, sizeof(*arrays));

	if (!arrays)
		return -ENOMEM;
	record->arrays = arrays;
	array.name = strdup(name);
	if (!array.name || array_info_copy(&array.info, info) != 0) {
		free(array.name);
		return -ENOMEM;
	}
	record->arrays[record->array_count++] = array;
	return 0;
}

static int add_nested(const char *path, const struct array *array, void *arg)
{
	return add_array(arg, path, &array->info);
}

static int add_arrays(const struct collection *collection,
                      const struct sqlite_row *row, struct timespec dated,
                      struct record *record)
{
	struct adding adding = { row, record, dated };
	const char *name;

	if (row->nest)
		return nest_each(row->nest, add_nested, &adding);
	if (!row->has_array)
		return 0;
	name = collection->arrays[0].name;
	return add_array(&adding, name ? name : "", &row->info);
}

static int make_record(const struct collection *collection,
                       struct sqlite_row *row, struct record *out)
{
	struct timespec dated = change_timestamp(collection, row->fields);
	const struct sqlite_note *note =
	    sqlite_notes_find(&row->notes, SQLITE_NOTE_FIELDS, "");
	struct record record = {
		.fields_dropped =
		    sqlite_notes_find(&row->notes, SQLITE_NOTE_DROPPED, ""),
		.fields_mtime = note ? note->time : dated,
		.opaque_size = row->opaque ? row->size : 0,
	};
	int rc = blob_append(&record.key, row->key.data, row->key.size);

	record.fields = value_ref(row->fields);
	record.atime =
	    change_atime(collection, row->fields, record.fields_mtime);
	if (rc == 0)
		rc = add_arrays(collection, row, dated, &record);
	if (rc) {
		record_release(&record);
		return rc;
	}
	*out = record;
	return 0;
}

int sqlite_row_show(const struct collection *collection, struct sqlite_row *row,
                    struct record *out)
{
	int rc = fill_nest(collection, row, shown_nest);

	return rc ? rc : make_record(collection, row, out);
}

/* A number that the database chose is not yet the record's own. */
int sqlite_row_before(const struct collection *collection,
                      struct sqlite_row *row, struct record *out)
{
	const struct field_row *number = change_number_row(collection);
	int rc = fill_nest(collection, row, whole_nest);

	if (rc == 0 && number &&
	    sqlite_notes_find(&row->notes, SQLITE_NOTE_IMPLICIT, ""))
		(void)value_dict_remove(row->fields, number->name);
	return rc ? rc : make_record(collection, row, out);
}
