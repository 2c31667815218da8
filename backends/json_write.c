/* SPDX-License-Identifier: MIT */
#include "backends/json_writer.h"

#include "backends/base64.h"
#include "backends/json_forms.h"
#include "backends/npy.h"
#include "backends/utf8.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static int write_value(struct json_writer *writer, const struct value *value);

/* Begin a line of the file style. */
static int put_line(struct json_writer *writer)
{
	int rc = json_put_text(writer, "\n");

	for (int i = 0; rc == 0 && i < writer->depth; i++)
		rc = json_put_text(writer, "  ");
	return rc;
}

/* A bracket; COMPACT: what is in it stays on its line. */
static int open_bracket(struct json_writer *writer, const char *bracket,
                        bool compact)
{
	if (writer->depth == JSON_MAX_DEPTH)
		return -EINVAL;
	writer->depth++;
	if (writer->compact || compact || writer->style == JSON_STYLE_PYTHON)
		writer->compact++;
	return json_put_text(writer, bracket);
}

/* What goes before item number INDEX. */
static int next_item(struct json_writer *writer, size_t index)
{
	int rc = 0;

	if (writer->compact)
		return index ? json_put_text(writer, ", ") : 0;
	if (index)
		rc = json_put_text(writer, ",");
	return rc ? rc : put_line(writer);
}

/* COUNT items came before this bracket. */
static int close_bracket(struct json_writer *writer, const char *bracket,
                         size_t count)
{
	int rc = 0;

	writer->depth--;
	if (writer->compact)
		writer->compact--;
	else if (count)
		rc = put_line(writer);
	return rc ? rc : json_put_text(writer, bracket);
}

static int write_key(struct json_writer *writer, const char *key)
{
	int rc = json_put_string(writer, key, strlen(key));

	return rc ? rc : json_put_text(writer, ": ");
}

/* {"<key>": "<text>"}, on one line */
static int write_form(struct json_writer *writer, const char *key,
                      const char *text, size_t size)
{
	int rc = open_bracket(writer, "{", true);

	if (rc == 0)
		rc = write_key(writer, key);
	if (rc == 0)
		rc = json_put_string(writer, text, size);
	return rc ? rc : close_bracket(writer, "}", 1);
}

static int write_base64(struct json_writer *writer, const char *key,
                        const void *bytes, size_t size)
{
	struct blob text = { 0 };
	int rc = size / 3 >= writer->limit / 4 + 1
	             ? -EFBIG
	             : base64_encode(bytes, size, &text);

	if (rc == 0)
		rc = write_form(writer, key, text.data, text.size);
	blob_release(&text);
	return rc;
}

static int write_array(struct json_writer *writer, const struct array *array)
{
	struct blob npy = { 0 };
	int rc;

	if (writer->arrays == JSON_ARRAYS_REFUSE)
		return -EINVAL;
	if (array->info.nbytes > writer->limit)
		return -EFBIG;
	rc = npy_append(array, &npy);
	if (rc == 0)
		rc = write_base64(writer, "$npy", npy.data, npy.size);
	blob_release(&npy);
	return rc;
}

static int write_number(struct json_writer *writer, const struct value *value)
{
	char text[JSON_NUMBER_SIZE];
	size_t size = value->type == VALUE_INT
	                  ? json_print_int(value->integer, text)
	                  : json_print_double(value->real, text);

	if (value->type == VALUE_FLOAT && !isfinite(value->real) &&
	    writer->style == JSON_STYLE_FILE)
		return write_form(writer, "$float", text, size);
	return json_put(writer, text, size);
}

static bool is_number(const struct value *value)
{
	return value->type == VALUE_INT || value->type == VALUE_FLOAT ||
	       value->type == VALUE_BIGINT;
}

static bool has_only_numbers(const struct value *list)
{
	for (size_t i = 0; i < list->list.count; i++)
		if (!is_number(list->list.items[i]))
			return false;
	return true;
}

static int write_items(struct json_writer *writer, const struct value *list)
{
	int rc = open_bracket(writer, "[", has_only_numbers(list));

	for (size_t i = 0; rc == 0 && i < list->list.count; i++) {
		rc = next_item(writer, i);
		if (rc == 0)
			rc = write_value(writer, list->list.items[i]);
	}
	return rc ? rc : close_bracket(writer, "]", list->list.count);
}

static int write_set(struct json_writer *writer, const char *key,
                     const struct value *set)
{
	int rc = open_bracket(writer, "{", false);

	if (rc == 0)
		rc = next_item(writer, 0);
	if (rc == 0)
		rc = write_key(writer, key);
	if (rc == 0)
		rc = write_items(writer, set);
	return rc ? rc : close_bracket(writer, "}", 1);
}

static int write_pair(struct json_writer *writer, const struct value_pair *pair)
{
	int rc = open_bracket(writer, "[",
	                      is_number(pair->key) && is_number(pair->item));

	if (rc == 0)
		rc = next_item(writer, 0);
	if (rc == 0)
		rc = write_value(writer, pair->key);
	if (rc == 0)
		rc = next_item(writer, 1);
	if (rc == 0)
		rc = write_value(writer, pair->item);
	return rc ? rc : close_bracket(writer, "]", 2);
}

/* {"$dict": [[key, item], ...]} */
static int write_pairs(struct json_writer *writer, const struct value *dict)
{
	int rc = open_bracket(writer, "{", false);

	if (rc == 0)
		rc = next_item(writer, 0);
	if (rc == 0)
		rc = write_key(writer, "$dict");
	if (rc == 0)
		rc = open_bracket(writer, "[", false);
	for (size_t i = 0; rc == 0 && i < dict->dict.count; i++) {
		rc = next_item(writer, i);
		if (rc == 0)
			rc = write_pair(writer, &dict->dict.pairs[i]);
	}
	if (rc == 0)
		rc = close_bracket(writer, "]", dict->dict.count);
	return rc ? rc : close_bracket(writer, "}", 1);
}

static bool is_plain_dict(const struct value *dict, enum json_arrays arrays)
{
	for (size_t i = 0; i < dict->dict.count; i++) {
		const struct value *key = dict->dict.pairs[i].key;

		if (key->type != VALUE_TEXT ||
		    !utf8_is_valid(key->text.data, key->text.size))
			return false;
	}
	return !json_form_is(dict, arrays);
}

/* Member number INDEX of an object; KEY is UTF-8. */
static int write_member(struct json_writer *writer, size_t index,
                        const char *key, size_t size, const struct value *item)
{
	int rc = next_item(writer, index);

	if (rc == 0)
		rc = json_put_string(writer, key, size);
	if (rc == 0)
		rc = json_put(writer, ": ", 2);
	return rc ? rc : write_value(writer, item);
}

static int write_dict(struct json_writer *writer, const struct value *dict)
{
	int rc;

	if (!is_plain_dict(dict, writer->arrays))
		return write_pairs(writer, dict);
	rc = open_bracket(writer, "{", dict->dict.count == 0);
	for (size_t i = 0; rc == 0 && i < dict->dict.count; i++) {
		const struct value_pair *pair = &dict->dict.pairs[i];

		rc = write_member(writer, i, pair->key->text.data,
		                  pair->key->text.size, pair->item);
	}
	return rc ? rc : close_bracket(writer, "}", dict->dict.count);
}

static int write_text(struct json_writer *writer, const struct blob *text)
{
	if (!utf8_is_valid(text->data, text->size))
		return write_base64(writer, "$bytes", text->data, text->size);
	return json_put_string(writer, text->data, text->size);
}

static int write_value(struct json_writer *writer, const struct value *value)
{
	switch (value->type) {
	case VALUE_NULL:
		return json_put_text(writer, "null");
	case VALUE_BOOL:
		return json_put_text(writer, value->boolean ? "true" : "false");
	case VALUE_INT:
	case VALUE_FLOAT:
		return write_number(writer, value);
	case VALUE_BIGINT:
		return json_put(writer, value->text.data, value->text.size);
	case VALUE_TEXT:
		return write_text(writer, &value->text);
	case VALUE_BYTES:
		return write_base64(writer, "$bytes", value->text.data,
		                    value->text.size);
	case VALUE_LIST:
	case VALUE_TUPLE:
		return write_items(writer, value);
	case VALUE_SET:
		return write_set(writer, "$set", value);
	case VALUE_FROZENSET:
		return write_set(writer, "$frozenset", value);
	case VALUE_DICT:
		return write_dict(writer, value);
	case VALUE_ARRAY:
		return write_array(writer, &value->array);
	}
	return -EINVAL;
}

int json_append(const struct value *value, enum json_style style,
                enum json_arrays arrays, size_t limit, struct blob *out)
{
	struct json_writer writer = {
		.out = out, .limit = limit, .style = style, .arrays = arrays
	};
	size_t start = out->size;
	int rc = write_value(&writer, value);

	if (rc == 0 && style == JSON_STYLE_FILE)
		rc = json_put_text(&writer, "\n");
	if (rc && out->data)
		blob_resize(out, start);
	return rc;
}

static int write_file(struct json_writer *writer,
                      const struct json_member *members, size_t count)
{
	int rc = open_bracket(writer, "{", count == 0);

	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = write_member(writer, i, members[i].name,
		                  strlen(members[i].name), members[i].item);
	if (rc == 0)
		rc = close_bracket(writer, "}", count);
	return rc ? rc : json_put_text(writer, "\n");
}

int json_append_file(const struct json_member *members, size_t count,
                     size_t limit, struct blob *out)
{
	struct json_writer writer = { .out = out, .limit = limit };
	size_t start = out->size;
	int rc = write_file(&writer, members, count);

	if (rc && out->data)
		blob_resize(out, start);
	return rc;
}

int json_measure_file(const struct json_member *members, size_t count,
                      size_t limit, uint64_t *size)
{
	struct json_writer writer = { .limit = limit };
	int rc = write_file(&writer, members, count);

	if (rc == 0)
		*size = writer.size;
	return rc;
}
