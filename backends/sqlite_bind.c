/* SPDX-License-Identifier: MIT */
#include "backends/sqlite_bind.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "backends/change.h"
#include "backends/json.h"
#include "backends/utf8.h"

#define MAX_JSON ((size_t)1000 * 1000 * 1000) /* SQLite's limit of a text */

static bool is_json(const struct field_row *row)
{
	return row->type == FIELD_JSON || row->type == FIELD_DICT;
}

static const char *column_bytes(sqlite3_stmt *stmt, int column, size_t *size)
{
	const char *bytes = sqlite3_column_blob(stmt, column);

	*size = (size_t)sqlite3_column_bytes(stmt, column);
	return bytes ? bytes : "";
}

static struct value *json_column(sqlite3_stmt *stmt, int column)
{
	size_t size;
	const char *text = column_bytes(stmt, column, &size);
	struct value *value;
	char why[WHY_SIZE];

	int rc = json_parse(text, size, JSON_ARRAYS_REFUSE, &value, why);

	if (rc == 0)
		return value;
	return rc == -ENOMEM ? NULL : value_new_text(text, size);
}

static struct value *plain_column(sqlite3_stmt *stmt, int column)
{
	size_t size;
	const char *bytes;

	switch (sqlite3_column_type(stmt, column)) {
	case SQLITE_INTEGER:
		return value_new_int(sqlite3_column_int64(stmt, column));
	case SQLITE_FLOAT:
		return value_new_float(sqlite3_column_double(stmt, column));
	case SQLITE_BLOB:
		bytes = column_bytes(stmt, column, &size);
		return value_new_bytes(bytes, size);
	default:
		bytes = column_bytes(stmt, column, &size);
		return value_new_text(bytes, size);
	}
}

static struct value *null_column(const struct field_row *row)
{
	return row->type == FIELD_DICT ? value_new_dict() : value_new_null();
}

int sqlite_column_field(sqlite3_stmt *stmt, int column,
                        const struct field_row *row, struct value **out)
{
	bool is_null = sqlite3_column_type(stmt, column) == SQLITE_NULL;
	struct value *value;

	if (is_null && !is_json(row)) {
		*out = NULL;
		return 0;
	}
	if (is_null)
		value = null_column(row);
	else if (is_json(row))
		value = json_column(stmt, column);
	else
		value = plain_column(stmt, column);
	if (!value)
		return -ENOMEM;
	*out = value;
	return 0;
}

static int code_to_errno(int code)
{
	static const struct {
		int code;
		int error;
	} errors[] = {
		{ SQLITE_OK, 0 },
		{ SQLITE_NOMEM, -ENOMEM },
		{ SQLITE_TOOBIG, -EFBIG },
	};

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i].code == code)
			return errors[i].error;
	return -EIO;
}

static int bind_json(sqlite3_stmt *stmt, int parameter,
                     const struct value *value)
{
	struct blob text = { 0 };
	int rc = json_append(value, JSON_STYLE_PYTHON, JSON_ARRAYS_REFUSE,
	                     MAX_JSON, &text);

	if (rc == 0)
		rc = code_to_errno(
		    sqlite3_bind_text64(stmt, parameter, text.data, text.size,
		                        SQLITE_TRANSIENT, SQLITE_UTF8));
	blob_release(&text);
	return rc;
}

int sqlite_bind_plain(sqlite3_stmt *stmt, int parameter,
                      const struct value *value)
{
	switch (value ? value->type : VALUE_NULL) {
	case VALUE_BOOL:
		return code_to_errno(
		    sqlite3_bind_int(stmt, parameter, value->boolean));
	case VALUE_INT:
		return code_to_errno(
		    sqlite3_bind_int64(stmt, parameter, value->integer));
	case VALUE_FLOAT:
		return code_to_errno(
		    sqlite3_bind_double(stmt, parameter, value->real));
	case VALUE_TEXT:
		return code_to_errno(sqlite3_bind_text64(
		    stmt, parameter, value->text.data ? value->text.data : "",
		    value->text.size, SQLITE_STATIC, SQLITE_UTF8));
	case VALUE_BYTES:
		return sqlite_bind_bytes(stmt, parameter, &value->text);
	default:
		return code_to_errno(sqlite3_bind_null(stmt, parameter));
	}
}

int sqlite_bind_field(sqlite3_stmt *stmt, int parameter,
                      const struct field_row *row, const struct value *value,
                      char why[WHY_SIZE])
{
	if (is_json(row))
		return bind_json(stmt, parameter, value);
	if (value->type == VALUE_FLOAT && isnan(value->real)) {
		snprintf(why, WHY_SIZE, "%s: SQLite has no NaN", row->name);
		return -EINVAL;
	}
	if (value->type == VALUE_BIGINT || value_is_list(value) ||
	    value->type == VALUE_DICT || value->type == VALUE_ARRAY) {
		snprintf(why, WHY_SIZE,
		         "%s: not a number or a text that SQLite"
		         " can hold",
		         row->name);
		return -EINVAL;
	}
	return sqlite_bind_plain(stmt, parameter, value);
}

int sqlite_bind_bytes(sqlite3_stmt *stmt, int parameter,
                      const struct blob *bytes)
{
	return code_to_errno(sqlite3_bind_blob64(stmt, parameter,
	                                         bytes->data ? bytes->data : "",
	                                         bytes->size, SQLITE_STATIC));
}

int sqlite_key_number(struct key key, int64_t *out)
{
	bool negative = key.size > 1 && key.data[0] == '-';
	int rc;

	if (negative)
		key = (struct key){ key.data + 1, key.size - 1 };
	rc = change_key_number(key, out);
	if (rc == 0 && negative)
		*out = -*out;
	return rc;
}

int sqlite_bind_key(sqlite3_stmt *stmt, const struct collection *collection,
                    struct key key)
{
	int64_t number;
	int code;

	if (collection_is_numbered(collection)) {
		if (sqlite_key_number(key, &number) != 0)
			return -ENOENT;
		return code_to_errno(sqlite3_bind_int64(stmt, 1, number));
	}
	code = sqlite3_bind_text64(stmt, 1, key.size ? key.data : "", key.size,
	                           SQLITE_STATIC, SQLITE_UTF8);
	if (code == SQLITE_OK)
		code = sqlite3_bind_blob64(stmt, 2, key.size ? key.data : "",
		                           key.size, SQLITE_STATIC);
	return code_to_errno(code);
}

/* A text that is not UTF-8 would stop Python's sqlite3 from reading rows. */
int sqlite_bind_new_key(sqlite3_stmt *stmt, int parameter, struct key key)
{
	const char *data = key.size ? key.data : "";

	if (utf8_is_valid(data, key.size))
		return code_to_errno(
		    sqlite3_bind_text64(stmt, parameter, data, key.size,
		                        SQLITE_STATIC, SQLITE_UTF8));
	return code_to_errno(sqlite3_bind_blob64(stmt, parameter, data,
	                                         key.size, SQLITE_STATIC));
}

int sqlite_column_key(sqlite3_stmt *stmt, int column, struct blob *out)
{
	size_t size;
	const char *bytes = column_bytes(stmt, column, &size);

	return blob_append(out, bytes, size);
}
