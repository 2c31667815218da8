/* SPDX-License-Identifier: MIT */
#include "backends/dtype_kind.h"

#include "backends/literal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A type as the second item of a field has it: with a sub-array's shape. */
struct shaped {
	struct dtype dtype;
	int ndim;
	uint64_t shape[ARRAY_MAX_DIMS];
};

static int build_type(const struct value *descr, int depth, struct shaped *out,
                      char *why);

static int bad(char *why, const char *what, const char *text, size_t size)
{
	if (why)
		snprintf(why, WHY_SIZE, "dtype: %s \"%.*s\"", what,
		         size < 80 ? (int)size : 80, text ? text : "");
	return -EINVAL;
}

/* Decimal digits up to a character that is none.  -ENOENT: no digits. */
static int take_number(const char **text, const char *end, uint64_t *out)
{
	uint64_t number = 0;
	const char *start = *text;

	for (; *text < end && **text >= '0' && **text <= '9'; (*text)++) {
		number = number * 10 + (uint64_t)(**text - '0');
		if (number > DTYPE_MAX_ITEMSIZE)
			return -EINVAL;
	}
	if (*text == start)
		return -ENOENT;
	*out = number;
	return 0;
}

static int set_unit(struct dtype *dtype, uint64_t count, const char *unit)
{
	if (count == 1)
		snprintf(dtype->unit, sizeof(dtype->unit), "%s", unit);
	else
		snprintf(dtype->unit, sizeof(dtype->unit), "%" PRIu64 "%s",
		         count, unit);
	return 0;
}

/* "[25us]"; a count of 1 is left out, as numpy does. */
static int parse_unit(const char *text, const char *end, struct dtype *dtype)
{
	static const char *const units[] = { "Y",  "M",  "W",  "D",  "h",
		                             "m",  "s",  "ms", "us", "ns",
		                             "ps", "fs", "as" };
	uint64_t count = 1;
	size_t size;

	if (end - text < 3 || text[0] != '[' || end[-1] != ']')
		return -EINVAL;
	text++;
	end--;
	if (end - text == 7 && memcmp(text, "generic", 7) == 0)
		return 0;
	if (take_number(&text, end, &count) == -EINVAL || count == 0)
		return -EINVAL;
	size = (size_t)(end - text);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strlen(units[i]) == size &&
		    memcmp(units[i], text, size) == 0)
			return set_unit(dtype, count, units[i]);
	return -EINVAL;
}

/* What follows the size: a unit of time, or nothing. */
static int finish_plain(const struct dtype_kind *kind, uint64_t itemsize,
                        const char *text, const char *end, struct dtype *out)
{
	struct dtype dtype;
	int rc;

	if (!dtype_kind_fits(kind, itemsize))
		return -EINVAL;
	dtype_plain(&dtype, kind->kind, itemsize);
	if (text != end) {
		rc = kind->timed ? parse_unit(text, end, &dtype) : -EINVAL;
		if (rc)
			return rc;
	}
	*out = dtype;
	return 0;
}

/* float64, datetime64[ns] */
static int parse_named(const struct dtype_kind *kind, const char *text,
                       const char *end, struct dtype *out)
{
	uint64_t bits = kind->timed ? 64 : 8;

	text += strlen(kind->name);
	if (kind->sized && (take_number(&text, end, &bits) || bits % 8))
		return -EINVAL;
	return finish_plain(kind, bits / 8, text, end, out);
}

/* f8, S5, ? and M8[ns], behind a byte order. */
static int parse_code(char order, const char *text, const char *end,
                      struct dtype *out)
{
	const struct dtype_kind *kind;
	uint64_t number = 1;
	int rc;

	if (end - text == 1 && *text == '?')
		return finish_plain(dtype_kind_find('b'), 1, end, end, out);
	kind = text < end ? dtype_kind_find(*text) : NULL;
	if (!kind)
		return -EINVAL;
	text++;
	rc = take_number(&text, end, &number);
	if (rc == -ENOENT && kind->sizes == 0) {
		number = 0;
		rc = 0;
	}
	if (rc == 0)
		rc = finish_plain(kind, number * kind->divisor, text, end, out);
	if (rc)
		return -EINVAL;
	if (out->order != '|' && order == '>')
		out->order = '>';
	return 0;
}

static int parse_plain(const char *text, size_t size, struct dtype *out,
                       char *why)
{
	const char *end = text + size;
	const char *at = text;
	const struct dtype_kind *named = dtype_kind_named(text, size);
	char order = '=';

	if (named && parse_named(named, text, end, out) == 0)
		return 0;
	if (size && (*at == '<' || *at == '>' || *at == '|' || *at == '='))
		order = *at++;
	if (end > at && *at == 'O')
		return bad(why, "objects are not supported:", text, size);
	if (parse_code(order, at, end, out))
		return bad(why, "unknown type", text, size);
	return 0;
}

static int append_dimension(struct shaped *shaped, const struct value *size)
{
	if (size->type != VALUE_INT || size->integer < 0 ||
	    shaped->ndim == ARRAY_MAX_DIMS)
		return -EINVAL;
	shaped->shape[shaped->ndim++] = (uint64_t)size->integer;
	return 0;
}

/* Put SHAPE, a tuple or an int, in front of what SHAPED has. */
static int prepend_shape(struct shaped *shaped, const struct value *shape)
{
	struct shaped front = { 0 };
	int rc = 0;

	if (shape->type != VALUE_TUPLE)
		rc = append_dimension(&front, shape);
	for (size_t i = 0;
	     shape->type == VALUE_TUPLE && rc == 0 && i < shape->list.count;
	     i++)
		rc = append_dimension(&front, shape->list.items[i]);
	if (rc || front.ndim + shaped->ndim > ARRAY_MAX_DIMS)
		return -EINVAL;
	memmove(shaped->shape + front.ndim, shaped->shape,
	        (size_t)shaped->ndim * sizeof(shaped->shape[0]));
	memcpy(shaped->shape, front.shape,
	       (size_t)front.ndim * sizeof(front.shape[0]));
	shaped->ndim += front.ndim;
	return 0;
}

/* (type, shape) */
static int build_shaped(const struct value *type, const struct value *shape,
                        int depth, struct shaped *out, char *why)
{
	int rc = build_type(type, depth, out, why);

	if (rc == 0 && prepend_shape(out, shape)) {
		dtype_release(&out->dtype);
		rc = bad(why, "bad sub-array shape", "", 0);
	}
	return rc;
}

/* Bytes of an element of SHAPED, in an itemsize's bounds. */
static int measure(const struct shaped *shaped, uint64_t *out)
{
	uint64_t bytes = shaped->dtype.itemsize;

	for (int i = 0; i < shaped->ndim; i++)
		if (__builtin_mul_overflow(bytes, shaped->shape[i], &bytes))
			return -EINVAL;
	if (bytes > DTYPE_MAX_ITEMSIZE)
		return -EINVAL;
	*out = bytes;
	return 0;
}

static char *text_of(const struct value *value)
{
	if (value->type != VALUE_TEXT ||
	    strlen(value->text.data) != value->text.size)
		return NULL;
	return strdup(value->text.data);
}

/* 'name' or ('title', 'name') */
static int build_names(const struct value *value, struct dtype_field *field,
                       char *why)
{
	if (value->type == VALUE_TUPLE && value->list.count == 2) {
		field->title = text_of(value->list.items[0]);
		field->name = text_of(value->list.items[1]);
		if (!field->title)
			return bad(why, "bad title of a field", "", 0);
	} else {
		field->name = text_of(value);
	}
	return field->name ? 0 : bad(why, "bad name of a field", "", 0);
}

/* Append one field, of (name, type) or (name, type, shape), to OUT. */
static int build_field(const struct value *tuple, int depth, struct dtype *out,
                       char *why)
{
	struct dtype_field *field = &out->fields[out->field_count];
	struct value **items = tuple->list.items;
	struct shaped shaped = { 0 };
	uint64_t bytes;
	int rc;

	if (tuple->type != VALUE_TUPLE || tuple->list.count < 2 ||
	    tuple->list.count > 3)
		return bad(why,
		           "a field is (name, type) or "
		           "(name, type, shape)",
		           "", 0);
	field->type = calloc(1, sizeof(*field->type));
	if (!field->type)
		return -ENOMEM;
	out->field_count++;
	rc = build_names(items[0], field, why);
	if (rc == 0)
		rc = tuple->list.count == 3
		         ? build_shaped(items[1], items[2], depth, &shaped, why)
		         : build_type(items[1], depth, &shaped, why);
	if (rc)
		return rc;
	*field->type = shaped.dtype;
	field->ndim = shaped.ndim;
	memcpy(field->shape, shaped.shape, sizeof(field->shape));
	field->offset = out->itemsize;
	if (measure(&shaped, &bytes) ||
	    out->itemsize + bytes > DTYPE_MAX_ITEMSIZE)
		return bad(why, "too large: field", field->name,
		           strlen(field->name));
	out->itemsize += bytes;
	return 0;
}

/* Add NAME to NAMES unless it is padding's. */
static int check_name(struct value *names, const char *name, char *why)
{
	if (!*name)
		return 0;
	if (value_dict_get(names, name))
		return bad(why, "two fields have the name", name, strlen(name));
	return value_dict_set(names, name, value_new_null());
}

static int build_structure(const struct value *list, int depth,
                           struct dtype *out, char *why)
{
	struct dtype dtype = { .kind = 'V', .order = '|' };
	struct value *names = value_new_dict();
	int rc = 0;

	dtype.fields = calloc(list->list.count + 1, sizeof(*dtype.fields));
	if (!dtype.fields || !names)
		rc = -ENOMEM;
	for (size_t i = 0; rc == 0 && i < list->list.count; i++) {
		rc = build_field(list->list.items[i], depth, &dtype, why);
		if (rc == 0)
			rc = check_name(names, dtype.fields[i].name, why);
	}
	value_unref(names);
	if (rc) {
		dtype_release(&dtype);
		return rc;
	}
	*out = dtype;
	return 0;
}

static int build_type(const struct value *descr, int depth, struct shaped *out,
                      char *why)
{
	struct shaped shaped = { 0 };
	int rc;

	if (depth == DTYPE_MAX_DEPTH)
		return bad(why, "nested too deeply", "", 0);
	if (descr->type == VALUE_TUPLE && descr->list.count == 2)
		return build_shaped(descr->list.items[0], descr->list.items[1],
		                    depth + 1, out, why);
	if (descr->type == VALUE_TEXT)
		rc = parse_plain(descr->text.data, descr->text.size,
		                 &shaped.dtype, why);
	else if (descr->type == VALUE_LIST)
		rc = build_structure(descr, depth + 1, &shaped.dtype, why);
	else
		rc = bad(why, "neither a text nor a list of fields", "", 0);
	if (rc == 0)
		*out = shaped;
	return rc;
}

int dtype_from_literal(const struct value *descr, struct dtype *out,
                       char why[WHY_SIZE])
{
	struct shaped shaped;
	int rc = build_type(descr, 0, &shaped, why);

	if (rc)
		return rc;
	if (shaped.ndim) {
		dtype_release(&shaped.dtype);
		return bad(why, "a sub-array outside of a structure", "", 0);
	}
	*out = shaped.dtype;
	return 0;
}

int dtype_parse_descr(const char *text, size_t size, struct dtype *out,
                      char why[WHY_SIZE])
{
	struct value *descr;
	int rc = literal_parse(text, size, &descr, why);

	if (rc)
		return rc;
	rc = dtype_from_literal(descr, out, why);
	value_unref(descr);
	return rc;
}

int dtype_parse_name(const char *text, size_t size, struct dtype *out,
                     char why[WHY_SIZE])
{
	if (size && text[0] == '[')
		return dtype_parse_descr(text, size, out, why);
	return parse_plain(text, size, out, why);
}
