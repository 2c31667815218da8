/* SPDX-License-Identifier: MIT */
#include "backends/pickle_numpy.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/utf8.h"

int dtype_new(struct machine *machine, const struct dtype *plain,
              struct object **out)
{
	int rc = machine_charge(machine, sizeof(*(*out)->dtype));

	if (rc == 0)
		rc = machine_new(machine, OBJECT_DTYPE, out);
	if (rc)
		return rc;
	(*out)->dtype = calloc(1, sizeof(*(*out)->dtype));
	if (!(*out)->dtype)
		return -ENOMEM;
	(*out)->dtype->type = *plain;
	return 0;
}

/* dtype('f8', align, copy) */
int dtype_call(struct machine *machine, const struct object *args)
{
	struct object *object;
	struct dtype type;
	struct span text;
	int rc;

	if (!object_to_span(object_item(args, 0), &text) || text.size == 0 ||
	    text.data[0] == '[')
		return -ENOTSUP;
	if (text.data[0] == 'O')
		machine_refuse(machine,
		               "pickle: a numpy array of Python objects");
	rc = dtype_parse_name((const char *)text.data, text.size, &type, NULL);
	if (rc)
		return -ENOTSUP;
	rc = dtype_new(machine, &type, &object);
	return rc ? rc : machine_push(machine, object);
}

static bool is_none(const struct object *object)
{
	return object && object->kind == OBJECT_VALUE &&
	       object->value->type == VALUE_NULL;
}

/* A copy of the text OBJECT, as a field's name or title. */
static int copy_name(const struct object *object, char **out)
{
	struct span text;

	if (!object_to_span(object, &text) || text.size == 0 ||
	    memchr(text.data, '\0', text.size) ||
	    !utf8_is_valid((const char *)text.data, text.size))
		return -ENOTSUP;
	*out = strndup((const char *)text.data, text.size);
	return *out ? 0 : -ENOMEM;
}

/* The (dtype, offset) of NAME in FIELDS, searched from *AT on: numpy writes
 * them in order. */
static int find_field(struct machine *machine, const struct object *fields,
                      const struct object *name, size_t *at,
                      const struct object **out)
{
	size_t pairs = fields->list.count / 2;

	for (size_t i = 0; i < pairs; i++) {
		size_t pair = (*at + i) % pairs;
		const struct object *key = fields->list.items[2 * pair];
		int rc = machine_charge(machine, 16);

		if (rc)
			return rc;
		if (object_has_bytes(key) &&
		    key->span.size == name->span.size &&
		    memcmp(key->span.data, name->span.data, key->span.size) ==
		        0) {
			*at = pair + 1;
			*out = fields->list.items[2 * pair + 1];
			return 0;
		}
	}
	return machine_invalid(machine, "a field of a dtype is missing");
}

/* Append bytes that no field uses up to OFFSET. */
static int append_padding(struct object_dtype *dtype, uint64_t *end,
                          uint64_t offset)
{
	struct dtype_field *field =
	    &dtype->type.fields[dtype->type.field_count];

	if (offset == *end)
		return 0;
	if (offset < *end)
		return -ENOTSUP; /* npy has no words for it either */
	field->name = strdup("");
	field->type = calloc(1, sizeof(*field->type));
	field->offset = *end;
	dtype->type.field_count++;
	if (!field->name || !field->type)
		return -ENOMEM;
	dtype_plain(field->type, 'V', offset - *end);
	*end = offset;
	return 0;
}

/* Bytes of one field of type DTYPE.  -ENOTSUP: beyond what numpy has. */
static int measure_field(const struct object_dtype *dtype, uint64_t *out)
{
	uint64_t size = dtype->type.itemsize;

	for (int i = 0; i < dtype->ndim; i++)
		if (__builtin_mul_overflow(size, dtype->shape[i], &size) ||
		    size > INT32_MAX)
			return -ENOTSUP;
	*out = size;
	return 0;
}

static int append_field(struct machine *machine, struct object_dtype *dtype,
                        const struct object *name, const struct object *place,
                        uint64_t *end)
{
	const struct object *type = object_item(place, 0);
	const struct object *title = object_item(place, 2);
	struct dtype_field *field;
	uint64_t size = 0;
	int64_t offset;
	int rc;

	if (!type || type->kind != OBJECT_DTYPE ||
	    !object_to_int(object_item(place, 1), &offset) || offset < 0 ||
	    offset > INT32_MAX)
		return -ENOTSUP;
	rc = append_padding(dtype, end, (uint64_t)offset);
	if (rc == 0)
		rc = measure_field(type->dtype, &size);
	dtype->field_count += type->dtype->field_count + 2;
	if (type->dtype->depth + 1 > dtype->depth)
		dtype->depth = type->dtype->depth + 1;
	if (rc == 0 && (dtype->field_count > PICKLE_MAX_FIELDS ||
	                dtype->depth > DTYPE_MAX_DEPTH))
		rc = machine_invalid(machine, "a dtype of too many fields");
	if (rc == 0)
		rc = machine_charge(machine, (type->dtype->field_count + 1) *
		                                 sizeof(*field));
	if (rc)
		return rc;
	field = &dtype->type.fields[dtype->type.field_count++];
	field->offset = (uint64_t)offset;
	field->ndim = type->dtype->ndim;
	memcpy(field->shape, type->dtype->shape, sizeof(field->shape));
	*end += size;
	rc = copy_name(name, &field->name);
	if (rc == 0 && title)
		rc = copy_name(title, &field->title);
	if (rc == 0 && !(field->type = calloc(1, sizeof(*field->type))))
		rc = -ENOMEM;
	return rc ? rc : dtype_copy(field->type, &type->dtype->type);
}

/* Fill OUT, a structured type of SIZE bytes, from names and fields. */
static int make_fields(struct machine *machine, const struct object *names,
                       const struct object *fields, uint64_t size,
                       struct object_dtype *out)
{
	size_t count = names->list.count;
	uint64_t end = 0;
	size_t at = 0;
	int rc;

	if (count > PICKLE_MAX_FIELDS)
		return machine_invalid(machine, "a dtype of too many fields");
	rc = machine_charge(machine,
	                    (2 * count + 1) * sizeof(*out->type.fields));
	if (rc)
		return rc;
	dtype_plain(&out->type, 'V', size);
	out->type.fields = calloc(2 * count + 1, sizeof(*out->type.fields));
	if (!out->type.fields)
		return -ENOMEM;
	for (size_t i = 0; rc == 0 && i < count; i++) {
		const struct object *name = names->list.items[i];
		const struct object *place = NULL;

		if (!object_has_bytes(name))
			return -ENOTSUP;
		rc = find_field(machine, fields, name, &at, &place);
		if (rc == 0)
			rc = append_field(machine, out, name, place, &end);
	}
	if (rc == 0 && end > size)
		rc =
		    machine_invalid(machine, "a dtype shorter than its fields");
	return rc ? rc : append_padding(out, &end, size);
}

/* A sub-array of (dtype, shape). */
static int make_subarray(const struct object *state, uint64_t size,
                         struct object_dtype *out)
{
	const struct object *base = object_item(state, 0);
	uint64_t measured = 0;
	int rc;

	if (!base || base->kind != OBJECT_DTYPE || base->dtype->ndim)
		return -ENOTSUP;
	rc = array_parse_shape(object_item(state, 1), out->shape, &out->ndim);
	if (rc)
		return -ENOTSUP;
	out->depth = base->dtype->depth;
	out->field_count = base->dtype->field_count;
	rc = dtype_copy(&out->type, &base->dtype->type);
	if (rc == 0)
		rc = measure_field(out, &measured);
	return rc ? rc : measured == size ? 0 : -ENOTSUP;
}

/* (b'us', 25, 1, 1) is M8[25us]. */
static int parse_unit(const struct object *state, struct dtype *type)
{
	char name[64];
	struct span unit;
	int64_t count;
	int64_t divisor;

	if (!object_to_span(object_item(state, 0), &unit) || unit.size > 8 ||
	    !object_to_int(object_item(state, 1), &count) ||
	    !object_to_int(object_item(state, 2), &divisor) || divisor != 1)
		return -ENOTSUP;
	if (count == 1)
		snprintf(name, sizeof(name), "%c8[%.*s]", type->kind,
		         (int)unit.size, (const char *)unit.data);
	else
		snprintf(name, sizeof(name), "%c8[%" PRId64 "%.*s]", type->kind,
		         count, (int)unit.size, (const char *)unit.data);
	return dtype_parse_name(name, strlen(name), type, NULL) ? -ENOTSUP : 0;
}

/* Version 3: (3, order, subarray, names, fields, itemsize, alignment, flags);
 * version 4 adds metadata, with a time's unit in it. */
static int make_type(struct machine *machine, const struct object *state,
                     struct object_dtype *out)
{
	const struct object *subarray = object_item(state, 2);
	const struct object *names = object_item(state, 3);
	const struct object *fields = object_item(state, 4);
	int64_t size;

	if (!object_to_int(object_item(state, 5), &size) || size > INT32_MAX)
		return -ENOTSUP;
	if (size >= 0 && !is_none(subarray))
		return make_subarray(subarray, (uint64_t)size, out);
	if (size >= 0 && object_is_sequence(names) &&
	    fields->kind == OBJECT_DICT)
		return make_fields(machine, names, fields, (uint64_t)size, out);
	if (!is_none(subarray) || !is_none(names) ||
	    (size >= 0 && (uint64_t)size != out->type.itemsize))
		return -ENOTSUP;
	if (out->type.kind == 'M' || out->type.kind == 'm')
		return parse_unit(object_item(object_item(state, 8), 1),
		                  &out->type);
	return 0;
}

int dtype_build(struct machine *machine, struct object *object,
                const struct object *state)
{
	struct object_dtype *dtype = object->dtype;
	struct object_dtype made = { .type = dtype->type };
	struct span order;
	int64_t version;
	int rc;

	if (dtype->type.fields || dtype->ndim || !object_is_sequence(state) ||
	    state->list.count < 8 ||
	    !object_to_int(object_item(state, 0), &version) || version < 3 ||
	    version > 4 || !object_to_span(object_item(state, 1), &order) ||
	    order.size != 1)
		return -ENOTSUP;
	rc = make_type(machine, state, &made);
	if (rc) {
		dtype_release(&made.type);
		return rc;
	}
	if (order.data[0] == '>' && made.type.order != '|')
		made.type.order = '>';
	*dtype = made;
	return 0;
}
