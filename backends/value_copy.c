/* SPDX-License-Identifier: MIT */
#include "backends/value.h"

#include <errno.h>

/* How an item of a container reaches the copy of the container. */
typedef struct value *item_fn(struct value *item);

static struct value *deep(struct value *item)
{
	return value_copy(item);
}

static struct value *copy_list(const struct value *value, item_fn *item)
{
	struct value *copy = value_new_list(value->type);

	for (size_t i = 0; copy && i < value->list.count; i++) {
		if (value_list_append(copy, item(value->list.items[i]))) {
			value_unref(copy);
			return NULL;
		}
	}
	return copy;
}

static struct value *copy_dict(const struct value *value, item_fn *item)
{
	struct value *copy = value_new_dict();

	for (size_t i = 0; copy && i < value->dict.count; i++) {
		const struct value_pair *pair = &value->dict.pairs[i];

		if (value_dict_add(copy, item(pair->key), item(pair->item))) {
			value_unref(copy);
			return NULL;
		}
	}
	return copy;
}

static struct value *copy_array(const struct value *value)
{
	struct array array;
	struct value *copy;

	if (array_copy(&array, &value->array))
		return NULL;
	copy = value_new_array(&array);
	if (!copy)
		array_release(&array);
	return copy;
}

static struct value *copy_with(const struct value *value, item_fn *item)
{
	const struct blob *text = &value->text;

	switch (value->type) {
	case VALUE_NULL:
		return value_new_null();
	case VALUE_BOOL:
		return value_new_bool(value->boolean);
	case VALUE_INT:
		return value_new_int(value->integer);
	case VALUE_FLOAT:
		return value_new_float(value->real);
	case VALUE_BIGINT:
		return value_new_integer_text(text->data, text->size);
	case VALUE_TEXT:
		return value_new_text(text->data, text->size);
	case VALUE_BYTES:
		return value_new_bytes(text->data, text->size);
	case VALUE_DICT:
		return copy_dict(value, item);
	case VALUE_ARRAY:
		return copy_array(value);
	default:
		return copy_list(value, item);
	}
}

struct value *value_copy(const struct value *value)
{
	return copy_with(value, deep);
}

int value_unshare(struct value **slot)
{
	struct value *copy;

	if (atomic_load(&(*slot)->references) == 1)
		return 0;
	copy = copy_with(*slot, value_ref);
	if (!copy)
		return -ENOMEM;
	value_unref(*slot);
	*slot = copy;
	return 0;
}

/* Take VALUE and what is in it off BUDGET. */
static void count_down(const struct value *value, size_t *budget)
{
	if (*budget == 0)
		return;
	(*budget)--;
	if (value_is_list(value))
		for (size_t i = 0; *budget && i < value->list.count; i++)
			count_down(value->list.items[i], budget);
	if (value->type != VALUE_DICT)
		return;
	for (size_t i = 0; *budget && i < value->dict.count; i++) {
		count_down(value->dict.pairs[i].key, budget);
		count_down(value->dict.pairs[i].item, budget);
	}
}

size_t value_count(const struct value *value, size_t limit)
{
	size_t budget = limit;

	count_down(value, &budget);
	return limit - budget;
}
