/* SPDX-License-Identifier: MIT */
#include "backends/derive.h"

#include "backends/derive_array.h"
#include "backends/json.h"

#include <errno.h>
#include <string.h>
#include <time.h>

/* The julian day of 1970-01-01, and the seconds of a day. */
#define JULIAN_EPOCH 2440587.5
#define DAY 86400.0

typedef int rule_fn(const struct array *array, struct value **out);

static int hand_out(struct value *value, struct value **out)
{
	if (!value)
		return -ENOMEM;
	*out = value;
	return 0;
}

static int derive_shape(const struct array *array, struct value **out)
{
	struct value *shape = value_new_list(VALUE_LIST);

	for (int i = 0; shape && i < array->info.ndim; i++) {
		int64_t size = (int64_t)array->info.shape[i];

		if (value_list_append(shape, value_new_int(size))) {
			value_unref(shape);
			return -ENOMEM;
		}
	}
	return hand_out(shape, out);
}

static int derive_dtype(const struct array *array, struct value **out)
{
	struct blob name = { 0 };
	int rc = dtype_append_name(&array->info.dtype, &name);

	if (rc == 0)
		rc = hand_out(value_new_text(name.data, name.size), out);
	blob_release(&name);
	return rc;
}

static int derive_count(const struct array *array, struct value **out)
{
	uint64_t count;
	int rc = array_info_count(&array->info, &count);

	return rc ? rc : hand_out(value_new_int((int64_t)count), out);
}

static int derive_length(const struct array *array, struct value **out)
{
	uint64_t length = array->info.ndim ? array->info.shape[0] : 1;

	return hand_out(value_new_int((int64_t)length), out);
}

static int derive_different(const struct array *array, struct value **out)
{
	uint64_t count;
	int rc = derive_unique(array, &count);

	return rc ? rc : hand_out(value_new_int((int64_t)count), out);
}

static int derive_mean(const struct array *array, struct value **out)
{
	struct moments moments;
	int rc = derive_moments(array, &moments);

	return rc ? rc : hand_out(value_new_float(moments.mean), out);
}

static int derive_std(const struct array *array, struct value **out)
{
	struct moments moments;
	int rc = derive_moments(array, &moments);

	return rc ? rc : hand_out(value_new_float(moments.deviation), out);
}

static int derive_sum(const struct array *array, struct value **out)
{
	struct moments moments;
	int rc = derive_moments(array, &moments);

	return rc ? rc : hand_out(value_new_float(moments.sum), out);
}

int derive_field(enum field_rule rule, const struct array *array,
                 struct value **out)
{
	static rule_fn *const rules[] = {
		[FIELD_SHAPE] = derive_shape,
		[FIELD_DTYPE] = derive_dtype,
		[FIELD_COUNT] = derive_count,
		[FIELD_LENGTH] = derive_length,
		[FIELD_UNIQUE] = derive_different,
		[FIELD_MEAN] = derive_mean,
		[FIELD_STD] = derive_std,
		[FIELD_SUM] = derive_sum,
	};

	return rules[rule] ? rules[rule](array, out) : -EINVAL;
}

static struct value *zero(enum field_type type)
{
	switch (type) {
	case FIELD_FLOAT:
		return value_new_float(0);
	case FIELD_INT:
		return value_new_int(0);
	case FIELD_TEXT:
		return value_new_text("", 0);
	case FIELD_DICT:
	case FIELD_VALUES:
		return value_new_dict();
	default:
		return value_new_null();
	}
}

static struct value *now(enum field_type type, enum field_default fallback,
                         struct timespec time)
{
	double seconds;

	if (time.tv_sec == 0)
		clock_gettime(CLOCK_REALTIME, &time);
	seconds = (double)time.tv_sec + (double)time.tv_nsec / 1e9;
	if (fallback == DEFAULT_JULIAN)
		return value_new_float(JULIAN_EPOCH + seconds / DAY);
	if (type == FIELD_INT)
		return value_new_int(time.tv_sec);
	return value_new_float(seconds);
}

static int text_fallback(const struct field_row *row, struct value **out)
{
	size_t size = strlen(row->text);

	if (row->type == FIELD_JSON)
		return json_parse(row->text, size, JSON_ARRAYS_REFUSE, out,
		                  NULL);
	return hand_out(value_new_text(row->text, size), out);
}

int derive_fallback(const struct field_row *row, struct value **out)
{
	return derive_fallback_at(row, (struct timespec){ 0 }, out);
}

int derive_fallback_at(const struct field_row *row, struct timespec time,
                       struct value **out)
{
	switch (row->fallback) {
	case DEFAULT_ABSENT:
		*out = NULL;
		return 0;
	case DEFAULT_TEXT:
		return text_fallback(row, out);
	case DEFAULT_ZERO:
		return hand_out(zero(row->type), out);
	default:
		return hand_out(now(row->type, row->fallback, time), out);
	}
}

static int cast_float(struct value *given, struct value **out)
{
	double real;

	if (given->type == VALUE_FLOAT || value_to_double(given, &real) != 0)
		return hand_out(value_ref(given), out);
	return hand_out(value_new_float(real), out);
}

static int cast_values(struct value *given, struct value **out)
{
	struct value *dict = value_new_dict();
	int rc = dict ? 0 : -ENOMEM;

	for (size_t i = 0; rc == 0 && i < given->dict.count; i++) {
		const struct value_pair *pair = &given->dict.pairs[i];
		struct value *real = NULL;

		rc = cast_float(pair->item, &real);
		if (rc == 0)
			rc = value_dict_add(dict, value_ref(pair->key), real);
	}
	if (rc) {
		value_unref(dict);
		return rc;
	}
	*out = dict;
	return 0;
}

int derive_cast(const struct field_row *row, struct value *given,
                struct value **out)
{
	if (row->type == FIELD_FLOAT)
		return cast_float(given, out);
	if (row->type == FIELD_VALUES && given->type == VALUE_DICT)
		return cast_values(given, out);
	return hand_out(value_ref(given), out);
}
