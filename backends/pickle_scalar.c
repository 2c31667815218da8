/* SPDX-License-Identifier: MIT */
#include "backends/pickle_numpy.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/utf8.h"

/* Up to eight bytes as a number. */
static uint64_t load(struct span bytes, char order)
{
	uint64_t number = 0;

	for (size_t i = 0; i < bytes.size; i++)
		number = number << 8 |
		         bytes.data[order == '>' ? i : bytes.size - 1 - i];
	return number;
}

static struct value *new_bool(const struct dtype *type, struct span bytes)
{
	return value_new_bool(load(bytes, type->order) != 0);
}

static struct value *new_signed(const struct dtype *type, struct span bytes)
{
	unsigned unused = 64 - 8 * (unsigned)bytes.size;
	uint64_t number = load(bytes, type->order) << unused;

	return value_new_int((int64_t)number >> unused);
}

static struct value *new_unsigned(const struct dtype *type, struct span bytes)
{
	char digits[24];
	int length = snprintf(digits, sizeof(digits), "%" PRIu64,
	                      load(bytes, type->order));

	return value_new_integer_text(digits, (size_t)length);
}

static double half_to_double(unsigned half)
{
	int exponent = (int)(half >> 10 & 0x1f);
	double fraction = half & 0x3ff;
	double real = ldexp(fraction, -24);

	if (exponent == 0x1f)
		real = fraction != 0 ? (double)NAN : (double)INFINITY;
	else if (exponent)
		real = ldexp(fraction + 0x400, exponent - 25);
	return half & 0x8000 ? -real : real;
}

static struct value *new_float(const struct dtype *type, struct span bytes)
{
	uint64_t bits = load(bytes, type->order);
	uint32_t low = (uint32_t)bits;
	double real;
	float single;

	if (bytes.size == 2)
		return value_new_float(half_to_double((unsigned)bits));
	if (bytes.size == 4) {
		memcpy(&single, &low, sizeof(single));
		return value_new_float((double)single);
	}
	memcpy(&real, &bits, sizeof(real));
	return value_new_float(real);
}

/* numpy drops the NULs that fill a bytes_ or str_. */
static struct value *new_bytes(const struct dtype *type, struct span bytes)
{
	(void)type;
	while (bytes.size && bytes.data[bytes.size - 1] == '\0')
		bytes.size--;
	return value_new_bytes(bytes.size ? (const char *)bytes.data : "",
	                       bytes.size);
}

static uint32_t code_at(const struct dtype *type, struct span text, size_t at)
{
	struct span code = { text.data + at, 4 };

	return (uint32_t)load(code, type->order);
}

static bool is_unicode(const struct dtype *type, struct span text)
{
	size_t at = 0;

	while (at < text.size && code_at(type, text, at) <= 0x10ffff)
		at += 4;
	return at >= text.size;
}

static struct value *new_text(const struct dtype *type, struct span bytes)
{
	struct blob text = { 0 };
	struct value *value = NULL;
	int rc = blob_reserve(&text, bytes.size);

	while (bytes.size && code_at(type, bytes, bytes.size - 4) == 0)
		bytes.size -= 4;
	for (size_t at = 0; rc == 0 && at < bytes.size; at += 4)
		rc = utf8_append(code_at(type, bytes, at), &text);
	if (rc == 0)
		value = value_new_text(text.data, text.size);
	blob_release(&text);
	return value;
}

static const struct {
	char kind;
	size_t most; /* bytes; larger ones stay arrays */
	struct value *(*make)(const struct dtype *type, struct span bytes);
} scalar_kinds[] = {
	{ 'b', 1, new_bool },         { 'i', 8, new_signed },
	{ 'u', 8, new_unsigned },     { 'f', 8, new_float },
	{ 'S', SIZE_MAX, new_bytes }, { 'U', SIZE_MAX, new_text },
};

/* Push the number or text that is BYTES; *DONE where there is one. */
static int push_plain(struct machine *machine, const struct dtype *type,
                      struct span bytes, bool *done)
{
	size_t count = sizeof(scalar_kinds) / sizeof(*scalar_kinds);
	size_t i = 0;
	int rc;

	while (i < count && scalar_kinds[i].kind != type->kind)
		i++;
	*done = i < count && bytes.size <= scalar_kinds[i].most;
	if (!*done)
		return 0;
	if (type->kind == 'U' && !is_unicode(type, bytes))
		return machine_invalid(machine, "a text beyond Unicode");
	rc = machine_charge(machine, bytes.size);
	return rc ? rc
	          : machine_push_value(machine,
	                               scalar_kinds[i].make(type, bytes));
}

/* scalar(dtype, bytes) */
int scalar_call(struct machine *machine, const struct object *args)
{
	const struct object *dtype = object_item(args, 0);
	const struct object *elements = object_item(args, 1);
	struct span bytes;
	bool done;
	int rc;

	if (args->list.count != 2 || dtype->kind != OBJECT_DTYPE ||
	    dtype->dtype->ndim || elements->kind == OBJECT_TEXT ||
	    !object_to_span(elements, &bytes))
		return -ENOTSUP;
	if (bytes.size != dtype->dtype->type.itemsize)
		return machine_invalid(
		    machine, "a scalar of another size than its bytes");
	rc = push_plain(machine, &dtype->dtype->type, bytes, &done);
	return rc || done ? rc : array_push(machine, dtype, elements);
}

static bool to_double(const struct object *object, double *out)
{
	return object && object->kind == OBJECT_VALUE &&
	       value_to_double(object->value, out) == 0;
}

/* complex(real, imaginary): a 0-d array, as numpy's complex numbers are. */
int scalar_complex(struct machine *machine, const struct object *args)
{
	struct object *elements;
	struct object *dtype;
	struct dtype type;
	double parts[2];
	int rc;

	if (args->list.count != 2 ||
	    !to_double(object_item(args, 0), &parts[0]) ||
	    !to_double(object_item(args, 1), &parts[1]))
		return -ENOTSUP;
	dtype_plain(&type, 'c', sizeof(parts));
	rc = dtype_new(machine, &type, &dtype);
	if (rc == 0)
		rc = machine_new(machine, OBJECT_BYTES, &elements);
	if (rc == 0)
		rc = blob_set(&elements->owned, parts, sizeof(parts));
	if (rc)
		return rc;
	elements->span = (struct span){
		(const unsigned char *)elements->owned.data,
		elements->owned.size,
	};
	return array_push(machine, dtype, elements);
}
