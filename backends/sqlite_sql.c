/* SPDX-License-Identifier: MIT */
#include "backends/sqlite_sql.h"

#include <string.h>

const char *sqlite_sql_blob(const struct collection *collection)
{
	return collection->arrays ? collection->arrays[0].place : NULL;
}

bool sqlite_sql_has_column(const struct field_row *row)
{
	return row->type != FIELD_NEST && row->rule != FIELD_NUMBER;
}

static const char *key_column(const struct collection *collection)
{
	return collection_is_numbered(collection) ? "rowid"
	                                          : collection->key_field;
}

static int append_blob(const struct collection *collection, struct blob *out)
{
	const char *blob = sqlite_sql_blob(collection);

	if (!blob)
		return blob_append_text(out, ", NULL, NULL");
	return blob_printf(out,
	                   ", length(\"%s\"), CASE WHEN length(\"%s\") <= %d "
	                   "THEN \"%s\" END",
	                   blob, blob, SQLITE_SHORT_BLOB, blob);
}

static int append_fields(const struct collection *collection, struct blob *out)
{
	const struct field_row *row = collection->fields;
	int rc = 0;

	for (; rc == 0 && row->name; row++)
		rc = row->type == FIELD_NEST
		         ? blob_append_text(out, ", NULL")
		         : blob_printf(out, ", \"%s\"", row->place);
	return rc;
}

static int append_select(const struct collection *collection, struct blob *out)
{
	int rc =
	    blob_printf(out, "SELECT rowid, \"%s\"", key_column(collection));

	if (rc == 0)
		rc = append_blob(collection, out);
	if (rc == 0)
		rc = append_fields(collection, out);
	return rc ? rc : blob_printf(out, " FROM \"%s\"", collection->place);
}

static int append_where_key(const struct collection *collection,
                            struct blob *out)
{
	if (collection_is_numbered(collection))
		return blob_append_text(out, " WHERE rowid = ?1");
	return blob_printf(out, " WHERE \"%s\" IN (?1, ?2) LIMIT 1",
	                   key_column(collection));
}

int sqlite_sql_get(const struct collection *collection, uint32_t columns,
                   struct blob *out)
{
	int rc = append_select(collection, out);

	(void)columns;
	return rc ? rc : append_where_key(collection, out);
}

int sqlite_sql_list(const struct collection *collection, uint32_t columns,
                    struct blob *out)
{
	int rc = append_select(collection, out);

	(void)columns;
	return rc ? rc
	          : blob_append_text(
			out, " WHERE rowid > ?1 ORDER BY rowid LIMIT ?2");
}

int sqlite_sql_keys(const struct collection *collection, uint32_t columns,
                    struct blob *out)
{
	const char *key = key_column(collection);

	(void)columns;
	return blob_printf(out,
	                   "SELECT \"%s\" FROM \"%s\" WHERE \"%s\" >= ?1 "
	                   "ORDER BY \"%s\"",
	                   key, collection->place, key, key);
}

int sqlite_sql_locate(const struct collection *collection, uint32_t columns,
                      struct blob *out)
{
	int rc =
	    blob_printf(out, "SELECT rowid FROM \"%s\"", collection->place);

	(void)columns;
	return rc ? rc : append_where_key(collection, out);
}

int sqlite_sql_stamp(const struct collection *collection, uint32_t columns,
                     struct blob *out)
{
	const struct field_row *row =
	    collection_field(collection, collection->timestamp);

	(void)columns;
	return blob_printf(out, "SELECT \"%s\" FROM \"%s\" WHERE rowid = ?1",
	                   row->place, collection->place);
}

int sqlite_sql_newest(const struct collection *collection, uint32_t columns,
                      struct blob *out)
{
	(void)columns;
	return blob_printf(out,
	                   "SELECT rowid FROM \"%s\" WHERE length(\"%s\") > 0 "
	                   "ORDER BY rowid DESC LIMIT 1",
	                   collection->place, sqlite_sql_blob(collection));
}

int sqlite_sql_fresh(const struct collection *collection, uint32_t columns,
                     struct blob *out)
{
	(void)columns;
	return blob_printf(
	    out,
	    "SELECT 1 + max(ifnull((SELECT max(rowid) FROM \"%s\"), 0), "
	    "ifnull((SELECT seq FROM sqlite_sequence WHERE name = '%s'), "
	    "0))",
	    collection->place, collection->place);
}

static const char *column_name(const struct collection *collection, int bit)
{
	switch (bit) {
	case SQLITE_BLOB_BIT:
		return sqlite_sql_blob(collection);
	case SQLITE_KEY_BIT:
		return collection->key_field;
	case SQLITE_ID_BIT:
		return "rowid";
	default:
		return collection->fields[bit].place;
	}
}

typedef int append_column_fn(const char *name, int bit, struct blob *out);

static int append_name(const char *name, int bit, struct blob *out)
{
	(void)bit;
	return blob_printf(out, "\"%s\"", name);
}

static int append_parameter(const char *name, int bit, struct blob *out)
{
	(void)name;
	return blob_printf(out, "?%d", bit + 1);
}

static int append_assignment(const char *name, int bit, struct blob *out)
{
	return blob_printf(out, "\"%s\" = ?%d", name, bit + 1);
}

static int append_columns(const struct collection *collection, uint32_t columns,
                          append_column_fn *append, struct blob *out)
{
	const char *comma = "";
	int rc = 0;

	for (int bit = 0; rc == 0 && bit < 32; bit++) {
		if (!(columns & SQLITE_COLUMN(bit)))
			continue;
		rc = blob_append_text(out, comma);
		if (rc == 0)
			rc = append(column_name(collection, bit), bit, out);
		comma = ", ";
	}
	return rc;
}

int sqlite_sql_insert(const struct collection *collection, uint32_t columns,
                      struct blob *out)
{
	int rc = blob_printf(out, "INSERT INTO \"%s\" (", collection->place);

	if (rc == 0)
		rc = append_columns(collection, columns, append_name, out);
	if (rc == 0)
		rc = blob_append_text(out, ") VALUES (");
	if (rc == 0)
		rc = append_columns(collection, columns, append_parameter, out);
	return rc ? rc : blob_append_text(out, ")");
}

int sqlite_sql_update(const struct collection *collection, uint32_t columns,
                      struct blob *out)
{
	int rc = blob_printf(out, "UPDATE \"%s\" SET ", collection->place);

	if (rc == 0)
		rc =
		    append_columns(collection, columns, append_assignment, out);
	return rc ? rc : blob_printf(out, " WHERE rowid = ?%d", SQLITE_WHERE);
}

int sqlite_sql_delete(const struct collection *collection, uint32_t columns,
                      struct blob *out)
{
	(void)columns;
	return blob_printf(out, "DELETE FROM \"%s\" WHERE rowid = ?1",
	                   collection->place);
}

int sqlite_sql_use_number(const struct collection *collection, uint32_t columns,
                          struct blob *out)
{
	(void)columns;
	return blob_printf(out,
	                   "UPDATE sqlite_sequence SET seq = max(seq, ?1) "
	                   "WHERE name = '%s'",
	                   collection->place);
}
