/* SPDX-License-Identifier: MIT */
#include "backends/value.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A value is allocated only as far as the member of its type: an int in a
 * list of a million takes 16 bytes, not the 400 of an array.  Nobody may
 * therefore assign whole values.  (noinline: gcc warns where it sees both the
 * allocation and the use.) */
#define SIZE_THROUGH(member)                                                   \
	(offsetof(struct value, member) + sizeof(((struct value *)0)->member))

static const size_t value_sizes[] = {
	[VALUE_NULL] = SIZE_THROUGH(integer),
	[VALUE_BOOL] = SIZE_THROUGH(integer),
	[VALUE_INT] = SIZE_THROUGH(integer),
	[VALUE_BIGINT] = SIZE_THROUGH(text),
	[VALUE_FLOAT] = SIZE_THROUGH(real),
	[VALUE_TEXT] = SIZE_THROUGH(text),
	[VALUE_BYTES] = SIZE_THROUGH(text),
	[VALUE_LIST] = SIZE_THROUGH(list),
	[VALUE_TUPLE] = SIZE_THROUGH(list),
	[VALUE_SET] = SIZE_THROUGH(list),
	[VALUE_FROZENSET] = SIZE_THROUGH(list),
	[VALUE_DICT] = SIZE_THROUGH(dict),
	[VALUE_ARRAY] = SIZE_THROUGH(array),
};

__attribute__((noinline)) static struct value *value_new(enum value_type type)
{
	struct value *value = calloc(1, value_sizes[type]);

	if (!value)
		return NULL;
	value->type = type;
	atomic_init(&value->references, 1);
	return value;
}

struct value *value_new_null(void)
{
	return value_new(VALUE_NULL);
}

struct value *value_new_bool(bool boolean)
{
	struct value *value = value_new(VALUE_BOOL);

	if (value)
		value->boolean = boolean;
	return value;
}

struct value *value_new_int(int64_t integer)
{
	struct value *value = value_new(VALUE_INT);

	if (value)
		value->integer = integer;
	return value;
}

struct value *value_new_float(double real)
{
	struct value *value = value_new(VALUE_FLOAT);

	if (value)
		value->real = real;
	return value;
}

static struct value *new_bytes(enum value_type type, const void *bytes,
                               size_t size)
{
	struct value *value = value_new(type);

	if (value && blob_append(&value->text, bytes, size)) {
		value_unref(value);
		return NULL;
	}
	return value;
}

struct value *value_new_text(const char *text, size_t size)
{
	return new_bytes(VALUE_TEXT, text, size);
}

struct value *value_new_bytes(const void *bytes, size_t size)
{
	return new_bytes(VALUE_BYTES, bytes, size);
}

/* -ERANGE: the digits do not fit. */
static int parse_int64(bool negative, const char *digits, size_t size,
                       int64_t *out)
{
	int64_t integer = 0;

	for (size_t i = 0; i < size; i++) {
		int digit = digits[i] - '0';

		if (__builtin_mul_overflow(integer, 10, &integer) ||
		    __builtin_sub_overflow(integer, digit, &integer))
			return -ERANGE;
	}
	if (!negative && integer == INT64_MIN)
		return -ERANGE;
	*out = negative ? integer : -integer;
	return 0;
}

struct value *value_new_integer_text(const char *digits, size_t size)
{
	bool negative = size && digits[0] == '-';
	struct value *value;
	int64_t integer;

	if (size && (digits[0] == '-' || digits[0] == '+')) {
		digits++;
		size--;
	}
	while (size > 1 && digits[0] == '0') {
		digits++;
		size--;
	}
	if (parse_int64(negative, digits, size, &integer) == 0)
		return value_new_int(integer);

	value = value_new(VALUE_BIGINT);
	if (value && (blob_append_text(&value->text, negative ? "-" : "") ||
	              blob_append(&value->text, digits, size))) {
		value_unref(value);
		return NULL;
	}
	return value;
}

struct value *value_new_list(enum value_type type)
{
	return value_new(type);
}

struct value *value_new_dict(void)
{
	return value_new(VALUE_DICT);
}

struct value *value_new_array(struct array *array)
{
	struct value *value = value_new(VALUE_ARRAY);

	if (!value)
		return NULL;
	value->array = *array;
	*array = (struct array){ 0 };
	return value;
}

struct value *value_ref(struct value *value)
{
	atomic_fetch_add_explicit(&value->references, 1, memory_order_relaxed);
	return value;
}

static void free_list(struct value *value)
{
	for (size_t i = 0; i < value->list.count; i++)
		value_unref(value->list.items[i]);
	free(value->list.items);
}

static void free_dict(struct value *value)
{
	for (size_t i = 0; i < value->dict.count; i++) {
		value_unref(value->dict.pairs[i].key);
		value_unref(value->dict.pairs[i].item);
	}
	free(value->dict.pairs);
	free(value->dict.slots);
}

static void free_text(struct value *value)
{
	blob_release(&value->text);
}

static void free_array(struct value *value)
{
	array_release(&value->array);
}

static void (*const value_frees[])(struct value *value) = {
	[VALUE_BIGINT] = free_text,    [VALUE_TEXT] = free_text,
	[VALUE_BYTES] = free_text,     [VALUE_LIST] = free_list,
	[VALUE_TUPLE] = free_list,     [VALUE_SET] = free_list,
	[VALUE_FROZENSET] = free_list, [VALUE_DICT] = free_dict,
	[VALUE_ARRAY] = free_array,
};

void value_unref(struct value *value)
{
	if (!value || atomic_fetch_sub_explicit(&value->references, 1,
	                                        memory_order_acq_rel) != 1)
		return;
	if (value_frees[value->type])
		value_frees[value->type](value);
	free(value);
}

bool value_is_list(const struct value *value)
{
	return value->type == VALUE_LIST || value->type == VALUE_TUPLE ||
	       value->type == VALUE_SET || value->type == VALUE_FROZENSET;
}

int value_list_append(struct value *list, struct value *item)
{
	if (!item)
		return -ENOMEM;
	if (list->list.count == list->list.capacity) {
		size_t capacity =
		    list->list.capacity ? 2 * list->list.capacity : 4;
		struct value **items = reallocarray(list->list.items, capacity,
		                                    sizeof(struct value *));

		if (!items) {
			value_unref(item);
			return -ENOMEM;
		}
		list->list.items = items;
		list->list.capacity = capacity;
	}
	list->list.items[list->list.count++] = item;
	return 0;
}

int value_to_double(const struct value *value, double *out)
{
	switch (value->type) {
	case VALUE_BOOL:
		*out = value->boolean;
		return 0;
	case VALUE_INT:
		*out = (double)value->integer;
		return 0;
	case VALUE_FLOAT:
		*out = value->real;
		return 0;
	default:
		return -EINVAL;
	}
}

int value_to_int(const struct value *value, int64_t *out)
{
	switch (value->type) {
	case VALUE_BOOL:
		*out = value->boolean;
		return 0;
	case VALUE_INT:
		*out = value->integer;
		return 0;
	case VALUE_FLOAT:
		if (!(value->real >= -0x1p63 && value->real < 0x1p63) ||
		    value->real != trunc(value->real))
			return -EINVAL;
		*out = (int64_t)value->real;
		return 0;
	default:
		return -EINVAL;
	}
}
