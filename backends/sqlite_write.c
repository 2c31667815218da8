/* SPDX-License-Identifier: MIT */
#include "backends/sqlite_put.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "backends/change.h"
#include "backends/change_fields.h"
#include "backends/log.h"

#define MAX_NUMBER 20 /* digits and sign of a 64-bit number */

static void release(struct sqlite_putting *putting)
{
	sqlite_row_release(&putting->row);
	record_release(&putting->before);
	change_result_release(&putting->result);
	blob_release(&putting->bytes);
}

void sqlite_put_reset(struct sqlite_putting *putting)
{
	release(putting);
	putting->exists = false;
	putting->number = (struct sqlite_number){ 0 };
	putting->columns = 0;
	putting->change->why[0] = '\0';
}

/* What the new blob is made of: ARRAY, or VALUE where that is NULL, or nothing
 * at all.  False: the blob stays. */
static bool find_content(const struct sqlite_putting *putting,
                         const struct array **array, const struct value **value)
{
	const struct collection *collection = putting->collection;
	const struct change *change = putting->change;

	*array = NULL;
	*value = NULL;
	if (!sqlite_sql_blob(collection))
		return false;
	if (collection->shape == RECORD_NEST) {
		*value = sqlite_put_nest(collection, putting->result.fields);
		return *value &&
		       (!putting->exists ||
		        *value != sqlite_put_nest(collection,
		                                  putting->before.fields));
	}
	if (change->array_action == PART_SET)
		*array = change->array;
	return change->array_action == PART_SET ||
	       change->array_action == PART_DROP || !putting->exists;
}

static int make_bytes(struct sqlite_putting *putting)
{
	struct sqlite_store *store = putting->store;
	const struct array *array;
	const struct value *value;
	enum encoding encoding;
	size_t threshold;
	int rc;

	if (!find_content(putting, &array, &value))
		return 0;
	putting->columns |= SQLITE_COLUMN(SQLITE_BLOB_BIT);
	if (!array && !value)
		return 0;
	rc = sqlite_habit_encoding(store, putting->collection,
	                           &putting->row.head, &encoding);
	if (rc)
		return rc;
	/* The Python classes read pickles here only as they are. */
	threshold = encoding == ENCODING_PICKLE ? SIZE_MAX : store->threshold;
	if (array)
		return codec_encode_array(array, encoding, threshold,
		                          &putting->bytes);
	return codec_encode(value, encoding, threshold, &putting->bytes);
}

static void find_changed_fields(struct sqlite_putting *putting)
{
	const struct field_row *row = putting->collection->fields;

	for (int bit = 0; row[bit].name; bit++) {
		const struct value *now =
		    value_dict_get(putting->result.fields, row[bit].name);
		const struct value *old =
		    putting->exists
			? value_dict_get(putting->before.fields, row[bit].name)
			: NULL;

		assert(bit < SQLITE_MAX_FIELDS);
		if (now != old && sqlite_sql_has_column(&row[bit]))
			putting->columns |= SQLITE_COLUMN(bit);
	}
}

static void find_new_keys(struct sqlite_putting *putting)
{
	bool numbered = collection_is_numbered(putting->collection);

	if (putting->exists)
		return;
	if (!numbered)
		putting->columns |= SQLITE_COLUMN(SQLITE_KEY_BIT);
	else if (putting->key.data)
		(void)sqlite_key_number(putting->key, &putting->number.id);
	if (putting->number.id != 0)
		putting->columns |= SQLITE_COLUMN(SQLITE_ID_BIT);
}

static int bind_fields(const struct sqlite_putting *putting, sqlite3_stmt *stmt)
{
	const struct field_row *row = putting->collection->fields;
	int rc = 0;

	for (int bit = 0; rc == 0 && row[bit].name; bit++) {
		const struct value *value =
		    value_dict_get(putting->result.fields, row[bit].name);

		if (!(putting->columns & SQLITE_COLUMN(bit)))
			continue;
		rc = value ? sqlite_bind_field(stmt, bit + 1, &row[bit], value,
		                               putting->change->why)
		           : sqlite_bind_plain(stmt, bit + 1, NULL);
	}
	return rc;
}

static int bind(const struct sqlite_putting *putting, sqlite3_stmt *stmt)
{
	int rc = bind_fields(putting, stmt);

	if (rc == 0 && (putting->columns & SQLITE_COLUMN(SQLITE_BLOB_BIT)))
		rc = sqlite_bind_bytes(stmt, SQLITE_BLOB_BIT + 1,
		                       &putting->bytes);
	if (rc == 0 && (putting->columns & SQLITE_COLUMN(SQLITE_KEY_BIT)))
		rc =
		    sqlite_bind_new_key(stmt, SQLITE_KEY_BIT + 1, putting->key);
	if (putting->columns & SQLITE_COLUMN(SQLITE_ID_BIT))
		sqlite3_bind_int64(stmt, SQLITE_ID_BIT + 1, putting->number.id);
	if (putting->exists)
		sqlite3_bind_int64(stmt, SQLITE_WHERE, putting->number.id);
	return rc;
}

/* Where the database refuses it, its own words say why. */
static int write_columns(struct sqlite_putting *putting)
{
	struct sqlite_db *db = putting->store->writer;
	char *why = putting->change->why;
	sqlite3_stmt *stmt;
	int rc;

	if (putting->columns == 0)
		return 0;
	rc = sqlite_db_prepare(
	    db, putting->exists ? sqlite_sql_update : sqlite_sql_insert,
	    putting->collection, putting->columns, &stmt);
	if (rc)
		return rc;
	rc = bind(putting, stmt);
	if (rc == 0)
		rc = sqlite_db_step(db, stmt);
	if (rc == -EINVAL && why[0] == '\0')
		snprintf(why, WHY_SIZE, "%s", sqlite3_errmsg(db->handle));
	sqlite_db_done(stmt);
	if (rc == 0 && !putting->exists)
		putting->number.id = sqlite3_last_insert_rowid(db->handle);
	return rc;
}

static int write_record(struct sqlite_putting *putting)
{
	struct sqlite_store *store = putting->store;
	int rc = 0;

	if (putting->result.remove)
		return sqlite_delete(store->writer, putting->collection,
		                     putting->row.id);
	if (putting->result.fields_dropped &&
	    !sqlite_side_can_save(store->side))
		return -EROFS;
	rc = make_bytes(putting);
	if (rc)
		return rc;
	find_changed_fields(putting);
	find_new_keys(putting);
	return write_columns(putting);
}

static int keep_notes(struct sqlite_putting *putting)
{
	struct sqlite_kept kept = {
		.collection = putting->collection,
		.change = putting->change,
		.now = putting->now,
		.row = putting->exists ? &putting->row : NULL,
		.result = &putting->result,
		.number = &putting->number,
	};

	return sqlite_keep_notes(putting->store->side, &kept);
}

int sqlite_put_write(struct sqlite_putting *putting)
{
	int rc = sqlite_put_decide(putting);

	if (rc == 0)
		rc = write_record(putting);
	return rc ? rc : keep_notes(putting);
}

/* Room is made before, so that a change that was made does not fail here. */
static int give_key(const struct sqlite_putting *putting, struct blob *key)
{
	if (putting->key.data)
		return blob_append(key, putting->key.data, putting->key.size);
	return blob_printf(key, "%" PRId64, putting->number.id);
}

int sqlite_put(struct store *base, const struct collection *collection,
               struct key key, struct change *change, struct blob *key_out)
{
	struct sqlite_putting putting = { .store = sqlite_store(base),
		                          .collection = collection,
		                          .key = key,
		                          .change = change };
	struct blob given = { 0 };
	int rc;

	change->why[0] = '\0';
	if (putting.store->read_only)
		return -EROFS;
	rc = blob_reserve(&given, key.size + MAX_NUMBER);
	if (rc)
		return rc;
	rc = sqlite_group_put(&putting);
	if (rc == 0 && key_out) {
		rc = give_key(&putting, &given);
		blob_move(key_out, &given);
	}
	if (rc == -EFBIG)
		log_error("sqlite: %s: a record is larger than SQLite takes",
		          collection->path);
	blob_release(&given);
	release(&putting);
	return rc;
}
