/* SPDX-License-Identifier: MIT */
#include "backends/json_forms.h"

#include "backends/base64.h"
#include "backends/npy.h"
#include "backends/utf8.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

struct writer {
	struct blob *out;
	size_t start; /* of the text in OUT */
	size_t limit;
	enum json_style style;
	enum json_arrays arrays;
	int depth;   /* brackets that are open */
	int compact; /* of them, those whose items share a line */
};

static int write_value(struct writer *writer, const struct value *value);

static int put(struct writer *writer, const char *text, size_t size)
{
	if (writer->out->size - writer->start + size > writer->limit)
		return -EFBIG;
	return blob_append(writer->out, text, size);
}

static int put_text(struct writer *writer, const char *text)
{
	return put(writer, text, strlen(text));
}

/* Begin a line of the file style. */
static int put_line(struct writer *writer)
{
	int rc = put_text(writer, "\n");

	for (int i = 0; rc == 0 && i < writer->depth; i++)
		rc = put_text(writer, "  ");
	return rc;
}

/* A bracket; COMPACT: what is in it stays on its line. */
static int open_bracket(struct writer *writer, const char *bracket,
                        bool compact)
{
	if (writer->depth == JSON_MAX_DEPTH)
		return -EINVAL;
	writer->depth++;
	if (writer->compact || compact || writer->style == JSON_STYLE_PYTHON)
		writer->compact++;
	return put_text(writer, bracket);
}

/* What goes before item number INDEX. */
static int next_item(struct writer *writer, size_t index)
{
	int rc = 0;

	if (writer->compact)
		return index ? put_text(writer, ", ") : 0;
	if (index)
		rc = put_text(writer, ",");
	return rc ? rc : put_line(writer);
}

/* COUNT items came before this bracket. */
static int close_bracket(struct writer *writer, const char *bracket,
                         size_t count)
{
	int rc = 0;

	writer->depth--;
	if (writer->compact)
		writer->compact--;
	else if (count)
		rc = put_line(writer);
	return rc ? rc : put_text(writer, bracket);
}

static int put_escape(struct writer *writer, uint32_t character)
{
	char text[16];

	if (character > 0xffff) {
		int rc =
		    put_escape(writer, 0xd800 + ((character - 0x10000) >> 10));

		if (rc)
			return rc;
		character = 0xdc00 + (character & 0x3ff);
	}
	snprintf(text, sizeof(text), "\\u%04x", character);
	return put_text(writer, text);
}

static int put_character(struct writer *writer, const char *text, size_t length,
                         uint32_t character)
{
	static const char special[] = "\"\\\b\f\n\r\t";
	static const char *const escapes[] = { "\\\"", "\\\\", "\\b", "\\f",
		                               "\\n",  "\\r",  "\\t" };
	const char *known = memchr(special, (int)character,
	                           character < 0x80 ? sizeof(special) - 1 : 0);

	if (known)
		return put_text(writer, escapes[known - special]);
	if (character < 0x20 || character == 0x7f ||
	    utf8_is_surrogate(character) ||
	    (character > 0x7f && writer->style == JSON_STYLE_PYTHON))
		return put_escape(writer, character);
	return put(writer, text, length);
}

/* Bytes at the start of TEXT that are written as they are. */
static size_t plain_run(const char *text, size_t size)
{
	size_t i = 0;

	while (i < size && text[i] >= 0x20 && text[i] < 0x7f &&
	       text[i] != '"' && text[i] != '\\')
		i++;
	return i;
}

/* TEXT is UTF-8. */
static int write_string(struct writer *writer, const char *text, size_t size)
{
	int rc = put_text(writer, "\"");

	while (rc == 0 && size) {
		uint32_t character;
		size_t length = plain_run(text, size);

		if (length) {
			rc = put(writer, text, length);
		} else {
			length = utf8_decode(text, size, &character);
			rc = put_character(writer, text, length, character);
		}
		text += length;
		size -= length;
	}
	return rc ? rc : put_text(writer, "\"");
}

static int write_key(struct writer *writer, const char *key)
{
	int rc = write_string(writer, key, strlen(key));

	return rc ? rc : put_text(writer, ": ");
}

/* {"<key>": "<text>"}, on one line */
static int write_form(struct writer *writer, const char *key, const char *text,
                      size_t size)
{
	int rc = open_bracket(writer, "{", true);

	if (rc == 0)
		rc = write_key(writer, key);
	if (rc == 0)
		rc = write_string(writer, text, size);
	return rc ? rc : close_bracket(writer, "}", 1);
}

static int write_base64(struct writer *writer, const char *key,
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

static int write_array(struct writer *writer, const struct array *array)
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

static int write_number(struct writer *writer, const struct value *value)
{
	struct blob text = { 0 };
	int rc;

	if (value->type == VALUE_INT)
		rc = blob_printf(&text, "%lld", (long long)value->integer);
	else
		rc = json_append_double(value->real, &text);
	if (rc == 0 && value->type == VALUE_FLOAT && !isfinite(value->real) &&
	    writer->style == JSON_STYLE_FILE)
		rc = write_form(writer, "$float", text.data, text.size);
	else if (rc == 0)
		rc = put(writer, text.data, text.size);
	blob_release(&text);
	return rc;
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

static int write_items(struct writer *writer, const struct value *list)
{
	int rc = open_bracket(writer, "[", has_only_numbers(list));

	for (size_t i = 0; rc == 0 && i < list->list.count; i++) {
		rc = next_item(writer, i);
		if (rc == 0)
			rc = write_value(writer, list->list.items[i]);
	}
	return rc ? rc : close_bracket(writer, "]", list->list.count);
}

static int write_set(struct writer *writer, const char *key,
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

static int write_pair(struct writer *writer, const struct value_pair *pair)
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
static int write_pairs(struct writer *writer, const struct value *dict)
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

static int write_dict(struct writer *writer, const struct value *dict)
{
	int rc;

	if (!is_plain_dict(dict, writer->arrays))
		return write_pairs(writer, dict);
	rc = open_bracket(writer, "{", dict->dict.count == 0);
	for (size_t i = 0; rc == 0 && i < dict->dict.count; i++) {
		const struct value_pair *pair = &dict->dict.pairs[i];

		rc = next_item(writer, i);
		if (rc == 0)
			rc = write_string(writer, pair->key->text.data,
			                  pair->key->text.size);
		if (rc == 0)
			rc = put_text(writer, ": ");
		if (rc == 0)
			rc = write_value(writer, pair->item);
	}
	return rc ? rc : close_bracket(writer, "}", dict->dict.count);
}

static int write_text(struct writer *writer, const struct blob *text)
{
	if (!utf8_is_valid(text->data, text->size))
		return write_base64(writer, "$bytes", text->data, text->size);
	return write_string(writer, text->data, text->size);
}

static int write_value(struct writer *writer, const struct value *value)
{
	switch (value->type) {
	case VALUE_NULL:
		return put_text(writer, "null");
	case VALUE_BOOL:
		return put_text(writer, value->boolean ? "true" : "false");
	case VALUE_INT:
	case VALUE_FLOAT:
		return write_number(writer, value);
	case VALUE_BIGINT:
		return put(writer, value->text.data, value->text.size);
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
	struct writer writer = { .out = out,
		                 .start = out->size,
		                 .limit = limit,
		                 .style = style,
		                 .arrays = arrays };
	int rc = write_value(&writer, value);

	if (rc == 0 && style == JSON_STYLE_FILE)
		rc = put_text(&writer, "\n");
	if (rc && out->data)
		blob_resize(out, writer.start);
	return rc;
}
