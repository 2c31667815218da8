/* SPDX-License-Identifier: MIT */
#include "backends/wire.h"

#include "backends/value.h"

#include <errno.h>
#include <string.h>

/* More than any text or pickle that is taken in has. */
#define DEPTH 512

/* Memory of most values and of their place in another one; of a byte of the
 * description of an element type. */
#define VALUE_COST 64
#define DTYPE_COST 32

/* NULL has a number too. */
#define NO_VALUE ((unsigned int)VALUE_ARRAY + 1)

static void value_at(struct wire *wire, struct value **value, int depth);

/* An element type is spelled as npy files have it: what reads that believes
 * nothing either. */
static void wire_dtype(struct wire *wire, struct dtype *dtype)
{
	struct blob text = { 0 };
	const void *bytes;
	size_t size;

	if (!wire_is_reader(wire)) {
		wire_fail(wire, dtype_append_descr(dtype, &text));
		bytes = text.data;
		size = text.size;
		wire_bytes(wire, &bytes, &size);
		blob_release(&text);
		return;
	}
	*dtype = (struct dtype){ 0 };
	wire_bytes(wire, &bytes, &size);
	wire_make(wire, size, DTYPE_COST);
	if (wire->rc == 0 && dtype_parse_descr(bytes, size, dtype, NULL))
		wire_fail(wire, -EPROTO);
}

void wire_info(struct wire *wire, struct array_info *info)
{
	struct array_info read = { 0 };
	unsigned int ndim = (unsigned int)info->ndim;

	if (wire_is_reader(wire))
		*info = read;
	wire_dtype(wire, &info->dtype);
	wire_choice(wire, &ndim, ARRAY_MAX_DIMS + 1);
	info->ndim = (int)ndim;
	for (int i = 0; i < info->ndim; i++)
		wire_u64(wire, &info->shape[i]);
	wire_flag(wire, &info->fortran);
	wire_blob(wire, &info->header);
	if (wire_is_reader(wire) && wire->rc == 0 && array_info_measure(info))
		wire_fail(wire, -EPROTO);
}

static void wire_array(struct wire *wire, struct array *array)
{
	const void *data = array->data;
	size_t size = array->info.nbytes;

	wire_info(wire, &array->info);
	wire_bytes(wire, &data, &size);
	if (!wire_is_reader(wire))
		return;
	array->owned = (struct blob){ 0 };
	if (size != array->info.nbytes)
		wire_fail(wire, -EPROTO);
	else
		wire_fail(wire, blob_set(&array->owned, data, size));
	array->data = array->owned.data;
}

/* Takes VALUE over into *OUT. */
static void put(struct wire *wire, struct value *value, struct value **out)
{
	if (!value)
		wire_fail(wire, -ENOMEM);
	*out = value;
}

/* Digits, maybe behind a sign. */
static bool is_integer(const char *text, size_t size)
{
	size_t digits = 0;

	for (size_t i = 0; i < size; i++) {
		bool is_digit = text[i] >= '0' && text[i] <= '9';

		if (!is_digit && (i > 0 || text[i] != '-'))
			return false;
		digits += is_digit;
	}
	return digits > 0;
}

static void text_at(struct wire *wire, enum value_type type,
                    struct value **value)
{
	const void *bytes = NULL;
	size_t size = 0;

	if (*value) {
		bytes = (*value)->text.data;
		size = (*value)->text.size;
	}
	wire_bytes(wire, &bytes, &size);
	if (!wire_is_reader(wire) || wire->rc)
		return;
	if (type == VALUE_BYTES)
		put(wire, value_new_bytes(bytes, size), value);
	else if (type == VALUE_BIGINT && !is_integer(bytes, size))
		wire_fail(wire, -EPROTO);
	else if (type == VALUE_BIGINT)
		put(wire, value_new_integer_text(bytes, size), value);
	else
		put(wire, value_new_text(bytes, size), value);
}

static void list_at(struct wire *wire, enum value_type type,
                    struct value **value, int depth)
{
	size_t count = *value ? (*value)->list.count : 0;

	wire_count(wire, &count);
	if (wire_is_reader(wire) && wire->rc == 0)
		put(wire, value_new_list(type), value);
	for (size_t i = 0; wire->rc == 0 && i < count; i++) {
		struct value *item = NULL;

		if (!wire_is_reader(wire)) {
			value_at(wire, &(*value)->list.items[i], depth + 1);
			continue;
		}
		value_at(wire, &item, depth + 1);
		if (item)
			wire_fail(wire, value_list_append(*value, item));
		else
			wire_fail(wire, -EPROTO);
	}
}

static void pair_at(struct wire *wire, struct value *dict, size_t i, int depth)
{
	struct value_pair pair = { 0 };

	if (!wire_is_reader(wire))
		pair = dict->dict.pairs[i];
	value_at(wire, &pair.key, depth + 1);
	value_at(wire, &pair.item, depth + 1);
	if (!wire_is_reader(wire))
		return;
	if (!pair.key || !pair.item)
		wire_fail(wire, -EPROTO);
	if (wire->rc == 0) {
		wire_fail(wire, value_dict_add(dict, pair.key, pair.item));
		return;
	}
	value_unref(pair.key);
	value_unref(pair.item);
}

static void dict_at(struct wire *wire, struct value **value, int depth)
{
	size_t count = *value ? (*value)->dict.count : 0;

	wire_count(wire, &count);
	if (wire_is_reader(wire) && wire->rc == 0)
		put(wire, value_new_dict(), value);
	for (size_t i = 0; wire->rc == 0 && i < count; i++)
		pair_at(wire, *value, i, depth);
}

static void array_at(struct wire *wire, struct value **value)
{
	struct array array = { 0 };

	wire_array(wire, *value ? &(*value)->array : &array);
	if (wire_is_reader(wire) && wire->rc == 0)
		put(wire, value_new_array(&array), value);
	array_release(&array);
}

static void number_at(struct wire *wire, enum value_type type,
                      struct value **value)
{
	int64_t integer = 0;
	double real = 0;
	bool boolean = false;

	if (type == VALUE_INT) {
		integer = *value ? (*value)->integer : 0;
		wire_i64(wire, &integer);
	} else if (type == VALUE_FLOAT) {
		real = *value ? (*value)->real : 0;
		wire_double(wire, &real);
	} else if (type == VALUE_BOOL) {
		boolean = *value && (*value)->boolean;
		wire_flag(wire, &boolean);
	}
	if (!wire_is_reader(wire) || wire->rc)
		return;
	put(wire,
	    type == VALUE_INT     ? value_new_int(integer)
	    : type == VALUE_FLOAT ? value_new_float(real)
	    : type == VALUE_BOOL  ? value_new_bool(boolean)
	                          : value_new_null(),
	    value);
}

static void value_at(struct wire *wire, struct value **value, int depth)
{
	unsigned int type =
	    wire_is_reader(wire) || !*value ? NO_VALUE : (*value)->type;

	if (wire_is_reader(wire))
		*value = NULL;
	wire_choice(wire, &type, NO_VALUE + 1);
	wire_make(wire, 1, VALUE_COST);
	if (depth > DEPTH)
		wire_fail(wire, -EFBIG);
	if (wire->rc || type == NO_VALUE)
		return;
	switch ((enum value_type)type) {
	case VALUE_NULL:
	case VALUE_BOOL:
	case VALUE_INT:
	case VALUE_FLOAT:
		number_at(wire, type, value);
		break;
	case VALUE_BIGINT:
	case VALUE_TEXT:
	case VALUE_BYTES:
		text_at(wire, type, value);
		break;
	case VALUE_LIST:
	case VALUE_TUPLE:
	case VALUE_SET:
	case VALUE_FROZENSET:
		list_at(wire, type, value, depth);
		break;
	case VALUE_DICT:
		dict_at(wire, value, depth);
		break;
	case VALUE_ARRAY:
		array_at(wire, value);
		break;
	}
}

void wire_value(struct wire *wire, struct value **value)
{
	value_at(wire, value, 0);
}
