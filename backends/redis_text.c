/* SPDX-License-Identifier: MIT */
#include "backends/redis_text.h"

#include "backends/json.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#define TEXT_LIMIT ((size_t)64 << 20)

/* What repr writes and JSON has no word for. */
static const struct {
	const char *text;
	double real;
} odd_floats[] = {
	{ "nan", NAN },
	{ "inf", INFINITY },
	{ "-inf", -INFINITY },
};

#define ODD_FLOATS (sizeof(odd_floats) / sizeof(odd_floats[0]))

static bool text_is(const char *text, size_t size, const char *word)
{
	return size == strlen(word) && memcmp(text, word, size) == 0;
}

static int parse_json(const char *text, size_t size, struct value **out)
{
	char why[WHY_SIZE];

	return json_parse(text, size, JSON_ARRAYS_REFUSE, out, why);
}

static int parse_float(const char *text, size_t size, struct value **out)
{
	struct value *value = NULL;
	double real;
	int rc;

	for (size_t i = 0; i < ODD_FLOATS; i++)
		if (text_is(text, size, odd_floats[i].text)) {
			*out = value_new_float(odd_floats[i].real);
			return *out ? 0 : -ENOMEM;
		}
	rc = parse_json(text, size, &value);
	if (rc == 0)
		rc = value->type == VALUE_BOOL ? -EINVAL
		                               : value_to_double(value, &real);
	value_unref(value);
	if (rc)
		return rc;
	*out = value_new_float(real);
	return *out ? 0 : -ENOMEM;
}

static int parse_int(const char *text, size_t size, struct value **out)
{
	struct value *value = NULL;
	int rc = parse_json(text, size, &value);

	if (rc)
		return rc;
	if (value->type != VALUE_INT && value->type != VALUE_BIGINT) {
		value_unref(value);
		return -EINVAL;
	}
	*out = value;
	return 0;
}

static int parse_dict(const char *text, size_t size, struct value **out)
{
	struct value *value = NULL;
	int rc = parse_json(text, size, &value);

	if (rc)
		return rc;
	if (value->type != VALUE_DICT) {
		value_unref(value);
		return -EINVAL;
	}
	*out = value;
	return 0;
}

static const char *skip_spaces(const char *c, const char *end)
{
	while (c < end && *c == ' ')
		c++;
	return c;
}

static int parse_length(const char **at, const char *end, uint64_t *out)
{
	const char *c = *at;
	uint64_t length = 0;

	if (c == end || *c < '0' || *c > '9')
		return -EINVAL;
	for (; c < end && *c >= '0' && *c <= '9'; c++)
		if (__builtin_mul_overflow(length, 10, &length) ||
		    __builtin_add_overflow(length, (uint64_t)(*c - '0'),
		                           &length))
			return -EINVAL;
	*at = c;
	*out = length;
	return 0;
}

int redis_shape_parse(const char *text, size_t size, int *ndim,
                      uint64_t shape[ARRAY_MAX_DIMS])
{
	const char *end = text + size;
	const char *c = text;
	bool comma = true; /* before the next length, or behind the last */
	int count = 0;

	if (size < 2 || *c++ != '(' || *--end != ')')
		return -EINVAL;
	for (c = skip_spaces(c, end); c < end; c = skip_spaces(c, end)) {
		if (!comma || count == ARRAY_MAX_DIMS ||
		    parse_length(&c, end, &shape[count]))
			return -EINVAL;
		count++;
		c = skip_spaces(c, end);
		comma = c < end && *c == ',';
		c += comma;
	}
	if (count == 1 && !comma)
		return -EINVAL;
	*ndim = count;
	return 0;
}

static int parse_shape(const char *text, size_t size, struct value **out)
{
	uint64_t shape[ARRAY_MAX_DIMS];
	struct value *list;
	int ndim;
	int rc = redis_shape_parse(text, size, &ndim, shape);

	*out = NULL;
	if (rc)
		return 0;
	list = value_new_list(VALUE_LIST);
	if (!list)
		return -ENOMEM;
	for (int i = 0; i < ndim && rc == 0; i++) {
		struct value *item = value_new_int((int64_t)shape[i]);

		rc = item ? value_list_append(list, item) : -ENOMEM;
	}
	if (rc)
		value_unref(list);
	else
		*out = list;
	return rc;
}

static int parse_plain(const char *text, size_t size, struct value **out)
{
	*out = value_new_text(text, size);
	return *out ? 0 : -ENOMEM;
}

int redis_text_parse(const struct field_row *row, const char *text, size_t size,
                     struct value **out)
{
	static int (*const parsers[])(const char *, size_t, struct value **) = {
		[FIELD_FLOAT] = parse_float, [FIELD_INT] = parse_int,
		[FIELD_TEXT] = parse_plain,  [FIELD_JSON] = parse_json,
		[FIELD_DICT] = parse_dict,   [FIELD_NEST] = parse_plain,
		[FIELD_VALUES] = parse_dict,
	};
	int rc;

	if (row->rule == FIELD_SHAPE)
		return parse_shape(text, size, out);
	rc = parsers[row->type](text, size, out);
	return rc == -EINVAL ? parse_plain(text, size, out) : rc;
}

static int append_float(const struct value *value, struct blob *out)
{
	double real;
	int rc = value_to_double(value, &real);

	if (rc)
		return rc;
	for (size_t i = 0; i < ODD_FLOATS; i++)
		if (real == odd_floats[i].real ||
		    (isnan(real) && isnan(odd_floats[i].real)))
			return blob_append_text(out, odd_floats[i].text);
	return json_append_double(real, out);
}

static int append_shape(const struct value *value, struct blob *out)
{
	int rc = value_is_list(value) ? blob_append_text(out, "(") : -EINVAL;

	for (size_t i = 0; rc == 0 && i < value->list.count; i++) {
		int64_t length;

		rc = value_to_int(value->list.items[i], &length);
		if (rc == 0)
			rc = blob_printf(out, "%s%" PRId64, i ? ", " : "",
			                 length);
	}
	if (rc)
		return rc;
	return blob_append_text(out, value->list.count == 1 ? ",)" : ")");
}

int redis_text_append(const struct field_row *row, const struct value *value,
                      struct blob *out)
{
	if (row->rule == FIELD_SHAPE)
		return append_shape(value, out);
	if (row->type == FIELD_FLOAT)
		return append_float(value, out);
	if (row->type == FIELD_TEXT && value->type == VALUE_TEXT)
		return blob_append(out, value->text.data, value->text.size);
	return json_append(value, JSON_STYLE_PYTHON, JSON_ARRAYS_REFUSE,
	                   TEXT_LIMIT, out);
}
