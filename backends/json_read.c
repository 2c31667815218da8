/* SPDX-License-Identifier: MIT */
#include "backends/json_scan.h"

#include "backends/json_forms.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include <json-c/json.h>

struct reader {
	const char *text; /* as it was given */
	struct json_scan scan;
	size_t object; /* how many objects were entered */
	enum json_arrays arrays;
	char *why;
};

static int convert(struct reader *reader, struct json_object *json,
                   struct value **out);

static int hand_out(struct value *value, struct value **out)
{
	if (!value)
		return -ENOMEM;
	*out = value;
	return 0;
}

/* A text with the scanner's marks for NUL taken back. */
static struct value *new_text(const char *text, size_t size)
{
	struct value *value = value_new_text(text, size);
	char *mark = value ? value->text.data : NULL;

	while (mark &&
	       (mark = memchr(mark, JSON_MARK_NUL,
	                      size - (size_t)(mark - value->text.data))))
		*mark++ = '\0';
	return value;
}

static int convert_text(struct json_object *json, struct value **out)
{
	const char *text = json_object_get_string(json);
	size_t size = (size_t)json_object_get_string_len(json);

	if (size && text[0] == JSON_MARK_INTEGER)
		return hand_out(value_new_integer_text(text + 1, size - 1),
		                out);
	return hand_out(new_text(text, size), out);
}

static int convert_list(struct reader *reader, struct json_object *json,
                        struct value **out)
{
	struct value *list = value_new_list(VALUE_LIST);
	size_t count = json_object_array_length(json);
	int rc = list ? 0 : -ENOMEM;

	for (size_t i = 0; rc == 0 && i < count; i++) {
		struct value *item = NULL;

		rc = convert(reader, json_object_array_get_idx(json, i), &item);
		if (rc == 0)
			rc = value_list_append(list, item);
	}
	if (rc) {
		value_unref(list);
		return rc;
	}
	*out = list;
	return 0;
}

static int convert_pairs(struct reader *reader, struct json_object *json,
                         struct value *dict)
{
	struct json_object_iterator at = json_object_iter_begin(json);
	struct json_object_iterator end = json_object_iter_end(json);

	for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at)) {
		const char *key = json_object_iter_peek_name(&at);
		struct value *item;
		int rc =
		    convert(reader, json_object_iter_peek_value(&at), &item);

		if (rc == 0)
			rc = value_dict_add(dict, new_text(key, strlen(key)),
			                    item);
		if (rc)
			return rc;
	}
	return 0;
}

static int convert_object(struct reader *reader, struct json_object *json,
                          struct value **out)
{
	struct json_object_span span = reader->scan.objects[reader->object++];
	struct value *dict;
	int rc;

	if (span.members != (size_t)json_object_object_length(json))
		return json_bad_twice(reader->text, span.start, reader->why);
	dict = value_new_dict();
	rc = dict ? convert_pairs(reader, json, dict) : -ENOMEM;
	if (rc == 0)
		rc = json_form_read(&dict, reader->arrays);
	if (rc) {
		value_unref(dict);
		return rc;
	}
	*out = dict;
	return 0;
}

static int convert(struct reader *reader, struct json_object *json,
                   struct value **out)
{
	switch (json_object_get_type(json)) {
	case json_type_null:
		return hand_out(value_new_null(), out);
	case json_type_boolean:
		return hand_out(value_new_bool(json_object_get_boolean(json)),
		                out);
	case json_type_int:
		return hand_out(value_new_int(json_object_get_int64(json)),
		                out);
	case json_type_double:
		return hand_out(value_new_float(json_object_get_double(json)),
		                out);
	case json_type_string:
		return convert_text(json, out);
	case json_type_array:
		return convert_list(reader, json, out);
	case json_type_object:
		return convert_object(reader, json, out);
	}
	return -EINVAL;
}

/* The one value in the scanned text. */
static int tokenize(struct reader *reader, size_t size,
                    struct json_object **out)
{
	const struct blob *text = &reader->scan.text;
	struct json_tokener *tokener;
	enum json_tokener_error error;
	size_t position;

	if (text->size >= INT_MAX)
		return json_bad(reader->text, 0, "more than 2 GB of text",
		                reader->why);
	tokener = json_tokener_new_ex(reader->scan.depth + 2);
	if (!tokener)
		return -ENOMEM;
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	/* The NUL behind the text ends a number. */
	*out = json_tokener_parse_ex(tokener, text->data, (int)text->size + 1);
	error = json_tokener_get_error(tokener);
	position = json_tokener_get_parse_end(tokener);
	json_tokener_free(tokener);
	if (error == json_tokener_success)
		return 0;
	position = json_scan_origin(reader->text, size, position);
	return json_bad(reader->text, position, json_tokener_error_desc(error),
	                reader->why);
}

/* What most JSON columns of a lab hold. */
static bool is_empty_object(const char *text, size_t size)
{
	return size == 2 && memcmp(text, "{}", 2) == 0;
}

int json_parse(const char *text, size_t size, enum json_arrays arrays,
               struct value **out, char why[WHY_SIZE])
{
	struct reader reader = { .text = text, .arrays = arrays, .why = why };
	struct json_object *json = NULL;
	int rc;

	if (is_empty_object(text, size))
		return hand_out(value_new_dict(), out);
	rc = json_scan(text, size, &reader.scan, why);
	if (rc)
		return rc;
	rc = tokenize(&reader, size, &json);
	if (rc == 0)
		rc = convert(&reader, json, out);
	json_object_put(json);
	json_scan_release(&reader.scan);
	return rc;
}
